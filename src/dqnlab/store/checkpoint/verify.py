"""Reading a checkpoint's files, each of which must be, byte for byte, what was written. Links are not followed."""

import re
import stat
from hashlib import file_digest, sha256
from pathlib import Path

import numpy as np

from ...errors import CheckpointError, counted
from ..disk import Written
from .manifest import MANIFEST, Chunk, Manifest, Unusable, parse_manifest
from .pack import MAX_JSON

ROWS = "rows"  # the folder of the chunks, beside the checkpoints
_STEP_NAME = re.compile(r"step-([0-9]{9,18})(?:-([0-9]{1,9}))?")


def found(root: Path) -> list[tuple[int, int, Path]]:
    """Step, number among those of the step, and folder of every checkpoint, newest first. Raises CheckpointError."""
    if root.is_symlink() or (root.exists() and not root.is_dir()):
        raise CheckpointError(f"{root} is not a folder of its own: move it away")
    try:
        names = [(path, _STEP_NAME.fullmatch(path.name)) for path in root.iterdir()]
    except FileNotFoundError:
        return []
    except OSError as e:
        raise CheckpointError(f"{root} cannot be read: {e.strerror or e}") from e
    return sorted(((int(m[1]), int(m[2] or 1), path) for path, m in names if m), reverse=True)


def read_manifest(path: Path) -> Manifest:
    """What a checkpoint says that it holds. Raises CheckpointError."""
    if path.is_symlink() or not path.is_dir():
        raise CheckpointError("it is not a folder")
    if (path.parent / ROWS).is_symlink():
        raise CheckpointError(f"{ROWS} is a link")
    manifest = parse_manifest(read_whole(path / MANIFEST))
    if (name := _STEP_NAME.fullmatch(path.name)) is None or int(name[1]) != manifest.step:
        raise CheckpointError(f"its manifest belongs to step {manifest.step}")
    return manifest


def is_complete(path: Path, manifest: Manifest) -> bool:
    """Whether every file of a checkpoint is there in its full size: what can be seen without reading them."""
    files = {path / name: written for name, written in manifest.members.items()}
    files |= {path.parent / ROWS / name: chunk.written for name, chunk in manifest.chunks.items()}
    return all(is_there(file, written) for file, written in files.items())


def is_there(path: Path, written: Written) -> bool:
    """Whether a plain file of that size exists."""
    try:
        return size_of(path) == written.size
    except CheckpointError:
        return False


def size_of(path: Path) -> int:
    """The size of a plain file, no link. Raises CheckpointError."""
    try:
        found = path.lstat()
    except OSError as e:
        raise _unreadable(path, e) from e
    if not stat.S_ISREG(found.st_mode):
        raise CheckpointError(f"{path.name} is not a plain file")
    return found.st_size


def read_whole(path: Path, written: Written | None = None) -> bytes:
    """A file's content, which must be what was written; a manifest proves itself. Raises CheckpointError."""
    size = size_of(path)
    if size > MAX_JSON if written is None else size != written.size:
        raise CheckpointError(f"{path.name} has {counted(size, 'byte')}")
    try:
        data = path.read_bytes()
    except OSError as e:
        raise _unreadable(path, e) from e
    if written is not None and sha256(data).hexdigest() != written.sha256:
        raise CheckpointError(f"{path.name} is not what was written")
    return data


def verify_chunk(path: Path, chunk: Chunk) -> frozenset[str]:
    """The names of a chunk's columns, once its every byte is the one that was written. Raises CheckpointError."""
    from safetensors import SafetensorError, safe_open

    if size_of(path) != chunk.written.size:
        raise CheckpointError(f"{path.name} has {counted(size_of(path), 'byte')}, not {chunk.written.size:,}")
    try:
        with path.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        if digest != chunk.written.sha256:
            raise CheckpointError(f"{path.name} is not what was written")
        with safe_open(path, "np") as file:
            shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118, no dict
    except (OSError, SafetensorError) as e:
        raise _unreadable(path, e) from e
    if any(shape[:1] != [chunk.stop - chunk.start] for shape in shapes.values()):
        raise CheckpointError(f"{path.name} does not hold the rows that its name says")
    return frozenset(shapes)


def read_rows(path: Path) -> dict[str, np.ndarray]:
    """The columns of a chunk that was verified. Raises CheckpointError."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, no dict
    except (OSError, SafetensorError) as e:
        raise _unreadable(path, e) from e


def _unreadable(path: Path, e: Exception) -> CheckpointError:
    """What to say of a file that cannot be read; one that this user may not read is not damaged."""
    reason = getattr(e, "strerror", None) or e
    kind = Unusable if isinstance(e, PermissionError) else CheckpointError
    return kind(f"{path.name} cannot be read: {reason}")
