"""`dqn runs`."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...comparing.read import read_settings
from ...comparing.settings import Settings, settings_apart
from ...errors import DqnlabError, FolderError
from ...store.entry import Entry
from ...store.experiments import find_experiment
from ...store.find import find_any, list_runs
from ...store.ledger import all_entries, apart, entries
from ...store.select import COLUMNS, Wanted, flat_rows, ordered, rows
from ...terminal.text import clean
from ..arguments_kept import RunsTable
from ..calls import Call
from ..ledger import RunsView, differences_table
from ..show import show
from ..tree import runs_tree


def run(call: Call[RunsTable]) -> int:
    args = call.args
    if args.tree and (drawn := list_runs(args.runs)):
        taken = None if args.wanted == Wanted() else {e.folder for e in all_entries(args.runs) if args.wanted.takes(e)}
        if taken == set():
            print("no run is like that: `dqn runs --tree` draws them all")
        else:
            show(runs_tree(drawn, args.runs, taken), soft_wrap=True)
        return 0
    found = _listed(args)
    if args.seeds:
        found = apart(found)
    there = len(found)
    found = ordered([entry for entry in found if args.wanted.takes(entry)], args.sort, reverse=args.reverse)
    compared = _settings(found) if args.shows_differences else {}
    if args.json:
        print(json.dumps(_as_json(found, compared)))
    elif args.csv:
        _write_csv(found)
    elif found:
        show(RunsView(found))
        if args.shows_differences:
            show(differences_table([entry for entry in found if entry.folder in compared], list(compared.values())))
    elif there:
        print(f"none of {there} runs is like that: `dqn runs` lists them all")
    else:
        print(f"no runs under {clean(str(args.runs))}: `dqn train` makes one")
    return 0


def _listed(args: RunsTable) -> list[Entry]:
    """The runs and groups that are named, with all those in a folder of runs; all under --runs if none is."""
    if args.run:
        found = [each for word in args.run for each in _of_word(word, args.runs)]
        return list({entry.folder: entry for entry in found}.values())
    if not args.runs.is_dir() and args.runs != RunsTable().runs:
        raise FolderError(f"{str(args.runs)!r} is not a folder: name the one that holds the runs")
    return all_entries(args.runs)


def _of_word(word: str, runs: Path) -> list[Entry]:
    """The run or group of a name, or all in a study or another folder."""
    if (named := find_any(word, runs)) is not None:
        return entries([named])
    other = find_experiment(word, runs)
    folder = Path(word) if other is None else other.path
    if not folder.is_dir():
        raise FolderError(f"{word!r} is neither a run nor a folder that holds runs: `dqn runs` lists what there is")
    return all_entries(folder)


def _settings(found: Sequence[Entry]) -> dict[Path, Settings]:
    """Every setting of each run but its seed, of a group those of its first; says of which that cannot be read."""
    settings: dict[Path, Settings] = {}
    for entry in found:
        try:
            settings[entry.folder] = read_settings((entry.runs[0] if entry.runs else entry).folder)
        except DqnlabError as e:
            print(clean(f"{entry.name} is not compared: {e}"), file=sys.stderr)
    return settings


def _as_json(found: Sequence[Entry], compared: Mapping[Path, Settings]) -> dict[str, Any]:
    said: dict[str, Any] = {"schema": 1, "runs": rows(found)}
    if compared:
        said["compared"] = list(map(str, compared))
        said["differing"] = settings_apart(list(compared.values()))
    return said


def _write_csv(found: Sequence[Entry]) -> None:
    writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in flat_rows(found):
        writer.writerow({name: clean(value) if isinstance(value, str) else value for name, value in row.items()})
