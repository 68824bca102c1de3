"""`dqn selftest`."""

from __future__ import annotations

from ...check import probes
from ..arguments import Selftest
from ..calls import Call


def run(call: Call[Selftest]) -> int:
    """The exit code is 1 if a probe fails."""
    args, failed = call.args, 0
    base = args.config
    left = len(probes.PROBES) - len(probes.probes_for(base))
    if left > 0 and not args.probe:
        print(f"probes whose values this kind of network cannot learn exactly, and that are left out: {left}")
    for result in probes.selftest(args.probe or None, base):
        failed += not result.passed
        print(f"{'ok  ' if result.passed else 'FAIL'}  {result.name:<16}  {result.says}", flush=True)
        if not result.passed:
            print(f"      expected {result.expected.tolist()}, got {result.got.tolist()}", flush=True)
    print(f"{failed} failed" if failed else "every probe learned its known Q-values")
    return 1 if failed else 0
