"""What `import dqnlab` offers, and what it costs."""

import subprocess
import sys
from pathlib import Path

import pytest

import dqnlab

OBJECTS = [
    "Agent",
    "Config",
    "Run",
    "benchmark",
    "branch",
    "compare",
    "evaluate",
    "events",
    "export",
    "heal",
    "import_agent",
    "load",
    "read_metrics",
    "report",
    "resume",
    "resume_many",
    "train",
    "train_many",
    "tune",
]
NAMES = sorted([*OBJECTS, "__version__", "presets"])


def test_the_public_names_are_these() -> None:
    assert dqnlab.__all__ == NAMES
    assert dir(dqnlab) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_can_be_fetched(name: str) -> None:
    assert getattr(dqnlab, name) is not None


@pytest.mark.parametrize("name", OBJECTS)
def test_every_public_object_says_what_it_is(name: str) -> None:
    assert getattr(dqnlab, name).__doc__


def test_no_folder_or_file_takes_the_name_of_a_public_object() -> None:
    """It would be the module, as soon as anybody imports that, and no longer the object."""
    home = Path(dqnlab.__file__).parent
    names = [*OBJECTS, "compare"]
    assert [name for name in names if (home / name).exists() or (home / f"{name}.py").exists()] == []


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'dqnlab' has no attribute 'trian'"):
        _ = dqnlab.trian  # type: ignore[attr-defined]


def in_a_fresh_python(code: str) -> str:
    """What the code prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.mark.world
def test_importing_is_light_and_names_arrive_when_used() -> None:
    heavy = "[m for m in ('torch', 'gymnasium', 'swanlab', 'rich', 'numpy') if m in sys.modules]"
    code = f"import sys, dqnlab; a = {heavy}; dqnlab.presets.get('cartpole'); b = {heavy}; dqnlab.load; c = {heavy}"
    light, presets, full = in_a_fresh_python(code + "; print(a); print(b); print(c)").splitlines()
    assert (light, presets) == ("[]", "[]")
    assert "torch" in full


@pytest.mark.world
def test_the_version_is_the_one_that_the_package_is_built_with() -> None:
    assert dqnlab.__version__.count(".") == 2
    assert in_a_fresh_python("from dqnlab._version import __version__ as v; print(v)").strip() == dqnlab.__version__


def test_an_argument_that_is_a_setting_is_told_where_it_belongs() -> None:
    with pytest.raises(TypeError, match=r"^train\(\): .*'steps'; settings belong to its config, as in Config\(budget="):
        dqnlab.train("CartPole-v1", steps=10)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"^resume\(\): missing a required argument: 'run'$"):
        dqnlab.resume()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"^train\(\): .*'tracker'; did you mean trackers\?$"):
        dqnlab.train("CartPole-v1", tracker="none")  # type: ignore[call-arg]
