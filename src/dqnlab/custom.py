"""The objects that parts of one's own make: made, and tried before anything is trained with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from . import config as c
from .config.custom import MAKES
from .envs.place import named_with_place
from .errors import ConfigError
from .learn.heads import Head
from .learn.learner import Learner, loss
from .learn.networks import Stream, Torso
from .learn.types import Batch, Draws

SIZE = 4  # transitions of the update that is tried


def _has(*names: str) -> Callable[[Any], bool]:
    return lambda made: not isinstance(made, type) and all(callable(getattr(made, name, None)) for name in names)


FITS: dict[str, Callable[[Any], bool]] = {
    "torso": lambda made: isinstance(made, Torso) and isinstance(getattr(made, "width", None), int),
    "stream": lambda made: isinstance(made, Stream),
    "head": lambda made: isinstance(made, Head) and isinstance(getattr(made, "width", None), int),
    "memory": _has("add", "due", "sample", "batch", "update_priorities", "facts", "state_dict", "load_state_dict"),
    "rule": callable,
    "sampler": _has("added", "dropped", "draw", "update", "state_dict", "load_state_dict"),
    "sync": callable,
    "exploration": callable,
}


def make_own(part: c.Custom, *args: Any) -> Any:
    """The object that a part describes, from what its place gives it (`MAKES`). Raises ConfigError if it is none."""
    own: Any = part
    what = f"{part.place} = {part.kind!r}"
    try:
        made = own.make(*args)
    except ConfigError:
        raise
    except (Exception, SystemExit) as e:
        raise ConfigError(f"{what}: {MAKES[part.place]} raised {named_with_place(e)}") from e
    if not FITS[part.place](made):
        wanted = MAKES[part.place].rpartition(" ")[2]
        raise ConfigError(
            f"{what} makes {type(made).__name__}, which is not a {wanted} with all that dqnlab.learn asks of one"
        )
    return made


def try_update(config: c.Config, learner: Learner, num_actions: int) -> None:
    """Computes one update on made-up transitions, and leaves everything as it was.

    Raises:
        ConfigError: a part of one's own fails, or gives something else than its place wants.
    """
    parts = [getattr(config, place) for place in MAKES]
    what = " with ".join(f"{part.place} = {part.kind!r}" for part in parts if isinstance(part, c.Custom))
    if not what or learner.online.torso.state_size:  # a sequence cannot be made up
        return
    try:
        wrong = _what_is_wrong(learner, num_actions)
    except (Exception, SystemExit) as e:
        raise ConfigError(f"{what}: a first update on made-up transitions raised {named_with_place(e)}") from e
    if wrong:
        raise ConfigError(f"{what}: {wrong}")


def _what_is_wrong(learner: Learner, num_actions: int) -> str:
    online, target = learner.online, learner.target
    width, batch = online.head.width, _made_up(learner, num_actions)
    values = online(batch.obs, batch.draws.online)
    if said := _misfit("the network's values", values, (SIZE, num_actions, width)):
        return said
    reward, row = learner.rule(online, target, batch)
    if said := _misfit("the rule's reward", reward, (SIZE,)) or _misfit("the rule's next row", row, (SIZE, width)):
        return said
    mean, update = loss(online, target, batch, learner.rule, learner.regularizer)
    if said := _misfit("expected returns", update.q, (SIZE, num_actions)):
        return said
    for name, given in {"errors": update.error, "targets": update.target}.items():
        if said := _misfit(f"the loss's {name}", given, (SIZE,)):
            return said
    if not bool(mean.isfinite()):
        return f"the loss of made-up transitions is {mean.item()}"
    weights = list(online.torso.parameters())
    if weights and (not mean.requires_grad or not _depends(mean, weights)):
        return "no gradient reaches the torso's weights: something is detached on the way to the loss"
    return ""


def _misfit(name: str, given: Any, shape: tuple[int, ...]) -> str:
    """What to say of something that is no tensor of this shape; empty if it is one."""
    is_tensor = isinstance(given, torch.Tensor)
    if is_tensor and tuple(given.shape) == shape:
        return ""
    return f"{name} must be a tensor of shape {shape}, got {tuple(given.shape) if is_tensor else type(given).__name__}"


def _depends(mean: torch.Tensor, weights: list[torch.nn.Parameter]) -> bool:
    """Whether the loss depends on any of these; the networks' own gradients stay as they are."""
    return any(gradient is not None for gradient in torch.autograd.grad(mean, weights, allow_unused=True))


def _made_up(learner: Learner, num_actions: int) -> Batch:
    """Transitions in which every observation is one, and every action allowed."""
    spec, rng = learner.online.obs, np.random.default_rng(0)
    draws = Draws(*(learner.online.draw(SIZE, rng) for _ in Draws._fields)) if learner.online.is_random else Draws()
    obs = torch.from_numpy(np.ones((SIZE, *spec.shape), spec.dtype))
    numbers = torch.ones(SIZE)
    batch = Batch(obs, torch.arange(SIZE) % num_actions, numbers, 0.9 * numbers, obs, numbers, draws)
    return batch.to(learner.device)


@contextmanager
def own_chance(seed: int) -> Iterator[None]:
    """For parts of one's own, which may draw their weights from torch's global generator: by the seed of the run.

    Networks are made on the CPU: its generator alone is seeded, and whoever else draws from it goes on as before.
    (`torch.manual_seed` would seed those of every device too, for good.)
    """
    chance = torch.default_generator
    before = chance.get_state()
    chance.manual_seed(seed)
    try:
        yield
    finally:
        chance.set_state(before)
