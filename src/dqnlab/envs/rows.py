"""Single observations of several parts, and masks, as rows: the one reader of what an environment says is allowed."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..learn.types import ObsPart, ObsSpec

MASK = "action_mask"  # its name, in an info or as a part of a Dict


def as_row(spec: ObsSpec, obs: Any, mask: np.ndarray | None) -> np.ndarray:
    """An observation, or a batch of them, with masks [..., A] if the environment gives any, as rows [..., N].

    Raises:
        ValueError: it is none; what is wrong, as a clause that begins with "observation" or "the mask".
    """
    first, found = spec.parts[0], [part_of(obs, part) for part in spec.parts]
    lead = found[0].shape[: max(found[0].ndim - len(first.shape), 0)]
    rows = np.zeros((*lead, *spec.shape), spec.dtype)
    for part, given in zip(spec.parts, found, strict=True):
        if given.shape != (*lead, *part.shape):
            as_many = f", {lead[0]} of them as of {first.name!r}" if lead and part is not first else ""
            raise ValueError(f"{said(part)} has shape {given.shape}, not {(*lead, *part.shape)}{as_many}")
        check_numbers(part, given)
        rows[..., part.place] = (given - part.lowest if part.lowest else given).reshape(*lead, -1)
    if spec.mask is not None:
        assert mask is not None
        if mask.shape[:-1] != lead:
            raise ValueError(f"the mask has shape {mask.shape}, not {(*lead, mask.shape[-1])}")
        rows[..., spec.mask :] = mask
    return rows


def part_of(obs: Any, part: ObsPart) -> np.ndarray:
    """A part of an observation, or of a batch of them. Raises ValueError if there is none, or no array."""
    for name in part.path:
        if isinstance(obs, Mapping):
            if name not in obs:
                raise ValueError(f"observation has no part {part.name!r}; it has {', '.join(map(repr, obs)) or 'none'}")
            obs = obs[name]
        elif isinstance(name, str):
            raise ValueError(f"observation is of type {type(obs).__name__}, not a dict with {part.name!r}")
        elif isinstance(obs, tuple):
            if not name < len(obs):
                raise ValueError(f"observation has no part {part.name!r}: it is a tuple of {len(obs)}")
            obs = obs[name]
        else:
            numbers = _array(part, obs)
            if numbers.ndim == 0 or not name < numbers.shape[-1]:
                raise ValueError(f"observation has no part {part.name!r}: there is {_kind(obs)}")
            obs = numbers[..., name]
    return _array(part, obs)


def _array(part: ObsPart, given: Any) -> np.ndarray:
    try:
        return np.asarray(given)
    except Exception as e:  # anything may have been handed out: lists of unequal lengths, tensors on a GPU
        raise ValueError(f"{said(part)} is not an array of numbers: {e}") from e


def _kind(obs: Any) -> str:
    return f"an array of shape {np.shape(obs)}" if isinstance(obs, np.ndarray) else f"a {type(obs).__name__} instead"


def said(part: ObsPart) -> str:
    """What a part is called in a message."""
    return f"observation {part.name!r}" if part.path else "observation"


def check_numbers(part: ObsPart, given: np.ndarray) -> None:
    """Raises ValueError if numbers are not such as the part holds."""
    if given.dtype.kind not in "biuf":
        raise ValueError(f"{said(part)} is of type {given.dtype}, not numbers")
    if part.num_states is not None:
        low, high = part.lowest, part.lowest + part.num_states - 1
        if not ((given >= low) & (given <= high) & (given == np.floor(given))).all():
            raise ValueError(f"{said(part)} is {given}, not a state from {low} to {high}")
        return
    with np.errstate(over="ignore", invalid="ignore"):
        stored = given.astype(part.dtype)
    if not np.isfinite(stored).all():
        when = ", once stored as float32" if np.isfinite(given).all() else ""
        raise ValueError(f"{said(part)} holds a number that is not finite{when}")
    if part.dtype != np.float32 and not np.array_equal(stored, given):
        raise ValueError(
            f"{said(part)} holds {given.dtype} that do not fit into {part.dtype}, which its space announces"
        )


def surplus(announced: Iterable[tuple[str | int, ...]], obs: Any) -> str | None:
    """What an observation holds besides the parts at these paths, which is ignored; None if nothing."""
    known: dict[tuple[str | int, ...], set[str | int]] = {}
    for each in announced:
        for depth, name in enumerate(each):
            known.setdefault(each[:depth], set()).add(name)
    for path, names in known.items():
        inside = obs
        try:
            for name in path:
                inside = inside[name]
        except (KeyError, IndexError, TypeError):  # of a part that is not used nobody says what it must be
            continue
        if isinstance(inside, Mapping):
            more = [name for name in inside if name not in names and name != MASK]
        else:
            more = list(range(max(map(int, names)) + 1, len(inside))) if isinstance(inside, tuple) else []
        if more:
            return ".".join(map(str, (*path, more[0])))
    return None


# ── Masks ────────────────────────────────────────────────────────────────────────────────────────


def given_mask(obs: Any, mask: Any, stack: int = 1) -> Any:
    """The mask that came with an observation: `mask`, from an info, or a part of it; None if there is none.

    Args:
        stack: frames in the observation; above 1 its own masks are as many, and the newest counts.

    Raises:
        ValueError: there are two, and they differ.
    """
    inside = obs.get(MASK) if isinstance(obs, Mapping) else None
    if inside is not None and stack > 1:
        newest = [np.asarray(each)[..., -1, :] for each in (inside if isinstance(inside, tuple) else (inside,))]
        inside = tuple(newest) if isinstance(inside, tuple) else newest[0]
    if inside is None or mask is None:
        return mask if inside is None else inside
    if not np.array_equal(np.asarray(inside), np.asarray(mask)):
        raise ValueError(f"the mask in info is {_short(mask)}, and the observation's own is {_short(inside)}")
    return inside


def as_mask(given: Any, num_actions: int, *, may_be_none: bool = False) -> np.ndarray:
    """A mask, or a batch of them, as bool [..., A].

    Args:
        may_be_none: whether it may allow no action, as at the end of an episode.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(given, Mapping):
        raise ValueError(f"the mask is a dict: pass its {MASK!r}")
    try:
        mask = np.asarray(given)
    except ValueError as e:
        what = "the mask is not an array: its rows differ in length"
        raise ValueError(f"{what}; one for each component of an action is a tuple of arrays") from e
    if mask.shape[-1:] != (num_actions,):
        raise ValueError(f"the mask has shape {mask.shape}, not ({num_actions},)")
    if mask.dtype.kind not in "biuf":
        raise ValueError(f"the mask is of type {mask.dtype}, not numbers")
    if not ((mask == 0) | (mask == 1)).all():
        raise ValueError(f"the mask {_short(given)} holds numbers other than 1, for an action that is allowed, and 0")
    if not may_be_none and not mask.astype(bool).any(-1).all():
        raise ValueError("the mask allows no action")
    return mask.astype(bool)


def _short(mask: Any) -> str:
    text = str(np.asarray(mask).tolist())
    return text if len(text) <= 60 else f"{text[:59]}…"
