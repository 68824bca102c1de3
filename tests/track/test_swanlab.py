"""With the real SwanLab: offline, without a network, a terminal or an account."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from dqnlab.errors import ConfigError, DqnlabError
from dqnlab.track.swanlab import SwanlabTracker, spelled
from dqnlab.track.tracker import Swanlab, TrackedRun

LONELY = """
import random, signal, sys
from pathlib import Path
from dqnlab.track.swanlab import SwanlabTracker
from dqnlab.track.tracker import TrackedRun

before = random.getstate(), signal.getsignal(signal.SIGINT), sys.excepthook
tracker = SwanlabTracker(TrackedRun(Path(sys.argv[1]), "CartPole-v1", {"seed": 0}, ""), finish_within=60.0)
for step in range(1000):
    tracker.log(step, {"train/reward": 1.0})
line = tracker.close()
assert before == (random.getstate(), signal.getsignal(signal.SIGINT), sys.excepthook)
assert not {"swanlab", "torch"} & set(sys.modules)
print(line)
"""


@pytest.fixture
def no_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SWANLAB_MODE")


def records(run: Path) -> Iterator[Any]:
    """What an offline run holds, read as `swanlab sync` reads it."""
    from swanlab.proto.swanlab.record.v1.record_pb2 import Record
    from swanlab.sdk.internal.core_python.store import DataStoreReader

    reader = DataStoreReader()
    (path,) = run.glob("run-*.swanlab")
    reader.open(path)
    for data in reader:
        record = Record()
        record.ParseFromString(data)
        yield record
    reader.close()


@pytest.mark.world
@pytest.mark.usefixtures("no_mode")
def test_offline_run_holds_the_rows_the_config_and_the_page(about: TrackedRun) -> None:
    tracker = SwanlabTracker(about, start_after=60.0, finish_within=60.0)
    tracker.log(5, {"train/reward": 15.0})
    tracker.log(9, {"train/reward": 30.0, "learn/loss": 0.5})
    tracker.end()
    page = about.run_folder / "report.html"
    page.write_text("<!doctype html><p>é</p>", encoding="utf-8")
    tracker.finish(SimpleNamespace(files={"report": page}))  # type: ignore[arg-type]
    line = tracker.close()
    (run,) = (about.run_folder / "swanlab").glob("run-*")
    assert line == f"SwanLab: recorded offline (no API key); to upload it: swanlab sync {run}"
    found = list(records(run))
    scalars = [(r.scalar.key, r.scalar.step, r.scalar.value.number) for r in found if r.HasField("scalar")]
    assert scalars == [("train/reward", 5, 15.0), ("train/reward", 9, 30.0), ("learn/loss", 9, 0.5)]
    (media,) = [r.media for r in found if r.HasField("media")]
    assert (media.key, media.step) == ("page", 9)
    (kept,) = (run / "media").rglob("*.html")
    assert (kept.name, kept.read_bytes()) == (media.value.items[0].filename, page.read_bytes())
    (start,) = [r.start for r in found if r.HasField("start")]
    assert (start.project, start.name, start.description) == ("RL-All-In-One", "run", "CartPole-v1, a test")
    config = yaml.safe_load((run / "files" / "config.yaml").read_text())
    assert config["seed"]["value"] == 3
    assert config["optimizer"]["value"] == {"max_grad_norm": "none"}


@pytest.mark.world
@pytest.mark.usefixtures("no_mode")
def test_nothing_of_the_machine_is_in_what_would_be_uploaded(about: TrackedRun) -> None:
    SwanlabTracker(about, start_after=0.0, finish_within=60.0).close()
    (run,) = (about.run_folder / "swanlab").glob("run-*")
    said = {path.name: path.read_text() for path in (run / "files").iterdir()}
    said |= {f"{r.num}": str(r) for r in records(run) if not r.HasField("save")}  # which tells where those files lie
    assert {"swanlab-metadata.json", "config.yaml"} < said.keys()
    words = [socket.gethostname(), str(Path.cwd()), sys.executable]
    assert [(name, word) for name, text in said.items() for word in words if word in text] == []


@pytest.mark.world
@pytest.mark.usefixtures("no_mode")
def test_names_that_swanlab_would_refuse_are_cut_to_its_measure(about: TrackedRun) -> None:
    tracker = SwanlabTracker(
        replace(about, env="ALE/" + "x" * 600, description="d" * 2000), start_after=0.0, finish_within=60.0
    )
    line = tracker.close()
    assert line is not None
    assert "recorded offline" in line


@pytest.mark.world
def test_no_network_no_terminal_no_account_is_no_prompt_and_leaves_no_trace(about: TrackedRun, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SWANLAB_")}
    home = tmp_path / "lonely"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", LONELY, str(about.run_folder)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment | {"HOME": str(home), "USERPROFILE": str(home)},
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("SwanLab: recorded offline (no API key); to upload it: swanlab sync ")
    assert done.stdout.count("\n") == 1
    assert done.returncode == 0
    assert list(home.iterdir()) == []


@pytest.mark.world
@pytest.mark.usefixtures("no_mode")
def test_key_without_a_network_records_offline(about: TrackedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWANLAB_API_KEY", "x" * 21)
    monkeypatch.setenv("SWANLAB_API_HOST", "http://127.0.0.1:9")  # nobody listens at the discard port
    line = SwanlabTracker(about, start_after=0.0, finish_within=60.0).close()
    assert line is not None
    assert "recorded offline (127.0.0.1 does not answer)" in line


@pytest.mark.world
def test_mode_of_the_users_own_is_respected(about: TrackedRun) -> None:
    tracker = SwanlabTracker(about, start_after=0.0, finish_within=60.0)  # SWANLAB_MODE=disabled, as in all other tests
    tracker.log(1, {"a": 1.0})
    assert tracker.close() is None
    assert list(about.run_folder.iterdir()) == []


@pytest.mark.world
def test_mode_that_does_not_exist_is_an_error_for_the_guard(about: TrackedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWANLAB_MODE", "bogus")
    with pytest.raises(DqnlabError, match="bogus"):
        SwanlabTracker(about, start_after=0.0, finish_within=60.0).close()


def test_config_becomes_plain_values_with_none_spelled_out() -> None:
    config = {"a": None, "b": {"c": (1, None)}, "d": True, "e": 0.5, "f": Path("x")}
    assert spelled(config) == {"a": "none", "b": {"c": [1, "none"]}, "d": True, "e": 0.5, "f": "x"}


@pytest.mark.world
@pytest.mark.usefixtures("no_mode")
def test_a_run_resumed_offline_keeps_the_id_so_that_syncing_both_makes_one_experiment(about: TrackedRun) -> None:
    settings = Swanlab(project="mine", id="abcdefghij0123456789x", tags=("t",))
    seed = replace(about, name="both/seed-3", group="both")
    for _ in range(2):
        line = SwanlabTracker(seed, settings, start_after=0.0, finish_within=60.0).close()
        assert line is not None
        assert "recorded offline (no API key)" in line
    starts = []
    for folder in ("swanlab", "swanlab-2"):
        (run,) = (about.run_folder / folder).glob("run-*")
        starts += [r.start for r in records(run) if r.HasField("start")]
    assert [(s.id, s.project, s.name, s.group, list(s.tags)) for s in starts] == [
        ("abcdefghij0123456789x", "mine", "both/seed-3", "both", ["t"])
    ] * 2


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"project": "a b"}, "swanlab.project must be 1 to 100 letters, digits or -_+., got 'a b'"),
        ({"workspace": "w" * 26}, "swanlab.workspace must be 1 to 25 letters, digits or -_, got"),
        ({"name": ""}, "swanlab.name must be 1 to 512 visible characters on one line, got ''"),
        ({"name": "a\tb"}, r"swanlab.name must be 1 to 512 visible characters on one line, got 'a\tb'"),
        ({"name": "a\x00"}, "swanlab.name must be 1 to 512 visible characters"),
        ({"name": "\ud800"}, "swanlab.name must be 1 to 512 visible characters"),
        ({"group": "  "}, "swanlab.group must be 1 to 512 visible characters on one line, got '  '"),
        ({"tags": ["ok", " "]}, "swanlab.tags must be up to 30 of up to 512 visible characters"),
        ({"tags": ["\x1b[31mred"]}, "swanlab.tags must be up to 30 of up to 512 visible characters"),
        ({"tags": [""]}, "swanlab.tags must be up to 30 of up to 512 visible characters"),
        ({"group": 3}, "swanlab.group must be a text or none, got 3"),
    ],
)
def test_what_swanlab_would_refuse_later_is_refused_at_once(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Swanlab(**settings)
    assert said in str(caught.value)
