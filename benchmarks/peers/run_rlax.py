"""The losses and targets of rlax (DeepMind), in float64, for the cases in a file; writes its results."""

import sys

import jax
import numpy as np

jax.config.update("jax_enable_x64", True)

import rlax  # noqa: E402


def main(given: str, written: str) -> None:
    case = np.load(given)
    every = jax.vmap
    atoms = case["atoms"]
    now, following, action, reward, discount = (case[name] for name in ("now", "next", "action", "reward", "discount"))
    rows, next_rows = now.swapaxes(1, 2), following.swapaxes(1, 2)  # [B, K, A], as rlax has them
    results = {
        "greedy": every(rlax.q_learning)(case["q"], action, reward, discount, case["next_q"]),
        "double": every(rlax.double_q_learning)(case["q"], action, reward, discount, case["next_q"], case["chooser"]),
        "c51": every(rlax.categorical_q_learning, in_axes=(None, 0, 0, 0, 0, None, 0))(
            atoms, now, action, reward, discount, atoms, following
        ),
        "c51 double": every(rlax.categorical_double_q_learning, in_axes=(None, 0, 0, 0, 0, None, 0, 0))(
            atoms, now, action, reward, discount, atoms, following, case["chooser"]
        ),
        "qr": every(
            lambda dist, a, r, d, selector, target: rlax.quantile_q_learning(
                dist, case["midpoints"], a, r, d, selector, target, huber_param=1.0
            )
        )(rows, action, reward, discount, next_rows, next_rows),
        "iqn": every(
            lambda dist, levels, a, r, d, selector, target: rlax.quantile_q_learning(
                dist, levels, a, r, d, selector, target, huber_param=1.0
            )
        )(
            now.swapaxes(1, 2),
            case["levels"],
            action,
            reward,
            discount,
            following.swapaxes(1, 2),
            following.swapaxes(1, 2),
        ),
        "lambda": every(rlax.lambda_returns)(
            case["rewards"], case["discounts"], case["values"], np.broadcast_to(case["lambda"], len(case["rewards"]))
        ),
    }
    np.savez(written, **{name: np.asarray(value) for name, value in results.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
