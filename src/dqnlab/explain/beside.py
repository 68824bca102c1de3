"""beside-*.html: two runs on one page, playing the same episodes in step."""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np

from ..config import AnyEnvironment
from ..config.changes import NO_MATTER
from ..device import arithmetic
from ..envs.make import close
from ..envs.watchdog import watched
from ..errors import ConfigError
from ..learn.policy import make_actor
from ..store.door import write_atomically
from ..store.find import called, read_run
from ..store.folder import META, REPORT, Run, beside_name
from ..store.lineage import Parent, parent_of, read_parent
from .diagnose import diagnose
from .episodes import Limits, Networks, Recorded, play_episodes, with_all
from .evidence import Evidence, gather_evidence
from .health.findings import as_data
from .page import render
from .report import Report, config_rows, run_data, world_data
from .seen import obs_data
from .words import sentence
from .world import Scene, World, look_at, open_stage

PAIRS = 5  # episodes that are shown; of the others only what they returned
MOST_JUDGED = 400  # evaluations on each curve
MUST_AGREE = ("id", "kwargs", "wrappers")
UNKNOWN = "–"


class Pair(NamedTuple):
    """The same episode played by both."""

    one: Recorded
    other: Recorded

    @property
    def parting(self) -> tuple[int | None, bool]:
        """The first step at which they decide differently, if any; and whether the environment went apart before.

        Until they decide differently both see the same, unless the environment does not repeat itself.
        """
        shared = min(self.one.length, self.other.length)
        acted = np.flatnonzero(self.one.action[:shared] != self.other.action[:shared])
        first = int(acted[0]) if len(acted) else None
        if self.one.obs is None or self.other.obs is None:
            return first, False
        until = shared if first is None else first + 1
        same = self.one.obs[:until] == self.other.obs[:until]
        return first, not bool(np.all(same))


@dataclass(frozen=True)
class _Side:
    """One of the two runs."""

    evidence: Evidence
    networks: Networks

    @property
    def run(self) -> Run:
        return self.evidence.run


def write_beside(
    run: Run,
    other: Run,
    env: AnyEnvironment | None = None,
    trusted: Collection[str] = (),
    out: Path | None = None,
) -> Report:
    """Writes a page of two runs side by side, into the first one's folder if `out` is none.

    Both play the first run's environment, from the same starts.

    Args:
        env: where both play, where no file can hold it, or another one of the same spaces.
        trusted: modules that the runs' own environments and wrappers may import.

    Raises:
        ConfigError: they are of different environments, or see or do different things; or both are the same run.
        FolderError, CheckpointError, EnvironmentFault, ResourceError: as `write_report` does.
    """
    if run.folder.resolve() == other.folder.resolve():
        raise ConfigError(f"{called(run.folder)!r} beside itself shows nothing: name another run")
    path = run.folder / beside_name(other.folder) if out is None else out.parent.resolve() / out.name
    sides = [_side(each, env, trusted) for each in (run, other)]
    config = sides[0].evidence.best.env_config()
    _check_same(sides, given=env is not None)
    with watched(config.timeout), arithmetic(sides[0].evidence.config.threads):
        data = beside_data(sides, path.parent)
    write_atomically(path, render(data, "beside"))
    stands_in = any(side.evidence.stands_in for side in sides)
    return Report(path, (), sentence("beside.stands_in") if stands_in else "")


def _side(run: Run, env: AnyEnvironment | None, trusted: Collection[str]) -> _Side:
    evidence = gather_evidence(run, env, trusted)
    actor = make_actor(evidence.best.network)
    torso = evidence.best.network.torso
    units = torso.width if torso.state_size else 0
    return _Side(evidence, Networks(actor, None, None, None, units))


def _check_same(sides: Sequence[_Side], *, given: bool) -> None:
    """Raises ConfigError unless both runs are of the same environment; of a given one their agents say what fits."""
    one, other = (side.evidence.best.env_config() for side in sides)
    names = [called(side.run.folder) for side in sides]
    for name in () if given else MUST_AGREE:
        ours, theirs = (each.label if name == "id" else getattr(each, name) for each in (one, other))
        if ours != theirs:
            raise ConfigError(
                f"env.{name} is {ours!r} in {names[0]!r} and {theirs!r} in {names[1]!r}: two runs are shown side by "
                "side in the same environment only"
            )
    ours, theirs = (side.evidence.spec for side in sides)
    for what, mine, its in (
        ("observations", (ours.obs.shape, str(ours.obs.dtype)), (theirs.obs.shape, str(theirs.obs.dtype))),
        ("actions", (ours.num_actions,), (theirs.num_actions,)),
    ):
        if mine != its:
            said = [" ".join(map(str, each)) for each in (mine, its)]
            raise ConfigError(
                f"{names[0]!r} has {what} {said[0]}, and {names[1]!r} {said[1]}: two runs are shown side by side only "
                "if both see and do the same"
            )


def beside_data(sides: Sequence[_Side], place: Path) -> dict[str, Any]:
    """Everything that the page shows. place: the folder that it will lie in."""
    first = sides[0].evidence
    where, limits = first.best.env_config(), Limits()
    takes = []
    for side in sides:
        stage = open_stage(where)
        try:
            side.evidence.best.check_made(where, stage)
            world = look_at(stage, where, first.spec)
        except BaseException:
            close(stage, where.label)
            raise
        scene = Scene(where, first.spec, world, stage)
        with np.errstate(over="ignore", invalid="ignore"):
            takes.append(play_episodes(side.networks, scene, first.run.seed, limits))
    played = [Pair(one[0], other[0]) for one, other in zip(*takes, strict=False)]
    chosen, labels = pairs_to_show([(pair.one.ret, pair.other.ret) for pair in played])
    partings = [played[i].parting for i in chosen]
    kept = [
        with_all([found[i] for i in chosen], side.networks, scene, first.run.seed, limits)
        for side, found in zip(sides, takes, strict=True)
    ]
    seen = [episode.obs for side in kept for episode in side if episode.obs is not None]
    return {
        "schema": 1,
        "env": first.run.env,
        "threshold": first.spec.reward_threshold,
        "runs": [_run(side, world, place) for side in sides],
        "fork": _fork(sides),
        "differing": settings_between([config_rows(side.evidence) for side in sides]),
        "obs": obs_data(first.spec.obs, seen, first.spec.obs_start),
        **world_data(world),
        "episodes": [
            {"seed": pair[0].seed, "parting": parting[0], "repeats": not parting[1], "sides": [e.data() for e in pair]}
            for pair, parting in zip(zip(*kept, strict=True), partings, strict=True)
        ],
        "labels": labels,
        "returns": [[pair.one.ret, pair.other.ret] for pair in played],
    }


def pairs_to_show(returns: Sequence[tuple[float, float]]) -> tuple[list[int], dict[str, int]]:
    """Which episodes are shown, and the place of each that has a label: the first one, and the largest leads."""
    leads = [one - other for one, other in returns]
    wanted = {"first": 0}
    if max(leads) > 0:
        wanted["one"] = leads.index(max(leads))
    if min(leads) < 0:
        wanted["other"] = leads.index(min(leads))
    order = list(dict.fromkeys([*wanted.values(), *range(len(returns))]))[:PAIRS]
    order.sort()
    return order, {label: order.index(i) for label, i in wanted.items()}


def settings_between(settings: Sequence[Sequence[tuple[str, str]]]) -> list[list[str]]:
    """Name and both values of each setting that differs, but for those that do not decide what is learned."""
    ours, theirs = (dict(each) for each in settings)
    names = [name for name in {**ours, **theirs} if name not in NO_MATTER]
    rows = [[name, ours.get(name, UNKNOWN), theirs.get(name, UNKNOWN)] for name in names]
    return [row for row in rows if row[1] != row[2]]


def _run(side: _Side, world: World, place: Path) -> dict[str, Any]:
    evidence = side.evidence
    about = run_data(evidence)
    score = None if evidence.run.score is None else {k: v for k, v in about["score"].items() if k != "returns"}
    kept = ("preset", "seed", "solved", "env_steps", "updates", "name", "imported", "unknown")
    findings = [] if evidence.imported is not None else diagnose(evidence.records, evidence.facts)
    return {
        **{name: about[name] for name in kept},
        "called": called(side.run.folder),
        "score": score,
        "stands_in": evidence.stands_in,
        "finding": next(iter(as_data(findings)), None),
        "page": _link(side.run.folder / REPORT, place),
        "judged": judged(evidence.records),
        "policy": _policy(side, world),
    }


def _policy(side: _Side, world: World) -> list[int] | None:
    """The action in each state of a lake; none elsewhere."""
    actor, obs = side.networks.best, side.evidence.spec.obs
    if world.kind != "frozenlake" or obs.num_states is None or obs.shape or actor.remembers:
        return None
    states = np.arange(obs.num_states, dtype=obs.dtype)
    return actor(states, np.ones(len(states), bool)).argmax(1).tolist()


def judged(records: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Evaluations along training: the step, the mean return, and between which lies the middle half."""
    rows = [(row["step"], row["eval/returns"]) for row in records if row.get("eval/returns")]
    rows = rows[:: -(-len(rows) // MOST_JUDGED) or 1]
    quarters = [np.quantile(np.asarray(returns, float), (0.25, 0.75)) for _, returns in rows]
    return {
        "step": np.array([step for step, _ in rows], np.float32),
        "mean": np.array([np.mean(returns) for _, returns in rows], np.float32),
        "low": np.array([low for low, _ in quarters], np.float32),
        "high": np.array([high for _, high in quarters], np.float32),
    }


def _link(page: Path, place: Path) -> str | None:
    """The address of a run's own page as seen from a folder; none if it has none."""
    if not page.is_file():
        return None
    try:
        path = os.path.relpath(page.resolve(), place.resolve())
    except ValueError:  # another drive
        return page.resolve().as_uri()
    return "./" + "/".join(quote(part, safe="") for part in Path(path).parts)


def parent_run(folder: Path) -> Run:
    """The run that the one of a folder was branched from. Raises ConfigError if it is no branch, or that is gone."""
    parent, home = _parent(folder.resolve())
    if parent is None:
        raise ConfigError(f"{called(folder)!r} was not branched from another run: name the one to show beside it")
    if home is None:
        raise ConfigError(f"{called(folder)!r} was branched from {parent.run!r}, which is gone: name another run")
    return read_run(home)


def _fork(sides: Sequence[_Side]) -> dict[str, Any] | None:
    """Up to which env step both are the same run, and which of them left the other, if one did."""
    homes = [side.run.folder.resolve() for side in sides]
    parents = [_parent(home) for home in homes]
    for branch, (parent, home) in enumerate(parents):
        if parent is not None and home == homes[1 - branch]:
            return {"step": parent.step, "branch": branch}
    (one, its), (two, theirs) = parents
    if one is not None and two is not None and its is not None and its == theirs:
        return {"step": min(one.step, two.step), "branch": None}
    return None


def _parent(home: Path) -> tuple[Parent | None, Path | None]:
    parent = read_parent(home / META)
    found = None if parent is None else parent_of(home, parent)
    return parent, None if found is None else found[0].resolve()
