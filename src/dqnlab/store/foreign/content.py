"""What a stranger's file holds, from its bytes: read once and bounded, nothing run, nothing unpacked to disk."""

from __future__ import annotations

import io
import pickletools
import stat
import zipfile
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ...errors import CheckpointError, counted
from ...trust import not_fetched
from ..filekinds import describe, is_old_torch

MOST_BYTES = 1 << 30
"""of a file: the networks of DQN take some megabytes"""
MOST_PARTS = 10_000
"""of an archive"""
MOST_RATIO = 100
"""how much larger than packed a part may be: more is no network"""
OLD_PICKLES = 3
"""before that of what was saved, in torch's format of before 1.6"""


def read_bytes(file: Path) -> bytes:
    """The whole of a file that the user has named; a pipe or a device is not opened. Raises CheckpointError."""
    if not file.is_file():
        if said := not_fetched(file):
            raise CheckpointError(said)
        what = "is not a file" if file.exists() else "does not exist"
        raise CheckpointError(f"{str(file)!r} {what}: name the file that holds the agent's weights")
    try:
        with file.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except OSError as e:
        raise CheckpointError(f"{str(file)!r} cannot be read: {e.strerror or e}") from e
    if len(data) > MOST_BYTES:
        raise CheckpointError(f"{str(file)!r} has more than {counted(MOST_BYTES, 'byte')}: no network of DQN does")
    return data


def part_names(file: Path, data: bytes) -> set[str]:
    """The names of the parts of a zip archive; none if it is no archive. Raises CheckpointError if it is hostile."""
    if not data.startswith(b"PK"):
        return set()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as e:
        raise CheckpointError(f"{str(file)!r} cannot be read: {what_is(file, data, e)}") from e
    if len(names) > MOST_PARTS:
        raise CheckpointError(f"{str(file)!r} holds {counted(len(names), 'part')}: no agent does")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise CheckpointError(f"{str(file)!r} holds {twice[0]!r} twice, so nobody knows which counts: save it anew")
    return set(names)


def read_part(file: Path, data: bytes, name: str, most: int = MOST_BYTES) -> bytes:
    """One part of an archive, by its name. Raises CheckpointError."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            info = archive.getinfo(name)
            _check_part(file, info, most)
            with archive.open(info) as opened:
                content = opened.read(most + 1)
    except CheckpointError:
        raise
    except Exception as e:  # zipfile and the decompressors raise many kinds for what is damaged
        raise CheckpointError(f"{str(file)!r} is damaged: its part {name!r} cannot be read ({type(e).__name__})") from e
    if len(content) > most:
        raise CheckpointError(f"{str(file)!r} is damaged: its part {name!r} is larger than it says")
    return content


def _check_part(file: Path, info: zipfile.ZipInfo, most: int) -> None:
    """Raises CheckpointError for a part that is not what a program would have saved, before it is unpacked."""
    odd = ""
    if info.flag_bits & 1:
        odd = "is encrypted"
    elif stat.S_ISLNK(info.external_attr >> 16):
        odd = "is a link"
    elif info.file_size > most or info.file_size > MOST_RATIO * max(info.compress_size, 1):
        odd = f"claims to be {counted(info.file_size, 'byte')}"
    if odd:
        raise CheckpointError(f"{str(file)!r} is not what a program saves: its part {info.filename!r} {odd}")


def what_is(file: Path, data: bytes, error: Exception | None = None) -> str:
    """What a file, or a part of one, is, of which no agent can be made."""
    return describe(file, io.BytesIO(data), error, importing=True)


def load_torch(file: Path, data: bytes, part: str = "") -> Any:
    """What torch.save wrote: tensors, containers and plain values; anything else is refused.

    Args:
        part: what the data is called in the file, if it is a part of it.

    Raises CheckpointError.
    """
    where = f"{str(file)!r}: its part {part!r}" if part else repr(str(file))
    try:
        if is_old_torch(data):
            _check_old(data)
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        with zipfile.ZipFile(io.BytesIO(data)) as parts:  # torch's format since 1.6; it is never compressed
            if sum(part.file_size for part in parts.infolist()) > len(data):
                raise _TooLargeError
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except _TooLargeError as e:
        raise CheckpointError(f"{where} claims to hold more than its {counted(len(data), 'byte')}") from e
    except Exception as e:  # torch raises many kinds for a damaged or hostile file
        raise CheckpointError(f"{where} is not a readable weights file: {what_is(file, data, e)}") from e


class _TooLargeError(ValueError):
    """Data claims to hold more than it can."""


def _check_old(data: bytes) -> None:
    """Raises if torch's format of before 1.6 has a number in its tables that is larger than the file.

    Every length and shape there is one, and torch makes room for it before it reads. That format is pickles in a row:
    two numbers and a table about the machine, then what was saved.
    """
    read = io.BytesIO(data)
    for _ in range(OLD_PICKLES):
        deque(pickletools.genops(read), maxlen=0)
    for _, number, _ in pickletools.genops(read):
        if isinstance(number, int) and number > len(data):
            raise _TooLargeError


def load_safetensors(file: Path, data: bytes) -> Mapping[str, Any]:
    """The tensors of a safetensors file, by name. Raises CheckpointError."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(data)
    except (SafetensorError, ValueError, KeyError, AttributeError, RecursionError) as e:
        raise CheckpointError(f"{str(file)!r} is a damaged safetensors file ({type(e).__name__})") from e
