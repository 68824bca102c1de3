"""What a file is that is no network of ours, by its bytes, and what can be done with it; nothing in it is run."""

from __future__ import annotations

import json
import re
import shlex
import zipfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import BinaryIO

from ..errors import counted, either
from ..trust import shown

SAVE = "torch.save(model.state_dict(), 'net.pth')"
OLD_TORCH = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""the number that torch's format of before 1.6 begins with, pickled"""
_HEAD = 4096  # bytes that are looked at to tell what a file is
_LONGEST_HEADER = 1 << 24
_WEIGHTS = (".pt", ".pth", ".bin", ".safetensors", ".cleanrl_model", ".zip")
_AGENT = ("data", "policy.pth")  # the parts of an agent of Stable-Baselines3
# How the names in a state_dict of another library begin, and whose they are.
_LIBRARIES = [
    (r"network\.\d", "a CleanRL network"),
    (r"q_net\.|features_extractor\.|policy\.|q_net_target\.", "a policy of Stable-Baselines3"),
    (r"_?model\.|preprocess\.", "a network of Tianshou or a similar library"),
    (r"actor|critic|pi\.|mlp_extractor", "an actor-critic agent"),
]


def whose(names: Collection[str], file: Path) -> str:
    """What a state_dict with other names than ours is, and what can be done with it."""
    listed = _some(sorted(names))
    for pattern, library in _LIBRARIES:
        if any(re.match(pattern, name) for name in names):
            return f"it is {library} ({listed}): {_bring(file)}"
    return f"its layers ({listed}) are not those of a dqnlab network, so its shape is unknown: {_bring(file)}"


def describe_file(file: Path, error: Exception | None = None) -> str:
    """What a file is that cannot be read as weights of ours, and what can be done.

    Args:
        error: what torch said when it was to read the file.
    """
    try:
        with file.open("rb") as opened:
            return describe(file, opened, error)
    except OSError as e:
        return f"it cannot be read ({e.strerror})"


def describe(file: Path, opened: BinaryIO, error: Exception | None = None, *, importing: bool = False) -> str:
    """The same of an open file, or of a part of one.

    Args:
        importing: whether it was to be brought in, so that this is no advice.
    """
    head = opened.read(_HEAD)
    if not head:
        return "it is empty"
    if head.startswith(b"PK"):
        return _archive(file, opened, error, importing)
    if head.startswith(b"\x89HDF"):
        return "it is an HDF5 file, as Keras writes them; dqnlab reads PyTorch files"
    if is_old_torch(head):
        return _pickled(error) or _or_bring("it is in torch's format of before 1.6", file, importing)
    if head.startswith(b"\x80"):
        return (
            f"it is a Python pickle, which could run any code when it is read: load it where it came from, then {SAVE}"
        )
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < _LONGEST_HEADER:
        return _safetensors(file, opened, importing)
    if head.startswith(b"\x1f\x8b") or head[257:262] == b"ustar":
        return "it is an archive: unpack it first"
    if b"\0" not in head and _is_text(head):
        return _text(file, head, importing)
    return f"it is damaged or of a format that dqnlab does not know ({type(error).__name__ if error else 'unknown'})"


def is_old_torch(data: bytes) -> bool:
    """Whether it begins as torch.save wrote before 1.6, and writes still if it is asked to."""
    return OLD_TORCH in data[:20]


def _archive(file: Path, opened: BinaryIO, error: Exception | None, importing: bool) -> str:
    try:
        with zipfile.ZipFile(opened) as parts:
            names = parts.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "it is a damaged zip archive"
    if set(_AGENT) <= set(names):
        return _or_bring("it is a Stable-Baselines3 agent", file, importing)
    if any(name.endswith("config.json") for name in names) and any("h5" in name for name in names):
        return "it is a Keras model; dqnlab reads PyTorch files"
    if any(name.endswith("constants.pkl") or "/code/" in name for name in names):
        return f"it is a TorchScript program: load it where it came from, then {SAVE}"
    if "obs.npy" in names and "action.npy" in names:
        learn = either("--demos", "experience=Demos(…)")
        return f"it is a recorded episode, not a network: to learn from it, give its folder to {learn}"
    if names and all(name.endswith(".npy") for name in names):
        return (
            f"it holds arrays of NumPy ({_some([name.removesuffix('.npy') for name in names])}): make a weights file "
            f"of them with torch.save({{name: torch.from_numpy(array) for name, array in "
            f"numpy.load({shown(file)!r}).items()}}, 'net.pth')"
        )
    if not any(name.endswith("data.pkl") for name in names):
        return _other_archive(names)
    return _pickled(error) or f"it is damaged ({type(error).__name__})"


def _other_archive(names: Sequence[str]) -> str:
    """What an archive is that no program writes which is known here."""
    if not names:
        return "it is an empty zip archive"
    if climbing := [name for name in names if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name)]:
        return (
            f"it is a zip archive whose part {climbing[0][:80]!r} would be unpacked outside its folder: leave it alone"
        )
    absent = [name for name in _AGENT if name not in names]
    if _AGENT[0] in names:
        return f"it is a zip archive without {absent[0]!r}, so no whole agent of Stable-Baselines3: save it anew there"
    if any(name.endswith(_WEIGHTS) for name in names):
        return f"it is a zip archive ({_some(names)}): unpack it first"
    return f"it is a zip archive ({_some(names)}), and none of its parts is a network"


def _pickled(error: Exception | None) -> str:
    """What torch has refused to unpickle; nothing if that was not why it failed."""
    found = re.search(r"GLOBAL ([\w.]+)", str(error))
    if not found and "Unsupported" not in str(error):
        return ""
    what = f" of {found[1]}" if found else ""
    return (
        f"it is a pickled Python object{what}, not a state_dict; reading it would run code, which dqnlab never "
        f"does: load it where it came from, then {SAVE}"
    )


def _bring(file: Path) -> str:
    """How to bring in an agent that another program trained."""
    name = shown(file)
    typed = shlex.quote(f"./{name}" if name.startswith("-") else name)
    how = either(f"dqn import {typed} --env ENV", f"dqnlab.import_agent({name!r}, env=…)")
    return f"if it is nothing but ReLU layers, behind convolutions or not, {how} makes a run of it"


def _or_bring(what: str, file: Path, importing: bool) -> str:
    """What a file is, and how to bring it in, unless that is being tried."""
    return f"{what}, but no sound one" if importing else f"{what}: {_bring(file)}"


def _safetensors(file: Path, opened: BinaryIO, importing: bool) -> str:
    opened.seek(0)
    try:
        header = json.loads(opened.read(int.from_bytes(opened.read(8), "little")))
        names = [str(name) for name in header if name != "__metadata__"]
    except (OSError, ValueError, RecursionError, TypeError):
        return "it is a damaged safetensors file"
    what = f"it is a safetensors file with {counted(len(names), 'tensor')} ({_some(names)})"
    return what if importing else f"{what}: {_bring(file)}"


def _some(names: Sequence[str]) -> str:
    return ", ".join([*names[:3], *(["…"] if len(names) > 3 else [])]) or "none"


def _is_text(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4  # a letter cut in half at the end
    return True


def _text(file: Path, head: bytes, importing: bool) -> str:
    if head.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS, not the file itself: git lfs pull"
    if importing:
        return "it is a text file, and a file of weights is expected"
    if file.name in {"config.toml", "meta.json", "result.json", "metrics.jsonl", "summary.json"}:
        return "it is a text file from a run: name the run's folder"
    return "it is a text file; a run's folder or a network (.pth) is expected"
