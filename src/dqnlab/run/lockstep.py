"""Many loops driven as one, so that their updates can be computed together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ..learn.learner import Update
from ..learn.types import Sample
from .events import Event
from .train import Loop


class Stopped(NamedTuple):
    """A loop has ended, or failed, which concerns no other loop."""

    error: Exception | None


def lockstep(
    loops: Sequence[Loop], update: Callable[[Mapping[int, Sample]], Mapping[int, Update]]
) -> Iterator[tuple[int, Event | Stopped]]:
    """Runs each loop until it wants an update, then answers all at once; says which loop each event is from."""
    answers: Mapping[int, Update | None] = dict.fromkeys(range(len(loops)))
    while answers:
        samples: dict[int, Sample] = {}
        for i, answer in answers.items():
            for said in _until_sample(loops[i], answer):
                if isinstance(said, Sample):
                    samples[i] = said
                else:
                    yield i, said
        answers = update(samples) if samples else {}


def _until_sample(loop: Loop, answer: Update | None) -> Iterator[Event | Sample | Stopped]:
    try:
        said = loop.send(answer)
        while not isinstance(said, Sample):
            yield said
            said = next(loop)
        yield said
    except StopIteration:
        yield Stopped(None)
    except Exception as error:
        yield Stopped(error)
