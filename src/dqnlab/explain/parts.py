"""What the loss of a head compares, number by number: one entry for each head that predicts more than a mean.

Everything comes from the functions that the loss itself is made of. R rows, K numbers per action, in the environment's
units.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ..learn.distributional import CategoricalHead, HistogramHead, QuantileHead, quantile_loss
from ..learn.heads import Head
from ..learn.implicit import ImplicitHead


@dataclass(frozen=True)
class Shares:
    """Probabilities of returns that never move."""

    at: np.ndarray  # [K] the returns, or the middles of their bins
    following: np.ndarray  # [R, K] of what is bootstrapped from
    wanted: np.ndarray  # [R, K] what the prediction is pulled towards
    predicted: np.ndarray  # [R, K]
    kind: Literal["shares"] = field(default="shares", init=False)


@dataclass(frozen=True)
class QuantileParts:
    """Quantiles, ascending by their levels; those of what follows as the network gave them."""

    level: np.ndarray  # [R, K]
    predicted: np.ndarray  # [R, K]
    following: np.ndarray  # [R, N] of what is bootstrapped from
    wanted: np.ndarray  # [R, N] reward + discount * that
    terms: np.ndarray  # [R, K] what each predicted one adds to the loss
    kind: Literal["quantiles"] = field(default="quantiles", init=False)


@dataclass(frozen=True)
class Compared:
    """What a loss is given. Tensors as they are learned."""

    row: Tensor  # [R, K] without gradient
    next_row: Tensor  # [R, K]
    reward: Tensor  # [R] with what the rule adds
    discount: Tensor  # [R]
    scale: float  # the environment's units in one of these


def parts_of(
    head: Head, row: Tensor, next_row: Tensor, reward: Tensor, discount: Tensor, scale: float
) -> Shares | QuantileParts | None:
    """What this head's loss compares in rows [R, K]; none if nothing but two numbers, or if that is not known."""
    made = PARTS.get(type(head))
    return None if made is None else made(head, Compared(row, next_row, reward, discount, scale))


def _categories(head: CategoricalHead, given: Compared) -> Shares:
    wanted = head.wanted(given.next_row, given.reward, given.discount)
    return _shares(given, head.returns(given.row), wanted)


def _histogram(head: HistogramHead, given: Compared) -> Shares:
    target = head.loss(given.row, given.next_row, given.reward, given.discount).target
    return _shares(given, head.centres(given.row), head.histogram(target))


def _shares(given: Compared, at: Tensor, wanted: Tensor) -> Shares:
    found = (at * given.scale, given.next_row.softmax(1), wanted, given.row.softmax(1))
    return Shares(*(each.numpy().copy() for each in found))


def _quantiles(head: QuantileHead, given: Compared) -> QuantileParts:
    level = ((torch.arange(head.width) + 0.5) / head.width).expand_as(given.row)
    return _against(given, given.row, level, given.next_row, head.kappa)


def _implicit(head: ImplicitHead, given: Compared) -> QuantileParts:
    quantiles, level = given.row[:, : head.num], given.row[:, head.num :]
    return _against(given, quantiles, level, given.next_row[:, : head.num], head.kappa)


def _against(given: Compared, row: Tensor, level: Tensor, next_row: Tensor, kappa: float) -> QuantileParts:
    """Every quantile by itself goes through the loss, which adds up what each of them brings."""
    order = level.argsort(1)
    row, level = row.gather(1, order), level.gather(1, order)
    wanted = given.reward[:, None] + given.discount[:, None] * next_row
    num = row.shape[1]
    alone = (row.reshape(-1, 1), wanted.repeat_interleave(num, 0), kappa, level.reshape(-1, 1))
    terms = quantile_loss(*alone).view(-1, num)
    scaled = (row * given.scale, next_row * given.scale, wanted * given.scale)
    predicted, following, targets = (each.numpy().copy() for each in scaled)
    return QuantileParts(level.numpy().copy(), predicted, following, targets, terms.numpy().copy())


PARTS: Mapping[type[Head], Callable[[Any, Compared], Shares | QuantileParts]] = {
    CategoricalHead: _categories,
    HistogramHead: _histogram,
    QuantileHead: _quantiles,
    ImplicitHead: _implicit,
}
