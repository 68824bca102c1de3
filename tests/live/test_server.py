"""What the server shows: runs as they grow, by events; what it asks of them; what it leaves when it goes."""

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from dqnlab.config import Steps
from dqnlab.errors import DqnlabError
from dqnlab.lab.session import train
from dqnlab.live import painter
from dqnlab.live.app import Server
from dqnlab.live.follow import CURVE_EVERY, LOOK_EVERY, Follower, Unread
from dqnlab.live.kept import KeptNetworks
from dqnlab.live.networks import networks_of
from dqnlab.live.painter import CannotPaint, Painter
from dqnlab.live.places import run_number
from dqnlab.run.keep import save_tensors
from dqnlab.store import lock
from dqnlab.store.control import CONTROL, LIVE, read_control
from dqnlab.store.folder import Run

from ..tiny import tiny
from .kit import KEYS, Answer, asked, events_in, order_headers, run, server_of

TOKEN = str(KEYS.control)


class Here(Painter):
    """Paints in this process."""

    def paint(self, folder: Path, step: int | None) -> bytes:
        found = painter._painted(folder, step, KeptNetworks(), ())
        if isinstance(found, str):
            raise CannotPaint(found)
        return found

    def warm(self) -> None:
        pass


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A run that has ended, with snapshots and a checkpoint."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("trained"))
        config = tiny(update_every=1, budget=Steps(num=1_100), checkpoint_every=1_050, evaluate_every=Steps(num=300))
        yield train(config, trackers=("none",))


@pytest.fixture
def runs(trained: Run, tmp_path: Path) -> Path:
    """A folder of runs with a copy of it."""
    shutil.copytree(trained.folder, tmp_path / "runs" / trained.folder.parent.name / trained.folder.name)
    return tmp_path / "runs"


def only_run(runs: Path) -> Path:
    return next(runs.glob("*/*/config.toml")).parent


@pytest.fixture
def going(runs: Path) -> Iterator[Path]:
    """The run as it was in the middle of training, with this process at work on it."""
    folder = only_run(runs)
    for name in ("result.json", "last_model.pth", "target_model.safetensors", "batch.safetensors", "curves.png"):
        (folder / name).unlink()
    set_budget(folder, 5_000)
    with lock.locked(folder):
        yield folder


def set_budget(folder: Path, steps: int) -> None:
    file = folder / "config.toml"
    file.write_text(re.sub(r"(\[budget\].*\n.*\nnum =) \d+", rf"\1 {steps}", file.read_text()))


def url(folder: Path, what: str = "") -> str:
    return f"/{TOKEN}/run/{run_number(folder)}/{what}"


@asynccontextmanager
async def looking(server: Server) -> AsyncIterator[None]:
    """Whatever the server began is ended."""
    try:
        yield
    finally:
        for task in server._tasks.values():
            task.cancel()


def run_with(server: Server, *requests: Any) -> list[Answer]:
    """The answers to requests (keywords of `asked`), all at once."""

    async def all_of_them() -> list[Answer]:
        app = server.app()
        async with looking(server):
            return await asyncio.wait_for(asyncio.gather(*(asked(app, **each) for each in requests)), 60)

    return run(all_of_them())


# ── What is shown ────────────────────────────────────────────────────────────────────────────────


def test_the_list_has_every_run_by_number_and_no_path(runs: Path) -> None:
    (answer,) = run_with(server_of(runs), {"path": f"/{TOKEN}/runs", "enough": 1})
    ((kind, rows),) = events_in(answer)
    assert kind == "runs"
    assert rows[0]["id"] == run_number(only_run(runs))
    assert rows[0]["status"] == "finished"
    assert str(runs).encode() not in answer.body


def test_a_run_outside_the_folder_of_runs_is_not_there_though_a_link_leads_to_it(runs: Path, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere" / "run"
    shutil.copytree(only_run(runs), outside)
    (runs / "CartPole-v1" / "20260101T000000Z-linked-s0").symlink_to(outside)
    server = server_of(runs)
    list_, page = run_with(server, {"path": f"/{TOKEN}/runs", "enough": 1}, {"path": url(outside)})
    assert len(events_in(list_)[0][1]) == 1
    assert page.status == 404


def test_a_run_is_gone_once_a_link_out_has_taken_its_place(runs: Path, tmp_path: Path) -> None:
    folder, server = only_run(runs), server_of(runs)
    address = url(folder)
    assert run_with(server, {"path": address})[0].status == 200
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(folder.rename(tmp_path / "elsewhere" / "run"))
    assert [each.status for each in run_with(server, {"path": address}, {"path": f"{address}picture"})] == [404, 404]


def test_a_group_with_a_seed_that_leads_out_of_the_runs_is_not_there(runs: Path, tmp_path: Path) -> None:
    inside = only_run(runs)
    group, outside = inside.with_name("20990101T000000Z-group-s0-1"), tmp_path / "elsewhere" / "run"
    for seed in (group / "seed-0", outside):
        shutil.copytree(inside, seed)
    (group / "summary.json").write_text('{"schema": 1, "seeds": [0]}')
    (outside / "config.toml").write_text((outside / "config.toml").read_text().replace("gamma = 0.99", "gamma = 0.125"))
    server = server_of(runs)
    two = f"run={run_number(inside)}&run={run_number(group)}"
    list_, before = run_with(
        server, {"path": f"/{TOKEN}/runs", "enough": 1}, {"path": f"/{TOKEN}/settings", "query": two}
    )
    assert {row["id"] for row in events_in(list_)[0][1]} == {run_number(inside), run_number(group)}
    shutil.rmtree(group / "seed-0")
    (group / "seed-0").symlink_to(outside)
    list_, after = run_with(
        server, {"path": f"/{TOKEN}/runs", "enough": 1}, {"path": f"/{TOKEN}/settings", "query": two}
    )
    assert {row["id"] for row in events_in(list_)[0][1]} == {run_number(inside)}
    assert before.json() == {"differing": {}, "errors": []}
    assert b"0.125" not in after.body


def test_what_a_run_has_recorded_comes_as_events(going: Path) -> None:
    (answer,) = run_with(server_of(going.parents[1]), {"path": url(going, "news"), "enough": 3})
    assert answer.headers["content-type"].startswith("text/event-stream")
    news = dict(events_in(answer))
    assert set(news) == {"state", "curve", "network"}
    assert (news["state"]["status"], news["state"]["step"]) == ("running", 1100)
    assert [each["step"] for each in news["curve"]["evaluations"]] == [300, 600, 900, 1100]
    assert news["curve"]["findings"][0]["kind"]
    assert news["network"]["steps"] == [500, 1000]


def test_what_is_written_is_told_with_the_next_look_or_the_one_after(going: Path) -> None:
    assert LOOK_EVERY + CURVE_EVERY < 1  # seconds
    now = [0.0]
    follower, box = Follower(going, "0", clock=lambda: now[0]), Unread()
    follower.listen(box, lambda kind, news: (kind, news))

    async def look() -> dict[str, Any]:
        now[0] += LOOK_EVERY
        await follower.step()
        found = {}
        while (each := await box.take(0)) is not None:
            found[each[0]] = each[1]
        return found

    async def grow() -> None:
        assert set(await look()) == {"state", "curve", "network"}
        assert await look() == {}
        with (going / "metrics.jsonl").open("a") as file:
            file.write('{"step": 5000, "eval/reward": 7, "eval/returns": [7]}\n')
        first = await look()
        assert first["state"]["step"] == 5000
        drawn = {**first, **await look()}
        assert drawn["curve"]["evaluations"][-1] == {"step": 5000, "returns": [7]}
        arrays = {"step": torch.tensor(5000), "online/fc.0.weight": torch.zeros(1)}
        save_tensors(going / LIVE, arrays)
        assert (await look())["network"]["steps"] == [500, 1000, 5000]

    run(grow())


def test_whoever_is_slow_gets_the_latest_news_of_each_kind_and_no_heap_of_them(going: Path) -> None:
    box = Unread()
    for number in range(1_000):
        box.put(("run", "state"), "state", number)
        box.put(("run", "curve"), "curve", -number)

    async def taken() -> list[Any]:
        return [await box.take(0) for _ in range(3)]

    assert run(taken()) == [("state", 999), ("curve", -999), None]


def test_of_a_run_that_showed_nothing_the_latest_checkpoint_is_shown(going: Path) -> None:
    (going / "snapshots.safetensors").unlink()
    server = server_of(going.parents[1], painter=Here())
    news, newest, older, never = run_with(
        server,
        {"path": url(going, "news"), "enough": 3},
        {"path": url(going, "picture")},
        {"path": url(going, "picture"), "query": "step=500"},
        {"path": url(going, "picture"), "query": "step=77"},
    )
    network = dict(events_in(news))["network"]
    assert network["steps"] == [500, 1000]
    assert older.json()["live"] == {"step": 500, "steps": [500, 1000]}
    assert older.json()["episodes"]
    assert newest.json()["live"]["step"] is None  # the best network
    assert (never.status, never.json()["error"]) == (409, "no network of step 77 is kept any more: choose another")


def test_a_run_before_its_first_network_says_what_it_waits_for(going: Path) -> None:
    for name in ("snapshots.safetensors", "best_model.pth"):
        (going / name).unlink()
    shutil.rmtree(going / "checkpoints")
    (answer,) = run_with(server_of(going.parents[1], painter=Here()), {"path": url(going, "picture")})
    assert answer.status == 409
    assert "no network yet" in answer.json()["error"]


def test_settings_that_differ_are_told_of_a_few_runs(runs: Path) -> None:
    folder = only_run(runs)
    other = folder.with_name("20990101T000000Z-other-s1")
    shutil.copytree(folder, other)
    text = (other / "config.toml").read_text().replace("gamma = 0.99", "gamma = 0.5")
    (other / "config.toml").write_text(text)
    numbers = run_number(folder), run_number(other)
    two, one = run_with(
        server_of(runs),
        {"path": f"/{TOKEN}/settings", "query": "&".join(f"run={each}" for each in numbers)},
        {"path": f"/{TOKEN}/settings", "query": f"run={numbers[0]}"},
    )
    assert two.json() == {"differing": {"gamma": {numbers[0]: "0.99", numbers[1]: "0.5"}}, "errors": []}
    assert one.status == 400


# ── What is asked ────────────────────────────────────────────────────────────────────────────────


def order(folder: Path, name: str) -> dict[str, Any]:
    body = json.dumps({"order": name}).encode()
    return {"path": url(folder, "orders"), "method": "POST", "headers": order_headers(), "body": body}


def test_an_order_is_written_into_the_folder_of_the_run(going: Path) -> None:
    server = server_of(going.parents[1])
    answers = run_with(server, order(going, "pause"), order(going, "step"))
    assert [answer.json() for answer in answers] == [{"order": "pause"}, {"order": "step"}]
    control = read_control(going)
    assert sorted(each.name for each in control.orders) == ["pause", "step"]
    assert [each.number for each in control.orders] == [0, 1]


def test_a_run_is_told_that_somebody_watches_only_while_its_page_is_open(going: Path) -> None:
    follower, box = Follower(going, "0"), Unread()
    follower.look()
    assert not (going / CONTROL).exists()
    follower.listen(box, lambda kind, news: (kind, news))
    follower.look()
    assert read_control(going).orders == ()


def test_a_server_that_ends_lets_go_of_a_run_that_stands_still(going: Path) -> None:
    with (going / "metrics.jsonl").open("a") as file:
        file.write('{"step": 1100, "control/pause": 1.0}\n')
    follower = Follower(going, "0")
    follower.order("pause")
    follower.look()
    follower.let_go()
    assert [each.name for each in read_control(going).orders] == ["pause", "continue"]
    follower.order("checkpoint")
    follower.look()  # it stands still all the same: somebody else wants that
    follower.let_go()
    assert read_control(going).orders[-1].name == "checkpoint"


def test_a_page_is_told_that_its_run_is_judged_and_by_when_it_writes_a_checkpoint(going: Path) -> None:
    follower, box = Follower(going, "0"), Unread()
    follower.listen(box, lambda kind, news: (kind, news))

    def state() -> dict[str, Any]:
        run(follower.step())
        return follower.latest["state"]

    assert (state()["status"], state()["checkpoint_by"]) == ("running", 2100)  # twice 1,050
    with (going / "metrics.jsonl").open("a") as file:
        file.write('{"step": 1100, "control/stop": 1.0}\n')
    assert state()["status"] == "judging"


def test_a_page_is_told_that_a_run_is_judged_whose_budget_is_spent(going: Path) -> None:
    set_budget(going, 1_100)
    follower = Follower(going, "0")
    follower.listen(Unread(), lambda kind, news: (kind, news))
    run(follower.step())
    assert follower.latest["state"]["status"] == "judging"


def test_a_run_whose_folder_goes_while_it_is_watched_is_removed_and_what_was_shown_stays(runs: Path) -> None:
    folder = only_run(runs)
    follower = Follower(folder, "0")
    follower.listen(Unread(), lambda kind, news: (kind, news))
    run(follower.step())
    networks = follower.latest["network"]
    shutil.rmtree(folder)
    follower._due.clear()
    run(follower.step())
    assert follower.latest["state"]["status"] == "removed"
    assert follower.latest["network"] == networks


def test_nothing_is_asked_of_a_run_that_nobody_works_on(runs: Path) -> None:
    folder = only_run(runs)
    (answer,) = run_with(server_of(runs), order(folder, "pause"))
    assert (answer.status, answer.json()) == (409, {"error": "it does not train; nothing was asked"})
    assert not (folder / CONTROL).exists()


def test_orders_are_gone_with_whoever_worked_on_the_run_and_no_later_one_gets_them(runs: Path) -> None:
    folder, now = only_run(runs), [0.0]
    follower = Follower(folder, "0", clock=lambda: now[0])
    with lock.locked(folder):
        follower.order("pause")
        follower.order("step")
    now[0] += 10
    follower.look()
    assert not (folder / CONTROL).exists()
    with lock.locked(folder):
        follower.order("checkpoint")
        assert [tuple(each) for each in read_control(folder).orders] == [(2, "checkpoint")]


# ── Hostile folders ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name", ["snapshots.safetensors", "live.safetensors", "config.toml", "meta.json", "metrics.jsonl"]
)
@pytest.mark.parametrize("kind", ["pipe", "link", "binary", "folder"])
def test_whatever_lies_in_a_folder_of_runs_is_answered_and_nobody_waits(going: Path, name: str, kind: str) -> None:
    secret = going.parents[2] / "secret"
    secret.write_text("secret")
    path = going / name
    number = run_number(going)
    path.unlink(missing_ok=True)
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "link":
            path.symlink_to(secret)
        case "binary":
            path.write_bytes(b"\x00\xff" * 5_000)
        case _:
            path.mkdir()
    server = server_of(going.parents[1], painter=Here())
    server.places._known[number] = going  # as it was listed before somebody changed it
    list_, news, picture = run_with(
        server,
        {"path": f"/{TOKEN}/runs", "enough": 1},
        {"path": f"/{TOKEN}/run/{number}/news", "enough": 2},
        {"path": f"/{TOKEN}/run/{number}/picture"},
    )
    assert list_.status == news.status == 200
    assert picture.status in (200, 409)
    assert {"state", "network"} & dict(events_in(news)).keys()
    with suppress(DqnlabError):  # and nothing else
        networks_of(going)
    assert b"secret" not in (list_.body + news.body + picture.body).replace(str(secret).encode(), b"")
