"""Finding runs again: by path, by name, the latest, or all. Needs neither torch nor Gymnasium."""

from __future__ import annotations

import os
import re
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..config import Config, Init
from ..config.toml import parse
from ..errors import DqnlabError, FolderError, named
from ..trust import not_fetched
from .folder import BEST, CONFIG, CURVES, LAST, REPORT, RESULT, SUMMARY, VIDEOS, Run, check_no_link, seed_name
from .label import LATEST, read_label
from .reading import check_result, is_count, read_json, read_text
from .remnants import remnant_named, remnants
from .score import Score

NO_CONFIG = f"no {CONFIG}; put that back, or delete the folder yourself"


def find_group(name: str | Path, runs: Path = Path("runs")) -> Path | None:
    """The folder of a group of seeds: a path, a path below `runs`, the folder's or its own name, or `latest`."""
    try:
        found = _named(name, runs)
    except (OSError, ValueError):  # what no file could be called, `find_run` says why
        return None
    return found[0].resolve() if len(found) == 1 and not (found[0] / CONFIG).is_file() else None


def find_run(name: str | Path, runs: Path = Path("runs"), *, or_network: bool = False) -> Path:
    """The folder of a run: a path, a path below `runs`, a folder's name below any environment, its own, or `latest`.

    A group of seeds stands for its best one; one of them is `<group>/seed-<n>`.

    Args:
        or_network: whether the caller takes the file of a network as well; in a folder that is no run one is pointed
            out then.

    Raises:
        FolderError: none, or several, of that name, or a group of which no seed has a score.
    """
    try:
        return _find(name, runs, or_network)
    except (OSError, ValueError) as e:  # what no file could be called: too long, or with a zero byte
        raise FolderError(f"no run can be named {str(name)[:60]!r}: {e}") from e


def find_any(name: str, runs: Path = Path("runs")) -> Path | None:
    """The folder of the run or of the whole group that is named; none if there is none. Raises FolderError if several.

    Unlike `find_run` it takes a group for itself, a link for what it is, and a run that has lost its config.toml too.
    """
    try:
        found = _named(name, runs) or [path for path in [remnant_named(name, runs)] if path is not None]
    except (OSError, ValueError):  # what no file could be called
        return None
    if len(found) > 1:
        raise FolderError(_several(name, found))
    return found[0].absolute() if found else None


def network_file(name: str, runs: Path = Path("runs")) -> Path:
    """The file of weights that is named, or of the run: its best network, or the last one if it has no other.

    Raises FolderError.
    """
    if os.path.isfile(name):  # unlike pathlib it takes a name that no file can have for none
        return Path(name)
    folder = find_run(name, runs, or_network=True)
    found = next((folder / file for file in (BEST, LAST) if (folder / file).exists()), None)
    if found is None:
        raise FolderError(f"{str(folder)!r} has saved no network yet: wait for it, or name another run")
    return found


def with_init_file(config: Config, runs: Path, init: object = None) -> Config:
    """The configuration with the file of the weights that it, or `init`, begins with. Raises FolderError."""
    source = config.init.source if init is None else str(getattr(init, "folder", init))
    if source is None:
        return config
    file = network_file(source, runs)
    here = Path.cwd()
    file = file.relative_to(here) if file.is_relative_to(here) else file
    return replace(config, init=Init(source=str(file), sha256=config.init.sha256 if init is None else None))


def _named(name: str | Path, runs: Path) -> list[Path]:
    """The run or group at a path or at one below `runs`, else those of that name."""
    below = [runs / name] if ".." not in Path(name).parts else []  # no name leads out of the folder of runs
    for path in (Path(name), *below):
        if (path / CONFIG).is_file() or (path / SUMMARY).is_file():
            return [path]
    return _of_name(str(name), runs) or _called(str(name), runs)


def _find(name: str | Path, runs: Path, or_network: bool) -> Path:
    found = _named(name, runs)
    if len(found) == 1:
        return (found[0] if (found[0] / CONFIG).is_file() else _best_of(found[0])).resolve()
    if found:
        raise FolderError(_several(name, found))
    if Path(name).is_file():
        raise FolderError(f"{str(name)!r} is a file, and a run is a folder: name the folder, or `latest`")
    if name and Path(name).is_dir():
        raise FolderError(f"{str(name)!r} is a folder, but not a run: {_holds(Path(name), or_network)}")
    if said := not_fetched(name):
        raise FolderError(said)
    if (lost := remnant_named(name, runs)) is not None:
        raise FolderError(f"{str(lost)!r} is damaged: it has {NO_CONFIG}")
    raise FolderError(f"no run {str(name)!r} here or under {str(runs)!r}: `dqn runs` lists what there is")


def _holds(folder: Path, or_network: bool) -> str:
    """What a folder that is no run holds instead, and what can be done."""
    inside = [path.parent for depth in ("*", "*/*", "*/*/*") for path in folder.glob(f"{depth}/{CONFIG}")]
    if inside:
        return f"it holds runs, such as {str(max(inside))!r}: name one of them"
    files = [folder / BEST, *sorted(path for end in ("pth", "pt") for path in folder.glob(f"*.{end}"))]
    network = next(filter(_is_network, files), None) if or_network else None
    if network is not None:
        return f"it has no {CONFIG}; a network can be named on its own, as {str(network)!r}"
    return f"its {CONFIG} is no plain file" if os.path.lexists(folder / CONFIG) else f"it has no {CONFIG}"


def _is_network(file: Path) -> bool:
    """Whether a file is of the format that PyTorch saves tensors in, and no program; it is not read for that."""
    try:
        with zipfile.ZipFile(file) as parts:
            names = parts.namelist()
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return False
    return any(name.endswith("/data.pkl") for name in names) and not any("/code/" in name for name in names)


def _of_name(name: str, runs: Path) -> list[Path]:
    """Runs and groups with this name or, for `latest`, the one that began last."""
    folders = run_folders(runs)
    if name == LATEST:
        last = max(folders, key=age, default=None)
        if last is None:
            return []
        return [last.parent if is_seed(last) else last]
    groups = {path.parent for path in folders if is_seed(path)}
    return [path for path in (*folders, *sorted(groups)) if name in (path.name, f"{path.parent.name}/{path.name}")]


def _called(name: str, runs: Path) -> list[Path]:
    """Runs and groups that were given this name, and of `name/seed-3` the seed of such a group."""
    folders = run_folders(runs)
    groups = sorted({path.parent for path in folders if is_seed(path)})
    found = [path for path in folders if not is_seed(path) and read_label(path).name == name]
    found += [path for path in groups if read_label(path).name == name]
    above, _, seed = name.rpartition("/")
    if not found and re.fullmatch(r"seed-\d+", seed):
        inside = [path / seed for path in groups if read_label(path).name == above]
        found = [path for path in inside if (path / CONFIG).is_file()]
    return found


def called(folder: Path, *, is_folders: bool = False) -> str:
    """A run's or group's own name, or its folder's if it has none or that is asked for; of a seed behind the group's.

    Others may have it too.
    """
    group = folder.parent if is_seed(folder) else None
    above = group or folder
    name = (None if is_folders else read_label(above).name) or above.name
    return name if group is None else f"{name}/{folder.name}"


def name_for(folder: Path, runs: Path = Path("runs")) -> str:
    """What finds a run or group again: its own name, its folder's, or the whole path where several have that.

    Of a seed with the group's before it.
    """
    for name in (called(folder), called(folder, is_folders=True)):
        if [path.resolve() for path in _named(name, runs)] == [folder.resolve()]:
            return name
    return str(folder)


def _several(name: str | Path, found: list[Path]) -> str:
    """What to say where a name is that of several runs, of many the newest."""
    newest = sorted(found, key=age, reverse=True)[:5]
    more = f" and {len(found) - len(newest)} more" if len(found) > len(newest) else ""
    return f"several runs are named {str(name)!r}: {', '.join(map(str, newest))}{more}: name one by its folder"


def _best_of(group: Path) -> Path:
    """The run of a group's best seed. Raises FolderError."""
    best = read_json(group / SUMMARY).get("best")
    if not is_count(best) or not (group / seed_name(best) / CONFIG).is_file():
        raise FolderError(f"{str(group)!r} is a group of seeds, none of which has a score: name one of its folders")
    check_no_link(group / seed_name(best))
    return group / seed_name(best)


def read_run(folder: Path) -> Run:
    """A run as its result.json tells it. Raises FolderError."""
    path = folder / RESULT
    row = read_json(path)
    check_result(row, path)
    try:
        for name in ("score", "score_registered"):
            if row[name] is not None:
                row[name] = Score(**row[name] | {"returns": tuple(row[name]["returns"])})
        return Run(folder=folder, **{name: value for name, value in row.items() if name != "schema"})
    except (KeyError, TypeError) as e:
        raise FolderError(f"{str(path)!r} is damaged: {named(e)}") from e


def has_ended(folder: Path) -> bool:
    """Whether a run was judged and reported on, and not interrupted before."""
    try:
        return not read_json(folder / RESULT)["interrupted"]
    except (FolderError, KeyError):  # it was killed, or somebody has changed it
        return False


def list_runs(runs: Path) -> list[dict[str, Any]]:
    """Every run under `runs`, oldest first: its result.json with `folder` and `status` (finished, interrupted …).

    `name` is that of the folder; a seed of a group has the group's before it.
    """
    rows: list[dict[str, Any]] = []
    for folder in sorted([*run_folders(runs), *remnants(runs)], key=age):
        group = folder.parent if is_seed(folder) else None
        row = run_row(folder)
        name = f"{group.name}/{folder.name}" if group else folder.name
        rows.append({**row, "env": row["env"] or (group or folder).parent.name, "folder": folder, "name": name})
    return rows


def run_row(folder: Path) -> dict[str, Any]:
    """The result.json of a run with its `status`; of one without a result what its configuration says of it.

    `env` is none if nobody can tell.
    """
    if not os.path.lexists(folder / CONFIG):
        return {"env": None, "status": f"no {CONFIG}"}
    try:
        row = read_json(folder / RESULT)
        check_result(row, folder / RESULT)
    except FolderError:  # still going, or it was killed, or somebody has changed it
        status = "damaged" if (folder / RESULT).exists() else _without_result(folder)
        return {**_configured(folder), "status": status}
    return {**row, "status": "failed" if row.get("error") else "interrupted" if row.get("interrupted") else "finished"}


def damage_of(status: str) -> str:
    """What is wrong with a run whose `run_row` has this status; nothing if nothing is."""
    return status if status.startswith("no ") else f"{RESULT} cannot be read" if status == "damaged" else ""


def _without_result(folder: Path) -> str:
    """What there is to say of a run that has no result: it is not at its end, or somebody has removed the file."""
    ended = any((folder / name).exists() for name in (CURVES, VIDEOS, REPORT))  # which are made after the result
    return f"no {RESULT}" if ended else "unfinished"


def _configured(folder: Path) -> dict[str, Any]:
    """What a run without a result learns on, as its configuration calls it, its preset and seed, as far as it says."""
    try:
        said = parse(read_text(folder / CONFIG), CONFIG)
    except DqnlabError:
        return {"env": None}
    env, preset = said.get("env"), said.get("preset")
    name = env.get("id") if isinstance(env, dict) else None
    found = {"env": name if isinstance(name, str) else None, "seed": said.get("seed")}
    return {**found, **({"preset": preset} if isinstance(preset, str) else {})}


def run_folders(runs: Path) -> list[Path]:
    """The folders of all runs under `runs`, those of seeds in groups too."""
    return [path.parent for depth in ("*", "*/*", "*/*/seed-*") for path in runs.glob(f"{depth}/{CONFIG}")]


def is_seed(folder: Path) -> bool:
    """Whether it is a seed's folder inside a group's."""
    return re.fullmatch(r"seed-\d+", folder.name) is not None and (folder.parent / SUMMARY).is_file()


def age(folder: Path) -> tuple[str, int, str, int]:
    """Sorts runs by the time in their names, those of one second by what was written later, and a group's seeds."""
    own, seed = (folder.parent, int(folder.name[5:])) if is_seed(folder) else (folder, 0)
    written = own if own != folder else own / CONFIG
    try:
        late = written.stat().st_mtime_ns
    except OSError:  # it is listed all the same, with what is wrong
        late = 0
    return own.name.partition("-")[0], late, own.name, seed
