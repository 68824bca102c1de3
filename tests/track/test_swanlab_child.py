"""With a SwanLab of our own making, which misbehaves in all the ways that the real one can."""

import json
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from dqnlab.errors import ResourceError
from dqnlab.track import swanlab_child
from dqnlab.track.open import SafeTracker
from dqnlab.track.swanlab import SwanlabTracker
from dqnlab.track.swanlab_child import choose_mode, reachable
from dqnlab.track.tracker import Swanlab, TrackedRun

pytestmark = pytest.mark.world

FAKE = """
import json, os, pathlib, sys, time
from types import SimpleNamespace
print("chatter"); print("chatter", file=sys.stderr); os.system("echo chatter")

class Settings:
    mode, api_key, api_host = {mode!r}, "k", "http://127.0.0.1:1"
    model_fields_set = {{"mode"}}
    Terminal = Probe = SimpleNamespace
    project, experiment = SimpleNamespace(name={project!r}), SimpleNamespace(name=None, group=None)
    def __init__(self, **settings): self.settings = settings

def init(mode, settings, **about):
    global folder
    folder = pathlib.Path(about["log_dir"]); folder.mkdir(parents=True, exist_ok=True)
    (folder / "init").write_text(f"{{mode}} {{settings.settings.get('interactive')}}")
    (folder / "about").write_text(json.dumps(about))
    {init}
    return SimpleNamespace(mode=mode, dir=folder / "run 1", url="https://example.org/run")

def log(row, step):
    {log}
    with open(folder / "log", "a") as file: print(step, row, file=file)

def finish():
    {finish}
    (folder / "finished").touch()
"""

Fake = Callable[..., None]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Puts a package `swanlab` before the real one, for child processes."""

    def make(
        mode: str = "offline", init: str = "pass", log: str = "pass", finish: str = "pass", project: str | None = None
    ) -> None:
        package = tmp_path / "fake" / "swanlab"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(FAKE.format(mode=mode, init=init, log=log, finish=finish, project=project))
        monkeypatch.setenv("PYTHONPATH", str(package.parent))

    return make


@pytest.fixture
def always_online(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody listens where the fake's host should be; choose_mode then takes online."""
    source = swanlab_child.__file__
    script = Path(source).read_text("utf-8").replace("def reachable(", "def _reachable(")
    script = script.replace("def main()", "def reachable(*_):\n    return True\n\n\ndef main()")
    path = Path.cwd() / "child.py"
    path.write_text(script)
    monkeypatch.setattr("dqnlab.track.swanlab.CHILD", path)


def test_rows_arrive_in_order_and_nothing_is_printed(
    about: TrackedRun, fake: Fake, capfd: pytest.CaptureFixture[str]
) -> None:
    fake()
    tracker = SwanlabTracker(about, start_after=0.0, finish_within=60.0)
    for step in range(3):
        tracker.log(step, {"a": step / 2})
    line = tracker.close()
    folder = about.run_folder / "swanlab"
    assert line == f"SwanLab: recorded offline; to upload it: swanlab sync '{folder}/run 1'"
    assert (folder / "log").read_text() == "0 {'a': 0.0}\n1 {'a': 0.5}\n2 {'a': 1.0}\n"
    assert (folder / "init").read_text() == "offline False"
    assert (folder / "finished").exists()
    assert capfd.readouterr() == ("", "")


def test_short_run_starts_no_process_before_its_end(about: TrackedRun, fake: Fake) -> None:
    fake()
    tracker = SwanlabTracker(about, start_after=3600.0, finish_within=60.0)
    tracker.log(1, {"a": 1.0})
    threading.Event().wait(0.2)  # time enough for a thread that does not wait
    assert tracker._child is None
    tracker.close()
    assert (about.run_folder / "swanlab" / "log").read_text() == "1 {'a': 1.0}\n"


def test_a_version_that_takes_no_page_says_so_and_keeps_the_rows(about: TrackedRun, fake: Fake) -> None:
    fake()
    (about.run_folder / "report.html").write_text("<p>")
    tracker = SwanlabTracker(about, start_after=0.0, finish_within=60.0)
    tracker.log(1, {"a": 1.0})
    tracker.finish(SimpleNamespace(files={"report": about.run_folder / "report.html"}))  # type: ignore[arg-type]
    line = tracker.close()
    assert line is not None
    assert line.endswith("(without the run's page: this version takes no html)")
    assert (about.run_folder / "swanlab" / "log").read_text() == "1 {'a': 1.0}\n"


@pytest.mark.usefixtures("always_online")
def test_online_run_says_where_it_is(about: TrackedRun, fake: Fake) -> None:
    fake(mode="online")
    assert SwanlabTracker(about, start_after=0.0, finish_within=60.0).close() == "SwanLab: https://example.org/run"


def asked(about: TrackedRun, settings: Swanlab) -> dict[str, object]:
    """What the child handed to `swanlab.init`, but for config and folder."""
    SwanlabTracker(about, settings, start_after=0.0, finish_within=60.0).close()
    said = json.loads((about.run_folder / "swanlab" / "about").read_text())
    return {key: value for key, value in said.items() if key not in ("config", "log_dir", "description")}


@pytest.mark.usefixtures("always_online")
def test_a_resumed_run_asks_for_the_experiment_that_it_began(about: TrackedRun, fake: Fake) -> None:
    fake(mode="online")
    expected = {"project": "RL-All-In-One", "name": "run", "id": "abc", "resume": "allow"}
    assert asked(about, Swanlab(id="abc")) == expected


def test_what_the_user_has_set_in_swanlab_comes_before_what_dqnlab_would_call_it(about: TrackedRun, fake: Fake) -> None:
    fake(project="mine")
    seed = replace(about, name="both/seed-3", group="both", tags=("a", "b"))
    usual = {"project": "mine", "name": "both/seed-3", "group": "both", "tags": ["a", "b"]}
    assert asked(seed, Swanlab()) == usual
    shutil.rmtree(about.run_folder / "swanlab")
    settings = Swanlab(project="other", workspace="lab", name="third", group="all", tags=("b", "c"))
    flags = {"project": "other", "workspace": "lab", "name": "third", "group": "all", "tags": ["a", "b", "c"]}
    assert asked(seed, settings) == flags


@pytest.mark.usefixtures("always_online")
def test_failed_login_records_offline_and_says_why(about: TrackedRun, fake: Fake) -> None:
    fake(mode="online", init="if mode == 'online': raise PermissionError('key refused')")
    line = SwanlabTracker(about, start_after=0.0, finish_within=60.0).close()
    assert line is not None
    assert line.startswith("SwanLab: recorded offline (online failed: PermissionError: key refused); to upload it: ")


@pytest.mark.usefixtures("always_online")
def test_upload_that_hangs_is_given_up_and_the_line_syncs_later(about: TrackedRun, fake: Fake) -> None:
    fake(mode="online", finish="time.sleep(3600)")
    tracker = SwanlabTracker(about, start_after=0.0, finish_within=0.0)
    tracker.log(1, {"a": 1.0})
    folder = about.run_folder / "swanlab"
    tracker.close()  # too early: nothing has been heard yet
    while not tracker._reports:
        threading.Event().wait(0.01)
    line = tracker.close()
    assert line == f"SwanLab: not everything was uploaded in time; to upload the rest: swanlab sync '{folder}/run 1'"
    assert tracker._child is not None
    assert tracker._child.wait() != 0  # it was killed: this does not wait for an hour
    tracker._thread.join()


def test_child_that_is_slow_to_start_is_left_to_finish(about: TrackedRun, fake: Fake, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    fake(init=f"while not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)")
    tracker = SwanlabTracker(about, start_after=0.0, finish_within=0.0)
    tracker.log(1, {"a": 1.0})
    line = tracker.close()
    folder = about.run_folder / "swanlab"
    assert line == f"SwanLab is slow to start: its offline record will be in {folder} shortly"
    gate.touch()
    tracker._thread.join()
    assert (folder / "finished").exists()
    assert (folder / "log").read_text() == "1 {'a': 1.0}\n"


def test_child_that_cannot_open_a_run_switches_the_tracker_off(
    about: TrackedRun, fake: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(init="raise OSError('disk full')")
    tracker = SafeTracker("swanlab", lambda: SwanlabTracker(about, start_after=0.0, finish_within=60.0))
    tracker.log(1, {"a": 1.0})
    assert tracker.close() is None
    assert capsys.readouterr().err.count("tracker swanlab is off: ResourceError: OSError: disk full") == 1


def test_child_that_dies_is_noticed_while_the_run_goes_on(about: TrackedRun, fake: Fake) -> None:
    fake(log="os._exit(3)")
    tracker = SwanlabTracker(about, start_after=0.0, finish_within=60.0)
    tracker.log(1, {"a": 1.0})

    def log_on() -> None:
        while True:  # the pipe may take some rows before the death shows
            tracker.log(2, {"a": 2.0})

    with pytest.raises(ResourceError, match="its process ended with code 3"):
        log_on()


# ── The mode ─────────────────────────────────────────────────────────────────────────────────────


def settings(mode: str = "online", *, chosen: bool = False, key: str | None = None, port: int = 9) -> SimpleNamespace:
    fields = {"mode"} if chosen else set()
    return SimpleNamespace(mode=mode, model_fields_set=fields, api_key=key, api_host=f"http://127.0.0.1:{port}")


@pytest.fixture
def listening() -> Iterator[int]:
    """The port of somebody who listens."""
    server = socket.create_server(("127.0.0.1", 0))
    yield server.getsockname()[1]
    server.close()


def test_nothing_chosen_and_no_key_is_offline() -> None:
    assert choose_mode(settings()) == ("offline", "no API key")


@pytest.mark.parametrize("mode", ["offline", "disabled"])
def test_users_choice_stands_even_with_a_key(mode: str) -> None:
    assert choose_mode(settings(mode, chosen=True, key="k")) == (mode, "")


def test_online_chosen_without_a_key_is_offline_not_a_prompt() -> None:
    assert choose_mode(settings("online", chosen=True)) == ("offline", "no API key")


def test_key_and_a_host_that_answers_is_online(listening: int) -> None:
    assert choose_mode(settings(key="k", port=listening)) == ("online", "")


def test_local_without_its_package_is_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert choose_mode(settings("local", chosen=True)) == ("offline", "mode local needs the package swanboard")


def test_proxy_is_asked_in_place_of_the_host(listening: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{listening}")
    monkeypatch.setenv("no_proxy", "")
    assert reachable("https", "nowhere.invalid", None, 5.0)


def test_host_that_stands_outside_the_proxy_is_asked_itself(listening: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{listening}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert not reachable("http", "127.0.0.1", 9, 5.0)


def test_name_that_is_never_resolved_counts_as_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang(*_: object, **__: object) -> None:
        release.wait()
        raise OSError

    monkeypatch.setattr(socket, "create_connection", hang)
    assert not reachable("https", "example.org", None, 0.01)
    release.set()
