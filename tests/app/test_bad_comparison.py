"""What cannot be compared is answered before anything is written."""

import json
from pathlib import Path
from typing import Any

import pytest

import dqnlab
from dqnlab.errors import ConfigError

from ..tiny import tiny

TWO = "compare CartPole-v1 --presets dqn,double"

WORDS: list[tuple[str, int, list[str]]] = [
    ("compare", 2, ["a comparison needs at least two arms, got none"]),
    ("compare CartPole-v1", 2, ["nothing is compared on 'CartPole-v1'", "--presets"]),
    ("compare CartPole-v1 --presets dqn", 2, ["at least two arms, got 'dqn'"]),
    ("compare --presets dqn,double", 2, ["arm 'dqn' has nothing to learn on: name an environment"]),
    ("compare CartPole-v1 --presets dqn,dbl", 2, ["unknown preset 'dbl'; did you mean double?"]),
    ("compare CartPole-v1 --presets dqn,", 2, ["an arm begins with a preset"]),
    ("compare CartPole-v1 --presets dqn,dqn", 2, ["arm 'dqn' is named twice"]),
    ("compare dqn double", 2, ["'dqn' is a preset, not an environment: use --presets dqn"]),
    ("compare CartPole-v1 CartPole-v1 --presets dqn,double", 2, ["env 'CartPole-v1' is named twice"]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn n=1'", 2, ["'dqn' and 'dqn n=1' are the same settings"]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn compile=off'", 2, ["are the same settings under two names"]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn keep=all'", 2, ["are the same settings under two names"]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn lrr=1'", 2, ["arm 'dqn lrr=1'", "unknown setting lrr"]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn q=1'", 2, ["unknown setting q: `dqn train --help` lists them all"]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn env.num_env=4'", 2, ["Perhaps you meant env.num_envs or num_envs?"]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn compile=--off'", 2, ["'auto', 'on', 'off', got '--off'"]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn -n=3'", 2, ["unknown setting -n: "]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn =3'", 2, ["'=3' is no setting of an arm: write name=value"]),
    (
        "compare CartPole-v1 --presets dqn --arm 'dqn head.num=3'",
        2,
        ["arm 'dqn head.num=3': head.num belongs to head:qr"],
    ),
    ("compare CartPole-v1 --presets dqn --arm 'dqn n=x steps=9'", 2, ["': n must be a whole number, got 'x'"]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn steps=9 budget.num=4'", 2, ["': steps is a budget too"]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn --q 1'", 2, ["unknown flag --q: `dqn train --help` lists them all"]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn --n x'", 2, ["': --n must be a whole number, got 'x'"]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn gamma=2'", 2, ["arm 'dqn gamma=2': gamma must be in [0, 1]"]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn conv:nature'", 2, ["'conv:nature' is no setting of an arm"]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn\nlr=1e-3 \x1b[31m'", 2, ["holds characters that cannot be seen"]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn seed=3'", 2, ["seed is no setting of an arm"]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn preset=double'", 2, ["preset is no setting of an arm"]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn seeds=3'", 2, ["'seeds' is no setting of an arm"]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn help'", 2, ["'help' is no setting of an arm"]),
    ('compare CartPole-v1 --presets dqn --arm "dqn \'"', 2, ["cannot be read"]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn n'", 2, ["Missing value: n must be a whole number, got ''"]),
    (f"{TWO} --preset double", 2, ["--preset is a setting of one arm", "--presets"]),
    (f"{TWO} --seeds 0", 2, ["--seeds", "got 0"]),
    (f"{TWO} --seeds 2 --seed 4294967295", 2, ["seed must be a whole number in [0, 2**32), got 4294967296"]),
    (f"{TWO} --head.alpha 1", 2, ["--head.alpha"]),
    (f"{TWO} --plan some.toml", 2, ["--plan says what is compared: leave out 'CartPole-v1' and --presets"]),
    ("compare --plan nowhere.toml", 2, ["--plan nowhere.toml cannot be read"]),
    ("compare --plan ''", 2, ["--plan must be the name of a file, got ''"]),
    ("compare CartPol-v1 --presets dqn,double", 2, ["arm 'dqn' cannot learn on 'CartPol-v1'", "CartPole"]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn conv=nature'", 2, ["arm 'dqn conv=nature' cannot learn on"]),
    ("compare Pendulum-v1 --presets dqn,double", 2, ["arm 'dqn' cannot learn on 'Pendulum-v1'"]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn replay_size=1e12'", 5, ["arm 'dqn replay_size=1e12'", "GB"]),
    ("compare CartPole-v1 --presets dqn,cartpole", 2, ["budget.num is 100,000 for dqn, 400,000 for cartpole"]),
    ("compare CartPole-v1 --presets dqn --arm 'dqn score_episodes=7'", 2, ["score_episodes", "--allow-unequal"]),
    ("compare CartPole-v1 --presets dqn --arm nowhere", 2, ["unknown preset 'nowhere'"]),
]


@pytest.mark.parametrize(("line", "code", "words"), WORDS, ids=lambda value: value if isinstance(value, str) else "")
def test_words_that_cannot_be_compared_are_answered(line: str, code: int, words: list[str], refused: Any) -> None:
    refused(line, code, *words)


PLANS: list[tuple[str, str]] = [
    ("env = 3", "unknown key 'env'; did you mean envs?"),
    ('presets = ["dqn", "double"]', 'unknown key \'presets\'; presets are arms: arms = ["dqn", "dqn n=3"]'),
    ("arms = 3", "arms must be a list"),
    ("envs = []", "arms must be a list"),
    ("arms = [3, 4]", "an arm must be a text"),
    ('arms = ["dqn"]\nenvs = ["CartPole-v1"]', "at least two arms"),
    ('arms = ["dqn", "double"]\nenvs = 3', "envs must be"),
    ('arms = ["dqn", "double"]\nenvs = ["CartPole-v1"]\nseeds = 0', "seeds must be"),
    ('arms = ["dqn", "double"]\nenvs = ["CartPole-v1"]\nseeds = "many"', "seeds must be"),
    ('arms = ["dqn", "double"]\nenvs = ["CartPole-v1"]\nseeds = [1, 1]', "seed 1 is named twice"),
    ('arms = ["dqn", "double"]\nenvs = ["CartPole-v1"]\nseeds = [-1, 1]', "seed must be"),
    ('arms = ["dqn", "double"]\nenvs = ["CartPole-v1"]\nsteps = "few"', "steps must be"),
    ('arms = ["dqn", "double"]\nenvs = ["CartPole-v1"]\nsettings = {gama = 1}', "unknown key 'gama'"),
    ('arms = ["dqn", "double"]\nenvs = ["CartPole-v1"]\nsettings = {env = {id = "Acrobot-v1"}}', "env.id"),
    ('arms = ["dqn", {preset = "dqn", n = 3}]\nenvs = ["CartPole-v1"]', "unknown key 'arms.n'"),
    ('arms = ["dqn", {name = "x"}]\nenvs = ["CartPole-v1"]', "an arm must name its preset, or its folders"),
    ('arms = ["dqn", {preset = "dbl"}]\nenvs = ["CartPole-v1"]', "unknown preset 'dbl'"),
    ('arms = ["dqn", {folders = ["nowhere"]}]\nenvs = ["CartPole-v1"]', "no run 'nowhere'"),
    ("arms = [", "is not valid TOML"),
]


@pytest.mark.parametrize(("text", "words"), PLANS, ids=lambda value: value.partition("\n")[0])
def test_a_plan_file_that_cannot_be_compared_is_answered(text: str, words: str, refused: Any) -> None:
    Path("plan.toml").write_text(text)
    refused("compare --plan plan.toml", 2, words)


# ── Runs that are there ──────────────────────────────────────────────────────────────────────────


@pytest.fixture
def runs() -> list[Path]:
    """Two finished runs of different settings on one environment, and one on another."""
    made = [tiny(), tiny(n=3), tiny(env="MountainCar-v0")]
    return [dqnlab.train(config, out=Path(f"run{i}"), trackers=()).folder for i, config in enumerate(made)]


def test_runs_that_have_no_environment_in_common_are_refused(runs: list[Path], refused: Any) -> None:
    refused("compare run0 run2", 2, "arm 'run2' has no runs on 'CartPole-v1', only on 'MountainCar-v0'", begun=True)
    refused("compare MountainCar-v0 run0 run1 --presets dqn", 2, "no runs on 'MountainCar-v0'", begun=True)
    refused("compare run0", 2, "at least two arms, got", begun=True)
    (Path("runs") / "CartPole-v1").mkdir(parents=True)
    words = ("'runs/CartPole-v1' is a folder, but not a run",)
    refused("compare runs/CartPole-v1 --presets dqn,double", 2, *words, begun=True)
    refused("compare run0 nowhere", 2, "no run 'nowhere'", begun=True)
    refused("compare run0 run1 --out run0", 2, "'run0' exists and is no comparison", begun=True)
    refused("compare run0 --arm 'run1 run2'", 2, "MountainCar-v0", begun=True)


def test_a_damaged_run_is_named(runs: list[Path], refused: Any) -> None:
    result = json.loads((runs[1] / "result.json").read_text())
    (runs[1] / "result.json").write_text(json.dumps(result | {"env_steps": "many"}))
    refused("compare run0 run1", 2, "run1", "damaged", "env_steps", begun=True)


def test_python_is_answered_likewise() -> None:
    with pytest.raises(ConfigError, match="the arms have different environments"):
        dqnlab.compare(arms=[tiny(), tiny(preset="other", env="MountainCar-v0")])
    with pytest.raises(ConfigError, match="arm 'tiny' is named twice"):
        dqnlab.compare(arms=[tiny(), tiny(n=3)])
    with pytest.raises(ConfigError, match="plan says what is compared"):
        dqnlab.compare("CartPole-v1", plan="plan.toml")
    with pytest.raises(ConfigError, match="seeds must be"):
        dqnlab.compare("CartPole-v1", ["dqn", "double"], seeds=0)
    with pytest.raises(ConfigError, match="no run 'nowhere'"):
        dqnlab.compare(arms=[Path("nowhere"), Path("there")])
    assert not Path("runs").exists()


def test_a_folder_that_cannot_be_made_is_one_error_with_no_command_that_could_not_work(
    refused: Any, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    for words in ("compare CartPole-v1 --presets dqn,double", "tune CartPole-v1 --trials 2"):
        said = refused(
            f"{words} --quiet --runs {tmp_path / 'file' / 'runs'}", 2, "cannot make the folder", "another --runs"
        )
        assert "To continue" not in said
