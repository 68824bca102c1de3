"""Python values as JSON and arrays can hold them, and back, with their exact types.

Numbers, strings, None and arrays stay as they are, lists stay lists; everything else becomes a dict that names it.
"""

from collections import deque
from typing import Any

import numpy as np

from ..errors import CheckpointError


def encode(value: Any, where: str) -> Any:
    """A value as a `State` may hold it, with a copy of all that can change; `where` names it in errors.

    Raises:
        CheckpointError: it is, or holds, something else than numbers, strings, bytes, arrays and containers of these.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.str_):
        return str(value)
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biuf":
        array = np.array(value, order="C")
        return array if isinstance(value, np.ndarray) else {"scalar": array}
    if type(value) is bytes:
        return {"bytes": np.frombuffer(value, np.uint8).copy()}
    if type(value) in (list, tuple, deque):
        items = [encode(item, f"{where}[{i}]") for i, item in enumerate(value)]
        if type(value) is list:
            return items
        return {"tuple": items} if type(value) is tuple else {"deque": items, "maxlen": value.maxlen}
    if type(value) is dict:
        return {"dict": [[encode(k, f"a key of {where}"), encode(v, f"{where}[{k!r}]")] for k, v in value.items()]}
    raise CheckpointError(
        f"{where} is {type(value).__name__}, which cannot be saved: use numbers, strings, bytes, numeric arrays, "
        "and lists, tuples, deques and dicts of these"
    )


def decode(value: Any) -> Any:
    """What `encode` was given, as new objects. Raises CheckpointError if it does not come from there."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.copy()
    if not isinstance(value, dict):
        return value
    match value:
        case {"scalar": np.ndarray() as array} if len(value) == 1 and array.shape == ():
            return array[()]
        case {"bytes": np.ndarray() as array} if len(value) == 1:
            return array.tobytes()
        case {"tuple": list(items)} if len(value) == 1:
            return tuple(decode(items))
        case {"deque": list(items), "maxlen": int() | None as maxlen} if len(value) == 2:
            return deque(decode(items), maxlen)
        case {"dict": list(items)} if len(value) == 1:
            return {decode(k): decode(v) for k, v in items}
    raise CheckpointError(f"a saved value with the parts {sorted(value)} is damaged: resume from another checkpoint")
