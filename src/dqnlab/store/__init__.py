"""WHAT remains of a run: its folder, files, results and networks."""
