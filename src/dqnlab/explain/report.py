"""report.html: one page that explains a run, from what its folder holds and a few episodes played for it."""

import json
import re
import shlex
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import numpy as np
import torch

from ..config import AnyEnvironment
from ..config.fields import leaves, plain
from ..device import arithmetic
from ..envs.make import close
from ..envs.watchdog import watched
from ..learn.networks import QNetwork
from ..learn.policy import make_actor
from ..store.advice import is_callable
from ..store.card import framed
from ..store.door import write_atomically
from ..store.folder import LABELS, REPORT, Run
from ..trust import clean
from .diagnose import diagnose
from .episodes import Limits, Networks, record_episodes
from .evidence import Evidence, gather_evidence
from .health.findings import Finding, as_data
from .page import render
from .repairable import REPAIRABLE
from .seen import obs_data, why_closed
from .series import series
from .trace import as_page, trace_of
from .weights import layers, num_weights
from .words import sentence, verdict
from .world import Scene, World, look_at, open_stage

T = TypeVar("T")

OUTSIDE = {"folder", "notes", "error", "failed_steps", "unfinished"}  # of a run: what is no matter of the page
MOST_SNAPSHOTS = 8  # the film of the maps does not become clearer by more
MOST_SNAPSHOT_WEIGHTS = 100_000  # numbers in all snapshots together, which take half the room each


@dataclass(frozen=True)
class Report:
    """A page that explains a run, and what it says of the run's health. A notebook shows it, closed off from itself."""

    path: Path
    findings: tuple[Finding, ...]
    remark: str = ""
    """what is to be known of the page; nothing if it shows the run's best network"""

    @property
    def verdicts(self) -> list[str]:
        """Each finding as an English sentence or two, the gravest first."""
        return [verdict(each) for each in self.findings]

    def _repr_html_(self) -> str:
        return framed(self.path)


def write_report(
    run: Run, env: AnyEnvironment | None = None, trusted: Collection[str] = (), out: Path | None = None
) -> Report:
    """Writes the page of a run, into its folder if `out` is none.

    Args:
        env: the run's environment, where a file cannot hold it, or another one of the same spaces.
        trusted: modules that the run's own environment and wrappers may import.

    Raises:
        FolderError, CheckpointError: the folder is damaged, or holds no network yet.
        ConfigError, EnvironmentFault: the environment cannot be made, or does not fit the network.
        ResourceError: the file cannot be written.
    """
    path = run.folder / REPORT if out is None else out.parent.resolve() / out.name  # a folder that the caller named
    evidence = gather_evidence(run, env, trusted)
    findings = [] if evidence.imported is not None else diagnose(evidence.records, evidence.facts)
    with watched(evidence.best.env_config().timeout), arithmetic(evidence.config.threads):
        data = page_data(evidence, findings)
    write_atomically(path, render(data))
    return Report(path, tuple(findings), sentence("main.stands_in") if evidence.stands_in else "")


def page_data(evidence: Evidence, findings: Sequence[Finding], limits: Limits | None = None) -> dict[str, Any]:
    """Everything that the page shows, as plain values and arrays; its episodes within `limits`."""
    best = evidence.best
    where = best.env_config()
    actors = {name: make_actor(network) for name, network in evidence.networks.items()}
    open_to_view = None if actors["best"].remembers else best.network
    torso = best.network.torso
    units = torso.width if torso.state_size else 0
    networks = Networks(actors["best"], actors.get("online"), actors.get("target"), open_to_view, units)
    first = open_stage(where)
    try:
        named = best.spec._replace(names=best.check_made(where, first).names)  # as they are today
        world = look_at(first, where, named)
    except BaseException:
        close(first, where.label)
        raise
    with np.errstate(over="ignore", invalid="ignore"):  # a run that diverged is to be explained too
        score = evidence.run.score
        middle = None if score is None else median(score.returns)
        scene = Scene(where, best.spec, world, first)
        recording = record_episodes(networks, scene, evidence.run.seed, limits, middle)
    seen = [each.obs for each in recording.episodes if each.obs is not None]
    return {
        "schema": 1,
        "run": run_data(evidence),
        "stands_in": evidence.stands_in,
        "threshold": evidence.spec.reward_threshold,
        "settings": _settings(evidence),
        "config": config_rows(evidence),
        "files": _files(evidence.run),
        "obs": obs_data(best.spec.obs, seen, best.spec.obs_start),
        **world_data(world),
        "networks": _networks(evidence),
        "closed": why_closed(list(evidence.networks.values())),
        "snapshots": _snapshots(evidence),
        "episodes": [episode.data() for episode in recording.episodes],
        "labels": recording.labels,
        "units": units,
        "baseline": _baseline(best.network, seen),
        "moment": as_page(trace_of(evidence.moment, evidence.config, evidence.spec)),
        "findings": as_data(findings),
        "trial": _trial(evidence, findings),
        "series": series(evidence.records),
        **_judged(evidence),
    }


def run_data(evidence: Evidence) -> dict[str, Any]:
    """What there is to say of a run as a whole."""
    run = evidence.run
    about = {name: value for name, value in asdict(run).items() if name not in OUTSIDE}
    return about | {"name": run.folder.name, "created": evidence.created, "versions": dict(evidence.versions)}


def config_rows(evidence: Evidence) -> list[tuple[str, str]]:
    """Every setting by dotted name, as text; those that nobody knows of an imported agent as unknown."""
    found = dict(leaves(evidence.config))
    found = found if evidence.imported is None else evidence.imported.as_known(found)
    return [(name, _said(value)) for name, value in found.items()]


def _said(value: object) -> str:
    """A setting as text, the way JSON and TOML write it."""
    said = plain(value)
    return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)


def _files(run: Run) -> list[list[str]]:
    """What there is, as a key of the page's words, and its name; the page itself included, which is not there yet."""
    files = {LABELS[REPORT]: run.folder / REPORT, **run.files}
    return [[f"files.{label}", str(path.relative_to(run.folder))] for label, path in files.items()]


def _settings(evidence: Evidence) -> dict[str, Any]:
    """The settings that the views compute with; those of the learning step are in its trace."""
    facts = evidence.facts
    names = (
        "gamma",
        "max_episode_steps",
        "replay_capacity",
        "noisy",
        "rollout",
        "soft",
        "lowers",
        "raises",
    )
    explored = [row["train/epsilon"] for row in evidence.records if "train/epsilon" in row]
    ended = explored[-1] if explored else facts.epsilon_end  # a schedule's end that training may not have reached
    return {name: getattr(facts, name) for name in names} | {
        "epsilon": ended,
        "reward_clip": evidence.config.reward_clip,
    }


def _trial(evidence: Evidence, findings: Sequence[Finding]) -> dict[str, str] | None:
    """The command that tries whether a change helps: a repair, or another setting. None where no command can."""
    run = evidence.run
    if evidence.imported is not None or is_callable(run.folder):
        return None
    if run.solved and findings and findings[0].severity == "good":
        return None  # nothing asks for a change
    seed = re.fullmatch(r"seed-\d+", run.folder.name)
    name = shlex.quote(clean(f"{run.folder.parent.name}/{run.folder.name}" if seed else run.folder.name))
    if findings and findings[0].kind in REPAIRABLE and not run.interrupted:
        return {"kind": "repair", "command": f"dqn heal {name}"}
    budget = evidence.config.budget
    longer = f"--{budget.kind} {2 * budget.num}"  # also where the best evaluation was the last
    return {"kind": "change", "command": f"dqn branch {name} --set lr={evidence.config.optimizer.lr / 2:g} {longer}"}


def world_data(world: World) -> dict[str, Any]:
    """The world, and the names of what is seen and done in it."""
    return {
        "world": {"kind": world.kind, "params": world.params},
        "inputs": [each._asdict() for each in world.inputs],
        "actions": list(world.actions),
    }


def _networks(evidence: Evidence) -> dict[str, Any]:
    """The three networks in full precision; None for those that are too large for a page, or no chain of layers."""
    networks = evidence.networks
    runs = why_closed(list(networks.values())) is None
    return {
        name: layers(networks[name]) if runs and name in networks else None for name in ("best", "online", "target")
    }


def _snapshots(evidence: Evidence) -> list[dict[str, Any]]:
    """Those that there is room for, in half precision, which a picture does not show."""
    snapshots = with_room(evidence.snapshots, evidence.best.network)
    found = [(step, layers(network, halved=True)) for step, network in snapshots]
    return [{"step": step, **weights} for step, weights in found if weights is not None]


def with_room(snapshots: Sequence[T], network: QNetwork) -> list[T]:
    """Of snapshots of a network those that a page shows: a few, evenly over training, fewer of large networks."""
    room = min(MOST_SNAPSHOT_WEIGHTS // num_weights(network), len(snapshots), MOST_SNAPSHOTS)
    if room == 1 < len(snapshots):
        room = 0  # one of several shows no change
    return [snapshots[i] for i in np.linspace(len(snapshots) - 1, 0, room).round().astype(int)[::-1]]


def _baseline(network: QNetwork, seen: Sequence[np.ndarray]) -> np.ndarray | None:
    """The mean observation visited, as the first layer sees it [features]; none where nothing is computed from it."""
    if layers(network) is None or not seen:
        return None
    stored = network.obs.in_own_numbers(np.concatenate(seen)).astype(network.obs.dtype)
    with torch.no_grad():
        return network.encode(torch.from_numpy(stored)).mean(0).numpy()


def _judged(evidence: Evidence) -> dict[str, Any]:
    """What the judge saw during training: every evaluation and every attempt to confirm."""
    rows = evidence.records
    evaluations = [{"step": r["step"], "returns": r["eval/returns"]} for r in rows if "eval/returns" in r]
    confirms = [
        {"step": r["step"], "returns": r["confirm/returns"], "passed": r.get("confirm/passed") == 1}
        for r in rows
        if "confirm/returns" in r
    ]
    return {"evaluations": evaluations, "confirms": confirms}
