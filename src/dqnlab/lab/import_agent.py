"""`dqnlab.import_agent`: an agent of another program becomes a run like any other, judged here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..config import AnyEnvironment, Config, Env
from ..config.changes import changes
from ..config.fields import leaves
from ..config.typed import door
from ..device import arithmetic
from ..envs.make import EnvSpec, describe
from ..envs.seeds import env_seeds
from ..envs.watchdog import watched
from ..errors import ConfigError, counted
from ..learn.weights import export_weights
from ..memory import memory_watched
from ..run.evaluate import Evaluator, score_of
from ..run.judge import threshold_verdict
from ..run.keep import save_weights
from ..run.system import say
from ..settle import settle_env
from ..store.agent import Agent
from ..store.digits import mean_of
from ..store.folder import BEST, Run, write_result
from ..store.foreign.fit import OF_FILE, network_config, network_of, scaled_as_there, with_said
from ..store.foreign.read import ForeignFile, read_foreign
from ..store.imported import IMPORTED, Imported
from ..store.label import Label
from ..store.new import new_folder
from ..store.own import mark
from ..store.start import write_start
from ..store.weightsfile import meaning_of
from ..terminal.view import View, progress_of
from .after import After
from .interrupt import current, signals_end, signals_held
from .overrides import ImportRequest, with_changes
from .stopwatch import Stopwatch, running_since
from .unfinished import steps

NOT_ASKED = (*OF_FILE, "init", "experience", "preset")
"""settings that nobody gives: what a network is say its weights, and nothing is trained"""
OF_HEAD = ("head", "head.num", "head.v_min", "head.v_max")
"""what weights say of a head; not how it was learned"""
COSTS = ("env_steps", "updates", "seconds")


@door
def import_agent(
    file: str | Path,
    env: AnyEnvironment,
    *,
    out: Path | None = None,
    runs: Path = Path("runs"),
    name: str | None = None,
    tags: Sequence[str] = (),
    **changes: Any,
) -> Run:
    """Brings in an agent that another program trained: judges it on fresh episodes, films and explains it.

    Its folder is that of a run, for whatever needs no more than a network: `load`, `evaluate`, `report`, `compare`,
    `train(init=…)`. Only weights and plain numbers are read; nothing in the file is run.

    Args:
        file: a zip archive of Stable-Baselines3's DQN or of sb3-contrib's QR-DQN, a model of CleanRL, or any state_dict
            (torch's format or safetensors) of nothing but ReLU layers, behind the convolutions `nature` or `small` or
            none.
        env: the environment that it plays in, with the settings (frames, grey, size) that it was trained with.
        out: as in `train`.
        name: as in `train`.
        tags: as in `train`.
        changes: settings by the names of `Config`: of the training, where you know what the file does not say, as
            `gamma=0.95`; how it is judged and shown, as `score_episodes=20`, `film=0`, `explain=False`; its `seed`, by
            which the episodes are drawn and agents of one arm are told apart.

    Raises:
        CheckpointError: the file cannot be read, or holds no Q-network that ours could be; says what it is instead.
        ConfigError, EnvironmentFault: the environment cannot be made, or does not fit the network.
    """
    given = {**changes, "env": env if isinstance(env, Env) else Env(id=env)}
    asked = ImportRequest(
        file=Path(file),
        change=lambda config: with_changes(config, given),
        named=tuple(given),
        out=out,
        runs=runs,
        label=Label(name=name, tags=tuple(tags)),
    )
    return import_file(asked)


def import_file(asked: ImportRequest, view: View | None = None, started: float | None = None) -> Run:
    """`import_agent`; `view` and `started` as in `train`."""
    watch = running_since(started)
    with signals_end(), memory_watched():
        found = read_foreign(asked.file)
        try:
            brought = _brought(found, asked)
        except ConfigError as e:
            raise type(e)(f"{str(asked.file)!r} ({found.agent.named}): {e}") from e
        for line in brought.notes if view is None else ():  # who sees the summary sees them there
            say(line)
        with (
            watched(brought.config.env.timeout),
            arithmetic(brought.config.threads),
            new_folder(brought.config, asked.out, asked.runs, label=asked.label) as folder,
        ):
            return _judged(brought, folder, asked.label, watch, view)


@dataclass(frozen=True)
class _Brought:
    """An agent in a network of ours, in its environment."""

    agent: Agent
    about: Imported
    file: ForeignFile
    changed: Mapping[str, Any]
    """the known settings that tell it apart from others in a table"""
    notes: tuple[str, ...]

    @property
    def config(self) -> Config:
        return self.agent.config

    @property
    def spec(self) -> EnvSpec:
        return self.agent.spec


def _brought(found: ForeignFile, asked: ImportRequest) -> _Brought:
    """Raises ConfigError if it cannot be, EnvironmentFault."""
    agent = found.agent
    if odd := [name for name in asked.named if name.partition(".")[0] in NOT_ASKED]:
        raise ConfigError(f"{odd[0]} is no setting to be given here: the file's weights decide what network it is")
    config, taken, left = with_said(Config(preset=agent.slug), agent.settings)
    config = asked.change(config)
    spec = describe(config.env)
    env = scaled_as_there(agent, config.env, spec)
    if env != config.env:
        spec = describe(env)
    own = network_config(agent, spec.num_actions)
    if agent.quantiles is None and agent.atoms is None:
        own = replace(own, head=config.head)  # of one number per action, with the loss that the file says
    config = replace(config, **{name: getattr(own, name) for name in OF_FILE}, env=env)
    known = _known(config, taken, asked.named)
    told = {name: value for name, value in changes(config).items() if name in known}
    config = replace(config, env=settle_env(env, spec))
    network = network_of(agent, config, spec)
    about = Imported(found.name, found.sha256, agent.named, known)
    notes = [f"assumed, for the file does not say it: {each}" for each in agent.assumed]
    notes += [f"not as it was in the file: {each}" for each in agent.changed]
    if left := [*left, *agent.odd]:
        notes.append(f"not taken over, for no run of dqnlab has such a setting: {', '.join(left)}")
    given_env = None if isinstance(config.env.id, str) else config.env
    return _Brought(Agent(config, spec, network, given_env), about, found, told, tuple(notes))


def _known(config: Config, taken: Collection[str], named: Collection[str]) -> tuple[str, ...]:
    """The settings that somebody has said: the file, or whoever brings it in. How it is judged is known anyway."""
    exact = {*taken, *OF_HEAD, "preset", "score_episodes"}
    tops = (*named, "env", *(name for name in OF_FILE if name != "head"))
    names = [name for name, _ in leaves(config)]
    known = [name for name in names if name in exact or any(f"{name}.".startswith(f"{top}.") for top in tops)]
    return tuple(name for name in known if name != "env.num_envs" or name in (*taken, *named))


def _judged(brought: _Brought, folder: Path, label: Label, watch: Stopwatch, view: View | None) -> Run:
    """Judges an agent, writes its folder, and makes what comes after. Interrupted before that, it leaves nothing."""
    config, spec = brought.config, brought.spec
    tell = progress_of(view)
    tell(f"judging {brought.about.says} on {counted(config.score_episodes, 'fresh episode')} of {config.env.label} …")
    noted = current()
    evaluator = Evaluator(config.env, spec, config.gamma, config.env.copies, reward_clip=config.reward_clip)
    evaluator.asks = (lambda: False) if noted is None else noted.asks
    with watch.phase("confirm"):
        try:
            outcome = evaluator.play(brought.agent.actor(), env_seeds(config.seed, "confirm-2", config.score_episodes))
        finally:
            evaluator.close()
    score = score_of(outcome)
    costs = {"env_steps": brought.file.agent.env_steps, "updates": brought.file.agent.updates}
    solved, says = threshold_verdict(score, config.env, spec)
    run = Run(
        folder=folder,
        env=config.env.label,
        preset=config.preset,
        seed=config.seed,
        score=score,
        selected_score=None,
        attempts=0,
        solved=solved,
        threshold=spec.reward_threshold,
        threshold_says=says,
        env_steps=costs["env_steps"] or 0,
        updates=costs["updates"] or 0,
        seconds=watch.report(),
        notes=list(brought.notes),
        imported=brought.about.says,
        unknown=[name for name in COSTS if costs.get(name) is None],
    )
    run = replace(run, unfinished=[name for name in steps(config, run, show=True) if name != "curves"])
    with signals_held():
        _write(brought, run, label)
    tell(f"score {mean_of(score)} over {counted(score.episodes, 'fresh episode')}")
    return After(config, tell, evaluator.asks).make(run)


def _write(brought: _Brought, run: Run, label: Label) -> None:
    """Fills the folder; its meta.json and result come last."""
    config = brought.config
    save_weights(run.folder / BEST, export_weights(brought.agent.network), meaning_of(config))
    more = {**label.as_dict(), "settings": dict(brought.changed), IMPORTED: brought.about.as_dict()}
    write_start(run.folder, config, brought.spec, 1, more)
    if note := mark(run.folder, config):
        say(note)
    write_result(run)
