"""Files of networks: read without running anything in them, and named for what they are if they cannot be used."""

import json
import re
import shlex
import zipfile
from collections import OrderedDict
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..config import Config
from ..config.toml import as_dict
from ..errors import CheckpointError, counted, either
from ..trust import clean

HEAD = "head"
MADE_OF = ("torso", "layers", "stream", HEAD)
RANGE = ("v_min", "v_max")
_OWN = "dqnlab"  # where our words stand in the metadata of a state_dict, which torch keeps by the names of modules
_HEAD = 4096  # bytes that are looked at to tell what a file is
_LONGEST_HEADER = 1 << 24
SAVE = "torch.save(model.state_dict(), 'net.pth')"
# How the names in a state_dict of another library begin, and whose they are.
_LIBRARIES = [
    (r"network\.\d", "a CleanRL network"),
    (r"q_net\.|features_extractor\.|policy\.|q_net_target\.", "a policy of Stable-Baselines3"),
    (r"_?model\.|preprocess\.", "a network of Tianshou or a similar library"),
    (r"actor|critic|pi\.|mlp_extractor", "an actor-critic agent"),
]


def read_weights(file: Path) -> dict[str, Tensor]:
    """The tensors of a weights file by name, all finite. Raises CheckpointError, which says what it is instead."""
    if not file.is_file():
        raise CheckpointError(f"{str(file)!r} does not exist: the run has not saved that network")
    try:
        size = file.stat().st_size
        with zipfile.ZipFile(file) as parts:  # torch's format since 1.6; it is never compressed
            if sum(part.file_size for part in parts.infolist()) > size:
                raise CheckpointError(
                    f"{str(file)!r} claims to hold more than its {counted(size, 'byte')}: {describe_file(file)}"
                )
        weights = torch.load(file, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except Exception as e:  # torch raises many kinds for a damaged or hostile file
        raise CheckpointError(f"{str(file)!r} is not a readable weights file: {describe_file(file, e)}") from e
    if not isinstance(weights, dict) or not all(_is_weight(item) for item in weights.items()):
        raise CheckpointError(f"{str(file)!r} is not a plain state_dict of tensors: save one with {SAVE}")
    if sum(w.numel() * w.element_size() for w in weights.values()) > size:
        raise CheckpointError(f"{str(file)!r} claims tensors larger than its {counted(size, 'byte')}")
    check_finite(weights, file)
    return weights


def check_finite(weights: Mapping[str, Tensor], file: Path) -> None:
    """Raises CheckpointError if a weight is not finite, or would not be in the 32 bits that networks have."""
    for name, w in weights.items():
        odd = w[~w.float().isfinite()] if w.is_floating_point() else w[:0]
        if not odd.numel():
            continue
        what, value = f"{str(file)!r} holds {name}", odd.flatten()[0]
        if value.isfinite():
            raise CheckpointError(
                f"{what} as {w.dtype} with numbers that float32 cannot hold, such as {value.item():g}"
            )
        raise CheckpointError(
            f"{what} with values that are not finite, such as {value.item()}, by which nothing can act: take another "
            "network, or train this one again"
        )


def meaning_of(config: Config) -> dict[str, Any]:
    """What the numbers of a run's networks mean, beside their names and shapes: which kind of part they are in.

    Of a head with a range of returns also that, where it is known.
    """
    return meaning_of_table(as_dict(config))


def meaning_of_table(settings: Mapping[str, Any]) -> dict[str, Any]:
    """As `meaning_of`, by the settings of a file, which may come from anyone."""
    tables = {name: settings[name] for name in MADE_OF if isinstance(settings.get(name), Mapping)}
    kinds = {name: str(table["kind"]) for name, table in tables.items() if "kind" in table}
    found = {name: tables.get(HEAD, {}).get(name) for name in RANGE}
    return kinds | {f"{HEAD}.{name}": float(end) for name, end in found.items() if isinstance(end, int | float)}


def with_meaning(weights: Mapping[str, Tensor], meaning: Mapping[str, Any]) -> OrderedDict[str, Tensor]:
    """A state_dict that says what it means; whoever does not ask reads it as any other."""
    named = OrderedDict(weights)
    named._metadata = OrderedDict({"": {"version": 1}, _OWN: dict(meaning)})  # type: ignore[attr-defined]
    return named


def meaning_in(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    """What a state_dict says of itself; nothing if it is from elsewhere, or of before files said so."""
    said = getattr(weights, "_metadata", {})
    own = said.get(_OWN) if isinstance(said, Mapping) else None
    return {str(name): value for name, value in own.items()} if isinstance(own, Mapping) else {}


def check_meaning(weights: Mapping[str, Tensor], config: Config) -> None:
    """Raises ValueError if weights say that they are of other parts than those of a configuration."""
    own = meaning_of(config)
    given = meaning_in(weights)
    differing = [
        f"{name} {given[name]!r}, not {own[name]!r}" for name in own if given.get(name, own[name]) != own[name]
    ]
    if differing:
        raise ValueError(f"it is of another run, with {', '.join(differing)}")


def _is_weight(item: tuple[object, object]) -> bool:
    name, w = item
    if not isinstance(name, str) or not isinstance(w, Tensor) or w.is_complex() or w.is_quantized:
        return False
    return w.device.type == "cpu" and w.layout == torch.strided


def whose(names: Collection[str], file: Path) -> str:
    """What a state_dict with other names than ours is, and what can be done with it."""
    for pattern, library in _LIBRARIES:
        if any(re.match(pattern, name) for name in names):
            return f"it is {library} ({', '.join(sorted(names)[:3])}, …): {_bring(file)}"
    shown = ", ".join(sorted(names)[:3]) or "none"
    return f"its layers ({shown}, …) are not those of a dqnlab network, so its shape is unknown: {_bring(file)}"


def describe_file(file: Path, error: Exception | None = None) -> str:
    """What a file that is no weights file is, from its first bytes, and what can be done; nothing in it is run.

    Args:
        error: what torch said when it was to read the file.
    """
    try:
        with file.open("rb") as opened:
            head = opened.read(_HEAD)
    except OSError as e:
        return f"it cannot be read ({e.strerror})"
    if not head:
        return "it is empty"
    if head.startswith(b"PK"):
        return _archive(file, error)
    if head.startswith(b"\x89HDF"):
        return "it is an HDF5 file, as Keras writes them; dqnlab reads PyTorch files"
    if head.startswith(b"\x80"):
        return (
            f"it is a Python pickle, which could run any code when it is read: load it where it came from, then {SAVE}"
        )
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < _LONGEST_HEADER:
        return _safetensors(file)
    if head.startswith(b"\x1f\x8b") or head[257:262] == b"ustar":
        return "it is an archive: unpack it first"
    if b"\0" not in head and _is_text(head):
        return _text(file, head)
    return f"it is damaged or of a format that dqnlab does not know ({type(error).__name__ if error else 'unknown'})"


def _archive(file: Path, error: Exception | None) -> str:
    try:
        with zipfile.ZipFile(file) as parts:
            names = parts.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "it is a damaged zip archive"
    if {"policy.pth", "data"} <= set(names):
        return f"it is a Stable-Baselines3 agent: {_bring(file)}"
    if any(name.endswith("config.json") for name in names) and any("h5" in name for name in names):
        return "it is a Keras model; dqnlab reads PyTorch files"
    if any(name.endswith("constants.pkl") or "/code/" in name for name in names):
        return f"it is a TorchScript program: load it where it came from, then {SAVE}"
    if "obs.npy" in names and "action.npy" in names:
        learn = either("--demos", "experience=Demos(…)")
        return f"it is a recorded episode, not a network: to learn from it, give its folder to {learn}"
    if names and all(name.endswith(".npy") for name in names):
        shown = ", ".join(name.removesuffix(".npy") for name in names[:3])
        return (
            f"it holds arrays of NumPy ({shown}, …): make a weights file of them with torch.save({{name: "
            f"torch.from_numpy(array) for name, array in numpy.load({file.name!r}).items()}}, 'net.pth')"
        )
    if not any(name.endswith("data.pkl") for name in names):
        return f"it is a zip archive ({', '.join(names[:3])}, …): unpack it first"
    found = re.search(r"GLOBAL ([\w.]+)", str(error))
    what = f" of {found[1]}" if found else ""
    if found or "Unsupported" in str(error):
        return (
            f"it is a pickled Python object{what}, not a state_dict; reading it would run code, which dqnlab never "
            f"does: load it where it came from, then {SAVE}"
        )
    return f"it is damaged ({type(error).__name__})"


def _bring(file: Path) -> str:
    """How to bring in an agent that another program trained."""
    name = shlex.quote(clean(file.name))
    how = either(f"dqn import {name} --env ENV", f"dqnlab.import_agent({file.name!r}, env=…)")
    return f"if it is nothing but ReLU layers, behind convolutions or not, {how} makes a run of it"


def _safetensors(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            header = json.loads(opened.read(int.from_bytes(opened.read(8), "little")))
        names = [str(name) for name in header if name != "__metadata__"]
    except (OSError, ValueError, RecursionError, TypeError):
        return "it is a damaged safetensors file"
    return f"it is a safetensors file with {counted(len(names), 'tensor')} ({', '.join(names[:3])}, …): {_bring(file)}"


def _is_text(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4  # a letter cut in half at the end
    return True


def _text(file: Path, head: bytes) -> str:
    if file.name in {"config.toml", "meta.json", "result.json", "metrics.jsonl", "summary.json"}:
        return "it is a text file from a run: name the run's folder"
    if head.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS, not the file itself: git lfs pull"
    return "it is a text file; a run's folder or a network (.pth) is expected"
