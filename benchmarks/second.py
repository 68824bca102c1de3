"""Do losses and targets say what another library says? The same 1,000 cases by dqnlab and by rlax, in float64.

    make second

rlax (Babuschkin et al. 2020, JAX) needs an environment of its own, which the command makes. Compared are one-step
targets, double or not, the losses of C51, with and without a second chooser, QR-DQN and IQN, and lambda-returns. What
rlax has no function for (HL-Gauss, Munchausen) is compared with slow twins in the tests. Prints the largest difference
of each; leaves with 1 if one is above 1e-6.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from machine import describe_machine, write_results
from torch import Tensor

from dqnlab.learn.distributional import CategoricalHead, QuantileHead
from dqnlab.learn.heads import ScalarHead, at_action, row_of
from dqnlab.learn.implicit import ImplicitHead
from dqnlab.learn.rollouts import lambda_returns

HERE = Path(__file__).resolve().parent
PEER = HERE / ".venvs" / "rlax" / "bin" / "python"
NUM, ACTIONS, K, STEPS = 1_000, 4, 11, 12
LOW, HIGH, LAMBDA = -3.0, 5.0, 0.65
TOLERANCE = 1e-6


def cases() -> dict[str, np.ndarray]:
    """Random ones, a fifth of them without a bootstrap; some returns lie beyond the range of the categories."""
    rng = np.random.default_rng(0)
    ends = rng.random((NUM, STEPS)) < 0.2
    return {
        "atoms": np.linspace(LOW, HIGH, K),
        "midpoints": (np.arange(K) + 0.5) / K,
        "levels": rng.random((NUM, K)),
        "now": 2 * rng.normal(size=(NUM, ACTIONS, K)),
        "next": 2 * rng.normal(size=(NUM, ACTIONS, K)),
        "q": 2 * rng.normal(size=(NUM, ACTIONS)),
        "next_q": 2 * rng.normal(size=(NUM, ACTIONS)),
        "chooser": rng.normal(size=(NUM, ACTIONS)),
        "action": rng.integers(ACTIONS, size=NUM),
        "reward": 3 * rng.normal(size=NUM),
        "discount": np.where(rng.random(NUM) < 0.2, 0.0, 0.99),
        "rewards": rng.normal(size=(NUM, STEPS)),
        "discounts": np.where(ends, 0.0, 0.97),
        "values": 2 * rng.normal(size=(NUM, STEPS)),
        "lambda": np.array(LAMBDA),
    }


def ours(case: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """dqnlab's: targets less predictions, losses, returns."""
    given = {name: torch.from_numpy(value) for name, value in case.items()}
    action, reward, discount = given["action"], given["reward"], given["discount"]

    def by_head(head: ScalarHead | CategoricalHead | QuantileHead | ImplicitHead, now: Tensor, after: Tensor) -> Tensor:
        return head.loss(row_of(now, action), after, reward, discount).value

    def after(q: Tensor, rows: Tensor) -> Tensor:
        return row_of(rows, q.argmax(1))

    c51, qr, iqn = CategoricalHead(K, LOW, HIGH), QuantileHead(K, 1.0), ImplicitHead(K, 1.0)
    now, following, q = given["now"], given["next"], at_action(given["q"], action)
    levels = given["levels"][:, None].expand(-1, ACTIONS, -1)
    with_levels = [torch.cat([rows, levels], 2) for rows in (now, following)]
    td = {name: at_action(given["next_q"], given[by].argmax(1)) for name, by in TARGETS.items()}
    follows = np.append(np.arange(1, STEPS), -1)
    rows = zip(case["rewards"], case["discounts"], case["values"], strict=True)
    return {
        **{name: (reward + discount * value - q).numpy() for name, value in td.items()},
        "c51": by_head(c51, now, after(c51.q_values(following), following)).numpy(),
        "c51 double": by_head(c51, now, after(given["chooser"], following)).numpy(),
        "qr": by_head(qr, now, after(qr.q_values(following), following)).numpy(),
        "iqn": by_head(iqn, with_levels[0], after(iqn.q_values(with_levels[1]), with_levels[1])).numpy(),
        "lambda": np.stack([lambda_returns(*row, follows, LAMBDA) for row in rows]),
    }


TARGETS = {"greedy": "next_q", "double": "chooser"}


def main() -> None:
    if not PEER.exists():
        raise SystemExit("rlax has no environment: run `make second`, which makes it")
    torch.set_default_dtype(torch.float64)
    case = cases()
    with TemporaryDirectory() as folder:
        given, written = Path(folder) / "cases.npz", Path(folder) / "theirs.npz"
        np.savez(given, **case)
        subprocess.run([PEER, HERE / "peers" / "run_rlax.py", given, written], check=True)
        theirs = dict(np.load(written))
    own = ours(case)
    apart = {name: float(np.abs(own[name] - theirs[name]).max()) for name in theirs}
    for name, gap in apart.items():
        print(f"{name:<12} {len(own[name]):>6,} cases, largest difference {gap:.1e}")
    write_results("second", {"machine": describe_machine(), "cases": NUM, "largest difference": apart})
    sys.exit(any(gap > TOLERANCE for gap in apart.values()))


if __name__ == "__main__":
    main()
