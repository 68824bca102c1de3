"""What each command does: a file each, with a `run` that takes the call and returns the exit code.

`cli` imports the one that was asked for, so that each imports at its top whatever it needs, heavy packages too.
"""
