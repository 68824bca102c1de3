"""Secrets stay where they are, and what a stored text would import is known before anything is made of it."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dqnlab import train
from dqnlab.app.cli import main
from dqnlab.config import Config, Env, Steps
from dqnlab.config.presets import TEXTBOOK
from dqnlab.config.toml import from_toml, to_toml
from dqnlab.errors import ConfigError
from dqnlab.lab.many.seed import ERROR, failed
from dqnlab.track.open import warn
from dqnlab.trust import HIDDEN, clean, imported_by, is_secret, redacted, redacted_command

CANARY = "c4n4ry-0f-the-m1ne"


@pytest.mark.parametrize(
    "name", ["api_key", "key", "authToken", "HF_TOKEN", "SECRET_ACCESS_KEY", "db-password", "apikey"]
)
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name", ["max_tokens_seen", "monkey", "keyboard", "key_color", "tokenizer", "render_mode", "", "_"]
)
def test_ordinary_names_are_left_alone(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"api_key": CANARY}, "env.kwargs.api_key"),
        ({"server": {"login": [{"password": CANARY}]}}, "env.kwargs.server.login.password"),
        ({"tokens": "x", "token": [CANARY]}, "env.kwargs.token"),
        ({"server": f"https://me:{CANARY}@example.org/x"}, "env.kwargs.server"),
    ],
)
def test_an_argument_that_looks_like_a_secret_is_refused(kwargs: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=f"^{named} looks like a secret.*environment variable") as refused:
        Env(kwargs=kwargs)
    assert CANARY not in str(refused.value)


def test_other_arguments_are_taken() -> None:
    Env(kwargs={"key": 3, "max_tokens": 5, "token": None, "server": "https://example.org/a@b", "path": "C:\\x"})


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("--api-key=abc", f"--api-key={HIDDEN}"),
        ("HF_TOKEN=abc dqn", f"HF_TOKEN={HIDDEN} dqn"),
        ('{"password": "a b", "x": 1}', f'{{"password": {HIDDEN}, "x": 1}}'),
        ("get https://me:abc@example.org/x", f"get https://{HIDDEN}@example.org/x"),
        ("get https://example.org/a@b", "get https://example.org/a@b"),
        ("--env.id=CartPole-v1", "--env.id=CartPole-v1"),
        (f"the name was {CANARY}!", f"the name was {HIDDEN}!"),
    ],
)
def test_values_of_secrets_are_hidden(text: str, kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET", CANARY)
    assert redacted(text) == kept


def test_the_word_after_a_secret_flag_is_hidden() -> None:
    words = ["train.py", "--seed", "3", "--wandb-token", "abc", "--key", "--quiet", "--key=abc", "https://a:b@c"]
    kept = [
        "train.py",
        "--seed",
        "3",
        "--wandb-token",
        HIDDEN,
        "--key",
        "--quiet",
        f"--key={HIDDEN}",
        f"https://{HIDDEN}@c",
    ]
    assert redacted_command(words) == kept


# ── Whole runs ───────────────────────────────────────────────────────────────────────────────────


def test_no_file_of_a_run_holds_a_secret(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("SWANLAB_API_KEY", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "DB_PASSWORD"):
        monkeypatch.setenv(name, f"{CANARY}-{name}")
    spoken = [
        "train.py",
        "--token",
        f"{CANARY}-1",
        f"--my-key={CANARY}-2",
        f"https://me:{CANARY}-3@x",
        f"{CANARY}-HF_TOKEN",
    ]
    monkeypatch.setattr(sys, "argv", spoken)
    config = replace(TEXTBOOK, budget=Steps(num=70), film=replace(TEXTBOOK.film, episodes=0))
    config = replace(config, score_episodes=1, confirm_episodes=1, select_episodes=1)
    run = train(config, trackers=["swanlab", "tensorboard"])
    files = [path for path in run.folder.rglob("*") if path.is_file()]
    assert len(files) >= 9
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []
    assert json.loads((run.folder / "meta.json").read_text("utf-8"))["command"][:3] == ["train.py", "--token", HIDDEN]
    assert CANARY not in "".join(capfd.readouterr())


@pytest.mark.parametrize("argument", ['{"token": "%s"}', '{"server": "ftp://me:%s@x"}', '{"a": {"api_key": "%s"}}'])
def test_a_secret_on_the_command_line_is_refused_unrepeated(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--env.kwargs", argument % CANARY]) == 2
    out, err = capsys.readouterr()
    assert "looks like a secret" in err
    assert CANARY not in out + err
    assert not Path("runs").exists()


def test_reports_of_failures_hide_secrets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MY_TOKEN", CANARY)
    report = failed(3, Path(), RuntimeError(f"401 for {CANARY} at https://me:pw@x"))
    warn(f"tracker off: \x1b[31m{CANARY}")
    said = capsys.readouterr().err
    assert CANARY not in report.error + Path(ERROR).read_text("utf-8") + said
    assert "\x1b" not in said
    assert "RuntimeError: 401 for" in report.error


# ── Modules and letters ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("env_id", "module"),
    [
        ("CartPole-v1", None),
        ("ALE/Pong-v5", None),
        (Env, None),
        (None, None),
        ("a:X-v0", "a"),
        (" a :X", " a "),
        ("a.b:c:d", "a.b:c"),
        (":X", ""),
        ("a\uff1aX-v0", None),  # a letter to Gymnasium, which knows no such id
        ("GymV21Environment-v0", "gym"),
    ],
)
def test_the_module_that_an_id_imports_is_known(env_id: object, module: str | None) -> None:
    assert imported_by(env_id) == module


def test_text_is_cleaned_of_what_steers_a_terminal() -> None:
    assert clean("a\x1b[2J\x07\x9b\u202e\u2066\ud800b\r\nc<é漢>") == "a[2Jb c<é漢>"


def test_settings_are_written_without_what_steers_a_terminal() -> None:
    config = Config(preset="a\x1b\x7f\x9b\u202e\u2028\ufeffé漢")
    assert all(each == "\n" or each.isprintable() for each in to_toml(config))
    assert from_toml(to_toml(config), Config(), "it") == config
