"""What tests of the live view share: a request as a server hands it over, and what answers it."""

import asyncio
import json
from collections.abc import Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from dqnlab.live.app import Server
from dqnlab.live.gate import App, Keys
from dqnlab.live.painter import Painter
from dqnlab.live.places import Places

KEYS = Keys(look="look-" + "l" * 38, control="control-" + "c" * 35)
HOST = "127.0.0.1:8000"
HERE = f"http://{HOST}"


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Sent:
    """Whatever an application sends, as it comes; it is told that the reader has gone once there was enough."""

    def __init__(self, body: bytes, enough: int | None) -> None:
        self._body = [body]
        self._enough = enough
        self._gone = asyncio.Event()
        self.messages: list[Any] = []

    async def receive(self) -> Any:
        if self._body:
            return {"type": "http.request", "body": self._body.pop(), "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.messages.append(message)
        if self._enough is not None and self.text.count("\n\n") >= self._enough:
            self._gone.set()

    @property
    def text(self) -> str:
        return b"".join(m.get("body", b"") for m in self.messages).decode()


async def asked(
    app: App,
    path: str | bytes,
    method: str = "GET",
    headers: Iterable[tuple[str, str]] = (("host", HOST),),
    body: bytes = b"",
    query: str = "",
    enough: int | None = None,
) -> Answer:
    """One request, just as it is written; of a stream so many events."""
    raw = path.encode() if isinstance(path, str) else path
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": raw.decode("latin-1"), "raw_path": raw, "query_string": query.encode(), "root_path": "",
        "headers": [(n.encode(), v.encode()) for n, v in headers],
    }  # fmt: skip
    sent = Sent(body, enough)
    await app(scope, sent.receive, sent.send)
    start = sent.messages[0]
    return Answer(start["status"], {n.decode(): v.decode() for n, v in start["headers"]}, sent.text.encode())


def ask(app: App, path: str | bytes, *args: Any, **more: Any) -> Answer:
    """The same, from outside a loop."""
    return run(asked(app, path, *args, **more))


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """In a thread of its own: that of a test may have the loop of a browser."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def order_headers(**other: str) -> list[tuple[str, str]]:
    """Those of an order from our own page, some of them changed; an empty one is left out."""
    found = {"host": HOST, "origin": HERE, "content_type": "application/json", **other}
    return [(name.replace("_", "-"), value) for name, value in found.items() if value]


def server_of(runs: Path, **more: Any) -> Server:
    return Server(Places(runs), KEYS, more.pop("painter", Painter()), **more)


def events_in(answer: Answer) -> list[tuple[str, Any]]:
    """The kinds and contents of server-sent events."""
    parts = [part.split("\n") for part in answer.body.decode().split("\n\n") if part.startswith("event:")]
    return [(lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))) for lines in parts]
