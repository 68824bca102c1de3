"""Benchmarks: suites of comparisons with a protocol, beside what others have published."""
