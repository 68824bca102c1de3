"""What no program can avoid: the matrix products of one update of a 4-64-64-2 network, and one CartPole step.

The products are those of MKL, which torch calls too, on prepared memory: forward of online and target, gradients of
weights and of hidden units. No bias, activation, loss, optimiser, replay or forward for acting is in it.
"""

import ctypes
from collections.abc import Callable
from functools import partial

from steady import arguments, measure, show

SIZES = ((4, 64), (64, 64), (64, 2))
BATCH = 64
TIMES = 10  # as many steps as the others make: these are short


def products() -> Callable[[], None]:
    """The eleven products of one update."""
    jobs = []
    for inputs, outputs in SIZES:
        jobs += 2 * [product(BATCH, inputs, outputs)]  # y = x w: online, target
        jobs.append(product(inputs, BATCH, outputs, first="T"))  # dw = xᵀ dy
        if inputs != SIZES[0][0]:
            jobs.append(product(BATCH, outputs, inputs, second="T"))  # dx = dy wᵀ

    def run() -> None:
        for job in jobs:
            job()

    return run


def product(rows: int, inner: int, columns: int, first: str = "N", second: str = "N") -> Callable[[], object]:
    """What multiplies [rows, inner] by [inner, columns], each stored row by row, or transposed ("T")."""
    import torch  # which brings MKL

    mkl = ctypes.CDLL(f"{torch.__path__[0]}/lib/libtorch_cpu.so")
    left, right = torch.randn(rows * inner), torch.randn(inner * columns)
    out = torch.empty(rows * columns)
    whole = [ctypes.byref(ctypes.c_int(size)) for size in (columns, rows, inner)]
    one, zero = (ctypes.byref(ctypes.c_float(value)) for value in (1.0, 0.0))
    lines = [columns if second == "N" else inner, inner if first == "N" else rows, columns]
    strides = [ctypes.byref(ctypes.c_int(length)) for length in lines]
    places = [ctypes.c_void_p(each.data_ptr()) for each in (right, left, out)]
    how = [ctypes.c_char_p(each.encode()) for each in (second, first)]
    # Fortran counts columns first: it takes a matrix stored by rows for its transpose, so the factors change places.
    product = partial(mkl.sgemm_, *how, *whole, one, places[0], strides[0], places[1], strides[1], zero)
    return lambda kept=(left, right, out): product(places[2], strides[2])


def environment() -> Callable[[], None]:
    """One step of CartPole-v1, with the resets that random play needs."""
    import gymnasium as gym
    import numpy as np

    env = gym.make("CartPole-v1")
    env.reset(seed=0)
    actions = iter(np.random.default_rng(0).integers(2, size=10_000_000).tolist())

    def run() -> None:
        _, _, terminated, truncated, _ = env.step(next(actions))
        if terminated or truncated:
            env.reset()

    return run


def repeated(part: Callable[[], None], steps: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(steps):
            part()

    return run


def main() -> None:
    args = arguments()
    parts = {part.__name__: measure(partial(repeated, part()), args.steps * TIMES) for part in (products, environment)}
    total = {key: round(sum(part[key] for part in parts.values()), 2) for key in parts["products"]}
    each = {name: part["microseconds_per_step"] for name, part in parts.items()}
    show({**total, "parts": each}, "gymnasium", "torch")


if __name__ == "__main__":
    main()
