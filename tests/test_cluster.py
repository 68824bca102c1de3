"""Joining Ray: what is said of a place that is none, and that the environment is left as it was."""

import os
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from dqnlab import cluster, lifeline
from dqnlab.cluster import check_where, joined
from dqnlab.errors import ConfigError, ResourceError
from dqnlab.lifeline import Lifeline
from dqnlab.run import rays


@pytest.mark.parametrize("where", ["", "here", "host", "host:0", "host:66000", "host:x", "a b:6379", "127.0.0.1"])
def test_a_place_is_local_auto_or_an_address(where: str) -> None:
    with pytest.raises(ConfigError, match=r"--ray \(in Python ray=\) must be local, auto or HOST:PORT"):
        check_where(where)


@pytest.mark.parametrize("where", ["local", "auto", "127.0.0.1:6379", "head-0.ray.svc:6379", "[::1]:6379"])
def test_places_of_a_cluster(where: str) -> None:
    check_where(where)


def test_the_address_of_ray_client_is_refused() -> None:
    with pytest.raises(ConfigError, match="Ray Client"):
        check_where("ray://head:10001")


def test_without_ray_one_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(ResourceError, match=r"Ray, which is not installed: pip install 'dqnlab\[ray\]'"),
        joined("local"),
    ):
        pass


def test_the_environment_is_lent_to_ray_and_given_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    before = dict(os.environ)
    with cluster._settings("local"):
        assert os.environ["RAY_AUTH_MODE"] == "token"
        assert len(os.environ["RAY_AUTH_TOKEN"]) == 64
        assert os.environ["RAY_USAGE_STATS_ENABLED"] == "1"  # the user said so
        os.environ["RAY_CLIENT_MODE"] = "0"  # as Ray does
    assert dict(os.environ) == before


def test_folders_of_killed_programs_are_swept(tmp_path: Path) -> None:
    dead, held, new = (tmp_path / f"dqn-ray-{name}" for name in ("dead", "held", "new"))
    for each in (dead, held, new):
        each.mkdir()
    claim = cluster.claim(held / "held")
    for each in (dead, held):
        os.utime(each, (time.time() - 90,) * 2)
    cluster._sweep(tmp_path)
    assert claim is not None
    claim.release()
    assert [each.exists() for each in (dead, held, new)] == [False, True, True]


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="Windows has no such sockets")
def test_a_line_is_cut_when_whoever_is_at_its_other_end_has_ended(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    path = str(tmp_path / "raylet")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        line = Lifeline(path)
        assert not line.is_cut
        line.check()
    assert line.is_cut
    assert Lifeline(path).is_cut  # nobody is there any more
    with pytest.raises(ResourceError, match="Ray was lost: its process on this machine"):
        line.check()
    line.close()


def test_a_ray_that_does_not_end_is_waited_for_with_a_word_and_then_ended_by_force(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ray = pytest.importorskip("ray")
    killed = threading.Event()

    class Stopped:
        kill = staticmethod(killed.set)

    monkeypatch.setattr(ray, "shutdown", killed.wait)  # as long as its processes are there
    monkeypatch.setattr(lifeline, "_started_here", lambda: [Stopped])
    monkeypatch.setattr(lifeline, "SAID_AFTER", 0.1)
    monkeypatch.setattr(lifeline, "LONGEST", 0.4)
    lifeline.leave_ray()
    assert killed.is_set()
    assert "waiting for Ray to end, which does not answer: 0 s more, then it is ended by force" in caplog.text


def test_a_token_of_the_user_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("f" * 64)
    for where in ("local", "auto"):
        with cluster._settings(where):
            assert os.environ["RAY_AUTH_MODE"] == "token"
            assert "RAY_AUTH_TOKEN" not in os.environ


@pytest.mark.parametrize(
    ("processors", "num", "says"),
    [
        ((2, True), 4, None),
        ((2, True), 12, "12 collectors, but this machine has 2 processors: more than 2 hardly collect faster"),
        ((2, True), 65, "collectors.num = 65 is too many: this machine has 2 processors, which can hold 64"),
        ((8, False), 8, None),
        ((8, False), 9, "9 collectors, but the cluster has 8 CPUs: each takes one, and the run waits"),
    ],
)
def test_more_collectors_than_processors_are_said(
    processors: tuple[int, bool],
    num: int,
    says: str | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(rays, "_processors", lambda: processors)
    try:
        rays.check_crowd(num)
        said = caplog.text
    except ConfigError as error:
        said = str(error)
    assert said == "" if says is None else says in said


def test_a_server_of_another_kind_is_said_at_once() -> None:
    pytest.importorskip("ray")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            line, _ = server.accept()
            with line:
                line.recv(100)
                line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer).start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(ConfigError, match=f"{address} .what is there is no head of a Ray cluster"), joined(address):
            pass


def test_an_address_where_nobody_listens_is_said_at_once() -> None:
    pytest.importorskip("ray")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConfigError, match=f"no Ray cluster answers at 127.0.0.1:{port}"),
            joined(f"127.0.0.1:{port}"),
        ):
            pass
