"""States of everything that a run needs to continue, and checkpoints of them on disk."""
