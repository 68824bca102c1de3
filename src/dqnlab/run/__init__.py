"""WHEN things happen: environments, the training loop ⑧, judging, what a run leaves on disk."""
