"""What carries seeds to other machines, part by part, without a cluster."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dqnlab._version import __version__
from dqnlab.app.calls import read
from dqnlab.errors import ConfigError, FolderError, ResourceError
from dqnlab.lab.many import crew as many
from dqnlab.lab.many.crew import Crew
from dqnlab.lab.many.line import Idle, Leave, Refused, Stop
from dqnlab.lab.many.pool import Worker
from dqnlab.lab.remote import sight
from dqnlab.lab.remote.life import Errand, _each, _ready
from dqnlab.lab.remote.mailbox import INTERRUPT, Began, Mailbox
from dqnlab.lab.remote.place import KILLED, OnRay, RemoteProcess
from dqnlab.lab.remote.sight import Sign, sign_in
from dqnlab.lifeline import Lifeline, last_words
from dqnlab.processes import as_sent, how_it_ended
from dqnlab.store.lock import LOCK, free_of, holder, locked

from ..tiny import TINY

# ── The mailbox ──────────────────────────────────────────────────────────────────────────────────


def test_letters_are_kept_in_order_until_somebody_asks() -> None:
    async def talk() -> list[list[Any]]:
        box = Mailbox()
        waiting = asyncio.ensure_future(box.letters())
        await asyncio.sleep(0)
        assert not waiting.done()
        await box.say(0, Began("here", 7))
        await box.say(1, b"one")
        first = await waiting
        await box.say(0, b"two")
        await box.say(0, b"three")
        second = await box.letters()
        await box.poke()
        return [first, second, await box.letters()]

    assert asyncio.run(talk()) == [[(0, ("here", 7)), (1, b"one")], [(0, b"two"), (0, b"three")], []]


def test_an_order_waits_for_its_worker_and_an_end_lets_him_go() -> None:
    async def talk() -> list[Any]:
        box = Mailbox()
        await box.order(4, b"go")
        await box.order(4, b"stop")
        await box.order(5, b"for another")
        got = [await box.orders(4)]
        waiting = asyncio.ensure_future(box.orders(4))
        await asyncio.sleep(0)
        await box.end(4)
        return [*got, await waiting, await box.orders(5)]

    assert asyncio.run(talk()) == [[b"go", b"stop"], None, [b"for another"]]


def test_an_interrupt_is_no_order_for_the_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    raised = list[int]()
    monkeypatch.setattr("signal.raise_signal", raised.append)
    assert _each([b"a", INTERRUPT, b"b"]) == [b"a", b"b"]
    assert raised == [2]


# ── Whether a folder is seen ─────────────────────────────────────────────────────────────────────


def test_a_sign_is_found_by_whoever_sees_the_folder_and_goes_at_the_end() -> None:
    with sign_in(Path("runs/deep/down"), locks=True) as sign:
        assert sign.path.parent == Path()  # the nearest folder that is there
        sign.check()
    assert not sign.path.exists()
    assert not Path("runs").exists()


def test_signs_of_those_that_were_killed_are_removed() -> None:
    left = [Path(".dqn-0123456789abcdef"), Path(".dqn-mine"), Path(".dqn-fedcba9876543210")]
    for each in left:
        each.write_text("")
    for each in left[:2]:
        os.utime(each, (0, 0))
    with sign_in(Path(), locks=False) as first, sign_in(Path(), locks=False) as second:
        os.utime(first.path, (0, 0))  # old, and held
        with sign_in(Path(), locks=False):
            first.check()
            second.check()
    assert [each.exists() for each in left] == [False, True, True]


@pytest.mark.parametrize("other", ["nothing", "another folder of this name"])
def test_a_machine_that_does_not_see_the_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    monkeypatch.setattr(sight, "PATIENCE", 0.0)
    sign = Sign(tmp_path / "far" / ".dqn-1", "this", locks=False)
    if other != "nothing":
        sign.path.parent.mkdir()
        sign.path.write_text("that")
    words = f"machine {socket.gethostname()} of the Ray cluster does not see the folder '{tmp_path / 'far'}'"
    with pytest.raises(ConfigError, match=words):
        sign.check()


def test_locks_that_do_not_reach_are_refused_where_the_work_is_divided_by_them(tmp_path: Path) -> None:
    (tmp_path / ".dqn-1").write_text("this")  # that nobody here holds
    Sign(tmp_path / ".dqn-1", "this", locks=False).check()
    with pytest.raises(ConfigError, match="a lock held on one machine is not seen"):
        Sign(tmp_path / ".dqn-1", "this", locks=True).check()


# ── What a worker is before it begins ────────────────────────────────────────────────────────────


def errand(target: bytes = b"", **changes: Any) -> Errand:
    sign = Path("sign")
    sign.write_text("this")
    about = {"dir": str(Path.cwd()), "sys_path": ["/nowhere/else"], "sys_argv": ["dqn", "train"]}
    given = {"number": 0, "target": target, "refuse": repr, "sign": Sign(sign, "this", locks=False), "about": about}
    return Errand(**{**given, **changes})


@pytest.fixture
def own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a worker changes of its process is put back."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "argv", [*sys.argv])
    monkeypatch.setitem(vars(sys.modules["__main__"]), "__file__", "program.py")


@pytest.mark.usefixtures("own_process")
def test_a_worker_finds_what_it_is_to_do_and_the_parents_folders() -> None:
    assert _ready(errand(as_sent((len, TINY)))) == (len, TINY)
    assert sys.path[-1] == "/nowhere/else"
    assert sys.argv == ["dqn", "train"]


def test_another_version_is_refused() -> None:
    with pytest.raises(ConfigError, match=f"has dqnlab {__version__}, this one 0.0.0: install the same"):
        _ready(errand(version="0.0.0"))


@pytest.mark.usefixtures("own_process")
def test_a_module_that_is_not_there_is_named() -> None:
    sent = as_sent((len, len)).replace(b"builtins", b"not_here")
    with pytest.raises(ConfigError, match=r"cannot make what is to be trained \(ModuleNotFoundError.*not_here"):
        _ready(errand(sent))


# ── A process elsewhere, as the parent sees it ───────────────────────────────────────────────────


def remote(posted: list[Any]) -> tuple[RemoteProcess, Any]:
    from multiprocessing import Pipe

    ours, theirs = Pipe()
    return RemoteProcess(3, theirs, lambda *what: posted.append(what), posted.append), ours


def test_a_process_elsewhere_ends_as_one_here_does() -> None:
    from multiprocessing.connection import wait

    posted = list[Any]()
    process, ours = remote(posted)
    process.pipe.send("last words")
    assert process.is_alive()
    process.interrupt()
    process.task = "its task"
    process.kill()
    assert posted == [(3, INTERRUPT), "its task"]
    process.end(KILLED, "with its machine on far")
    process.end(0)  # that was too late
    assert process.sentinel in wait([process.sentinel], 1)
    process.join()
    assert (process.exitcode, process.is_alive(), how_it_ended(process)) == (-9, False, "with its machine on far")
    assert ours.recv() == "last words"
    with pytest.raises(EOFError):
        ours.recv()


# ── The lock of whoever was lost ─────────────────────────────────────────────────────────────────


def test_the_folder_of_a_process_that_died_on_another_machine_is_given_back() -> None:
    home = Path("run")
    home.mkdir()
    (home / LOCK).write_text(json.dumps({"pid": 7, "host": "far"}))
    with pytest.raises(FolderError, match="far"), locked(home):
        pass
    free_of(home, "far", 8)  # somebody else's
    assert holder(home) is not None
    free_of(home, "far", 7)
    with locked(home):
        free_of(home, socket.gethostname(), 7)


# ── Processors ───────────────────────────────────────────────────────────────────────────────────


class Told:
    """A pipe that keeps what is sent."""

    def __init__(self) -> None:
        self.sent = list[Any]()

    def send(self, what: Any) -> None:
        self.sent.append(what)


def crew_of(seeds: Sequence[int], begun: Sequence[int]) -> tuple[Crew, list[Told]]:
    """A crew on a cluster, where these workers have processors."""
    crew = Crew(TINY, seeds)
    crew._place = object()  # type: ignore
    told = [Told() for _ in seeds]
    for pipe, seed in zip(told, seeds, strict=True):
        process, _ = remote([])
        process.began = Began("far", 7) if seed in begun else None
        crew.workers.append(Worker(process, pipe, (seed,)))  # type: ignore
    return crew, told


@pytest.mark.parametrize(("begun", "orders"), [([0], [Leave()]), ([0, 1], [])])
def test_a_worker_that_is_done_leaves_its_processor_to_one_that_waits(begun: Sequence[int], orders: Any) -> None:
    """If nobody waits it stays: it may have to film."""
    crew, told = crew_of([0, 1], begun)
    crew.results = {0: None}  # type: ignore
    crew._take(crew.workers[0], Idle())
    assert told[0].sent == orders


def test_who_waits_for_a_processor_is_not_asked_to_stop_but_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    crew, told = crew_of([0, 1], [0])
    ended, given_up = list[Any](), list[Any]()
    monkeypatch.setattr(many, "kill", ended.append)
    monkeypatch.setattr(Crew, "_give_up", lambda self, seeds: given_up.append(seeds))
    for worker in crew.workers:
        crew._stop(worker)
    assert told[0].sent == [Stop()]
    assert (told[1].sent, ended, given_up) == ([], [crew.workers[1].process], [(1,)])


def test_that_all_processors_are_taken_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    crew_of([0, 1], [0])[0]._say_who_waits()
    assert capsys.readouterr().err == ""
    crew_of([0, 1], [])[0]._say_who_waits()
    assert capsys.readouterr().err == ("waiting for 1 free CPU of the Ray cluster: others use all that it has\n")


# ── The command line ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("train --ray local", "--seeds N"),
        ("train --seeds 2 --ray here", "must be local, auto or HOST:PORT, got 'here'"),
        ("compare CartPole-v1 --presets dqn,double --ray here", "must be local, auto or HOST:PORT"),
        ("tune --ray ray://head:10001", "Ray Client"),
    ],
)
def test_what_cannot_be_sent_to_a_cluster_is_refused_at_once(line: str, words: str) -> None:
    command, *rest = line.split()
    with pytest.raises(ConfigError, match=words):
        read(command, rest, 0.0)


def test_the_command_that_continues_a_comparison_goes_to_the_same_cluster() -> None:
    call = read("compare", ["CartPole-v1", "--presets", "dqn,double", "--ray", "10.0.0.1:6379"], 0.0)
    assert call.args.ray == "10.0.0.1:6379"


# ── A Ray that is lost ───────────────────────────────────────────────────────────────────────────


def test_a_lost_ray_hires_nobody_and_the_error_says_how_to_go_on(tmp_path: Path) -> None:
    place = object.__new__(OnRay)
    place._line = Lifeline(str(tmp_path / "nobody"))
    with pytest.raises(ResourceError, match="Ray was lost: its process on this machine"):
        place.start(print, 0, Refused)
    crew = Crew(TINY, [0])
    crew.folder = tmp_path
    with pytest.raises(ResourceError) as error:
        crew._check_place(place)
    assert "; to resume: dqn resume" in error.value.__notes__[0]


@pytest.mark.parametrize(
    ("printed", "last"),
    [
        (":job_id:01000000\n:actor_name:Elsewhere\n", ""),
        (":job_id:01000000\nloading\nno licence\n", "no licence"),
        ("Fatal Python error: Segmentation fault\n\nStack:\n", "Fatal Python error: Segmentation fault"),
    ],
)
def test_what_a_lost_process_printed_is_told(
    printed: str, last: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = pytest.importorskip("ray._private.worker")
    (tmp_path / "worker-ab-ffffffff-7.err").write_text(printed, "utf-8")
    monkeypatch.setattr(worker.global_worker, "node", SimpleNamespace(get_logs_dir_path=lambda: str(tmp_path)))
    assert (last_words(7), last_words(8)) == (last, "")
