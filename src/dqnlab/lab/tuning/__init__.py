"""Searching for the best configuration: what `tune` is made of."""
