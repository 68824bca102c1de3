"""When the health verdict turns: said once it holds, and handed to a command without a shell."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from dqnlab.app.alert import alert_words
from dqnlab.app.calls import read
from dqnlab.errors import ConfigError
from dqnlab.live import verdict
from dqnlab.live.growing import Growing
from dqnlab.live.verdict import MOST_ALERTS, Alert, Turn, VerdictWatch

from ..explain.courses import FACTS

EVIL = '"; touch hacked; echo $(touch hacked) `touch hacked` \x1b[31m\n'
TURN = Turn(
    run=EVIL, step=1_000, before="healthy", now="diverging", severity="bad", says="Diverging: The values run away."
)


class Process:
    """One that was started, and goes on."""

    def __init__(self, words: list[str], **how: Any) -> None:
        self.words, self.how = words, how

    def poll(self) -> int | None:
        return None


def test_the_verdict_is_the_last_word_of_the_command_and_no_shell_reads_it(tmp_path: Path) -> None:
    started: list[Process] = []
    alert = Alert(["tell", "me"], lambda *args, **more: started.append(Process(*args, **more)) or started[-1])
    alert(TURN, tmp_path / "run")
    (process,) = started
    assert process.words[:2] == ["tell", "me"]
    assert process.words[2].endswith("step 1,000: healthy -> Diverging: The values run away.")
    assert "\x1b" not in process.words[2]
    assert "\n" not in process.words[2]
    assert "shell" not in process.how
    environment = {name: value for name, value in process.how["env"].items() if name.startswith("DQN_")}
    assert environment == {
        "DQN_RUN": str(tmp_path / "run"),
        "DQN_STEP": "1000",
        "DQN_VERDICT": "diverging",
        "DQN_VERDICT_BEFORE": "healthy",
        "DQN_SEVERITY": "bad",
    }


def test_alerts_that_do_not_end_are_not_piled_up(tmp_path: Path) -> None:
    started: list[Process] = []
    alert = Alert(["x"], lambda *args, **more: started.append(Process(*args, **more)) or started[-1])
    for _ in range(20):
        alert(TURN, tmp_path)
    assert len(started) == MOST_ALERTS


def test_a_command_is_parted_as_a_shell_would_and_nothing_else_of_a_shell_is_known() -> None:
    assert alert_words(f"'{sys.executable}' 'a b' $HOME ; rm") == [sys.executable, "a b", "$HOME", ";", "rm"]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("notify 'me", "close its quotes"),
        ("no-such-program-here x", "can be found"),
    ],
)
def test_a_command_that_cannot_be_is_refused_before_anything_begins(command: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read("train", ["CartPole-v1", "--live", "--alert", command], 0.0)


def test_an_alert_without_the_view_that_looks_for_it_is_refused() -> None:
    with pytest.raises(ConfigError, match="belongs to --live"):
        read("train", ["CartPole-v1", "--alert", "echo"], 0.0)


def test_a_verdict_has_turned_once_it_is_there_at_two_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "metrics.jsonl").write_text(json.dumps({"schema": 1}) + "\n")
    growing, watch = Growing(tmp_path), VerdictWatch("run")
    growing.read()
    real, kinds = verdict.diagnose_columns, iter(["healthy", "dead", "healthy", "dead", "dead", "dead"])

    def diagnosed(columns: Any, facts: Any) -> Any:
        from dataclasses import replace

        return [replace(real(columns, facts)[0], kind=next(kinds))]

    monkeypatch.setattr(verdict, "diagnose_columns", diagnosed)
    monkeypatch.setattr(verdict, "verdict", lambda finding: "…")
    turns = [watch.look(growing, FACTS) for _ in range(6)]
    assert [turn and (turn.before, turn.now) for turn in turns] == [None, None, None, None, ("healthy", "dead"), None]
