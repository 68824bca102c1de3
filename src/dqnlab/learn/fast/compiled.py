"""The whole update as one compiled function of tensors: gather, target, loss, gradient, step.

It differentiates the same `loss` and takes the same step of the optimiser's formula as the learner does; what is left
out is everything that is not arithmetic. It is compiled ahead of time to a library on disk, so that another run of the
same arithmetic finds it there and needs no compiler.
"""

import hashlib
import os
import platform
import textwrap
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad

from ...oslock import in_turn
from ..learner import State, Update, loss
from ..memory import Gather
from ..networks import QNetwork
from ..optimizer import Descent, clip
from ..regularizers import Regularizer
from ..targets import Rule
from ..types import NOTHING, Observations
from ..weights import views

aten = torch.ops.aten
Tensors = list[Tensor]
Program = Callable[[Tensors], Tensors]
"""Takes what the function took, as a list, and changes in place what the function changed."""
SHORT = 3  # a side of a matrix product; with 4 the library for matrices is as fast
MANY = 2_000  # operations; a network that remembers has those of every step of its sequences
PATIENCE = 600.0
"""seconds to wait for a process that compiles the same: longer than compiling takes on a slow machine"""


class Bound:
    """A network with its parameters [P] and buffers [Q] given from outside."""

    def __init__(self, network: QNetwork, values: Tensor, buffers: Tensor):
        self.head, self.expected = network.head, network.expected
        self._network = network
        self._given = _named(values, network.named_parameters()) | _named(buffers, network.named_buffers())

    def __call__(self, obs: Observations, draw: Tensor) -> Tensor:
        return functional_call(self._network, self._given, (obs, draw))

    def q_values(self, obs: Observations, draw: Tensor) -> Tensor:
        return self.expected(self(obs, draw), obs)

    def refresh(self, obs: Observations) -> None:
        given = {f"network.{name}": tensor for name, tensor in self._given.items()}
        functional_call(_Refresh(self._network), given, (obs,))


class _Refresh(nn.Module):
    """A network whose call is its `refresh`, for `functional_call` knows no other method."""

    def __init__(self, network: QNetwork):
        super().__init__()
        self.network = network

    def forward(self, obs: Observations) -> None:
        self.network.refresh(obs)


def _named(vector: Tensor, named: Iterable[tuple[str, Tensor]]) -> dict[str, Tensor]:
    like = dict(named)
    return dict(zip(like, views(vector, list(like.values())), strict=True))


class Fresh(NamedTuple):
    """What changes from update to update of one agent."""

    factors: Any  # [F] float32, of the optimiser's step
    slots: Any  # [B] int64
    weight: Any  # [B] float32
    shown: Any  # [E, *obs_shape] what is acted on next, as it is stored; [0] if nobody asks for its values
    draws: Any  # the `Draws`


class Inputs(NamedTuple):
    """What an update of one agent takes."""

    state: State
    memory: Any  # what `gather` reads
    fresh: Fresh


def pure_update(
    network: QNetwork, rule: Rule, descent: Descent, gather: Gather, regularizer: Regularizer | None = None
) -> Callable[[Inputs], Update]:
    """One agent's update as a function of tensors alone. It writes what it learns into the state."""

    def update(inputs: Inputs) -> Update:
        state, fresh = inputs.state, inputs.fresh
        batch = gather(inputs.memory, fresh.slots, fresh.weight)._replace(draws=fresh.draws)
        target = cast(QNetwork, Bound(network, state.target, state.target_buffers))

        def of(values: Tensor) -> tuple[Tensor, Update]:
            return loss(cast(QNetwork, Bound(network, values, state.buffers)), target, batch, rule, regularizer)

        gradient, update = grad(of, has_aux=True)(state.online)
        gradient, norm = clip(gradient, descent.max_grad_norm)
        state.online.add_(descent.formula(state.online, gradient, state.memory, fresh.factors.unbind()))
        if len(state.buffers):
            Bound(network, state.online, state.buffers).refresh(batch.obs)
        return update._replace(grad_norm=norm)

    return update


def pure_values(network: QNetwork) -> Callable[[Inputs], Tensor]:
    """What a network that draws nothing expects, by the weights that an update has left, of what is acted on next."""

    def values(inputs: Inputs) -> Tensor:
        return Bound(network, inputs.state.online, inputs.state.buffers).q_values(inputs.fresh.shown, NOTHING)

    return values


def compile_program(
    function: Callable[..., Sequence[Tensor]], example: Tensors, folder: Path, notify: Callable[[str], None]
) -> Program:
    """Compiles a function of tensors for tensors like `example`, or loads what an earlier run compiled.

    The library's name is a hash of every operation and constant, of the versions and of the processor's kind,
    so that it is found again only by exactly the same arithmetic.

    Raises:
        CompileError: there is no compiler here, or it failed.
    """
    from torch.fx.experimental.proxy_tensor import make_fx

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of its own future
            traced = make_fx(lambda *given: list(function(*given)), {aten.bmm.default: short_product}, "fake")(*example)
            path = folder / f"{_fingerprint(traced.code, example)}.pt2"
            program = _load(path) or _compile(traced, example, path, notify)
    except Exception as e:  # the compiler's own errors are of many kinds
        raise CompileError(f"{type(e).__name__}: {_first_line(e)}") from e
    if program is None:
        raise CompileError(f"what was compiled cannot be loaded: {path}")
    return program


def short_product(left: Tensor, right: Tensor) -> Tensor:
    """Matrix products [S, M, K] x [S, K, N], on a CPU as sums where that is faster: where few actions are a side."""
    _, rows, shared = left.shape
    columns = right.shape[2]
    if left.device.type == "cpu" and (min(shared, columns) <= SHORT or 1 < rows <= SHORT):
        return (left.unsqueeze(3) * right.unsqueeze(1)).sum(2)
    return NotImplemented


class CompileError(RuntimeError):
    """An update that could not be compiled here; the same arithmetic runs uncompiled."""


def _first_line(error: Exception) -> str:
    """What happened. A compiler's messages go on for pages, with code and advice for those who write compilers."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "it did not say why")
    return textwrap.shorten(line, 120, placeholder=" …")


def _load(path: Path) -> Program | None:
    """A compiled program; none if there is none yet, or only a damaged file, which compiling replaces."""
    import torch._inductor

    if not path.is_file():
        return None
    try:
        return torch._inductor.aoti_load_package(str(path)).loader.run
    except RuntimeError:
        return None


def _compile(
    traced: torch.fx.GraphModule, example: Tensors, path: Path, notify: Callable[[str], None]
) -> Program | None:
    """A program that this process compiles, unless another one has just done so; none if it cannot be loaded."""
    path.parent.mkdir(parents=True, exist_ok=True)
    waiting = partial(notify, "waiting for another process, which compiles the same update")
    with in_turn(path.with_suffix(".lock"), waiting, PATIENCE):
        program = _load(path)
        if program is not None:
            return program
        notify(f"compiling the update: {_how_long(traced)}")
        _build(traced, example, path)
        return _load(path)


def _how_long(traced: torch.fx.GraphModule) -> str:
    """What compiling takes and brings."""
    if len(traced.graph.nodes) > MANY:
        return "a minute or two, once for this configuration"
    return "some 12 s, once for this configuration; small networks learn four times faster"


def _build(traced: torch.fx.GraphModule, example: Tensors, path: Path) -> None:
    from torch._inductor import aot_compile
    from torch._inductor.package import package_aoti

    part = path.with_name(f"{path.stem}-{os.getpid()}.pt2")  # its suffix must be this one
    options = {
        "aot_inductor.package": True,
        "cpp.threads": torch.get_num_threads(),
        "aot_inductor.precompile_headers": False,  # took 21 of the 46 s of the C++ compiler, and saved none
        "aot_inductor.enable_line_tables": False,  # for profilers: 2 of its 13 s
    }
    # Not of an exported program: to trace the graph once more takes a quarter of Python's time, for the same kernels.
    files = cast(list[Any], aot_compile(traced, tuple(example), options=options))
    package_aoti(str(part), files)
    os.replace(part, path)


def _fingerprint(code: str, example: Tensors) -> str:
    shapes = [(tuple(x.shape), x.stride(), str(x.dtype), str(x.device)) for x in example]
    machine = (torch.get_num_threads(), torch.backends.cpu.get_cpu_capability(), platform.machine())
    if example[0].is_cuda:
        machine += (torch.cuda.get_device_name(), torch.version.cuda)
    about = (code, shapes, machine, torch.__version__)
    return hashlib.sha256(repr(about).encode()).hexdigest()[:32]
