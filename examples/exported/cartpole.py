"""An exported agent balances a pole in plain numpy: python cartpole.py FOLDER.

FOLDER is what `dqn export RUN --format numpy` has written. Neither dqnlab, torch nor Gymnasium is needed.
"""

import math
import sys

GRAVITY, FORCE, SECONDS = 9.8, 10.0, 0.02
POLE, TOTAL, HALF = 0.1, 1.1, 0.5  # kg, kg with the cart, m


def push(state: list[float], action: int) -> list[float]:
    """The cart's position and speed, the pole's angle and speed, after one step to the left (0) or right (1)."""
    x, speed, angle, turning = state
    sin, cos = math.sin(angle), math.cos(angle)
    force = ((FORCE if action == 1 else -FORCE) + POLE * HALF * turning**2 * sin) / TOTAL
    swing = (GRAVITY * sin - cos * force) / (HALF * (4 / 3 - POLE * cos**2 / TOTAL))
    pull = force - POLE * HALF * swing * cos / TOTAL
    return [x + SECONDS * speed, speed + SECONDS * pull, angle + SECONDS * turning, turning + SECONDS * swing]


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    import agent  # type: ignore[import-not-found]

    state, steps = [0.03, -0.02, 0.04, 0.01], 0
    while steps < 500 and abs(state[0]) < 2.4 and abs(state[2]) < math.radians(12):
        state = push(state, int(agent.act(state)))
        steps += 1
    print(f"balanced for {steps} of 500 steps")


if __name__ == "__main__":
    main()
