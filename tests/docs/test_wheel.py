"""Wheel and sdist: what is installed from them trains and explains where there is no repository."""

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
TINY = "--steps 200 --learning-starts 64 --batch-size 32 --evaluate-every.num 100 --select-episodes 1 --compile off"
TINY += " --confirm-episodes 2 --score-episodes 2 --no-film --tracker none --quiet"


def build(folder: Path, kind: str) -> Path:
    """The file that hatchling makes of a folder of sources."""
    pytest.importorskip("hatchling")
    made = Path.cwd() / "dist" / kind
    words = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(made)]
    subprocess.run(words, cwd=folder, check=True, capture_output=True)
    (file,) = made.iterdir()
    return file.rename(made.parent / file.name)


def alone() -> dict[str, str]:
    """The environment of a process that knows nothing of the repository."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@pytest.mark.world
def test_a_wheel_trains_and_explains_without_the_repository() -> None:
    """In an environment that has the wheel, and beside it the packages that it needs."""
    wheel = build(ROOT, "wheel")
    venv.create("empty", with_pip=False, symlinks=os.name != "nt")
    python = Path("empty/Scripts/python.exe" if os.name == "nt" else "empty/bin/python").absolute()
    site = Path(
        subprocess.check_output([python, "-c", "import site; print(site.getsitepackages()[-1])"], text=True).strip()
    )
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(pip, check=True)
    needed = Path(torch.__file__).parents[1]  # its own .pth files, which know the repository, are not read from here
    (site / "needed.pth").write_text(f"{needed}\n")
    asked = "import dqnlab, runpy; print(dqnlab.__file__); runpy.run_module('dqnlab', None, '__main__')"
    words = [python, "-c", asked, "train", "CartPole-v1", *TINY.split(), "--out", "run"]
    told = subprocess.run(words, env=alone(), capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert Path(told.stdout.splitlines()[0]).is_relative_to(site)
    page = Path("run/report.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert len(page) > 200_000
    assert python.with_name("dqn").exists() or python.with_name("dqn.exe").exists()


@pytest.mark.world
def test_a_sdist_makes_the_same_wheel_and_holds_every_file_of_the_package() -> None:
    sdist = build(ROOT, "sdist")
    with tarfile.open(sdist) as packed:
        packed.extractall("unpacked", filter="data")
    (folder,) = Path("unpacked").iterdir()
    for name in ("LICENSE", "README.md", "CITATION.cff", "mkdocs.yml", "docs/index.md", "examples/custom_env.py"):
        assert (folder / name).is_file(), name
    with zipfile.ZipFile(build(folder, "wheel")) as wheel:
        found = {name for name in wheel.namelist() if ".dist-info/" not in name}
    ours = [path for path in (SRC / "dqnlab").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert found == {path.relative_to(SRC).as_posix() for path in ours}
