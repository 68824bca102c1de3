"""What the server answers, once `gate` has let a request in."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ..comparing.read import read_settings
from ..comparing.settings import settings_apart
from ..errors import DqnlabError
from ..explain.page import pack_for_page
from ..store.control import ORDERS
from ..store.entry import Entry
from ..store.find import called
from ..store.ledger import is_group
from .follow import LAZY, LOOK_EVERY, Follower
from .gate import Gate, Keys
from .news import LOOK_AROUND_EVERY, News, news_of_group, news_of_run
from .pages import page, static
from .painter import CannotPaint, Painter
from .places import Places, as_rows, run_number, training
from .verdict import Turn

PING = 15.0  # seconds after which a silent connection is told that somebody is there
MOST_STREAMS = 64
MOST_FOLLOWED = 32  # runs at once
MOST_BODY = 1_000  # bytes of a request
MOST_COMPARED = 12  # runs whose settings are shown beside each other
FORGET = 30.0  # seconds after which a run that nobody looks at is followed no more


@dataclass
class Server:
    """The runs that are shown, who follows them, and who looks."""

    places: Places
    keys: Keys
    painter: Painter
    trusted: tuple[str, ...] = ()
    on_turn: Callable[[Turn, Path], None] = lambda turn, folder: None
    watches: Path | None = None
    """the run or group whose verdicts are watched though nobody looks at its page; all that train if none"""
    followers: dict[str, Follower] = field(default_factory=dict, init=False)
    streams: int = field(default=0, init=False)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict, init=False)
    _listed: list[Entry] = field(default_factory=list, init=False)

    def app(self) -> Gate:
        """The whole, behind its guard."""
        routes = [
            Route("/", self._front, methods=["GET"]),
            Route("/runs", self._runs, methods=["GET"]),
            Route("/settings", self._settings, methods=["GET"]),
            Route("/static/{name:path}", _static, methods=["GET"]),
            Route("/run/{number}/", self._run, methods=["GET"]),
            Route("/run/{number}/news", self._news, methods=["GET"]),
            Route("/run/{number}/picture", self._picture, methods=["GET"]),
            Route("/run/{number}/orders", self._order, methods=["POST"]),
        ]
        return Gate(Starlette(routes=routes), self.keys)

    # ── Runs that are followed ──

    def follow(self, folder: Path) -> Follower:
        """Follows a run, from now on if nobody did."""
        number = run_number(folder)
        if number not in self.followers:
            self.followers[number] = Follower(folder, number, self.trusted, on_turn=self.on_turn)
            self._tasks[number] = asyncio.create_task(self._keep_looking(number))
        return self.followers[number]

    async def _keep_looking(self, number: str) -> None:
        follower = self.followers[number]
        seen = time.monotonic()
        while True:
            began = time.monotonic()
            with suppress(DqnlabError, OSError):
                await follower.step()
            if follower.is_watched or follower.is_running:
                seen = time.monotonic()
            elif began - seen > FORGET:
                del self.followers[number], self._tasks[number]
                return
            await asyncio.sleep(max(LOOK_EVERY, time.monotonic() - began))

    async def look_around(self) -> None:
        """Follows whatever begins to run, so that its verdict is watched. Runs until it is cancelled."""
        while True:
            began = time.monotonic()
            self._listed = await asyncio.to_thread(self.places.entries)
            for entry in training(self._listed)[:MOST_FOLLOWED]:
                if self.watches in (None, entry.folder, entry.group):
                    self.follow(entry.folder)
            await asyncio.sleep(max(LOOK_AROUND_EVERY, LAZY * (time.monotonic() - began)))

    def close(self) -> None:
        """Lets go of runs that stand still for somebody who looked here."""
        for follower in self.followers.values():
            follower.let_go()
        self.painter.close()

    # ── Answers ──

    async def _front(self, request: Request) -> Response:
        return page("list", {"control": request.scope["right"] == "control"})

    async def _runs(self, request: Request) -> Response:
        """The list of runs, again whenever it has changed."""
        return self._stream(self._lists())

    async def _lists(self) -> News:
        told: list[dict[str, Any]] | None = None
        while True:
            found = self._listed or await asyncio.to_thread(self.places.entries)
            rows = await asyncio.to_thread(as_rows, found)
            yield None if rows == told else ("runs", rows)
            told = rows
            await asyncio.sleep(LOOK_AROUND_EVERY)

    async def _settings(self, request: Request) -> Response:
        """The settings in which some runs differ."""
        numbers = list(dict.fromkeys(request.query_params.getlist("run")))
        if not 2 <= len(numbers) <= MOST_COMPARED:
            return JSONResponse({"error": f"name 2 to {MOST_COMPARED} runs"}, 400)
        return JSONResponse(await asyncio.to_thread(self._apart, numbers))

    def _apart(self, numbers: list[str]) -> dict[str, Any]:
        found: dict[str, Mapping[str, object]] = {}
        errors = list[str]()
        for number in numbers:
            folder = self.places.find(number)
            if folder is None:
                continue
            first = next(iter(self.places.seeds(folder)), folder)
            try:
                found[number] = read_settings(first)
            except DqnlabError as e:
                errors.append(str(e))
        differing = settings_apart(list(found.values()))
        return {
            "differing": {name: dict(zip(found, values, strict=True)) for name, values in differing.items()},
            "errors": errors,
        }

    async def _run(self, request: Request) -> Response:
        folder = await self._folder(request)
        if folder is None:
            return _unknown()
        right = request.scope["right"] == "control"
        about = {"control": right, "name": called(folder)}
        if is_group(folder):
            return page("group", about)
        shown = page("run", about)
        shown.background = BackgroundTask(self.painter.warm)  # it takes a while to begin
        return shown

    async def _folder(self, request: Request) -> Path | None:
        return await asyncio.to_thread(self.places.find, request.path_params["number"])

    async def _news(self, request: Request) -> Response:
        folder = await self._folder(request)
        if folder is None:
            return _unknown()
        if is_group(folder):
            return self._stream(news_of_group(lambda: self.places.seeds(folder), self.follow))
        return self._stream(news_of_run(self.follow(folder)))

    async def _picture(self, request: Request) -> Response:
        """The page's data of the newest network, or of that of an env step."""
        folder = await self._folder(request)
        if folder is None:
            return _unknown()
        step = request.query_params.get("step")
        if step is not None and not (step.isascii() and step.isdigit() and len(step) < 19):
            return JSONResponse({"error": "a step is a number"}, 400)
        try:
            data = await asyncio.to_thread(self.painter.paint, folder, None if step is None else int(step))
        except CannotPaint as e:
            return JSONResponse({"error": str(e)}, 409)
        return Response(data, media_type="application/json")

    async def _order(self, request: Request) -> Response:
        """Asks something of a run, of a group of all its seeds."""
        if request.headers.get("content-type") != "application/json":
            return JSONResponse({"error": "an order is JSON"}, 415)
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_BODY:
                return JSONResponse({"error": "an order is a word"}, 413)
        try:
            asked = json.loads(body)
        except (ValueError, RecursionError):
            asked = None
        if not isinstance(asked, dict) or set(asked) != {"order"} or asked["order"] not in ORDERS:
            return JSONResponse({"error": f"an order is one of {', '.join(ORDERS)}"}, 400)
        folder = await self._folder(request)
        if folder is None:
            return _unknown()
        seeds = await asyncio.to_thread(self.places.seeds, folder) if is_group(folder) else [folder]
        if not seeds:
            return JSONResponse({"error": "no seed of it has begun; nothing was asked"}, 409)
        try:
            followers = [self.follow(each) for each in seeds]
            for follower in [each for each in followers if each.is_trained()] or followers[:1]:  # which refuses
                await asyncio.to_thread(follower.order, asked["order"])
        except DqnlabError as e:
            return JSONResponse({"error": str(e)}, 409)
        return JSONResponse({"order": asked["order"]})

    def _stream(self, news: News) -> Response:
        if self.streams >= MOST_STREAMS:
            return JSONResponse({"error": "too many pages are open"}, 503)
        return StreamingResponse(self._events(news), media_type="text/event-stream")

    async def _events(self, news: News) -> AsyncIterator[bytes]:
        """News as server-sent events, and a word whenever there were none for a while."""
        self.streams += 1
        heard = time.monotonic()
        try:
            async for each in news:
                if each is None and time.monotonic() - heard < PING:
                    continue
                heard = time.monotonic()
                yield b": here\n\n" if each is None else as_event(*each)
        finally:
            self.streams -= 1
            close = getattr(news, "aclose", None)
            if close is not None:
                await close()


def as_event(kind: str, news: Any) -> bytes:
    """One server-sent event. JSON has no line breaks, so that nothing in it can end the event."""
    text = json.dumps(pack_for_page(news), allow_nan=False, separators=(",", ":"))
    return f"event: {kind}\ndata: {text}\n\n".encode()


async def _static(request: Request) -> Response:
    found = static().get(request.path_params["name"])
    return _unknown() if found is None else Response(found[0], media_type=found[1])


def _unknown() -> Response:
    return JSONResponse({"error": "there is nothing of this name"}, 404)
