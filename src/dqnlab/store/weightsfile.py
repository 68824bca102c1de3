"""Files of networks: read without running anything in them, with what their numbers mean."""

import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..config import Config
from ..config.toml import as_dict
from ..errors import CheckpointError, counted
from .filekinds import SAVE, describe_file

HEAD = "head"
MADE_OF = ("torso", "layers", "stream", HEAD)
RANGE = ("v_min", "v_max")
_OWN = "dqnlab"  # where our words stand in the metadata of a state_dict, which torch keeps by the names of modules


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
