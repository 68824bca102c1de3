"""What no program can avoid: the matrix products of one update of a 4-64-64-2 network, and one CartPole step.

The products are numpy's on prepared memory: forward of online and target, gradients of weights and of hidden units.
No bias, activation, loss, optimiser, replay or forward for acting is in it.
"""

from collections.abc import Callable
from functools import partial

from steady import arguments, measure, show

SIZES = ((4, 64), (64, 64), (64, 2))
BATCH = 64
TIMES = 10  # as many steps as the others make: these are short


def products() -> Callable[[], None]:
    """The eleven products of one update."""
    import numpy as np

    rng = np.random.default_rng(0)

    def matrix(*shape: int) -> "np.ndarray":
        return rng.standard_normal(shape, dtype=np.float32)

    jobs = []
    for inputs, outputs in SIZES:
        x, w, dy = matrix(BATCH, inputs), matrix(inputs, outputs), matrix(BATCH, outputs)
        jobs += 2 * [(x, w, np.empty_like(dy))]  # y = x w: online, target
        jobs.append((x.T, dy, np.empty_like(w)))  # dw = xᵀ dy
        if inputs != SIZES[0][0]:
            jobs.append((dy, w.T, np.empty_like(x)))  # dx = dy wᵀ

    def run() -> None:
        for left, right, out in jobs:
            np.matmul(left, right, out=out)

    return run


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
    show({**total, "parts": each}, "gymnasium", "numpy")


if __name__ == "__main__":
    main()
