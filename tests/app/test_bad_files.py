"""Bad files and bad folders: one message that names them, and nothing made."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from dqnlab.app.cli import main
from dqnlab.app.parse import parse_train
from dqnlab.config import Config, Env
from dqnlab.envs.make import describe
from dqnlab.lab.session import train
from dqnlab.store.start import write_start

from ..tiny import TINY

LONG = "9" * 5000

# What the file holds, and what the message does.
FILES: list[tuple[str | bytes, list[str]]] = [
    # not TOML
    ("gamma = ", ["my.toml is not valid TOML"]),
    ("[env", ["my.toml is not valid TOML"]),
    ("gamma = 0.9\ngamma = 0.8", ["my.toml is not valid TOML: Cannot overwrite a value"]),
    ("[env]\n[env]", ["my.toml is not valid TOML: Cannot declare ('env',) twice"]),
    ("\x00", ["my.toml is not valid TOML"]),
    ("!!python/object/apply:os.system ['ls']", ["my.toml is not valid TOML"]),
    (f"seed = {LONG}", ["my.toml is not valid TOML", "5000 digits"]),
    ("a = " + "[" * 3000, ["my.toml is not valid TOML: it is nested too deeply"]),
    ("<html>", ["my.toml is not valid TOML"]),
    (b"\x89PNG\r\n\x1a\n\x00", ["my.toml is not text, or is UTF-16 without a byte order mark: save it as UTF-8"]),
    ("gamma = 0.9 # \u00e9".encode("utf-16-le"), ["my.toml is not text, or is UTF-16 without a byte order mark"]),
    (b"seed = 1\n# caf\xe9", ["my.toml is not valid UTF-8 (byte 0xe9 in line 2): save it as UTF-8"]),
    ("gamma = 2".encode("utf-16"), ["my.toml: gamma must be in [0, 1], got 2"]),
    # unknown names
    ("learning_rtae = 1", ["unknown key 'learning_rtae'; did you mean"]),
    ("seeed = 1", ["unknown key 'seeed'; did you mean seed?"]),
    ("lr = 0.1", ["unknown key 'lr'; did you mean optimizer.lr?"]),
    ("subject = 'x'", ["unknown key 'subject'; `dqn train --help` lists"]),
    ("'' = 1", ["unknown key ''"]),
    ("[Optimizer]\nlr = 1", ["unknown key 'Optimizer'; did you mean optimizer?"]),
    ("preset = 'nope'", ["unknown preset 'nope'; choose from"]),
    ("preset = 3", ["unknown preset '3'"]),
    # wrong types
    ("optimizer.lr = '3e-4'", ["optimizer.lr must be in (0, 10], got '3e-4': write it without quotes"]),
    ("seed = '7'", ["seed must be a whole number in [0, 2**32), got '7': write it without quotes"]),
    ("optimizer.lr = 'nan'", ["optimizer.lr must be in (0, 10], got 'nan'"]),
    ("seed = 1979-05-27", ["seed must be a whole number in [0, 2**32), got datetime.date(1979, 5, 27)"]),
    ("device = []", ["device must be one of auto, cpu, cuda, got []"]),
    ("compile = true", ["compile must be one of auto, on, off, got True"]),
    ("[[env]]\nid = 'x'", ["env must be a table, [env], got [{'id': 'x'}]"]),
    ("[torso]\nhidden = [64, [1]]", ["torso.hidden must be the units of each layer, as (64, 64), got [64, [1]]"]),
    ("[torso]\nhidden = []", ["torso.hidden must be at least one layer, got ()"]),
    (f"[torso]\nhidden = {[1] * 101}", ["torso.hidden must be at most 100 layers, got (1, 1,"]),
    ("optimizer.lr.x = 1", ["optimizer.lr must be in (0, 10], got {'x': 1}"]),
    ("[env]\nkwargs = '[1]'", ["env.kwargs must be a table of names and values, got [1]"]),
    (f"[env]\nkwargs = '{'[' * 100_000}'", ["env.kwargs is not valid JSON"]),
    (
        "[env.kwargs]\nborn = 1979-05-27",
        ["env.kwargs.born must be values that a text file can hold", "got datetime.date(1979, 5, 27)"],
    ),
    ("[env.kwargs]\nborn = [{ on = 07:32:00 }]", ["env.kwargs.born[0].on must be values that a text file can hold"]),
    ('[env]\nkwargs = \'{"a": "\\ud800"}\'', ["env.kwargs.a must be values that a text file can hold", "surrogates"]),
    # values
    ("[env]\nid = ''", ["env.id must be the id of an environment, such as CartPole-v1, got ''"]),
    ("env.reward_threshold = nan", ["env.reward_threshold must be in", "got nan"]),
    ("env.reward_threshold = inf", ["env.reward_threshold must be in", "got inf"]),
    ("budget.num = 1e300", ["budget.num must be a whole number below 2**63, got 1.0000e+300"]),
    ("budget.num = 1e400", ["budget.num must be a whole number of at least 1, got inf"]),
    ("film.max_seconds = nan", ["film.max_seconds must be in (0, 3600], got nan"]),
    (f"device = '{'x' * 10_000}'", ["device must be one of", "xxx…"]),
]


@pytest.mark.parametrize(("text", "words"), FILES, ids=lambda value: repr(value)[:40])
def test_files_that_cannot_work_are_answered(text: str | bytes, words: list[str], refused: Any) -> None:
    Path("my.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert len(refused("train --config my.toml", 2, *words)) < 700


def test_a_folder_is_no_file_of_settings(refused: Any) -> None:
    Path("my.toml").mkdir()
    refused("train --config my.toml", 2, "my.toml cannot be read", "directory")


def test_a_name_that_no_file_can_have(refused: Any) -> None:
    refused(["train", "--config", "my\x00.toml"], 2, "cannot be read", "null byte")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])  # Windows' shell writes UTF-16 by its `>`
def test_a_byte_order_mark_and_the_line_ends_of_other_systems_are_read(
    encoding: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("my.toml").write_bytes("seed = 7\r\ngamma = 0.5\r\n".encode(encoding))
    assert main(["train", "--config", "my.toml", "--dry-run"]) == 0
    assert "\nseed = 7" in capsys.readouterr().out


def test_flags_beat_the_file_which_beats_the_preset_and_the_last_flag_wins(capsys: pytest.CaptureFixture[str]) -> None:
    Path("my.toml").write_text("seed = 7\ngamma = 0.5\n")
    assert main(["train", "--gamma", "0.6", "--config", "my.toml", "--gamma", "0.7", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "\nseed = 7" in out
    assert "\ngamma = 0.7" in out
    assert "\nn = 8" in out


# ── Folders ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--out taken.txt", "output folder 'taken.txt' exists and is not a folder: choose another --out"),
        ("--out taken.txt/run", "cannot make the run folder 'taken.txt/run' (Not a directory): choose another --out"),
        ("--runs taken.txt", "cannot make the run folder 'taken.txt' (Not a directory): choose another --runs"),
        ("--out mine", "output folder 'mine' exists and is not empty: choose another --out"),
        (f"--out {'y' * 300}", "File name too long"),
        (f"--runs {'y' * 300}/runs", "File name too long"),
        (f"--out {'y' * 300} --seeds 2", "File name too long"),
    ],
)
def test_a_folder_that_cannot_be_made_is_named_before_anything_is_learnt(
    words: str, said: str, refused: Any, small: list[str]
) -> None:
    Path("taken.txt").write_text("text")
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("years of work")
    refused(["train", *words.split(), *small], 2, said)


@pytest.mark.parametrize("name", ["a run/ü/日/🤖/", "x" * 250])
def test_a_folder_may_be_called_anything_the_system_allows(
    name: str, small: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (
        main(["train", "--out", name, "--learning-starts", "128", *small, "--env.num-envs", "1", "--batch-size", "64"])
        == 0
    )
    assert json.loads(Path(name, "result.json").read_text())["env_steps"] >= 200


def test_a_tilde_is_the_home_folder_even_where_no_shell_sees_it(tmp_path: Path) -> None:
    args, _ = parse_train(["--out=~/mine", "--runs", "~"])
    assert (args.out, args.runs) == (tmp_path / "home" / "mine", tmp_path / "home")


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"text"])
@pytest.mark.parametrize("command", ["evaluate", "watch", "record"])
def test_a_file_that_holds_no_network_is_told_from_a_run(command: str, content: bytes, refused: Any) -> None:
    Path("net.pth").write_bytes(content)
    refused(f"{command} net.pth", 4, "'net.pth' is not a readable weights file")


def test_a_run_that_has_saved_no_network_yet_is_told(refused: Any) -> None:
    Path("young").mkdir()
    write_start(Path("young"), Config(), describe(Env()), 1)
    refused(
        "evaluate young",
        4,
        "best_model.pth",
        "the run has saved no network yet; wait for it, or resume it: dqn resume young",
    )


# ── What is left in a run's folder ───────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run; whoever changes something in it puts it back."""
    folder = tmp_path_factory.mktemp("ended") / "run"
    train(TINY, trackers=(), out=folder)
    return folder


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["config.toml", "meta.json", "result.json"])
def test_what_an_editor_has_saved_otherwise_is_read(name: str, encoding: str, ended: Path) -> None:
    before = Path(ended, name).read_bytes()
    Path(ended, name).write_bytes(before.decode().replace("\n", "\r\n").encode(encoding))
    try:
        assert main(["evaluate", str(ended), "--episodes", "1"]) == 0
        assert main(["explain", str(ended), "--step"]) == 0
        assert main(["runs", str(ended.parent)]) == 0
    finally:
        Path(ended, name).write_bytes(before)


@pytest.mark.parametrize("kind", ["folder", "pipe"])
@pytest.mark.parametrize(
    ("name", "words", "code"),
    [
        ("best_model.pth", "evaluate RUN --episodes 1", 4),
        ("best_model.pth", "record RUN", 4),
        ("best_model.pth", "explain RUN", 4),
        ("meta.json", "evaluate RUN", 2),
        ("result.json", "explain RUN", 2),
        ("metrics.jsonl", "explain RUN", 2),
        ("batch.safetensors", "explain RUN", 2),
        ("batch.safetensors", "explain RUN --step", 2),
        ("snapshots.safetensors", "explain RUN", 2),
        ("target_model.safetensors", "explain RUN", 2),
    ],
)
def test_what_is_no_file_is_called_what_it_is(
    name: str, words: str, code: int, kind: str, ended: Path, refused: Any
) -> None:
    Path(ended, name).rename(ended / "kept")
    Path(ended, name).mkdir() if kind == "folder" else os.mkfifo(ended / name)
    says = (
        "is a folder where a file belongs: move it elsewhere"
        if kind == "folder"
        else "is a pipe or a device, not a file"
    )
    try:
        refused(words.replace("RUN", str(ended)), code, f"{name}' {says}", begun=True)
    finally:
        Path(ended, name).rmdir() if kind == "folder" else Path(ended, name).unlink()
        Path(ended, "kept").rename(ended / name)
