"""Bad words and bad settings: one message with the value in it, and nothing made."""

import datetime
from typing import Any

import numpy as np
import pytest

from dqnlab.config import Config, Env, Mlp
from dqnlab.config.checks import quoted
from dqnlab.errors import ConfigError, ResourceError
from dqnlab.lab import session
from dqnlab.lab.many import worker

# The number of the input in the list of bad inputs, the words, the exit code, and what the message holds.
FLAGS: list[tuple[int, str, int, list[str]]] = [
    # 27  gamma
    (27, "train --gamma 1.5", 2, ["gamma must be in [0, 1], got 1.5"]),
    (27, "train --gamma=-0.1", 2, ["gamma must be in [0, 1], got -0.1"]),
    (27, "train --gamma nan", 2, ["gamma must be in [0, 1], got nan"]),
    (27, "train --gamma 1e400", 2, ["gamma must be in [0, 1], got inf"]),
    (27, "train --gamma high", 2, ["--gamma", "must be a number, got 'high'"]),
    (27, "train --gamma ''", 2, ["--gamma", "must be a number, got ''"]),
    # 28  learning rate
    (28, "train --optimizer.lr 0", 2, ["optimizer.lr must be in (0, 10], got 0.0"]),
    (28, "train --optimizer.lr -3e-4", 2, ["optimizer.lr must be in (0, 10], got -0.0003"]),
    (28, "train --optimizer.lr nan", 2, ["optimizer.lr must be in (0, 10], got nan"]),
    (28, "train --optimizer.lr 1e3", 2, ["optimizer.lr must be in (0, 10], got 1000.0"]),
    (28, "train --optimizer.lr fast", 2, ["--optimizer.lr", "got 'fast'"]),
    (28, "train --optimizer.beta1 1", 2, ["optimizer.beta1 must be in [0, 1), got 1.0"]),
    (28, "train --head.huber 0", 2, ["head.huber must be in (0, 1e+06], got 0.0"]),
    (28, "train --head.huber some", 2, ["--head.huber", "got 'some'"]),
    # 29  batch
    (29, "train --batch-size 60000", 2, ["batch_size = 60000 is larger than replay_capacity = 50000"]),
    (29, "train --batch-size 501", 2, ["learning_starts = 500 is below batch_size = 501: raise it"]),
    (29, "train --learning-starts 50001", 2, ["learning_starts = 50001 is above replay_capacity = 50000"]),
    # 30  replay
    (30, "train --replay-capacity 0", 2, ["replay_capacity must be a whole number of at least 1, got 0"]),
    (30, "train --replay-capacity -5", 2, ["replay_capacity", "got -5"]),
    (30, "train --replay-capacity 1e12", 5, ["replay_capacity = 1,000,000,000,000 needs", "GB are free: lower it"]),
    (30, "train --replay-capacity 1e300", 2, ["replay_capacity must be a whole number below 2**63, got 1.0000e+300"]),
    # 31  steps
    (31, "train --steps 0", 2, ["at least 1, got 0"]),
    (31, "train --steps -5", 2, ["at least 1, got -5"]),
    (31, "train --steps 1.5", 2, ["--steps must be a whole number, got '1.5'"]),
    (31, "train --steps nan", 2, ["--steps must be a whole number, got 'nan'"]),
    (31, "train --steps 1e300", 2, ["below 2**63, got 1.0000e+300"]),
    (31, "train --steps", 2, ["--steps must be a whole number, got ''"]),
    (31, "train --steps 300", 2, ["learning would never start", "budget.num = 300"]),
    (31, "train --metrics-every 0", 2, ["metrics_every", "got 0"]),
    (31, "train --score-episodes 1e9", 2, ["score_episodes", "to 1,000,000, got 1000000000"]),
    # 32  epsilon
    (32, "train --epsilon.start 2", 2, ["epsilon.start must be in [0, 1], got 2.0"]),
    (
        32,
        "train --epsilon.start 0.1 --epsilon.end 0.9",
        2,
        ["epsilon.end must be at most epsilon.start = 0.1, got 0.9"],
    ),
    (32, "train --epsilon.steps 0", 2, ["epsilon.steps", "got 0"]),
    (32, "train epsilon:geometric --epsilon.factor 0", 2, ["epsilon.factor must be in (0, 1], got 0.0"]),
    (32, "train epsilon:constant --epsilon.value nan", 2, ["epsilon.value must be in [0, 1], got nan"]),
    # 33  n-step
    (33, "train --n 0", 2, ["n must be a whole number from 1 to 1,000, got 0"]),
    (33, "train --n 1e6", 2, ["n must be a whole number from 1 to 1,000, got 1000000"]),
    (33, "train --n 900", 2, ["replay_capacity = 50000 cannot hold n = 900 steps of 64 envs"]),
    # 34  target network
    (34, "train sync:hard --sync.every 0", 2, ["sync.every", "got 0"]),
    (34, "train sync:polyak --sync.tau 0", 2, ["sync.tau must be in (0, 1], got 0.0"]),
    (34, "train --sync.tau 1.5", 2, ["sync.tau must be in (0, 1], got 1.5"]),
    # 35  counts of environments, threads, layers, seeds
    (35, "train --env.num-envs 0", 2, ["env.num_envs", "got 0"]),
    (35, "train --env.num-envs 1e9", 2, ["env.num_envs", "to 100,000, got 1000000000"]),
    (35, "train --threads 1e6", 2, ["threads must be a whole number from 1 to 1,024, got 1000000"]),
    (35, "train --env.frame-stack 1e9", 2, ["env.frame_stack", "got 1000000000"]),
    (35, "train --torso.hidden 64 0", 2, ["torso.hidden", "got 0"]),
    (35, "train --torso.hidden 1000000 1000000", 5, ["torso.hidden = (1000000, 1000000)", "GB are free: lower it"]),
    (35, "train --torso.hidden 99999999999", 2, ["torso.hidden", "got 99999999999"]),
    (35, "train --seeds 0", 2, ["--seeds must be a whole number from 1 to 10,000, got 0"]),
    (35, "train --seeds -2", 2, ["--seeds", "got -2"]),
    (35, "train --seeds 1e18", 2, ["--seeds", "got 1000000000000000000"]),
    (35, "train --seeds 2 --seed 4294967295", 2, ["seed must be a whole number in [0, 2**32), got 4294967296"]),
    (35, "train --seeds 2 --env.id ''", 2, ["env.id", "got ''"]),
    # 36, 37  names of flags, flags that contradict each other
    (36, "train --learning-rtae 1", 2, ["--learning-rtae", "Perhaps you meant"]),
    (36, "train --frobnicate", 2, ["--frobnicate"]),
    (36, "train -x", 2, ["-x"]),
    (36, "train ---seed 3", 2, ["---seed"]),
    (36, "trian", 2, ["unknown command 'trian'; did you mean train?"]),
    (36, "--frob", 2, ["unknown command '--frob'; choose from train"]),
    (36, "presets nope", 2, ["unknown preset 'nope'; choose from"]),
    (36, "presets ''", 2, ["unknown preset ''"]),
    (36, "train --preset ''", 2, ["unknown preset ''; choose from"]),
    (36, "train --tracker ''", 2, ["''", "swanlab"]),
    (37, "train --config a.toml --config b.toml", 2, ["one --config, please: got 'a.toml' and 'b.toml'"]),
    (37, "train --steps 9000 --budget.num 9000", 2, ["--steps is a budget too"]),
    (37, "train --epsilon.factor 0.9", 2, ["--epsilon.factor belongs to epsilon:geometric"]),
    (37, "train --tracker none --tracker swanlab", 2, ["--tracker none excludes the others"]),
    # 38  seeds
    (38, "train --seed -1", 2, ["seed must be a whole number in [0, 2**32), got -1"]),
    (38, "train --seed 9223372036854775808", 2, ["seed", "got 9223372036854775808"]),
    (38, "train --seed 1.5", 2, ["--seed", "whole number, got '1.5'"]),
    (38, "train --seed abc", 2, ["--seed", "whole number, got 'abc'"]),
    (38, "train --seed=", 2, ["--seed", "whole number, got ''"]),
    (38, "evaluate nowhere --seed -1", 2, ["--seed must be a whole number in [0, 2**32), got -1"]),
    (38, "record nowhere --seed 1e300", 2, ["--seed", "got 1.0000e+300"]),
    # 41, 42  folders and files
    (41, "train --out ''", 2, ["--out must be the name of a file or folder, got ''"]),
    (41, "train --runs ''", 2, ["--runs must be the name of a file or folder, got ''"]),
    (41, "train --config ''", 2, ["--config must be the name of a file, got ''"]),
    (41, "train --config", 2, ["--config"]),
    (42, f"train --config {'x' * 300}", 2, ["cannot be read", "name too long"]),
    # 46  runs
    (46, "evaluate ''", 2, ["no run ''"]),
    (46, "evaluate latest", 2, ["no run 'latest'", "dqn runs"]),
    (46, "evaluate nowhere --episodes 1e12", 2, ["--episodes", "to 1,000,000, got 1000000000000"]),
    (46, "watch nowhere --episodes 0", 2, ["--episodes", "got 0"]),
    (46, "record nowhere --episodes 1e6", 2, ["--episodes", "to 1,000, got 1000000"]),
    (46, "record nowhere --max-seconds inf", 2, ["--max-seconds must be in (0, 3600], got inf"]),
    (46, "record nowhere --max-seconds nan", 2, ["--max-seconds must be in (0, 3600], got nan"]),
    (46, "evaluate a b", 2, ["b"]),
    # 49  device
    (49, "train --device cuda", 2, ["device is 'cuda', but torch sees no CUDA GPU here: use --device cpu"]),
    (49, "train --device cuda:7", 2, ["'cuda:7'", "'auto', 'cpu', 'cuda'"]),
    (49, "train --device mps", 2, ["'mps'", "'auto', 'cpu', 'cuda'"]),
    (49, "train --device ''", 2, ["''", "'auto', 'cpu', 'cuda'"]),
]


@pytest.mark.parametrize(
    ("row", "line", "code", "words"), FLAGS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_words_that_cannot_work_are_answered(row: int, line: str, code: int, words: list[str], refused: Any) -> None:
    refused(line, code, *words)


def test_memory_that_runs_out_later_is_a_matter_of_resources(refused: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def train(*args: Any, **kwargs: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(session, "train", train)
    refused("train", 5, "error: out of memory")


@pytest.mark.parametrize("settings", [{"replay_capacity": 10**12}, {"torso": Mlp(hidden=(10**6, 10**6))}])
def test_what_does_not_fit_is_refused_before_many_seeds_have_a_folder(settings: dict[str, Any]) -> None:
    with pytest.raises(ResourceError, match="GB are free: lower it"):
        worker.check(Config(**settings))


# ── What a program may pass ──────────────────────────────────────────────────────────────────────

ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)

OBJECTS: list[tuple[Any, str]] = [
    (lambda: Config(gamma="high"), "gamma must be in [0, 1], got 'high'"),
    (lambda: Config(gamma="0.9"), "gamma must be in [0, 1], got '0.9': write it without quotes"),
    (lambda: Config(epsilon="0.1"), "or Ladder(), got '0.1': write it without quotes"),
    (lambda: Config(rule="dubble"), "or a part of your own, got 'dubble'; did you mean 'double'?"),
    (lambda: Config(compile="of"), "compile must be one of auto, on, off, got 'of'; did you mean 'off'?"),
    (lambda: Config(gamma=True), "gamma must be in [0, 1], got True"),
    (lambda: Config(seed=10**5000), "seed must be a whole number in [0, 2**32), got a number of 16610 bits"),
    (lambda: Config(seed=1.5), "got 1.5"),
    (lambda: Config(n=datetime.date(2000, 1, 1)), "n must be a whole number from 1 to 1,000, got datetime.date"),
    (lambda: Mlp(hidden="64"), "torso.hidden must be the units of each layer, as (64, 64), got '64'"),
    (lambda: Env(id=4), "env.id must be the id of an environment, such as CartPole-v1, got 4"),
    (lambda: Env(id=None), "got None"),
    (lambda: Env(id="\ud800"), "env.id must be values that a text file can hold, got '\\ud800'"),
    (lambda: Env(kwargs={"me": ENDLESS}), "env.kwargs must be values that a text file can hold"),
    (lambda: Config(preset="\udcff"), "preset must be values that a text file can hold"),
]


@pytest.mark.parametrize(("make", "words"), OBJECTS)
def test_a_value_of_the_wrong_type_is_a_mistake_in_the_settings(make: Any, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert words in str(caught.value)


def test_a_seed_of_numpy_becomes_a_plain_one() -> None:
    seed = Config(seed=np.int64(3)).seed
    assert (seed, type(seed)) == (3, int)


def test_a_long_value_is_shown_by_its_beginning() -> None:
    assert quoted("x" * 1000) == "'" + "x" * 298 + "…"
    assert quoted("short") == "'short'"
