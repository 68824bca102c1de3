"""What the page shows of a run at one moment of its training: its network then, playing, looked into and learning."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from ..device import arithmetic
from ..envs.watchdog import watched
from ..errors import CheckpointError
from ..explain.episodes import Limits
from ..explain.evidence import Evidence, gather_evidence
from ..explain.page import pack_for_page
from ..explain.report import page_data, with_room
from ..store.agent import Agent, describe_run, load
from ..store.find import has_ended, read_run
from ..store.folder import BEST, META, RESULT, Run
from ..store.reading import read_json
from .kept import KeptNetworks
from .networks import ShownNetworks, Weights, networks_of

LIMITS = Limits(episodes=2, drawn=1, kept=0, steps=500, memory=8_000_000)
"""of an episode that is played anew for every network: of large pictures a few hundred steps"""


def paint(folder: Path, step: int | None, kept: KeptNetworks, trusted: Collection[str] = ()) -> bytes:
    """The data of the page as JSON: of the newest network, or of the one of an env step.

    Args:
        kept: networks of earlier calls, of which none is made again.

    Raises DqnlabError; CheckpointError if the run has shown no network yet.
    """
    evidence, at, steps = _evidence(folder, step, kept, trusted)
    with watched(evidence.best.env_config().timeout), arithmetic(evidence.config.threads):
        data = page_data(evidence, [], LIMITS)
    data["live"] = {"step": at, "steps": steps}
    return json.dumps(pack_for_page(data), allow_nan=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _evidence(
    folder: Path, step: int | None, kept: KeptNetworks, trusted: Collection[str]
) -> tuple[Evidence, int | None, list[int]]:
    """What there is to be shown, of which env step it is, and of which there is something; the best has no step."""
    shown = networks_of(folder)
    if step is None and has_ended(folder) and (folder / BEST).is_file():
        evidence = gather_evidence(read_run(folder), trusted=trusted)
        return replace(evidence, records=[]), None, shown.steps
    at, weights, target = _chosen(folder, shown, step)
    described = describe_run(folder, trusted)
    if weights is None:
        agent = load(folder, trust_env_modules=trusted)
    else:
        agent = Agent(described.config, described.spec, kept.network(described, weights, folder), described.env)
    snapshots = with_room(list(shown.snapshots.items()), agent.network)
    about = read_json(folder / META)
    versions = about.get("versions")
    return (
        Evidence(
            run=_unfinished(folder, agent),
            best=agent,
            stands_in=False,
            online=None,
            target=None if not target else kept.network(described, target, folder),
            snapshots=[(when, kept.network(described, then, folder)) for when, then in snapshots],
            moment=shown.moment,
            records=[],
            imported=None,
            created=created if isinstance(created := about.get("created"), str) else "",
            versions={str(k): str(v) for k, v in versions.items()} if isinstance(versions, dict) else {},
        ),
        at,
        shown.steps,
    )


def _chosen(folder: Path, shown: ShownNetworks, step: int | None) -> tuple[int | None, Weights | None, Weights]:
    """Env step, weights and target network of what is asked for; no weights for the best network.

    The target network is known of now only.
    """
    if step is not None:
        if shown.newest is not None and shown.newest[0] == step:
            return step, shown.newest[1], shown.target
        if step not in shown.snapshots:
            raise CheckpointError(f"no network of step {step:,} is kept any more: choose another")
        return step, shown.snapshots[step], {}
    if shown.newest is not None:
        return *shown.newest, shown.target
    if (folder / BEST).is_file():
        return None, None, {}
    if shown.snapshots:
        last = max(shown.snapshots)
        return last, shown.snapshots[last], {}
    raise CheckpointError("this run has shown no network yet: it does soon after it begins to learn")


def _unfinished(folder: Path, agent: Agent) -> Run:
    """The run as far as it is known."""
    if (folder / RESULT).is_file():
        return read_run(folder)
    config, spec = agent.config, agent.spec
    return Run(
        folder=folder,
        env=config.env.label,
        preset=config.preset,
        seed=config.seed,
        score=None,
        selected_score=None,
        attempts=0,
        evaluations=None,
        solved=None,
        threshold=spec.reward_threshold,
        threshold_says="",
        env_steps=0,
        updates=0,
        seconds={},
        interrupted=True,
    )
