"""Values of many actions, of which a page holds and lists those that matter. A actions, K of them kept."""

from collections.abc import Mapping
from typing import Any

import numpy as np

MOST = 24  # actions that are all listed
LISTED = 12  # of more than that


def telling(values: Mapping[str, np.ndarray | None], always: np.ndarray | None = None) -> np.ndarray | None:
    """The actions [..., K], ascending, that several networks' values [..., A] rate highest; None if all are few enough.

    Args:
        always: actions [...] that are kept whatever they are worth.
    """
    known = [each for each in values.values() if each is not None]
    if known[0].shape[-1] <= MOST:
        return None
    orders = [np.argsort(-each, axis=-1, kind="stable") for each in known]  # the first of equals first, as argmax
    best = np.min([np.argsort(order, axis=-1, kind="stable") for order in orders], axis=0)  # the best rank of each
    if always is not None:
        np.put_along_axis(best, always[..., None].astype(np.int64), -1, axis=-1)
    return np.sort(np.argsort(best, axis=-1, kind="stable")[..., :LISTED], axis=-1)


def few(values: Mapping[str, np.ndarray | None], always: np.ndarray | None = None) -> dict[str, Any]:
    """Values of several networks as the page's data hold them: those of the same actions of each, where there are many.

    The page takes the others for -inf, which is no action's choice.
    """
    kept = telling(values, always)
    if kept is None:
        return dict(values)
    size = next(each.shape[-1] for each in values.values() if each is not None)
    places = kept.astype(np.int32)
    return {
        name: None
        if each is None
        else {"$": "few", "of": size, "kept": places, "values": np.take_along_axis(each, kept, axis=-1)}
        for name, each in values.items()
    }
