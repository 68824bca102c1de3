"""`dqnlab.compare`: arms are named as they are on the command line."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..config import AnyEnvironment, Config
from ..config.checks import quoted
from ..config.typed import door
from ..errors import ConfigError
from ..lab.compare import ComparisonResult, carry_out
from ..lab.planning import plan_comparison
from ..store.find import find_run
from ..store.folder import Run
from ..store.group import Group
from ..terminal.python import board_for_python
from ..track.open import check_trackers
from ..track.tracker import Trackers
from .arms import ArmTable, arm_of_text, modules_named, run_of, which_seeds, with_names
from .parse_compare import ArmsPlan, read_plan

AnyArm = str | Path | Config | Run | Group


@door
def compare(
    envs: AnyEnvironment | Sequence[AnyEnvironment] = (),
    arms: Sequence[AnyArm] | Mapping[str, AnyArm] = (),
    *,
    plan: str | Path | None = None,
    seeds: int | Sequence[int] | None = None,
    steps: int | None = None,
    settings: Mapping[str, Any] | None = None,
    allow_unequal: bool = False,
    out: Path | None = None,
    runs: Path = Path("runs"),
    trackers: Trackers = (),
    trust_env_modules: Collection[str] = (),
    ray: str | None = None,
    quiet: bool = False,
) -> ComparisonResult:
    """Trains every arm on every environment with many seeds, and says which is better, by how much and how sure.

    What there is already under `runs`, of the same settings and seed, is reused; what was interrupted is resumed. A
    seed that fails stays in the tables. The same call again trains nothing. Several at once, in as many processes or on
    machines that share the folder, divide the seeds, and the last one writes the page; the others return what is
    `elsewhere`. A script that calls this keeps its top
    level under `if __name__ == "__main__":`, for processes import it.

    Args:
        envs: what is trained on; nothing if every arm is of runs that are there, or a configuration on the same one.
        arms: the first is the baseline. Each is a preset, one with settings as on the command line
            (`"dqn n=3 lr=1e-3"`), a configuration, or a run or group that is there; a dictionary gives them names.
        plan: a file that says all this, instead: every comparison leaves one in its folder.
        seeds: how many, from 0 on, or which; 5 if nothing is said.
        steps: env steps that every arm is trained for.
        settings: of every arm, as nested tables: `{"gamma": 0.98, "optimizer": {"lr": 1e-3}}`.
        allow_unequal: compare arms too that are trained for longer than others, or judged in another way.
        out: the folder of the comparison; one inside `runs`, the same for the same call, if none.
        trackers: as in `train`; none if nothing is said.
        trust_env_modules: modules that environments, wrappers and parts of the plan file may import.
        ray: as in `train_many`: seeds train on the processors of a Ray cluster.
        quiet: show no progress; outside a terminal or a notebook none is shown anyway.

    Raises:
        ConfigError, EnvironmentFault: before anything is written, if it cannot be compared.
    """
    check_trackers(trackers)
    own = dict(settings or {})
    if steps is not None:
        own["budget"] = {"kind": "steps", "num": steps}
    if plan is not None and (arms or _several(envs)):
        raise ConfigError("plan says what is compared: leave out envs and arms")
    asked = _plan(_several(envs), arms, own, runs) if plan is None else read_plan(str(plan), runs, trust_env_modules)
    which = None if seeds is None else which_seeds(seeds)
    todo = plan_comparison(asked.request(own, which, allow_unequal=allow_unequal), runs, out)
    return carry_out(todo, trackers=trackers, board=(lambda: None) if quiet else board_for_python, ray=ray)


def _several(envs: Any) -> tuple[AnyEnvironment, ...]:
    return tuple(envs) if isinstance(envs, Sequence) and not isinstance(envs, str) else (envs,)


def _plan(
    envs: tuple[AnyEnvironment, ...],
    arms: Sequence[AnyArm] | Mapping[str, AnyArm],
    settings: Mapping[str, Any],
    runs: Path,
) -> ArmsPlan:
    named: list[tuple[str | None, AnyArm]] = [(None, arm) for arm in arms]
    if isinstance(arms, Mapping):
        named = list(arms.items())
    tables = with_names([_table(name, arm, runs) for name, arm in named])
    own = [table.config.env for table in tables if table.config is not None]
    if not envs and len(own) == len(tables):
        if any(env != own[0] for env in own):
            raise ConfigError("the arms have different environments: name those to compare them on, as envs")
        envs = tuple(own[:1])
    trusted = {module for table in tables for module in modules_named(table.settings)}
    return ArmsPlan(arms=tables, envs=envs, trusted=trusted)


def _table(name: str | None, arm: AnyArm, runs: Path) -> ArmTable:
    if isinstance(arm, Config):
        return ArmTable(name=name or arm.preset, preset=arm.preset, config=arm)
    if isinstance(arm, str):
        found = arm_of_text(arm, runs)
    else:
        if not isinstance(arm, Path | Run | Group):
            raise ConfigError(
                f"an arm must be a text such as 'dqn n=3 lr=1e-3', a configuration, a run or group, got {quoted(arm)}"
            )
        home = arm if isinstance(arm, Path) else arm.folder
        found = ArmTable(name="", folders=(run_of(str(home), runs) or find_run(home, runs),))
    return found if name is None else replace(found, name=name)
