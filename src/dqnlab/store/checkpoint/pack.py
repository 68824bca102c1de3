"""Nested states as plain JSON and a flat set of arrays, and arrays as safetensors. Nothing here can run code.

In JSON a number, a text, a truth value, `null` and a list are themselves; all else is an object with one key:

    {"map": {…}}                    a mapping
    {"array": key}                  a numpy array; "scalar" a numpy number, "tensor" a torch tensor
    {"int": "0x…"}                  an integer that JSON readers might round
    {"float": "inf"}                or "-inf" or "nan"
"""

import json
import math
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import numpy as np

from ...errors import CheckpointError, counted

MAX_JSON = 64 << 20  # bytes; a state's plain part is a few kB
_DEPTH = 100  # deepest nesting
_EXACT = 2**53  # integers below this survive every JSON reader
_DTYPES = {  # numpy's name -> the one in a safetensors file
    "bool": "BOOL",
    **{f"int{bits}": f"I{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"U{bits}" for bits in (8, 16, 32, 64)},
    **{f"float{bits}": f"F{bits}" for bits in (16, 32, 64)},
}


# ── States ───────────────────────────────────────────────────────────────────────────────────────


def pack(state: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """A state's arrays by path, and the rest as JSON. The arrays are views where possible.

    A state is made of mappings with text keys, lists, arrays, tensors, numbers, texts, truth values and None.
    Tuples come back as lists, tensors on the CPU and without gradients, arrays in native byte order.

    Raises:
        CheckpointError: something else is in it.
    """
    arrays: dict[str, np.ndarray] = {}
    return arrays, _pack(dict(state), (), arrays)


def _pack(value: Any, path: tuple[str, ...], arrays: dict[str, np.ndarray]) -> Any:
    if len(path) > _DEPTH:
        raise CheckpointError(
            f"a state is nested more than {_DEPTH} deep at {_shown(path[:5])}...: does it hold itself?"
        )
    if value is None or type(value) in (bool, str):
        return value
    if type(value) is int:
        return value if abs(value) < _EXACT else {"int": hex(value)}
    if type(value) is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, Mapping):
        if bad := [key for key in value if type(key) is not str]:
            raise CheckpointError(f"a state has the key {bad[0]!r} at {_shown(path)}: keys must be strings")
        return {"map": {key: _pack(inner, (*path, key), arrays) for key, inner in value.items()}}
    if isinstance(value, (list, tuple)):
        return [_pack(inner, (*path, str(i)), arrays) for i, inner in enumerate(value)]
    kind, array = _as_array(value, path)
    key = _key(path)
    arrays[key] = array
    return {kind: key}


def _as_array(value: Any, path: tuple[str, ...]) -> tuple[str, np.ndarray]:
    """Which kind of array a leaf is, and its content."""
    torch = sys.modules.get("torch")  # a tensor can only be here if somebody imported it
    kind, array = None, None
    if type(value) in (np.ndarray, np.memmap):
        kind, array = "array", value
    elif isinstance(value, np.generic):
        kind, array = "scalar", np.asarray(value)
    elif torch is not None and isinstance(value, torch.Tensor):
        try:
            kind, array = "tensor", value.detach().cpu().numpy()
        except TypeError:  # a dtype that numpy has not
            array = None
    if kind is None or array is None or array.dtype.name not in _DTYPES:
        what = f"{type(value).__name__} of {value.dtype}" if hasattr(value, "dtype") else f"{type(value).__name__}"
        raise CheckpointError(f"a state cannot be stored: {_shown(path)} is a {what}, neither plain nor an array")
    return kind, array


def _key(path: tuple[str, ...]) -> str:
    """A name for an array, another one for each path."""
    key = "/".join(quote(part, safe="", errors="surrogatepass") for part in path)
    return key.replace("__metadata__", "%5F_metadata__")  # which safetensors keeps for itself


def _shown(path: tuple[str, ...]) -> str:
    return repr("/".join(path))


def unpack(arrays: Mapping[str, np.ndarray], tree: Any) -> dict[str, Any]:
    """The state that `pack` took apart. Raises CheckpointError if the two do not belong together."""
    unused = dict(arrays)
    state = _unpack(tree, unused, 0)
    if not isinstance(state, dict):
        raise CheckpointError("a stored state is not a mapping")
    if unused:
        raise CheckpointError(f"a stored state leaves {len(unused)} of its arrays unused, such as {min(unused)!r}")
    return state


def _unpack(node: Any, arrays: dict[str, np.ndarray], depth: int) -> Any:
    """Takes the arrays it needs out of `arrays`."""
    if depth > _DEPTH:
        raise CheckpointError(f"a stored state is nested more than {_DEPTH} deep")
    if node is None or type(node) in (bool, str, int) or (type(node) is float and math.isfinite(node)):
        return node
    if type(node) is list:
        return [_unpack(inner, arrays, depth + 1) for inner in node]
    if type(node) is dict and len(node) == 1:
        ((tag, body),) = node.items()
        if tag == "map" and type(body) is dict:
            return {key: _unpack(inner, arrays, depth + 1) for key, inner in body.items()}
        if tag == "int" and type(body) is str and re.fullmatch("-?0x[0-9a-f]+", body):
            return int(body, 16)
        if tag == "float" and body in ("inf", "-inf", "nan"):
            return float(body)
        if tag in ("array", "scalar", "tensor") and type(body) is str and body in arrays:
            return _leaf(tag, arrays.pop(body))
    raise CheckpointError(f"a stored state has a part of an unknown kind: {repr(node)[:80]}")


def _leaf(tag: str, array: np.ndarray) -> Any:
    if tag == "scalar":
        if array.shape:
            raise CheckpointError(f"a stored number has the shape {array.shape}")
        return array[()]
    if not array.flags.writeable:
        array = array.copy()
    if tag == "array":
        return array
    import torch

    return torch.from_numpy(array)


# ── Bytes ────────────────────────────────────────────────────────────────────────────────────────


def encode_arrays(arrays: Mapping[str, np.ndarray]) -> Iterator[bytes | memoryview]:
    """The pieces of a safetensors file, without a copy of arrays that are contiguous. At least one piece.

    Raises:
        CheckpointError: an array of objects, texts or another dtype that cannot be stored.
    """
    header = {}
    columns = []
    at = 0
    for name, array in sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0])):  # aligned
        if array.dtype.name not in _DTYPES or name == "__metadata__":
            raise CheckpointError(f"array {name!r} has dtype {array.dtype}, which cannot be stored")
        header[name] = {
            "dtype": _DTYPES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [at, at + array.nbytes],
        }
        at += array.nbytes
        columns.append(array)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for array in columns:
        flat = np.asarray(array, array.dtype.newbyteorder("<"), order="C").reshape(-1)
        if flat.size:
            yield flat.view(np.uint8).data


def decode_arrays(data: bytes) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file. Raises CheckpointError."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(data)
    except (SafetensorError, ValueError, KeyError) as e:
        raise CheckpointError(f"arrays cannot be read: {e}") from e


def dump_json(value: Any, *, indent: int | None = None, sort_keys: bool = False) -> bytes:
    """JSON text in ASCII. Raises CheckpointError if there is none or it is too large."""
    try:
        data = json.dumps(value, allow_nan=False, indent=indent, sort_keys=sort_keys).encode("ascii")
    except (TypeError, ValueError, RecursionError) as e:
        raise CheckpointError(f"cannot be stored as JSON: {e}") from e
    if len(data) > MAX_JSON:
        raise CheckpointError(
            f"the plain part of a state takes {counted(len(data), 'byte')}, more than {MAX_JSON:,}: use arrays"
        )
    return data


def parse_json(data: bytes) -> Any:
    """What JSON text says. Raises CheckpointError: too large or too deep, doubled keys, NaN, not JSON."""
    if len(data) > MAX_JSON:
        raise CheckpointError(f"{counted(len(data), 'byte')} of JSON, more than the {MAX_JSON:,} that may be read")
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError) as e:
        raise CheckpointError(f"not JSON: {e}") from e


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key occurs twice")
    return content


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
