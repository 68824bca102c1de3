"""WHAT is kept of a run while it happens: the metrics file, trackers, curves."""
