"""What a checkpoint's manifest.json says: its step, its files with sizes and hashes, and which rows lie in which chunk.

The manifest seals itself: `sha256` is that of its other keys as `json.dumps` writes them with `sort_keys`. Every schema
to come keeps `schema` and that rule, so that a newer checkpoint is told from a damaged one.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from itertools import pairwise
from typing import Any, NamedTuple

from ..._version import __version__
from ...errors import CheckpointError
from ..disk import Written
from .pack import dump_json, parse_json

SCHEMA = 1
MANIFEST = "manifest.json"
TREE = "state.json"
ARRAYS = "state.safetensors"
MEMBERS = (TREE, ARRAYS)

CHUNK_NAME = re.compile(r"([a-z][a-z0-9_]{0,31})-([0-9]{1,18})-([0-9]{1,18})(?:-[0-9]{1,9})?\.safetensors")
_LOG_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_HASH = re.compile(r"[0-9a-f]{64}")


class Unusable(CheckpointError):
    """A checkpoint that may well be whole, but not for this dqnlab or this user: it is left where it is."""


class Chunk(NamedTuple):
    """A file with the rows [start, stop) of a log."""

    name: str
    start: int
    stop: int
    written: Written


class Log(NamedTuple):
    """The rows [start, stop) of a log, and the chunks that hold them; the first may begin earlier."""

    start: int
    stop: int
    chunks: tuple[Chunk, ...]


class Manifest(NamedTuple):
    """What is in a checkpoint."""

    step: int
    about: dict[str, Any]
    members: dict[str, Written]
    logs: dict[str, Log]

    @property
    def chunks(self) -> dict[str, Chunk]:
        """Every chunk by its name."""
        return {chunk.name: chunk for log in self.logs.values() for chunk in log.chunks}


def check_log_name(name: str) -> str:
    """The name itself. Raises CheckpointError if it cannot be part of a file's."""
    if not _LOG_NAME.fullmatch(name):
        raise CheckpointError(f"a log cannot be named {name!r}: lower case letters, digits and _ only")
    return name


def dump_manifest(manifest: Manifest) -> bytes:
    """The text of a manifest.json. Raises CheckpointError if `about` is not JSON."""
    files = manifest.members | {name: chunk.written for name, chunk in manifest.chunks.items()}
    content = {
        "schema": SCHEMA,
        "dqnlab": __version__,
        "step": manifest.step,
        "about": manifest.about,
        "files": {name: written._asdict() for name, written in files.items()},
        "logs": {
            name: {"start": log.start, "stop": log.stop, "chunks": [chunk.name for chunk in log.chunks]}
            for name, log in manifest.logs.items()
        },
    }
    return dump_json(seal(content), indent=1) + b"\n"


def seal(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content with the hash that proves it whole."""
    plain = {key: value for key, value in content.items() if key != "sha256"}
    return {**plain, "sha256": sha256(dump_json(plain, sort_keys=True)).hexdigest()}


def parse_manifest(data: bytes) -> Manifest:
    """What a manifest.json says, every name in it checked.

    Raises:
        Unusable: a later dqnlab wrote it.
        CheckpointError: it is damaged, or not one that dqnlab writes.
    """
    content = parse_json(data)
    if not isinstance(content, dict) or seal(content) != content:
        raise CheckpointError("its manifest is damaged")
    schema = content.get("schema")
    if type(schema) is int and schema > SCHEMA:
        raise Unusable(f"it has schema {schema}; this dqnlab reads up to {SCHEMA}: update dqnlab")
    match content:
        case {
            "schema": int(),
            "step": step,
            "about": dict() as about,
            "files": dict() as files,
            "logs": dict() as logs,
        }:
            if type(schema) is int and schema == SCHEMA and _is_count(step):
                entries = {name: _parse_written(name, entry) for name, entry in files.items()}
                members = {name: entries.pop(name) for name in MEMBERS if name in entries}
                parsed = {check_log_name(name): _parse_log(name, log, entries) for name, log in logs.items()}
                manifest = Manifest(step, about, members, parsed)
                if len(members) == len(MEMBERS) and manifest.chunks.keys() == entries.keys():
                    return manifest
    raise CheckpointError("its manifest is not one that dqnlab writes")


def _parse_written(name: str, entry: Any) -> Written:
    match entry:
        case {"size": size, "sha256": str() as digest} if _is_count(size) and _HASH.fullmatch(digest):
            return Written(size, digest)
    raise CheckpointError(f"its manifest gives no size and hash of {name!r}")


def _parse_log(name: str, log: Any, entries: Mapping[str, Written]) -> Log:
    match log:
        case {"start": start, "stop": stop, "chunks": list() as names} if _is_count(start) and _is_count(stop):
            chunks = tuple(_parse_chunk(name, file, entries) for file in names)
            if _covers(chunks, start, stop):
                return Log(start, stop, chunks)
    raise CheckpointError(f"its manifest does not say where the rows of {name!r} are")


def _covers(chunks: tuple[Chunk, ...], start: int, stop: int) -> bool:
    """Whether the rows [start, stop) lie in the chunks, in order and without a gap."""
    if not chunks:
        return start == stop
    joined = all(one.stop == two.start for one, two in pairwise(chunks))
    return joined and chunks[0].start <= start < chunks[0].stop and start < stop == chunks[-1].stop


def _parse_chunk(log: str, name: Any, entries: Mapping[str, Written]) -> Chunk:
    parts = CHUNK_NAME.fullmatch(name) if isinstance(name, str) else None
    if parts and parts[1] == log and name in entries and int(parts[2]) < int(parts[3]):
        return Chunk(name, int(parts[2]), int(parts[3]), entries[name])
    raise CheckpointError(f"its manifest names {str(name)[:80]!r}, which is not a chunk of {log!r}")


def _is_count(value: Any) -> bool:
    """Whether it is a whole number from 0, and not `true`."""
    return type(value) is int and 0 <= value < 2**62
