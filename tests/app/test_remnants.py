"""Runs that have lost their config.toml, by which a run is known."""

import json
from pathlib import Path
from typing import Any

import pytest

from dqnlab.app.cli import main
from dqnlab.config import presets
from dqnlab.config.toml import to_toml
from dqnlab.store.folder import CONFIG, META, METRICS, SUMMARY, write_json

HOME = Path("runs/CartPole-v1")
META_ONLY, METRICS_ONLY, CHECKPOINT_ONLY = (HOME / f"2026010{day}T000000Z-a-s0" for day in (1, 2, 3))
GROUP = HOME / "20260104T000000Z-b-s0-1"


@pytest.fixture
def lost() -> None:
    for folder in (META_ONLY, METRICS_ONLY, CHECKPOINT_ONLY, GROUP / "seed-0", GROUP / "seed-1"):
        folder.mkdir(parents=True)
    for folder in (META_ONLY, GROUP / "seed-0", GROUP / "seed-1"):
        write_json(folder / META, {"env": {}})
    (METRICS_ONLY / METRICS).write_text('{"schema": 1}\n')
    (CHECKPOINT_ONLY / META).write_text('{"env": "production"}')  # of another program
    (CHECKPOINT_ONLY / METRICS).write_text('{"epoch": 1}\n')
    (GROUP / "seed-0" / CONFIG).write_text(to_toml(presets.get("cartpole")))
    write_json(GROUP / SUMMARY, {"seeds": [0, 1]})


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> list[tuple[str, str, str | None]]:
    assert main(["runs", "--json", *words]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["runs"]
    return [(row["name"], row["status"], row["damage"]) for row in found]


@pytest.mark.usefixtures("lost")
def test_a_run_that_has_lost_its_settings_is_listed_as_damaged_with_what_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = [(each.name, "damaged", "no config.toml") for each in (META_ONLY, METRICS_ONLY)]
    assert listed(capsys)[:2] == known
    assert len(listed(capsys)) == 3
    assert listed(capsys, METRICS_ONLY.name) == known[1:]
    checkpoint = CHECKPOINT_ONLY / "checkpoints" / "step-000000100"
    checkpoint.mkdir(parents=True)
    (checkpoint / "manifest.json").write_text("{}")
    assert main(["runs"]) == 0
    said = capsys.readouterr().out.splitlines()
    for name in (META_ONLY.name, METRICS_ONLY.name, CHECKPOINT_ONLY.name, f"{GROUP.name}/seed-1"):
        assert f"{name} is damaged: no config.toml" in said
    assert main(["runs", "--tree"]) == 0
    assert f"{META_ONLY.name}  damaged" in capsys.readouterr().out


@pytest.mark.usefixtures("lost")
def test_a_run_that_has_lost_its_settings_is_named_as_what_it_is(refused: Any) -> None:
    name = META_ONLY.name
    refused(f"evaluate {name}", 2, f"{name}' is damaged: it has no config.toml; put that back, or", begun=True)
    refused(f"rm {name} --yes", 2, f"{name}' is no run: its meta.json is there, but no config.toml", begun=True)
