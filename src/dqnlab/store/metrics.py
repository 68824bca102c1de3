"""metrics.jsonl read back: the record of a run, one line of strict JSON per record (`track/jsonl.py` writes it)."""

from __future__ import annotations

import json
import math
from os import SEEK_END
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, FolderError
from .reading import is_count, is_number, open_plain

SCHEMA = 1
END = 64_000  # bytes, in which there is a whole record
_SPELLED = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def read_records(path: Path) -> list[dict[str, Any]]:
    """The records of a metrics file, in order, without its header.

    A last line that was torn off by a crash is left out. Raises FolderError if there is no such file,
    CheckpointError if the header is missing or newer, or a line in the middle is damaged.
    """
    read_header(path)
    records: list[dict[str, Any]] = []
    lines = _lines(path)
    for number, line in enumerate(lines[1:], start=2):
        record = parse_line(line)
        if record is None or not all(map(_is_metric, record.values())) or not is_count(record.get("step")):
            raise CheckpointError(f"{path}: line {number} is damaged: {line[:60]!r}")
        records.append({name: _number(value) for name, value in record.items()})
    return records


def read_header(path: Path) -> dict[str, Any]:
    """The first line of a metrics file; raises as `read_records` does."""
    lines = _lines(path)
    header = parse_line(lines[0]) if lines else None
    schema = header.get("schema") if header is not None else None
    if header is None or not isinstance(schema, int):
        raise CheckpointError(f'{path} does not begin with a line {{"schema": …}}: it is not a metrics file of dqnlab')
    if schema > SCHEMA:
        raise CheckpointError(f"{path} has schema {schema}, this dqnlab knows {SCHEMA}: install a newer one")
    return header


def last_step(path: Path) -> int | None:
    """The env step of the last whole record, of which only the file's end is read; none if there is none there."""
    try:
        with open_plain(path) as file:
            file.seek(-min(END, file.seek(0, SEEK_END)), SEEK_END)
            lines = file.read().decode("utf-8", errors="replace").split("\n")[:-1]
    except (FolderError, OSError):
        return None
    steps = (record.get("step") for record in map(parse_line, reversed(lines)) if record is not None)
    return next(filter(is_count, steps), None)


def _lines(path: Path) -> list[str]:
    with open_plain(path) as file:
        text = file.read().decode("utf-8-sig", errors="replace").replace("\r\n", "\n")  # a letter may be torn as well
    return text.split("\n")[:-1]  # what follows the last line's end is nothing, or torn


def parse_line(line: str) -> dict[str, Any] | None:
    """A line as a record; none if it is torn or no record at all."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _is_metric(value: object) -> bool:
    if isinstance(value, list):
        return all(map(_is_metric, value))
    return is_number(value) or (isinstance(value, str) and value in _SPELLED)


def _number(value: object) -> object:
    if isinstance(value, list):
        return [_number(one) for one in value]
    return _SPELLED.get(value, value) if isinstance(value, str) else value
