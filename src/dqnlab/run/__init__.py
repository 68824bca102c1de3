"""WHEN things happen: the training loop ⑧, its events, judging and filming."""
