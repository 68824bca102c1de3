"""examples/dqn_in_one_file.py as it is, without its evaluations."""

import sys
from pathlib import Path

from steady import arguments, measure, show


def main() -> None:
    args = arguments()
    sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
    from dqn_in_one_file import train

    measured = measure(
        lambda steps: lambda: train(episodes=10**9, steps=steps, seed=0, evaluation=False),
        args.steps,
    )
    show(measured, "torch", "gymnasium", "numpy")


if __name__ == "__main__":
    main()
