"""What the page of a run or group is told, as it comes: kind and content, or nothing where nothing is new."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from .follow import LAZY, Follower, Unread
from .places import run_number

News = AsyncIterator[tuple[str, Any] | None]

LOOK_AROUND_EVERY = 1.0  # seconds between two looks at which runs or seeds there are


async def news_of_run(follower: Follower) -> News:
    """Whatever is new of a run."""
    box = Unread()
    try:
        follower.listen(box, lambda kind, news: (kind, news))
        while True:
            yield await box.take(LOOK_AROUND_EVERY)
    finally:
        follower.forget(box)


async def news_of_group(seeds: Callable[[], Sequence[Path]], follow: Callable[[Path], Follower]) -> News:
    """Which seeds a group has, again whenever that has changed, and what is new of each.

    Args:
        seeds: finds those that have begun; it is called in another thread.
        follow: begins to follow one of them, unless somebody does.
    """
    box = Unread()
    followed: dict[Path, Follower] = {}
    told: Sequence[Path] | None = None
    due = 0.0
    try:
        while True:
            began = time.monotonic()
            if began >= due:
                found = await asyncio.to_thread(seeds)
                due = time.monotonic() + max(LOOK_AROUND_EVERY, LAZY * (time.monotonic() - began))
                for gone in followed.keys() - set(found):
                    followed.pop(gone).forget(box)
                if found != told:
                    told = found
                    yield "seeds", [[run_number(seed), seed.name] for seed in found]
                for seed in [each for each in found if each not in followed]:
                    followed[seed] = follow(seed)
                    followed[seed].listen(box, _of_seed(followed[seed].number))
            yield await box.take(max(0.0, due - time.monotonic()))
    finally:
        for follower in followed.values():
            follower.forget(box)


def _of_seed(number: str) -> Callable[[str, Any], tuple[str, Any] | None]:
    """What the page of a group is told of a seed: no more than it shows."""

    def wrap(kind: str, news: Any) -> tuple[str, Any] | None:
        if kind == "network":
            return None
        if kind == "curve":
            news = {"evaluations": news["evaluations"]}
        return "seed", {"id": number, "kind": kind, "news": news}

    return wrap
