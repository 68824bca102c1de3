"""`module:Id` works where the module lies; what is wrong with a module is said by name, file and line."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import gymnasium as gym
import pytest

from dqnlab.app.cli import main
from dqnlab.app.parse import parse_train
from dqnlab.config import Env
from dqnlab.envs.make import close, describe, make_one
from dqnlab.envs.modules import missing
from dqnlab.errors import ConfigError, DqnlabError, EnvironmentFault

SOUND = """
import gymnasium as gym
from gymnasium.envs.classic_control import CartPoleEnv

class Lane(CartPoleEnv): ...

gym.register("{name}-v0", entry_point="{module}:Lane", max_episode_steps=9)
"""
UNREGISTERED = "import gymnasium\nclass Lane(gymnasium.Env): ...\n"


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Only Gymnasium has registered anything; what a test puts on the path, imports or registers is gone afterwards."""
    path, registry = list(sys.path), dict(gym.registry)
    sys.path[:] = [each for each in sys.path if each not in ("", str(Path.cwd()))]
    for name, spec in registry.items():
        if not str(spec.entry_point).startswith("gymnasium."):
            del gym.registry[name]
    yield
    sys.path[:] = path
    here = str(Path.cwd())
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(here):
            del sys.modules[name]
    gym.registry.clear()
    gym.registry.update(registry)


def write(name: str, text: str) -> None:
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")


def fault(env_id: str) -> str:
    with pytest.raises(DqnlabError) as caught:
        describe(Env(id=env_id))
    assert "needs a package" not in str(caught.value)
    return str(caught.value)


# ── Found ────────────────────────────────────────────────────────────────────────────────────────


def test_a_module_of_the_current_folder_is_found() -> None:
    write("lanes_here.py", SOUND.format(module="lanes_here", name="LaneHere"))
    assert describe(Env(id="lanes_here:LaneHere-v0")).max_episode_steps == 9


def test_a_module_in_a_package_of_the_current_folder_is_found_with_its_neighbours() -> None:
    write("lane_pack/__init__.py", "")
    write("lane_pack/helper.py", "LIMIT = 9\n")
    text = "from . import helper\nimport lane_beside\n" + SOUND.format(module="lane_pack.envs", name="LanePacked")
    write("lane_pack/envs.py", text)
    write("lane_beside.py", "")
    assert describe(Env(id="lane_pack.envs:LanePacked-v0")).max_episode_steps == 9


def test_nothing_in_the_current_folder_stands_in_for_a_module_that_is_installed() -> None:
    write(
        "lanes_beside.py", "import random, colorsys, numpy\n" + SOUND.format(module="lanes_beside", name="LaneBeside")
    )
    for name in ("random", "colorsys", "numpy", "gymnasium", "torch"):
        write(f"{name}.py", "raise SystemError('never to be imported')\n")
    sys.modules.pop("colorsys", None)
    assert describe(Env(id="lanes_beside:LaneBeside-v0")).max_episode_steps == 9
    assert str(Path.cwd()) not in str(sys.modules["colorsys"].__file__)


def test_the_current_folder_stays_off_the_path_where_no_module_is_named() -> None:
    close(make_one(Env(id="CartPole-v1")), "CartPole-v1")
    assert str(Path.cwd()) not in sys.path


@pytest.mark.world
@pytest.mark.parametrize("many", [[], ["--seeds", "2"]], ids=["one", "many"])
def test_the_command_trains_on_a_module_that_lies_beside_the_user(many: list[str]) -> None:
    write("lanes_mine.py", SOUND.format(module="lanes_mine", name="LaneMine"))
    small = "--steps 128 --learning-starts 64 --evaluate-every.num 64 --select-episodes 2 --confirm-episodes 2"
    small += " --score-episodes 2 --film.episodes 0 --no-explain --quiet --tracker none"
    # -P: as for the installed command, the folder in which it starts is not on the path
    command = [sys.executable, "-P", "-m", "dqnlab", "train", "lanes_mine:LaneMine-v0", *small.split(), *many]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr + done.stdout


# ── Blamed ───────────────────────────────────────────────────────────────────────────────────────

BROKEN = [
    ("import nope_nope", "broken.py:2: ModuleNotFoundError: No module named 'nope_nope': pip install nope_nope"),
    ("x = 1 / 0", "broken.py:2: ZeroDivisionError: division by zero"),
    ("def f(:", "broken.py:2: SyntaxError: invalid syntax"),
    ("import sys; sys.exit(0)", "broken.py:2: SystemExit: 0"),
    ("from pathlib import nothing", "broken.py:2: ImportError: cannot import name 'nothing'"),
    ("import beneath", "beneath.py:1: RuntimeError: deep"),
    ("raise KeyError", "broken.py:2: KeyError"),
]


@pytest.mark.parametrize(("line", "words"), BROKEN)
def test_a_module_that_fails_to_import_says_its_own_error_and_where(line: str, words: str) -> None:
    write("broken.py", f"import math\n{line}\n")
    write("beneath.py", "raise RuntimeError('deep')\n")
    said = fault("broken:Lane-v0")
    assert "importing 'broken' failed at " in said
    assert words in said


def test_a_module_that_is_not_there_is_told_from_one_that_is_broken() -> None:
    write("lanes.py", "")
    write("packed/__init__.py", "")
    assert "there is no module 'lane_', neither installed nor in" in fault("lane_:A-v0")
    assert "did you mean lanes?" in fault("lane_:A-v0")
    assert "there is no module 'packed.envs'; 'packed' is" in fault("packed.envs:A-v0")


@pytest.mark.parametrize("name", ["lanes.py", "./lanes", "/lanes.py"])
def test_a_file_instead_of_a_module_is_answered_with_the_module(name: str) -> None:
    with pytest.raises(ConfigError, match=r"is not a module's name: write lanes:Lane-v0"):
        describe(Env(id=f"{name}:Lane-v0"))


def test_a_module_that_does_not_register_the_id_says_what_it_does() -> None:
    write("some_lanes.py", SOUND.format(module="some_lanes", name="SomeLane"))
    assert fault("some_lanes:SomeLain-v0").endswith("some_lanes registers SomeLane-v0; did you mean SomeLane-v0?")
    assert "did you mean SomeLane-v0?" in fault("some_lanes:SomeLane-v7")
    write("no_lanes.py", UNREGISTERED)
    assert 'add gymnasium.register("Lane-v0", entry_point="no_lanes:Lane")' in fault("no_lanes:Lane-v0")
    write("bisect.py", SOUND.format(module="bisect", name="Bisected"))
    assert "not the bisect.py in this folder: rename yours" in fault("bisect:Bisected-v0")


# ── Packages ─────────────────────────────────────────────────────────────────────────────────────

KNOWN = [  # the tests run where the packages of dqnlab's own extras are installed
    ("MiniGrid-Empty-5x5-v0", "name the module that registers it: minigrid:MiniGrid-Empty-5x5-v0"),
    ("BabyAI-GoToRedBall-v0", "minigrid:BabyAI-GoToRedBall-v0"),
    ("ALE/Pong-v5", "name the module that registers it: ale_py:ALE/Pong-v5"),
    ("MinAtar/Breakout-v1", "name the module that registers it: minatar.gym:MinAtar/Breakout-v1"),
    ("PongNoFrameskip-v4", "ale_py:PongNoFrameskip-v4"),
    ("highway-v0", "pip install highway-env, then name its module: highway_env:highway-v0"),
    ("highway-fast-v0", "highway_env:highway-fast-v0"),
    ("popgym-RepeatPreviousEasy-v0", "popgym:popgym-RepeatPreviousEasy-v0"),
    ("procgen-coinrun-v0", "procgen:procgen-coinrun-v0"),
    ("FlappyBird-v0", "flappy_bird_gymnasium:FlappyBird-v0"),
]


@pytest.mark.parametrize(("env_id", "words"), KNOWN)
def test_an_id_of_a_known_package_is_answered_with_its_module_and_how_to_install_it(env_id: str, words: str) -> None:
    assert words in fault(env_id)


def test_an_id_of_an_installed_package_is_answered_with_its_module_alone() -> None:
    write("minigrid.py", "")
    sys.path.append(str(Path.cwd()))
    with pytest.raises(ConfigError, match="name the module that registers it: minigrid:MiniGrid-X-v0"):
        describe(Env(id="MiniGrid-X-v0"))


def test_a_missing_extra_is_named_with_its_own_line() -> None:
    error = gym.error.DependencyNotInstalled("Box2D is not installed, you can install it by run `pip install swig`")
    assert str(missing("LunarLander-v3", error)).endswith('is not installed: pip install "dqnlab[box2d]"')
    assert isinstance(missing("x", ModuleNotFoundError("No module named 'x'", name="x")), EnvironmentFault)


@pytest.mark.parametrize("name", ["Nowhere-v0", "CartPole-v9", "cartpole-v1"])
def test_an_id_that_nobody_knows_is_a_mistake_of_the_caller(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", name, "--random-steps", "10"]) == 2
    assert f"unknown env {name!r}" in capsys.readouterr().err


# ── A file, or an id without its module ──────────────────────────────────────────────────────────


def test_a_file_in_place_of_an_environment_is_imported_and_said_to_register() -> None:
    write("lane.py", SOUND.format(name="Lane", module="lane"))
    assert "'lane.py': it is a file: name what it registers, lane:Lane-v0" in fault("lane.py")
    write("bare.py", UNREGISTERED)
    assert "registers no environment: add gymnasium.register(" in fault("bare.py")
    assert "a file that does not exist" in fault("no.py")
    assert "run dqn in the folder that holds it, and name lane:Id" in fault(str(Path("lane.py").resolve()))


def test_the_modules_of_this_folder_are_read_and_not_imported_to_say_what_was_meant() -> None:
    write("lane.py", "raise SystemExit\n" + SOUND.format(name="Lane", module="lane"))
    write("asks.py", "import dqnlab\ndqnlab.train('Lane-v0')")  # comes first, and only speaks of it
    write("many/__init__.py", "raise SystemExit\nclass Road: ...\nregister(Road.__name__ + '-v0')")
    assert "module in this folder; name an environment that it registers, as in lane:Lane-v0" in fault("lane")
    for env_id in ("Lane-v0", "Lane"):
        assert "lane in this folder seems to register it: name lane:Lane-v0" in fault(env_id)
    assert "many in this folder has a class of that name: if it registers it, name many:Road-v0" in fault("Road-v0")
    assert not {"lane", "many"} & set(sys.modules)


def test_a_settings_file_cannot_have_a_file_imported() -> None:
    write("lane.py", "raise SystemExit")
    write("my.toml", '[env]\nid = "lane.py"\n')
    with pytest.raises(ConfigError, match="would import the Python module 'lane'"):
        parse_train(["--config", "my.toml"])


def test_a_module_that_has_a_function_for_it_registers_its_environments_when_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lazyroom.py").write_text(
        "import gymnasium\n"
        "def register_envs():\n"
        "    gymnasium.register('LazyRoom-v0', entry_point='gymnasium.envs.classic_control:CartPoleEnv')\n"
    )
    assert make_one(Env(id="lazyroom:LazyRoom-v0")).action_space.n == 2
