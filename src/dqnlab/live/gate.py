"""Who is let in: every request is looked at here before anything else is done with it.

A website in the user's own browser can send requests to this machine, and so can every other user of it. So a request
must name this machine (a website that lets its own name lead here does not), must not come from another site, must bear
a token that only the command that printed the address knows, and may contain nothing but plain letters.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
MOST_PATH = 200
MOST_QUERY = 2_000
_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?")
_PATH = re.compile(r"/([\w-]+)(/[\w./-]*)", re.ASCII)
_QUERY = re.compile(r"[\w=&-]*", re.ASCII)


@dataclass(frozen=True)
class Keys:
    """The tokens that addresses bear: who has `control` may ask things of runs, who has `look` may look."""

    look: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    control: str | None = field(default_factory=lambda: secrets.token_urlsafe(32))
    """none where nobody may"""

    def right(self, token: str) -> str | None:
        """What a token allows; none if it is nobody's. It takes as long for every token."""
        given = token.encode()
        may_control = hmac.compare_digest(given, (self.control or secrets.token_urlsafe(32)).encode())
        may_look = hmac.compare_digest(given, self.look.encode())
        return "control" if may_control and self.control is not None else "look" if may_look else None


class Refusal(NamedTuple):
    """Why a request is not answered, and where it is sent instead."""

    status: int
    text: str
    location: str = ""


class Gate:
    """Refuses whatever is not a plain request of somebody who knows the address."""

    def __init__(self, app: App, keys: Keys) -> None:
        self._app = app
        self._keys = keys
        self._once: str | None = None

    def once(self) -> str:
        """A token that leads a single time to the address of whoever started this.

        It is what a browser is started with: everybody on the machine sees that, for as long as the browser runs.
        """
        self._once = secrets.token_urlsafe(32)
        return self._once

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        found = self._look(scope)
        if isinstance(found, Refusal):
            await _answer(found, send)
            return
        right, path = found
        await self._app(
            {**scope, "path": path, "raw_path": path.encode(), "root_path": "", "right": right},
            receive,
            with_headers(send),
        )

    def _look(self, scope: Scope) -> tuple[str, str] | Refusal:
        """The right and the path behind the token."""
        if scope["method"] not in ("GET", "POST"):
            return Refusal(405, "this method is not known here")
        hosts, origins = list(_values(scope, b"host")), list(_values(scope, b"origin"))
        if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
            return Refusal(421, "this is no name of this machine")
        if any(origin != f"http://{hosts[0]}" for origin in origins) or len(origins) > 1:
            return Refusal(403, "this comes from another site")
        navigates = scope["method"] == "GET" and list(_values(scope, b"sec-fetch-mode")) == ["navigate"]
        if not navigates and any(each not in ("none", "same-origin") for each in _values(scope, b"sec-fetch-site")):
            return Refusal(403, "this comes from another site")
        raw, query = scope.get("raw_path") or scope["path"].encode(), scope.get("query_string", b"")
        if len(raw) > MOST_PATH or len(query) > MOST_QUERY:
            return Refusal(414, "this address is too long")
        parts = _PATH.fullmatch(raw.decode("latin-1"))
        if parts is None or ".." in parts[2] or "//" in parts[2]:
            return Refusal(403, "this address is not known")
        if not _QUERY.fullmatch(query.decode("latin-1")):
            return Refusal(400, "this address is not known")
        right = self._keys.right(parts[1])
        if right is None and scope["method"] == "GET" and self._takes(parts[1]):
            return Refusal(303, "this way", f"/{self._keys.control or self._keys.look}{parts[2]}")
        if right is None:
            return Refusal(403, "this address is not known: `dqn live` prints the one that is")
        if scope["method"] == "POST" and (right != "control" or not origins):
            return Refusal(403, "this address may only look")
        return right, parts[2]

    def _takes(self, token: str) -> bool:
        """Whether it is the token for a single time, which has then passed."""
        if self._once is None or not hmac.compare_digest(token.encode(), self._once.encode()):
            return False
        self._once = None
        return True


def _values(scope: Scope, name: bytes) -> Iterator[str]:
    return (value.decode("latin-1") for key, value in scope["headers"] if key == name)


def with_headers(send: Send) -> Send:
    """Answers with what keeps a page to itself."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = [(name, value) for name, value in message.get("headers", []) if name.decode() not in HEADERS]
            ours = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message = {**message, "headers": [*given, *ours]}
        await send(message)

    return sending


async def _answer(refusal: Refusal, send: Send) -> None:
    body = f"{refusal.text}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    if refusal.location:
        headers.append((b"location", refusal.location.encode()))
    sending = with_headers(send)
    await sending({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await sending({"type": "http.response.body", "body": body})
