"""What a run needs to go on: states of everything, and checkpoints of them on disk."""
