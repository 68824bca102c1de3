"""An environment that was saved goes on elsewhere as if nothing had happened, or says that it cannot."""

import importlib
import json
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces, wrappers

from dqnlab.config import Env
from dqnlab.errors import CheckpointError
from dqnlab.run import envstate
from dqnlab.run.envs import describe, make_one
from dqnlab.run.envstate import KNOWN, env_state, is_restorable, set_env_state, unknown_layer
from dqnlab.run.plain import decode, encode
from dqnlab.run.vector import NativeEnvs, make_envs


class Own(gym.Env):
    """Walks at random and saves itself, in types that JSON does not have; without its generator."""

    observation_space, action_space = spaces.Box(-99, 99, (2,), np.float32), spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.at, self.seen = np.zeros(2), {(0, 0): deque([np.int64(2)], 3)}
        return self.at.astype(np.float32), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        self.at += self.np_random.normal(size=2) + len(self.seen[0, 0]) * action
        self.seen[0, 0].append(np.int64(action))
        return self.at.astype(np.float32), float(sum(self.seen[0, 0])), bool(self.at[0] > 4), False, {}

    def get_state(self) -> dict[str, Any]:
        return {"at": self.at, "seen": self.seen}

    def set_state(self, state: dict[str, Any]) -> None:
        self.at, self.seen = state["at"], state["seen"]


class Counting(gym.Wrapper):
    """Pays by the number of its steps, and saves that number."""

    steps = 0

    def step(self, action: Any) -> Any:
        self.steps += 1
        obs, _, terminated, truncated, info = self.env.step(action)
        return obs, float(self.steps), terminated, truncated, info

    def get_state(self) -> int:
        return self.steps

    def set_state(self, state: int) -> None:
        self.steps = state


class MersenneOwn(Own):
    """Draws from another of numpy's generators, whose state is an array."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict]:
        if seed is not None:
            self.np_random = np.random.Generator(np.random.MT19937(seed))
        return super().reset(options=options)


def made(env_id: str, *around: Callable[[gym.Env], gym.Env], **kwargs: Any) -> Callable[[], gym.Env]:
    """A recipe for a registered environment in wrappers, the innermost first."""

    def make() -> gym.Env:
        env = gym.make(env_id, **kwargs)  # with Gymnasium's checker
        for wrap in around:
            env = wrap(env)
        return env

    return make


def plain(env_id: str, **settings: Any) -> Callable[[], gym.Env]:
    return lambda: make_one(Env(id=env_id, **settings))


RECIPES: dict[str, Callable[[], gym.Env]] = {
    "CartPole": plain("CartPole-v1"),
    "CartPole cut": plain("CartPole-v1", max_episode_steps=7),
    "CartPole stacked": plain("CartPole-v1", frame_stack=4),
    "MountainCar": plain("MountainCar-v0", max_episode_steps=50),
    "Acrobot": plain("Acrobot-v1", max_episode_steps=50),
    "FrozenLake": plain("FrozenLake-v1"),
    "CliffWalking": plain("CliffWalkingSlippery-v1", max_episode_steps=30),
    "Taxi": plain("Taxi-v4", max_episode_steps=60, kwargs={"is_rainy": True, "fickle_passenger": True}),
    "Blackjack": made("Blackjack-v1", wrappers.FlattenObservation),
    "Pendulum": made("Pendulum-v1", lambda e: wrappers.DiscretizeAction(e, 3), max_episode_steps=40),
    "MountainCarContinuous": made(
        "MountainCarContinuous-v0", lambda e: wrappers.DiscretizeAction(e, 3), max_episode_steps=40
    ),
    "sticky": made("CartPole-v1", lambda e: wrappers.StickyAction(e, 0.4, (2, 4))),
    "repeated": made("CartPole-v1", lambda e: wrappers.RepeatAction(e, 2), wrappers.Autoreset),
    "delayed": made("CartPole-v1", lambda e: wrappers.DelayObservation(e, 3)),
    "timed": made("CartPole-v1", wrappers.TimeAwareObservation, wrappers.FlattenObservation),
    "normalised": made("CartPole-v1", wrappers.NormalizeObservation, wrappers.NormalizeReward),
    "skipped": made("CartPole-v1", lambda e: wrappers.MaxAndSkipObservation(e, 2)),
    "counted": made("CartPole-v1", wrappers.RecordEpisodeStatistics),
    "transformed": made(
        "CartPole-v1",
        lambda e: wrappers.ClipReward(e, 0, 0.5),
        lambda e: wrappers.ReshapeObservation(e, (2, 2)),
        lambda e: wrappers.TransformReward(e, lambda r: 2 * r),
    ),
    "stacked states": made("FrozenLake-v1", lambda e: wrappers.FrameStackObservation(e, 2, padding_type="zero")),
    "own": lambda: wrappers.TimeLimit(Counting(Own()), 9),
    "own, other generator": MersenneOwn,
}
every = pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))


def carried(state: Any) -> Any:
    """A state as it comes back from a file: arrays through bytes, the rest through JSON."""
    arrays: list[tuple[bytes, str, tuple[int, ...]]] = []

    def out(value: Any) -> dict[str, int]:
        assert isinstance(value, np.ndarray), f"{type(value)} in a state"
        arrays.append((value.tobytes(), value.dtype.str, value.shape))
        return {"array": len(arrays) - 1}

    def back(value: dict[str, Any]) -> Any:
        if set(value) != {"array"}:
            return value
        data, dtype, shape = arrays[value["array"]]
        return np.frombuffer(data, dtype).reshape(shape)

    return json.loads(json.dumps(state, default=out), object_hook=back)


def play(env: gym.Env, actions: Iterator[int], steps: int, *, ended: bool = False) -> list[Any]:
    """What an environment shows, reset after each end, and last whether it has ended."""
    seen: list[Any] = []
    for _ in range(steps):
        if ended:
            obs, _ = env.reset()
            seen.append(np.asarray(obs).tobytes())
        obs, reward, terminated, truncated, _ = env.step(next(actions))
        ended = terminated or truncated
        seen.append((np.asarray(obs).tobytes(), float(reward), terminated, truncated))
    return [*seen, ended]


def draws(env: gym.Env, seed: int = 0) -> Iterator[int]:
    rng = np.random.default_rng(seed)
    while True:
        yield int(rng.integers(env.action_space.n))


def begun(recipe: Callable[[], gym.Env], steps: int) -> tuple[gym.Env, bool]:
    """An environment after some steps, and whether it has just ended."""
    env = recipe()
    env.reset(seed=5)
    return env, play(env, draws(env), steps)[-1]


# ── Goes on ──────────────────────────────────────────────────────────────────────────────────────


@every
def test_a_new_env_goes_on_where_another_was_saved(recipe: Callable[[], gym.Env]) -> None:
    ends = 0
    for steps in (0, 1, 2, 23, 150):
        env, ended = begun(recipe, steps)
        state = carried(env_state(env))
        other = recipe()
        set_env_state(other, state)
        expected = play(env, draws(env, 1), 120, ended=ended)
        assert play(other, draws(env, 1), 120, ended=ended) == expected
        set_env_state(other, state)  # a state may be used again, and by an env that has lived
        assert play(other, draws(env, 1), 120, ended=ended) == expected
        ends += sum(isinstance(shown, bytes) for shown in expected)
    assert ends >= 5


WRITTEN_ANEW = {  # before each use
    ("FrameStackObservation", "stacked_obs"),
    ("FrameStackObservation", "padding_value"),
    ("RecordEpisodeStatistics", "episode_start_time"),
}


def insides(env: gym.Env) -> dict[str, Any]:
    """Every value that a layer holds as an attribute, and the attributes of what else it holds."""
    found: dict[str, Any] = {}
    for depth, layer in enumerate(envstate._layers(env)):
        kind = type(layer).__name__
        for name, value in vars(layer).items():
            if (kind, name) not in WRITTEN_ANEW and not isinstance(value, (gym.Env, spaces.Space)):
                inner = vars(value) if type(value).__name__ == "RunningMeanStd" else {"": value}
                found |= {f"{depth} {kind}.{name}.{key}": item for key, item in inner.items()}
    return found


def readable(values: dict[str, Any]) -> dict[str, str]:
    shown = {}
    for name, value in values.items():
        try:
            shown[name] = repr(encode(value, name))
        except CheckpointError:
            continue  # a function, a generator, a table of the rules
    return shown


@every
def test_nothing_that_an_env_holds_is_left_out(recipe: Callable[[], gym.Env]) -> None:
    """Also what no step shows, such as what would be drawn."""
    env, _ = begun(recipe, 37)
    other = recipe()
    set_env_state(other, env_state(env))
    assert readable(insides(other)) == readable(insides(env))
    assert other.unwrapped._np_random_seed == env.unwrapped._np_random_seed


def test_every_known_class_with_a_state_of_its_own_is_tried_here() -> None:
    tried = {envstate._name(layer) for recipe in RECIPES.values() for layer in envstate._layers(recipe())}
    native = "gymnasium.envs.classic_control.cartpole:CartPoleVectorEnv"
    assert {name for name, attributes in KNOWN.items() if attributes} <= tried | {native}


def test_every_known_class_exists() -> None:
    for name in KNOWN:
        module, _, kind = name.partition(":")
        assert hasattr(importlib.import_module(module), kind), name


@pytest.mark.parametrize("dropped", ["state", "_elapsed_steps", "obs_queue"])
def test_an_attribute_that_was_forgotten_would_be_seen(dropped: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = RECIPES["CartPole stacked"]
    for name, attributes in KNOWN.items():
        monkeypatch.setitem(KNOWN, name, " ".join(set(attributes.split()) - {dropped}))
    env, _ = begun(recipe, 13)
    other = recipe()
    other.reset(seed=6)
    set_env_state(other, env_state(env))
    assert readable(insides(other)) != readable(insides(env))


def test_what_shares_the_generator_with_its_env_goes_on_with_it() -> None:
    env, _ = begun(RECIPES["own"], 3)
    other, _ = begun(RECIPES["own"], 8)
    shared = other.unwrapped.np_random
    set_env_state(other, env_state(env))
    assert shared.random() == env.unwrapped.np_random.random()


def test_a_generator_that_was_never_made_is_forgotten_again() -> None:
    env, other = Own(), Own()
    env.reset()
    other.reset(seed=3)
    set_env_state(other, env_state(env))
    assert other._np_random is None


def test_a_saved_state_does_not_change_with_its_env() -> None:
    env, _ = begun(RECIPES["own"], 3)
    state = env_state(env)
    before = repr(state)
    play(env, draws(env), 5)
    set_env_state(env, state)
    play(env, draws(env), 5)
    assert repr(state) == before


# ── Refused ──────────────────────────────────────────────────────────────────────────────────────


def attributes_of(state: Any) -> list[tuple[dict[str, Any], str]]:
    return [(layer["attributes"], name) for layer in state["layers"] for name in layer.get("attributes", {})]


def refused(env: gym.Env, state: Any, words: str) -> None:
    """The state does not fit, and the environment is as it was."""
    before = repr(env_state(env))
    with pytest.raises(CheckpointError, match=words) as raised:
        set_env_state(env, state)
    assert raised.value.exit_code == 4
    assert repr(env_state(env)) == before


@every
def test_a_state_that_lacks_an_attribute_or_has_one_more_is_refused_by_its_name(recipe: Callable[[], gym.Env]) -> None:
    env, _ = begun(recipe, 4)
    count = len(attributes_of(env_state(env)))
    for i in range(count):
        lacking = env_state(env)
        attributes, name = attributes_of(lacking)[i]
        del attributes[name]
        refused(env, lacking, f"attributes of .* are .*'{name}'.* here")
        more = env_state(env)
        attributes_of(more)[i][0]["extra"] = 1
        refused(env, more, "'extra'.* in the saved state")
    for part in ("spaces", "layers", "generator", "seed"):
        lacking = env_state(env)
        del lacking[part]
        refused(env, lacking, f"'{part}'.* here")


@pytest.mark.parametrize(
    ("mine", "theirs", "words"),
    [
        ("CartPole", "MountainCar", "layers are .*CartPoleEnv.* here, but .*MountainCarEnv"),
        ("CartPole", "CartPole stacked", "layers are .*here, but .*FrameStackObservation"),
        ("CartPole", "own", "layers are .*CartPoleEnv.* here, but .*:Own"),
    ],
)
def test_the_state_of_another_env_is_refused_and_nothing_changes(mine: str, theirs: str, words: str) -> None:
    refused(begun(RECIPES[mine], 3)[0], env_state(begun(RECIPES[theirs], 3)[0]), words)


def test_the_state_of_another_map_or_stack_is_refused() -> None:
    lake = begun(plain("FrozenLake-v1", kwargs={"map_name": "8x8"}), 3)[0]
    refused(lake, env_state(begun(RECIPES["FrozenLake"], 1)[0]), "spaces are .*'64'.* here, but .*'16'")
    stacked = begun(plain("CartPole-v1", frame_stack=3), 3)[0]
    refused(stacked, env_state(begun(RECIPES["CartPole stacked"], 3)[0]), r"spaces are .*\[3, 4\].* but .*\[4, 4\]")


def test_a_damaged_value_or_generator_is_refused() -> None:
    env, _ = begun(RECIPES["own"], 3)
    for damage, words in [
        (lambda s: s["layers"][2].update(own={"tuple": 3}), r"\['tuple'\] is damaged"),
        (lambda s: s["layers"][0]["attributes"].update(_elapsed_steps={"scalar": np.zeros(3)}), "is damaged"),
        (lambda s: s["layers"][2].pop("own"), "what is kept of .*Own are .*'own'"),
        (lambda s: s["generator"].update(bit_generator="os"), "generator is 'os'.*PCG64"),
        (lambda s: s["generator"].update(state=3), "PCG64 generator is damaged"),
        (lambda s: s["generator"]["state"].pop("inc"), "PCG64 generator is damaged"),
    ]:
        state = env_state(env)
        damage(state)
        refused(env, state, words)


def test_an_env_that_was_never_reset_is_refused_with_the_way_out() -> None:
    with pytest.raises(CheckpointError, match=r"FrozenLakeEnv has no 's' yet: reset"):
        env_state(make_one(Env(id="FrozenLake-v1")))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": [1, {2}]}, r"get_state\(\)\['a'\]\[1\] is set, which cannot be saved"),
        (np.array(["a", None]), r"get_state\(\) is ndarray"),
        ({print: 1}, r"a key of .*get_state\(\) is builtin_function"),
        (1 + 2j, "is complex"),
    ],
)
def test_an_own_state_of_other_things_is_refused_by_its_place(value: Any, words: str) -> None:
    class Odd(Own):
        def get_state(self) -> Any:
            return value

    assert is_restorable(Odd())
    with pytest.raises(CheckpointError, match=words):
        env_state(Odd())


def test_own_methods_that_raise_are_named() -> None:
    class Raises(Own):
        def get_state(self) -> Any:
            raise OSError("gone")

    class Refuses(Own):
        def set_state(self, state: Any) -> None:
            raise OSError("gone")

    with pytest.raises(CheckpointError, match=r"Raises\.get_state raised OSError: gone"):
        env_state(Raises())
    env, _ = begun(Refuses, 1)
    with pytest.raises(CheckpointError, match=r"Refuses\.set_state raised OSError: gone"):
        set_env_state(env, env_state(env))


# ── Which are restorable ─────────────────────────────────────────────────────────────────────────


class Unknown(gym.Wrapper):
    """Holds who knows what."""


class Heavier(type(make_one(Env(id="CartPole-v1")).unwrapped)):  # type: ignore[misc]
    """A subclass of a known class."""


class OtherWords(Own):
    """A pair of methods of these names that means something else."""

    def set_state(self, position: Any, velocity: Any) -> None:  # type: ignore[override]
        raise AssertionError


class Wobble:
    """A function with a memory."""

    def __call__(self, obs: Any) -> Any:
        return obs


def shaken() -> gym.Env:
    rng = np.random.default_rng(0)
    env = gym.make("CartPole-v1")
    return wrappers.TransformObservation(env, lambda obs: obs + rng.normal(), env.observation_space)


def remembering() -> gym.Env:
    env = gym.make("CartPole-v1")
    return wrappers.TransformObservation(env, Wobble(), env.observation_space)


@pytest.mark.parametrize(
    ("recipe", "layer"),
    [
        (lambda: Unknown(make_one(Env(id="CartPole-v1"))), "test_envstate:Unknown"),
        (lambda: wrappers.TimeLimit(Unknown(Own()), 9), "test_envstate:Unknown"),
        (Heavier, "test_envstate:Heavier"),
        (OtherWords, "test_envstate:OtherWords"),
        (shaken, "TransformObservation"),
        (remembering, "TransformObservation"),
    ],
    ids=["wrapper", "inner wrapper", "subclass", "other words", "closure", "object"],
)
def test_what_may_hold_more_than_is_known_is_not_restorable(recipe: Callable[[], gym.Env], layer: str) -> None:
    env = recipe()
    assert not is_restorable(env)
    assert str(unknown_layer(env)).endswith(layer)
    env.reset(seed=0)
    with pytest.raises(CheckpointError, match=rf"{layer} cannot be saved: give it get_state\(\)"):
        env_state(env)


@every
def test_what_is_known_or_saves_itself_is_restorable(recipe: Callable[[], gym.Env]) -> None:
    assert is_restorable(recipe())
    assert unknown_layer(recipe()) is None


# ── Values ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 3, 2**200, -0.5, "a", b"", b"\x00\xff", [], (), {}, deque([1], 2), deque()),
        *(np.float32(0.1), np.int8(-3), np.bool_(True), np.zeros((0, 3)), np.array(2.0), np.arange(6).reshape(2, 3).T),
        {"a": [(1, {2: np.float64(0.5)})], (1, "b"): deque([[b"x"]])},
        {"scalar": 1, "tuple": [2]},
    ],
    ids=repr,
)
def test_a_value_comes_back_with_its_type(value: Any) -> None:
    back = decode(carried(encode(value, "value")))
    assert type(back) is type(value)
    assert repr(back) == repr(value)
    if isinstance(value, deque):
        assert back.maxlen == value.maxlen


# ── Several ──────────────────────────────────────────────────────────────────────────────────────


def walk(envs: Any, steps: int, num_actions: int, seed: int) -> list[bytes]:
    actions = np.random.default_rng(seed).integers(num_actions, size=(steps, envs.num_envs))
    return [array.tobytes() for action in actions for array in envs.step(action)]


@pytest.mark.parametrize("steps", [0, 1, 57])
@pytest.mark.parametrize(
    ("env", "num_envs"),
    [
        (Env(id="CartPole-v1"), 1),
        (Env(id="CartPole-v1"), 3),
        (Env(id="CartPole-v1", max_episode_steps=11), 8),
        (Env(id="CartPole-v1", frame_stack=4), 3),
        (Env(id="FrozenLake-v1"), 3),
        (Env(id=Own), 2),
    ],
    ids=lambda value: value.label if isinstance(value, Env) else None,
)
def test_several_envs_go_on_where_others_were_saved(env: Env, num_envs: int, steps: int) -> None:
    spec = describe(env)
    envs, others = make_envs(env, spec, num_envs), make_envs(env, spec, num_envs)
    assert envs.restorable
    envs.reset(range(num_envs))
    walk(envs, steps, spec.num_actions, 0)
    others.load_state_dict(carried(envs.state_dict()))
    assert others._steps == steps  # type: ignore[attr-defined]  # errors name it
    assert walk(others, 80, spec.num_actions, 1) == walk(envs, 80, spec.num_actions, 1)


@pytest.mark.parametrize("num_envs", [3, 8])
def test_several_envs_may_be_saved_where_some_are_about_to_be_reset(num_envs: int) -> None:
    env = Env(id="CartPole-v1", max_episode_steps=5)
    spec = describe(env)
    envs, others = make_envs(env, spec, num_envs), make_envs(env, spec, num_envs)
    envs.reset(range(num_envs))
    for _ in range(5):
        step = envs.step(np.ones(num_envs, np.int64))
    assert step.truncated.all()
    others.load_state_dict(carried(envs.state_dict()))
    ours, theirs = (e.step(np.ones(num_envs, np.int64)) for e in (envs, others))
    assert not theirs.reward.any()
    np.testing.assert_array_equal(ours.next_obs, theirs.next_obs)


def test_an_env_that_rests_goes_on_resting(seeded: Any) -> None:
    class Kept(seeded):
        def get_state(self) -> Any:
            return [self.lengths, self.episode, self.step_number]

        def set_state(self, state: Any) -> None:
            self.lengths, self.episode, self.step_number = state

    env = Env(id=Kept)
    envs, others = (make_envs(env, describe(env), 2, autoreset=False) for _ in range(2))
    envs.reset([1, 3])
    walk(envs, 3, 1, 0)
    others.load_state_dict(carried(envs.state_dict()))
    step = others.step(np.array([0, 0]))
    assert step.next_obs[:, 1].tolist() == [2, 4]
    assert step.reward.tolist() == [0, 4]


@pytest.mark.parametrize(("num_envs", "other"), [(3, 2), (2, 8), (8, 9), (8, 3)])
def test_the_state_of_another_number_of_envs_is_refused(num_envs: int, other: int) -> None:
    env = Env(id="CartPole-v1")
    spec = describe(env)
    envs, others = make_envs(env, spec, num_envs), make_envs(env, spec, other)
    envs.reset(range(num_envs))
    others.reset(range(other))
    before = repr(others.state_dict())
    with pytest.raises(CheckpointError):
        others.load_state_dict(envs.state_dict())
    assert repr(others.state_dict()) == before


def test_if_the_last_of_several_does_not_fit_none_is_changed() -> None:
    env = Env(id="CartPole-v1")
    envs = make_envs(env, describe(env), 3)
    envs.reset([0, 1, 2])
    state = envs.state_dict()
    walk(envs, 5, 2, 0)
    del state["envs"][2]["layers"][0]["attributes"]["_elapsed_steps"]
    before = repr(envs.state_dict())
    with pytest.raises(CheckpointError, match="_elapsed_steps"):
        envs.load_state_dict(state)
    assert repr(envs.state_dict()) == before


@pytest.mark.parametrize("num_envs", [3, 8])
def test_a_part_that_is_missing_or_of_another_shape_is_refused(num_envs: int) -> None:
    env = Env(id="CartPole-v1")
    envs = make_envs(env, describe(env), num_envs)
    envs.reset(range(num_envs))
    for part in envs.state_dict():
        state = envs.state_dict()
        del state[part]
        with pytest.raises(CheckpointError, match=f"not .*'{part}'"):
            envs.load_state_dict(state)
    if num_envs == 3:
        with pytest.raises(CheckpointError, match=r"'obs' are float32 \(3, 5\), here float32 \(3, 4\)"):
            envs.load_state_dict(envs.state_dict() | {"obs": np.zeros((3, 5), np.float32)})


def test_envs_of_an_unknown_kind_say_so() -> None:
    env = Env(id=Heavier)
    envs = make_envs(env, describe(env), 2)
    assert not envs.restorable
    envs.reset([0, 1])
    with pytest.raises(CheckpointError, match="Heavier cannot be saved"):
        envs.state_dict()


def test_a_native_vector_of_an_unknown_kind_says_so() -> None:
    env = Env(id="CartPole-v1")
    kind = type(gym.make_vec("CartPole-v1", 2, vectorization_mode="vector_entry_point"))
    envs = NativeEnvs(type("Mine", (kind,), {})(2), describe(env), "mine")
    assert not envs.restorable
