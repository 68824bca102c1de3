"""`dqn selftest`: the kinds that learn, and the problems, as they are typed."""

from pathlib import Path

import pytest

from dqnlab.app.cli import main
from dqnlab.app.parse import parse_selftest
from dqnlab.check.probes import PROBES, probe_config
from dqnlab.config import presets


def test_without_settings_it_tests_what_it_always_did() -> None:
    made = parse_selftest([]).config
    for probe in PROBES:
        assert probe_config(made, probe) == probe_config(presets.get("default"), probe)


def test_a_preset_and_flags_choose_the_kinds(tmp_path: Path) -> None:
    args = parse_selftest(["end", "--preset", "per", "head:qr", "--head.num", "7", "--n", "3", "choice"])
    assert args.probe == ("end", "choice")
    assert (args.config.preset, args.config.sampler.kind, args.config.n) == ("per", "prioritized", 3)
    assert (args.config.head.kind, args.config.head.num) == ("qr", 7)  # type: ignore[union-attr]
    file = tmp_path / "my.toml"
    file.write_text('preset = "c51"\nn = 2\n')
    config = parse_selftest(["--config", str(file)]).config
    assert (config.preset, config.head.kind, config.n) == ("c51", "c51", 2)


def test_what_was_learned_is_printed_and_a_failure_is_the_exit_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["selftest", "end", "delay", "head:qr"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in said[:2]] == [["ok", "end"], ["ok", "delay"]]
    assert said[2:] == ["every probe learned its known Q-values"]
    monkeypatch.setattr("dqnlab.check.probes.STEPS", 65)  # a single update
    assert main(["selftest", "delay"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 failed"


def test_a_rule_that_learns_other_values_is_answered_with_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest", "--preset", "munchausen"]) == 2
    assert "--rule.alpha 0 --rule.tau 0.001" in capsys.readouterr().err


def test_the_help_names_problems_and_kinds(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_selftest(["--help"])
    text = capsys.readouterr().out
    assert "usage: dqn selftest [PROBE …] [FIELD:KIND" in text
    assert "--head.huber" in text
