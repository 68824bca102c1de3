"""What begins, ends or goes while a page is open: it is told of by itself, and no page has to be loaded again."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from dqnlab.config import Steps
from dqnlab.lab.session import train
from dqnlab.live import app, news
from dqnlab.live.follow import Follower, Unread
from dqnlab.live.places import Places, run_number
from dqnlab.store.folder import Run

from ..tiny import tiny
from .kit import KEYS, asked, order_headers, run, server_of

TOKEN = str(KEYS.control)
PATIENCE = 60.0  # seconds for one thing to come


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that has ended."""
    config = tiny(budget=Steps(num=300), checkpoint_every=250)
    return train(config, out=tmp_path_factory.mktemp("trained") / "run", trackers=("none",))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder of runs with nothing in it."""
    (tmp_path / "runs" / "CartPole-v1").mkdir(parents=True)
    return tmp_path / "runs"


@pytest.fixture
def group(runs: Path) -> Path:
    """A group of which no seed has begun."""
    folder = runs / "CartPole-v1" / "20260101T000000Z-tiny-s0-2"
    folder.mkdir()
    (folder / "summary.json").write_text('{"schema": 1, "seeds": [0, 1, 2]}')
    return folder


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A look around takes no second to come."""
    monkeypatch.setattr(news, "LOOK_AROUND_EVERY", 0.02)
    monkeypatch.setattr(app, "LOOK_AROUND_EVERY", 0.02)
    return


def begins(trained: Run, folder: Path) -> None:
    """A run as it is there from one moment to the next."""
    shutil.copytree(trained.folder, folder)


async def told(stream: AsyncIterator[tuple[str, Any] | None], *kinds: str) -> list[tuple[str, Any]]:
    """What a stream tells until it has told of all these kinds; news of a seed are `seed.<kind>`."""
    found: list[tuple[str, Any]] = []
    async with asyncio.timeout(PATIENCE):
        while not set(kinds) <= {kind for kind, _ in found}:
            if each := await anext(stream):
                kind, what = each
                found.append((f"seed.{what['kind']}" if kind == "seed" else kind, what))
    return found


def test_a_seed_that_begins_while_the_page_of_its_group_is_open_is_told_of_with_its_curve(
    trained: Run, group: Path
) -> None:
    server = server_of(group.parents[1])
    zero, one = group / "seed-0", group / "seed-1"

    async def grow() -> None:
        async with aclosing(news.news_of_group(lambda: server.places.seeds(group), server.follow)) as stream:
            assert await told(stream, "seeds") == [("seeds", [])]
            begins(trained, one)
            first = await told(stream, "seeds", "seed.state", "seed.curve")
            assert first[0] == ("seeds", [[run_number(one), "seed-1"]])
            assert {what["id"] for kind, what in first if kind != "seeds"} == {run_number(one)}
            curve = next(what["news"] for kind, what in first if kind == "seed.curve")
            assert [each["step"] for each in curve["evaluations"]] == [100, 200, 300]
            begins(trained, zero)
            second = await told(stream, "seeds", "seed.state", "seed.curve")
            assert second[0] == ("seeds", [[run_number(zero), "seed-0"], [run_number(one), "seed-1"]])
            assert {what["id"] for kind, what in second if kind == "seed.curve"} == {run_number(zero)}
            assert len(server.followers) == 2
            shutil.rmtree(one)
            gone = await told(stream, "seeds")
            assert gone[-1] == ("seeds", [[run_number(zero), "seed-0"]])
            assert [each.is_watched for each in server.followers.values()] == [False, True]
        assert not any(each.is_watched for each in server.followers.values())
        for task in server._tasks.values():
            task.cancel()

    run(grow())


def test_a_seed_that_is_a_link_is_none(trained: Run, group: Path, tmp_path: Path) -> None:
    begins(trained, tmp_path / "elsewhere")
    begins(trained, group / "seed-0")
    (group / "seed-1").symlink_to(tmp_path / "elsewhere")
    assert Places(group.parents[1]).seeds(group) == [group / "seed-0"]


def test_a_group_has_its_page_before_its_first_seed_and_nothing_can_be_asked_of_it_then(group: Path) -> None:
    server = server_of(group.parents[1])
    server.places = Places(group.parents[1], first=group)
    address = f"/{TOKEN}/run/{run_number(group)}/"
    body = json.dumps({"order": "pause"}).encode()

    async def both() -> Any:
        gate = server.app()
        return await asked(gate, address), await asked(gate, f"{address}orders", "POST", order_headers(), body)

    page, order = run(both())
    assert page.status == 200
    assert b"static/group.js" in page.body
    assert (order.status, order.json()) == (409, {"error": "no seed of it has begun; nothing was asked"})


def test_runs_groups_and_branches_that_begin_while_the_list_is_open_are_told_of(
    trained: Run, runs: Path, group: Path
) -> None:
    server = server_of(runs)

    async def names(stream: AsyncIterator[Any]) -> list[tuple[str, Any]]:
        rows = (await told(stream, "runs"))[-1][1]
        return [(row["name"], row["parent"]) for row in rows]

    async def grow() -> None:
        looking = asyncio.create_task(server.look_around())
        async with aclosing(server._lists()) as stream:
            assert await names(stream) == []
            alone = runs / "CartPole-v1" / "20260102T000000Z-tiny-s0"
            begins(trained, alone)
            assert await names(stream) == [(alone.name, None)]
            begins(trained, group / "seed-0")
            assert await names(stream) == [(alone.name, None), (group.name, None)]
            branch = alone.with_name("20260103T000000Z-branch-s0")
            begins(trained, branch.with_name(".branch"))
            about = json.loads((branch.with_name(".branch") / "meta.json").read_text())
            (branch.with_name(".branch") / "meta.json").write_text(
                json.dumps({**about, "parent": {"run": alone.name, "step": 250}})
            )
            branch.with_name(".branch").rename(branch)
            assert (branch.name, f"{alone.name} at step 250") in await names(stream)
            shutil.rmtree(alone)
            assert alone.name not in dict(await names(stream))
        looking.cancel()

    run(grow())


def looks(folder: Path, rounds: int = 3) -> tuple[Follower, Any]:
    """Somebody who looks at a run, and a way to look so often and see of each kind the latest news."""
    now = [0.0]
    follower, box = Follower(folder, "0", clock=lambda: now[0]), Unread()
    follower.listen(box, lambda kind, news: (kind, news))

    async def look() -> dict[str, Any]:
        for _ in range(rounds):
            now[0] += 10
            await follower.step()
        found = {}
        while (each := await box.take(0)) is not None:
            found[each[0]] = each[1]
        return found

    return follower, look


def test_the_result_of_a_run_is_told_of_though_its_networks_are_the_same(trained: Run, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    begins(trained, folder)
    result = folder / "result.json"
    written = result.read_bytes()
    result.unlink()
    _, look = looks(folder)

    async def end() -> None:
        before = (await look())["network"]
        assert await look() == {}
        result.write_bytes(written)
        assert (await look())["network"]["mark"] != before["mark"]

    run(end())


def test_a_verdict_waits_for_what_is_not_written_yet(trained: Run, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    begins(trained, folder)
    about = (folder / "meta.json").read_bytes()
    (folder / "meta.json").unlink()
    _, look = looks(folder)

    async def wait() -> None:
        before = (await look())["state"]
        assert before["verdict"] is None
        assert "meta.json" in before["error"]
        (folder / "meta.json").write_bytes(about)
        with (folder / "metrics.jsonl").open("a") as file:
            file.write('{"step": 301, "train/reward": 1}\n')
        after = (await look())["state"]
        assert after["verdict"] is not None
        assert after["error"] == ""

    run(wait())
