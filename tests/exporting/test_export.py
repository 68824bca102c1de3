"""`dqn export` and `dqnlab.export`: what they write, what they say, and what they refuse."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import dqnlab
from dqnlab.app.cli import main
from dqnlab.config import Env
from dqnlab.errors import ConfigError, DqnlabError, FolderError, NumericsError, ResourceError
from dqnlab.exporting import export as exporting
from dqnlab.exporting.about import outside
from dqnlab.exporting.destination import destination
from dqnlab.exporting.portable import captured
from dqnlab.exporting.verify import compared, verify
from dqnlab.lab.session import train
from dqnlab.learn.networks import Mlp
from dqnlab.store.folder import LAST
from dqnlab.store.lock import LOCK, locked
from dqnlab.store.made import made_in_run

from ..exported import JOINT, KINDS, MASKED, SMALL, about_of, balancing_agent, make_agent, states_for, write_all
from ..tiny import tiny

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "exported"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    train(tiny(), trackers=("none",), out=folder)
    return folder


def load_module(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.world
def test_a_run_is_exported_and_compared_by_a_python_without_torch(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(run), "--format", "numpy", "--states", "50"]) == 0
    files, equality = capsys.readouterr().out.splitlines()
    assert "export/numpy: agent.py (" in files
    assert "compared on 50 states by numpy" in equality
    assert "equal actions 50 of 50" in equality
    module = load_module(run / "export" / "numpy" / "agent.py", "exported_agent")
    agent, obs = dqnlab.load(run), np.array([0.1, 0.2, -0.1, 0.3], np.float32)
    np.testing.assert_allclose(module.values(obs), agent.q_values(obs), atol=1e-5)
    assert module.values(np.stack([obs] * 3)).shape == (3, 2)
    assert module.act(obs) == agent.act(obs)
    with pytest.raises(ValueError, match=r"shape \(3,\); this agent takes \(4,\)"):
        module.values(obs[:3])
    assert made_in_run(run).strange == ()


def test_an_export_from_python_says_how_close_it_comes(run: Path, tmp_path: Path) -> None:
    made = dqnlab.export(dqnlab.load(run), "onnx", tmp_path / "deep" / "model", states=20)
    assert made.sizes.keys() == {"agent.onnx"}
    assert (made.equality.states, made.equality.equal, made.equality.ties) == (20, 20, 0)
    assert made.equality.by.startswith("onnxruntime ")
    assert 0 < made.equality.difference < 1e-4
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["model"]


# ── What is not as it should be ──────────────────────────────────────────────────────────────────


def test_a_program_that_differs_never_takes_its_place(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    honest = exporting.WRITERS["onnx"]

    other = make_agent(SMALL, KINDS["mlp"][1]._replace(num_actions=2))
    monkeypatch.setitem(exporting.WRITERS, "onnx", lambda program, about: honest(captured(other), about))
    assert main(["export", str(run), "--states", "20", "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "the exported program is not the network: compared on 20 states by onnxruntime" in said
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["out-unverified"]
    monkeypatch.setitem(exporting.WRITERS, "onnx", honest)
    assert main(["export", str(run), "--states", "20", "--out", str(tmp_path / "out")]) == 0
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["out"]


@pytest.mark.parametrize(("stop", "code"), [(KeyboardInterrupt(), 130), (OSError(5, "broken"), 5)])
def test_an_export_that_is_cut_short_leaves_nothing_behind(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: BaseException, code: int
) -> None:
    def cut(kind: str, draft: Path, *args: object) -> None:
        assert [path.name for path in draft.iterdir() if path.name != LOCK] == ["agent.onnx"]
        raise stop

    monkeypatch.setattr(exporting, "verify", cut)
    assert main(["export", str(run), "--states", "5", "--out", str(tmp_path / "deep" / "model")]) == code
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == []


def test_what_cannot_be_compared_is_said_to_be_unverified(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    for format, why in (
        ("js", "there is neither Node.js nor chromium"),
        ("c", "there is no C compiler"),
        ("onnx", "onnxruntime is not"),
    ):
        assert main(["export", str(run), "--format", format, "--states", "5", "--out", str(tmp_path / format)]) == 0
        assert f"not verified: {why}" in capsys.readouterr().out
        assert (tmp_path / format).is_dir()


def test_a_missing_package_is_named_before_any_work(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ResourceError, match=r'needs the package onnx: pip install "dqnlab\[export\]"'):
        dqnlab.export(run, "onnx", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        ([], 2, "RUN is missing"),
        (["--format", "tflite"], 2, "--format must be one of 'onnx', 'numpy', 'js', 'c', got 'tflite'"),
        (["--states", "0"], 2, "--states must be"),
        (["--out", "full"], 2, "output folder 'full' exists and is not empty: remove it, or choose another --out"),
        (["--out", "file"], 2, "output folder 'file' is no folder"),
        (["--out", "link"], 2, "output folder 'link' is no folder"),
        (["--out", "file/below"], 2, "cannot write to 'file'"),
        (["--env", "Acrobot-v1"], 2, "has observations"),
    ],
)
def test_what_cannot_be_exported_is_refused(
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    code: int,
    why: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("kept")
    (tmp_path / "file").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "full")
    assert main(["export", *([str(run), "--states", "3", *words] if words else [])]) == code
    assert why in capsys.readouterr().err
    assert (tmp_path / "full" / "mine").read_text() == (tmp_path / "file").read_text() == "kept"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "home") == ["file", "full", "link"]


def test_a_link_in_a_run_leads_nowhere(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "export").symlink_to(tmp_path)
    with pytest.raises(FolderError, match="is a link, which may lead anywhere: use --out"):
        destination(tmp_path / "run", "c", None)


def test_each_network_of_a_run_has_a_folder_of_its_own_in_which_the_latest_export_lies(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # nothing is compared
    home = tmp_path / "run"
    shutil.copytree(run, home, ignore=shutil.ignore_patterns("export"))
    made, draft = home / "export" / "onnx", home / "export" / "onnx-unverified"
    draft.mkdir(parents=True)  # of an export that was killed
    (draft / "weights.npz").write_text("half")
    words = ["export", str(home), "--states", "3"]
    assert main(words) == main([*words, "--which", "last"]) == 0
    assert main(["export", str(home / LAST), "--states", "3"]) == 0
    first = (made / "agent.onnx").read_bytes()
    assert first != (home / "export" / "onnx-last" / "agent.onnx").read_bytes()
    (made / "agent.onnx").write_text("older")
    assert main(words) == 0
    assert (made / "agent.onnx").read_bytes() == first
    assert sorted(path.name for path in (home / "export").iterdir()) == ["onnx", "onnx-last"]
    assert [path.name for path in made.iterdir()] == ["agent.onnx"]
    assert made_in_run(home).strange == ()
    capsys.readouterr()

    (made / "robot.py").write_text("mine")
    assert main(words) == 2
    assert "onnx' holds 'robot.py', which is no part of an export: move it away, or choose" in capsys.readouterr().err
    assert sorted(path.name for path in made.iterdir()) == ["agent.onnx", "robot.py"]
    (made / "robot.py").unlink()
    draft.mkdir()
    with locked(draft):  # as by another export of the same network
        assert main(words) == 2
    assert f"process {os.getpid()}" in capsys.readouterr().err
    (draft / "robot.py").write_text("mine")
    assert main(words) == 2
    assert "onnx-unverified' holds 'robot.py'" in capsys.readouterr().err
    assert (draft / "robot.py").read_text() == "mine"


def test_an_agent_without_a_folder_wants_to_know_where(run: Path) -> None:
    with pytest.raises(FolderError, match="pass out="):
        dqnlab.export(dqnlab.load(run), "c")
    with pytest.raises(ConfigError, match="format must be one of"):
        dqnlab.export(run, "cobol")  # type: ignore[arg-type]


def test_no_name_ends_a_comment_or_a_string(tmp_path: Path) -> None:
    path = ('a"]; evil(); //', "</script>\\")
    part = MASKED.obs.parts[0]._replace(path=path)
    env = MASKED._replace(obs=MASKED.obs._replace(parts=(part, *MASKED.obs.parts[1:])))
    agent = make_agent(SMALL, env)
    write_all(agent, tmp_path, run='*/ """ \n#include <evil.h> </script>')
    for name in ("js/agent.js", "c/agent.h", "numpy/agent.py"):
        text = (tmp_path / name).read_text()
        head = text[: text.index("*/" if "numpy" not in name else '"""', 4)]
        assert "evil.h" in head
        assert "</script>" not in (text if "numpy" not in name else head)
    for name in ("c/agent.c", "c/agent.h"):
        assert not any(line.startswith("#include <evil") for line in (tmp_path / name).read_text().splitlines())
    module = load_module(tmp_path / "numpy" / "agent.py", "hostile_agent")
    assert module.PARTS[0][0] == path


def test_a_network_that_torch_cannot_record_is_refused() -> None:
    class Deciding(Mlp):
        def forward(self, x: torch.Tensor, draw: torch.Tensor) -> torch.Tensor:
            return super().forward(x if float(x.sum()) > 0 else -x, draw)

    agent = make_agent(*KINDS["mlp"])
    agent.network.torso = Deciding((4, 8, 6))
    with pytest.raises(ConfigError, match="cannot be exported, for torch cannot record it: GuardOnDataDependent"):
        captured(agent)


# ── Equality ─────────────────────────────────────────────────────────────────────────────────────


def test_equality_tells_rounding_from_ties_and_from_other_actions() -> None:
    agent = make_agent(SMALL, KINDS["mlp"][1])
    states = states_for(agent, 4)
    about, best = about_of(agent), states.values.argmax(1)
    exact = compared("x", about, states, states.values, best)
    assert (exact.difference, exact.equal, exact.ties, exact.holds) == (0, 4, 0, True)
    other = (best + 1) % 3
    assert not compared("x", about, states, states.values, other).holds
    far = states.values.copy()
    far[0] += 1
    tied = compared("x", about, states, far, np.array([other[0], *best[1:]]))
    assert (tied.equal, tied.ties, tied.holds) == (3, 1, False)  # a tie, but values are apart
    nearly = states.values.copy()
    nearly[1, best[1]] += 5e-5
    assert compared("x", about, states, nearly, best).holds
    lost = states.values.copy()
    lost[2, 0] = -np.inf
    assert not compared("x", about, states, lost, best).holds


def test_what_is_no_number_equals_nothing() -> None:
    agent = make_agent(SMALL, MASKED)
    states, about = states_for(agent, 6), about_of(agent)
    best = MASKED.actions(states.values.argmax(1))
    forbidden = np.isneginf(states.values)
    assert forbidden.any()
    assert compared("x", about, states, states.values, best).holds
    for odd in (np.nan, np.inf):
        broken = np.where(forbidden, odd, states.values)
        assert not compared("x", about, states, broken, best).holds
        assert not compared("x", about, replace(states, values=broken), broken, best).holds


def test_a_network_that_overflows_is_not_exported(run: Path, tmp_path: Path) -> None:
    agent = dqnlab.load(run)
    for weight in agent.network.parameters():
        weight.fill_(1e38)
    with pytest.raises(NumericsError, match=r"values are not finite in 3 states of 3, such as -?(nan|inf)"):
        dqnlab.export(agent, "numpy", tmp_path / "out", states=3)
    assert not (tmp_path / "out").exists()


def test_actions_are_compared_as_the_environment_gets_them() -> None:
    agent = make_agent(SMALL, JOINT)
    states = states_for(agent, 8)
    about, own = about_of(agent), JOINT.actions(states.values.argmax(1))
    assert own.shape == (8, 2)
    assert compared("x", about, states, states.values, own).equal == 8
    assert compared("x", about, states, states.values, own + 1).equal == 0


def test_the_head_says_what_wrappers_do_before() -> None:
    assert outside(Env(gray=True, resize=(84,), frame_stack=4)) == (
        "pictures made grey (0.299 red + 0.587 green + 0.114 blue)",
        "pictures made 84 x 84 by means over areas",
        "the latest 4 observations stacked, the oldest first",
    )


def test_an_array_of_numbers_and_a_mask_of_components_are_understood(tmp_path: Path) -> None:
    agent = make_agent(SMALL, JOINT)
    write_all(agent, tmp_path, {"numpy": exporting.WRITERS["numpy"]})
    module = load_module(tmp_path / "numpy" / "agent.py", "joint_agent")
    mask = (np.array([0, 1, 1]), np.array([1, 0]))
    obs = np.array([1, 3, 2])
    np.testing.assert_allclose(module.values(obs, mask), agent.q_values(obs, mask), atol=1e-6)
    assert module.act(obs, mask).tolist() == agent.act(obs, mask).tolist()


def test_a_network_that_remembers_is_reset(tmp_path: Path) -> None:
    agent = make_agent(*KINDS["lstm"])
    write_all(agent, tmp_path, {"numpy": exporting.WRITERS["numpy"]})
    module = load_module(tmp_path / "numpy" / "agent.py", "remembering_agent")
    obs = states_for(agent, 3).obs
    fresh = module.values(obs[0])
    module.act(obs[1])
    assert not np.allclose(module.values(obs[0]), fresh, atol=1e-6)
    module.reset()
    np.testing.assert_array_equal(module.values(obs[0]), fresh)


@pytest.mark.parametrize("kind", ["lstm", "mlp"])
def test_the_printed_example_gives_the_values_of_the_observation_that_is_acted_on(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = make_agent(*KINDS[kind])
    write_all(agent, tmp_path)
    module = load_module(tmp_path / "numpy" / "agent.py", "agent")
    monkeypatch.setitem(sys.modules, "agent", module)
    example = "\n".join(re.findall(r"^    (.*)", module.__doc__ or "", re.MULTILINE))
    found: dict[str, Any] = {"obs": states_for(agent, 1).obs[0]}
    exec(example, found)
    np.testing.assert_allclose(found["values"], agent.q_values(found["obs"], first=True), atol=1e-6)
    assert found["action"] == found["values"].argmax()
    for name in ("js/agent.js", "c/agent.h"):
        head = (tmp_path / name).read_text().partition("*/")[0]
        assert head.index("values(obs") < head.index("act(obs"), name


@pytest.mark.world
def test_a_program_that_fails_is_an_error_with_what_it_said(tmp_path: Path) -> None:
    agent = make_agent(*KINDS["mlp"])
    about = write_all(agent, tmp_path, {"numpy": exporting.WRITERS["numpy"]})
    (tmp_path / "numpy" / "weights.npz").unlink()
    (tmp_path / "aside").mkdir()
    with pytest.raises(DqnlabError, match=r"failed on the exported program with exit code 1: .*weights\.npz"):
        verify("numpy", tmp_path / "numpy", about, states_for(agent), tmp_path / "aside")
    (tmp_path / "numpy" / "agent.py").write_text("raise SystemExit(3)")
    with pytest.raises(DqnlabError, match=r"failed on the exported program with exit code 3, and said nothing$"):
        verify("numpy", tmp_path / "numpy", about, states_for(agent), tmp_path / "aside")


# ── A pole without dqnlab ────────────────────────────────────────────────────────────────────────


@pytest.mark.world
def test_an_exported_agent_balances_a_pole_in_numpy_and_in_c(tmp_path: Path) -> None:
    write_all(balancing_agent(), tmp_path)
    said = [run_program([sys.executable, "-I", str(EXAMPLES / "cartpole.py"), str(tmp_path / "numpy")])]
    strict = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-I", str(tmp_path / "c"), "-o", str(tmp_path / "run")]
    run_program(["gcc", *strict, str(EXAMPLES / "cartpole.c"), str(tmp_path / "c" / "agent.c"), "-lm"])
    said.append(run_program([str(tmp_path / "run"), str(tmp_path / "c" / "weights.bin")]))
    assert said == ["balanced for 500 of 500 steps\n"] * 2


def run_program(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
