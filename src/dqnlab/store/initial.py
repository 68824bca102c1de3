"""The weights that a run begins with: another run's, read without running anything, and kept in its own folder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ..build import sketch_network
from ..config import Config, Init
from ..config.fields import choices, leaves
from ..config.toml import parse
from ..envs.make import EnvSpec
from ..errors import CheckpointError, ConfigError, either
from ..learn.networks import QNetwork
from ..learn.transfer import PARTS, begin_with, fitting_parts, own_names, shapes_of, superfluous
from .find import network_file
from .folder import CONFIG, INIT, META
from .reading import oddity, read_text
from .weightsfile import HEAD, MADE_OF, meaning_in, meaning_of, meaning_of_table, read_weights

CLASSIC = {HEAD: "scalar"}  # a chain of layers with one number per action: what else could it mean


@dataclass(frozen=True)
class Initial:
    """Weights to begin with, in the units of the environment that they were learned in."""

    source: str
    """the run or file that they are from, as the configuration names it"""
    weights: Mapping[str, Tensor]
    """by the names that a network itself has for them"""
    meaning: Mapping[str, Any]
    """what its head's numbers mean, as far as that is known"""
    sha256: str

    def parts(self, network: QNetwork, config: Config) -> list[str]:
        """Those that the network takes. Raises ConfigError if there is none."""
        wanted = {name: value for name, value in meaning_of(config).items() if name.startswith(HEAD)}
        same_head = all(self.meaning.get(name) == value for name, value in wanted.items())
        found = fitting_parts(network, self.weights, same_head=same_head)
        odd = [] if self._other_kinds(config) else superfluous(network, self.weights)
        if odd:
            raise ConfigError(
                f"init.source = {self.source!r} holds more than such a network: {', '.join(map(repr, odd[:5]))}; leave "
                "that out of the file, or choose the kinds of parts that it is of"
            )
        if not found:
            raise ConfigError(f"init.source = {self.source!r} does not fit: {self._unfit(network)}{self._add(config)}")
        return found

    def give(self, networks: list[QNetwork], config: Config) -> list[str]:
        """Copies what fits into networks that are alike, and returns which parts that is. Raises ConfigError."""
        parts = self.parts(networks[0], config)
        for network in networks:
            begin_with(network, self.weights, parts)
        return parts

    def says(self, parts: list[str], config: Config) -> str:
        """What is taken, and what is not, in a line."""
        begins = f"training begins with the weights of {self.source!r}"
        if len(parts) == len(PARTS):
            return begins
        what = "encoder and torso" if "torso" in parts else "encoder"
        left = "stream and head" if "torso" in parts else "torso, stream and head"
        head = self.meaning.get(HEAD, "unknown")
        return f"{begins}, of which only {what} fit: {left} begin at random (its head is {head}{self._add(config)})"

    def _add(self, config: Config) -> str:
        """What to add so that more of it fits, as the end of a message; nothing where that is not known."""
        flags = self._other_kinds(config)
        hidden = self._hidden()
        if not flags and hidden and hidden != dict(leaves(config)).get("torso.hidden", hidden):
            sizes = " ".join(map(str, hidden))
            return f"; to take it, add {either(f'--torso.hidden {sizes}', f'torso=Mlp(hidden={hidden})')}"
        return f"; to take it, add {' '.join(flags)}" if flags else ""

    def _other_kinds(self, config: Config) -> list[str]:
        """The kinds that it is of and the configuration is not, as the command line takes them."""
        own = meaning_of(config)
        said = [(name, self.meaning[name]) for name in MADE_OF if self.meaning.get(name, own[name]) != own[name]]
        return [f"{name}:{kind}" for name, kind in said if kind in choices(name)]

    def _hidden(self) -> tuple[int, ...]:
        """The sizes of its hidden layers, if it has such and nothing else."""
        layers = [f"torso.layers.{i}.weight" for i in range(len(self.weights))]
        return tuple(int(self.weights[name].shape[0]) for name in layers if name in self.weights)

    def _unfit(self, network: QNetwork) -> str:
        """Where the shapes part."""
        own = network.state_dict()
        for part in PARTS:
            wanted, given = shapes_of(own, part), shapes_of(self.weights, part)
            for name in {**wanted, **given}:
                if wanted.get(name) != given.get(name):
                    return f"its {name} is {_text(given.get(name))}, and that of this run {_text(wanted.get(name))}"
        return "it has no weights that could be taken"


def _text(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else str(shape)


def read_initial(init: Init, home: Path | None = None) -> Initial | None:
    """The weights that a run begins with; none if those are random.

    Args:
        home: the folder of the run, if it has begun: its own copy counts then.

    Raises:
        ConfigError, FolderError: there is no such run or file, or its weights are not those of `init.sha256`.
        CheckpointError: it cannot be read, or holds something else than finite numbers.
    """
    if init.source is None:
        return None
    kept = home is not None and (home / INIT).exists()
    file = home / INIT if home is not None and kept else network_file(init.source)
    if odd := oddity(file):
        raise CheckpointError(f"{str(file)!r} {odd}")
    read = read_weights(file)
    stored = own_names(read)
    weights = {name: _single(file, name, w) for name, w in stored.items()}
    sha256 = _hash(weights)
    if init.sha256 not in (None, sha256, _hash(stored)):
        raise ConfigError(
            f"init.source = {init.source!r} has other weights than init.sha256 names ({sha256[:12]}… instead of "
            f" {str(init.sha256)[:12]}…): name the file they are in, or leave out init.sha256"
        )
    meaning = meaning_in(read) or (CLASSIC if weights.keys() != read.keys() else _of_folder(file.parent))
    return Initial(init.source, weights, meaning, sha256)


def initial_parts(config: Config, spec: EnvSpec) -> tuple[Initial, list[str]] | None:
    """What a run would begin with, and the parts of it that fit; none if that is random. Raises as `read_initial`."""
    initial = read_initial(config.init)
    return None if initial is None else (initial, initial.parts(sketch_network(config, spec), config))


def _single(file: Path, name: str, w: Tensor) -> Tensor:
    """Weights as networks have them, in 32 bits. Raises CheckpointError."""
    if not w.is_floating_point():
        raise CheckpointError(f"{str(file)!r} holds {name} as {w.dtype}, which no weights are: save them as float32")
    return w.float()


def _of_folder(folder: Path) -> dict[str, Any]:
    """What the configuration beside a file says of its head; nothing if there is none."""
    if not (folder / CONFIG).exists() or not (folder / META).exists():
        return {}
    return meaning_of_table(parse(read_text(folder / CONFIG), str(folder / CONFIG)))


def _hash(weights: Mapping[str, Tensor]) -> str:
    """Of names, shapes and values, in whichever file they lie."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        w = weights[name].contiguous()
        digest.update(f"{name} {tuple(w.shape)} {w.dtype}\n".encode())
        digest.update(w.numpy().tobytes())
    return digest.hexdigest()
