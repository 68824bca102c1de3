"""The metrics of a run as columns, for whoever draws or computes with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..config.typed import door
from ..errors import FolderError
from .find import find_run
from .folder import METRICS, Run
from .imported import origin_of
from .metrics import read_records


@door
def read_metrics(run: str | Path | Run) -> dict[str, list[Any]]:
    """The metrics of a run as columns of one length, as pandas and polars take them: `polars.DataFrame(columns)`.

    `step`, which every record has, holds whole numbers; every other column holds floats, or lists of floats, and None
    where a record says nothing of it. What each is: docs/metrics.md.

    Args:
        run: a run, its folder, its name under `runs`, one seed of a group (`<group>/seed-3`), or a `metrics.jsonl`.

    Raises:
        FolderError: there is no such run, or it has no metrics.
        CheckpointError: they are damaged, or of a newer dqnlab.
    """
    file = _file_of(run)
    if not file.exists() and (came := origin_of(file.parent)) is not None:
        raise FolderError(f"{str(file.parent)!r} was imported ({came.says}), so it has no metrics: use another run")
    return columns_of(read_records(file))


def columns_of(records: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Records as columns, in the order in which their names first appear."""
    names = dict.fromkeys(name for record in records for name in record if name != "step")
    columns: dict[str, list[Any]] = {"step": [record["step"] for record in records]}
    return columns | {name: [_floats(record.get(name)) for record in records] for name in names}


def _file_of(run: str | Path | Run) -> Path:
    if isinstance(run, Run):
        return run.folder / METRICS
    path = Path(run)
    return path if path.is_file() else find_run(run) / METRICS


def _floats(value: Any) -> Any:
    """A number as a float, a list of numbers as one of floats; None stays."""
    if isinstance(value, list):
        return [_floats(each) for each in value]
    return None if value is None else float(value)
