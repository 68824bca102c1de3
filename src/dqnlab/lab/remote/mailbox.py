"""What workers on other machines say, and what they are told: an actor beside the parent that keeps it for them."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

INTERRUPT = b""
"""an order that no pickle is: what it is making is to be left, as by Ctrl-C"""


class Began(NamedTuple):
    """A worker has a process, and where."""

    host: str
    pid: int


Letter = tuple[int, "bytes | Began"]
"""from whom, and what"""


class Mailbox:
    """Bytes in both directions, in order; nothing in them is looked at. Whoever asks for some waits until there are."""

    def __init__(self) -> None:
        self._letters: list[Letter] = []
        self._news = asyncio.Event()
        self._orders: dict[int, list[bytes]] = {}
        self._told: dict[int, asyncio.Event] = {}
        self._ended: set[int] = set()

    async def say(self, worker: int, what: bytes | Began) -> None:
        """Takes a report of a worker."""
        self._letters.append((worker, what))
        self._news.set()

    async def letters(self) -> list[Letter]:
        """All that workers have said since they were last asked for; waits for the first, or for a `poke`."""
        await self._news.wait()
        self._news.clear()
        found, self._letters = self._letters, []
        return found

    async def poke(self) -> None:
        """Lets go whoever waits for letters."""
        self._news.set()

    async def order(self, worker: int, what: bytes) -> None:
        """Takes an order for a worker."""
        self._orders.setdefault(worker, []).append(what)
        self._bell(worker).set()

    async def orders(self, worker: int) -> list[bytes] | None:
        """What a worker is told; waits for the first. None once it has ended."""
        bell = self._bell(worker)
        await bell.wait()
        bell.clear()
        return None if worker in self._ended else self._orders.pop(worker, [])

    async def end(self, worker: int) -> None:
        """No order will come for a worker any more."""
        self._ended.add(worker)
        self._bell(worker).set()

    def _bell(self, worker: int) -> asyncio.Event:
        return self._told.setdefault(worker, asyncio.Event())
