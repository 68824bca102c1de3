"""Named configurations, each a diff of its parent: data, to be read from the top down.

Config()                 the plain settings of every class
├── textbook             the classic program, exactly
└── default              robust settings for an environment that nobody has tuned
    ├── cartpole         the shortest time to a confirmed solve of CartPole-v1
    ├── acrobot          the highest score of an environment within a budget
    ├── mountaincar
    ├── lunarlander
    └── dqn              the first DQN: one step, the largest value, drawn uniformly
        ├── double       the rest of the family, a part each
        ├── dueling
        ├── per
        ├── nstep
        ├── noisy
        ├── c51
        ├── qr
        ├── iqn
        ├── hl_gauss
        ├── munchausen
        ├── drqn
        ├── pqn
        └── rainbow      all that Rainbow combines
            └── btr      Rainbow with what came after it
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from ..errors import ConfigError
from .config import (
    C51,
    Adam,
    AdamW,
    Config,
    Constant,
    Double,
    Dueling,
    Env,
    Episodes,
    Film,
    Geometric,
    Greedy,
    Hard,
    HlGauss,
    Iqn,
    LayerNorm,
    Linear,
    LinearRate,
    Lstm,
    Mlp,
    Munchausen,
    Noisy,
    Polyak,
    Prioritized,
    Quantiles,
    RAdam,
    Rollout,
    Scalar,
    SpectralNorm,
    Steps,
    Uniform,
)
from .fields import leaves, nearest
from .typed import door

TEXTBOOK = replace(
    Config(),
    preset="textbook",
    # The classic program overlooked truncation and cut episodes at 20,000 steps. The cut stays, the bootstrap is right.
    env=Env(id="CartPole-v1", max_episode_steps=20_000),
    torso=Mlp(hidden=(64, 64)),
    head=Scalar(huber=None),
    rule=Greedy(),
    sampler=Uniform(),
    sync=Hard(every=100),
    optimizer=Adam(lr=1e-3),
    epsilon=Geometric(start=1.0, end=0.01, factor=0.995),
    gamma=0.99,
    replay_capacity=10_000,
    learning_starts=64,
    batch_size=64,
    update_every=1,
    budget=Episodes(num=600),
    evaluate_every=Episodes(num=10),
    select_episodes=5,
    stop_when_solved=False,
    film=Film(episodes=3, max_seconds=30.0),
)

DEFAULT = replace(
    Config(),
    preset="default",
    torso=Mlp(hidden=(128, 128)),
    # Squared errors learn means; Huber's linear part would learn something like a median of rare large rewards.
    head=Scalar(huber=None),
    rule=Double(),
    optimizer=Adam(lr=5e-4, max_grad_norm=10.0),
    epsilon=Linear(start=1.0, end=0.05, steps="auto"),
    n=3,
    reward_scale="auto",
)

CARTPOLE = replace(
    DEFAULT,
    preset="cartpole",
    env=Env(id="CartPole-v1", num_envs=64),
    torso=Mlp(hidden=(256,)),
    head=Scalar(huber=1.0),
    sync=Polyak(tau=0.06),
    optimizer=Adam(lr=6.4e-2),
    epsilon=Linear(start=1.0, end=0.05, steps=10_000),
    n=8,
    reward_scale=1.0,
    learning_starts=500,
    batch_size=256,
    update_every=96,
    budget=Steps(num=400_000),
    evaluate_every=Steps(num=6_000),
    metrics_every=20,
    checkpoint_every=50_000,
)

# Found by `dqn tune` and by comparisons, on seeds below 5000: benchmarks/tuning.
ACROBOT = replace(
    DEFAULT,
    preset="acrobot",
    env=Env(id="Acrobot-v1"),
    torso=Mlp(hidden=(256, 256)),
    optimizer=Adam(lr=2.4e-3, max_grad_norm=10.0),
    lr_schedule=LinearRate(),
    epsilon=Linear(start=1.0, end=0.09, steps=10_000),
    update_every=2,
    evaluate_every=Steps(num=1_000),
    select_episodes=50,
)
MOUNTAINCAR = replace(
    DEFAULT,
    preset="mountaincar",
    env=Env(id="MountainCar-v0"),
    torso=Mlp(hidden=(256, 256)),
    sync=Hard(every=250),
    optimizer=Adam(lr=2.5e-3, max_grad_norm=10.0),
    lr_schedule=LinearRate(),
    epsilon=Linear(start=1.0, end=0.1, steps=10_000),
    gamma=0.995,
    n=16,  # the only end is a hundred steps away …
    replay_capacity=10_000,  # … and what older policies did on the way there misleads
    update_every=4,
    budget=Steps(num=120_000),
    evaluate_every=Steps(num=1_000),
    select_episodes=50,
)
LUNARLANDER = replace(
    DEFAULT,
    preset="lunarlander",
    env=Env(id="LunarLander-v3"),
    norm=LayerNorm(),  # bears the larger step, which without it ruins one seed in six
    optimizer=Adam(lr=1e-3, max_grad_norm=10.0),
    epsilon=Linear(start=1.0, end=0.01, steps=5_000),  # who explores while landing crashes, and learns to hover instead
    batch_size=128,
)

DQN = replace(DEFAULT, preset="dqn", rule=Greedy(), n=1)
DOUBLE = replace(DQN, preset="double", rule=Double())
DUELING = replace(DQN, preset="dueling", stream=Dueling(hidden=(128,)), torso=Mlp(hidden=(128,)))
PER = replace(DQN, preset="per", sampler=Prioritized(beta_end=1.0))
NSTEP = replace(DQN, preset="nstep", n=3)
NOISY = replace(DQN, preset="noisy", layers=Noisy(), epsilon=Constant(value=0.0))
C51_PRESET = replace(DQN, preset="c51", head=C51())
QR = replace(DQN, preset="qr", head=Quantiles())
IQN = replace(DQN, preset="iqn", head=Iqn())
HL_GAUSS = replace(DQN, preset="hl_gauss", head=HlGauss())
MUNCHAUSEN = replace(DQN, preset="munchausen", rule=Munchausen())
DRQN = replace(DQN, preset="drqn", torso=Lstm(), batch_size=256)
PQN = replace(
    DQN,
    preset="pqn",
    env=Env(num_envs=32),
    norm=LayerNorm(),
    memory=Rollout(num_steps=32, num_epochs=4, td_lambda=0.95),
    optimizer=RAdam(lr=1e-3, max_grad_norm=10.0),
    lr_schedule=LinearRate(),
    batch_size=128,
)
RAINBOW = replace(
    DQN,
    preset="rainbow",
    rule=DOUBLE.rule,
    torso=DUELING.torso,
    stream=DUELING.stream,
    sampler=PER.sampler,
    n=NSTEP.n,
    layers=NOISY.layers,
    epsilon=NOISY.epsilon,
    head=C51_PRESET.head,
)
BTR = replace(
    RAINBOW,
    preset="btr",
    conv="auto_impala",
    norm=SpectralNorm(on="residual"),
    head=Iqn(num=8),
    rule=MUNCHAUSEN.rule,
    sampler=Prioritized(alpha=0.2, beta_end=1.0),
    sync=Hard(every=500),
    optimizer=AdamW(lr=1e-4, eps=2e-5, weight_decay=1e-4, max_grad_norm=10.0),
    epsilon=Linear(start=1.0, end=0.01, steps="auto"),
    gamma=0.997,
)


Planned = Config | Env | str | Callable[..., Any]
"""what can be trained on: a whole configuration, or only an environment"""

ABSENT = "–"  # in a diff: this side has no such setting

_SHEETS: dict[str, dict[str, Any]] = {
    # Missions are words, which no network of these reads; what an agent carries and where it looks is in the rest.
    "minigrid:": {"keys": ("image", "direction")},
}
"""how ids begin -> settings of those environments, whatever the preset"""


@dataclass(frozen=True)
class _Preset:
    config: Config
    parent: str | None  # None: the plain Config()
    about: str
    tuned_for: str | None = None  # the environment whose best settings these are


_PRESETS = {
    "default": _Preset(DEFAULT, None, "robust settings for an environment that nobody has tuned"),
    "cartpole": _Preset(CARTPOLE, "default", "the shortest time to a confirmed solve of CartPole-v1", "CartPole-v1"),
    "acrobot": _Preset(ACROBOT, "default", "the highest score of Acrobot-v1 within 100,000 steps", "Acrobot-v1"),
    "mountaincar": _Preset(
        MOUNTAINCAR, "default", "the highest score of MountainCar-v0 within 120,000 steps", "MountainCar-v0"
    ),
    "lunarlander": _Preset(
        LUNARLANDER, "default", "the highest score of LunarLander-v3 within 100,000 steps", "LunarLander-v3"
    ),
    "dqn": _Preset(DQN, "default", "the first DQN: one step, the largest value, uniform replay (Mnih et al. 2015)"),
    "double": _Preset(DOUBLE, "dqn", "one network chooses, the other rates (van Hasselt et al. 2016)"),
    "dueling": _Preset(DUELING, "dqn", "state values and advantages (Wang et al. 2016)"),
    "per": _Preset(PER, "dqn", "large errors are replayed more often (Schaul et al. 2016)"),
    "nstep": _Preset(NSTEP, "dqn", "three rewards before the bootstrap (Sutton 1988)"),
    "noisy": _Preset(NOISY, "dqn", "learned noise explores instead of epsilon (Fortunato et al. 2018)"),
    "c51": _Preset(C51_PRESET, "dqn", "probabilities of returns (Bellemare et al. 2017)"),
    "qr": _Preset(QR, "dqn", "quantiles of returns (Dabney et al. 2018)"),
    "iqn": _Preset(IQN, "dqn", "quantiles at levels that chance chooses (Dabney et al. 2018)"),
    "hl_gauss": _Preset(HL_GAUSS, "dqn", "regression as classification (Farebrother et al. 2024)"),
    "munchausen": _Preset(MUNCHAUSEN, "dqn", "a soft policy, paid for being sure (Vieillard et al. 2020)"),
    "drqn": _Preset(DRQN, "dqn", "remembers what an episode has shown (Hausknecht & Stone 2015)"),
    "pqn": _Preset(PQN, "dqn", "no replay, no target network: lambda-returns of many envs (Gallici et al. 2024)"),
    "rainbow": _Preset(RAINBOW, "dqn", "double, dueling, per, nstep, noisy and c51 at once (Hessel et al. 2018)"),
    "btr": _Preset(BTR, "rainbow", "impala, iqn, munchausen and spectral norms beside it (Clark et al. 2024)"),
    "textbook": _Preset(TEXTBOOK, None, "the classic program, exactly: one env, 600 episodes, no early stop"),
}


def names() -> list[str]:
    """Every preset, parents before children."""
    return list(_PRESETS)


@door
def get(name: str) -> Config:
    """The preset's configuration. Raises ConfigError for a name that is none."""
    return _find(name).config


@door
def describe(name: str) -> str:
    """What the preset is for, in one line. Raises ConfigError."""
    return _find(name).about


@door
def parent(name: str) -> str | None:
    """The preset that this one is a diff of; None if that is the plain Config(). Raises ConfigError."""
    return _find(name).parent


def known_as(name: str, *, complete: bool) -> Config:
    """The configuration that a name stands for which came with a file of settings; "custom" is the plain Config().

    Args:
        complete: whether the file says every setting: then the name is no more than what the run is called.

    Raises ConfigError for a name that is none.
    """
    if name not in _PRESETS and (complete or name == Config().preset):
        return replace(Config(), preset=name)
    return get(name)


def full_id(env_id: str) -> str:
    """An id with its version, if a preset is tuned for that environment: `CartPole` is CartPole-v1.

    Gymnasium too takes the latest version where an id names none.
    """
    tuned = (preset.tuned_for for preset in _PRESETS.values() if preset.tuned_for)
    return next((each for each in tuned if env_id == each.rpartition("-v")[0]), env_id)


def suited(env_id: object) -> str:
    """The name of the preset that is tuned for an environment; `default` if none is."""
    own = full_id(env_id) if isinstance(env_id, str) else None
    return next((name for name, each in _PRESETS.items() if own is not None and each.tuned_for == own), "default")


def sheet(env_id: object) -> dict[str, Any]:
    """What every preset sets for an environment, whose id is given: settings of `Env` by name; most have none."""
    sheets = [each for begin, each in _SHEETS.items() if isinstance(env_id, str) and env_id.startswith(begin)]
    return {name: value for each in sheets for name, value in each.items()}


def plan(what: Planned) -> Config:
    """The configuration that is meant: a whole one as it is, an id with the preset that suits it, else `default`.

    Raises ConfigError for the name of a preset, which is no environment.
    """
    if isinstance(what, Config):
        return what
    if isinstance(what, Env):
        return replace(DEFAULT, env=what)
    if isinstance(what, str) and what in _PRESETS:
        raise ConfigError(f"{what!r} is a preset, not an environment: pass dqnlab.presets.get({what!r})")
    base = get(suited(what))
    env = replace(base.env, id=full_id(what) if isinstance(what, str) else what, **sheet(what))
    return replace(base, env=env)


@door
def diff(name: str) -> list[tuple[str, object, object]]:
    """Dotted setting, the parent's value, its own value, for each that differs. Raises ConfigError.

    A tagged choice of another kind gives a row for the kind; a setting that only one side has is ABSENT on the other.
    """
    preset = _find(name)
    theirs = dict(leaves(get(preset.parent) if preset.parent else Config()))
    own = dict(leaves(preset.config))
    order = [each.name for each in fields(Config)]
    keys = sorted(theirs | own, key=lambda key: order.index(key.partition(".")[0]))  # stable: keeps the inner order
    rows = [(key, theirs.get(key, ABSENT), own.get(key, ABSENT)) for key in keys if key != "preset"]
    return [row for row in rows if row[1] != row[2]]


def _find(name: str) -> _Preset:
    if name not in _PRESETS:
        raise ConfigError(f"unknown preset {name!r}; {nearest(name, names())}")
    return _PRESETS[name]
