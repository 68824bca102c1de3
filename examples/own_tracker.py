"""A tracker of your own: every metric of a run, and its score, in one SQLite file that all your runs share.

python examples/own_tracker.py
"""

import sqlite3
from collections.abc import Mapping

import dqnlab
from dqnlab.track.tracker import TrackedRun


class Sqlite:
    """Four methods make a tracker. What one of them raises is one line of warning; training continues."""

    def __init__(self, path: str) -> None:
        self.path = path  # opened in `start`: seeds in other processes get copies of this object

    def start(self, run: TrackedRun) -> None:
        self.run = str(run.run_folder)
        self.rows = sqlite3.connect(self.path, timeout=30)
        self.rows.execute("create table if not exists metrics (run, step, name, value)")
        if run.after is not None:  # resumed: what came after its checkpoint comes again
            self.rows.execute("delete from metrics where run = ? and step > ?", (self.run, run.after))

    def log(self, step: int, row: Mapping[str, float]) -> None:
        self.rows.executemany(
            "insert into metrics values (?, ?, ?, ?)", [(self.run, step, *each) for each in row.items()]
        )
        self.rows.commit()

    def finish(self, run: dqnlab.Run) -> None:
        if run.score is not None:
            self.log(run.env_steps, {"score": run.score.mean})

    def close(self) -> str:
        self.rows.close()
        return f"metrics of all runs: {self.path}"


if __name__ == "__main__":
    dqnlab.train(dqnlab.presets.get("cartpole"), trackers=[Sqlite("runs.sqlite")])
