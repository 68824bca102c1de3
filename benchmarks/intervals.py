"""How often 95 % intervals miss the truth: over episodes by each of eight methods, over seeds by two.

Prints the tables of docs/results.md and writes results/intervals.json. Samples without any spread are counted
apart: there the library gives no interval.
"""

import json
from collections.abc import Callable
from pathlib import Path
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from dqnlab.store.interval import BOUNDED, PSEUDO, hall, no_spread, over_episodes, over_seeds, student_t

RESULTS = Path(__file__).parent / "results" / "intervals.json"
SAMPLES, RESAMPLED = 20_000, 2_000  # of the closed forms; of those that resample
RESAMPLES = 1_000
PERCENT = [2.5, 97.5]
NORMAL = NormalDist()

Ends = tuple[float | None, float | None]
Method = Callable[[np.ndarray], Ends]


class Law(NamedTuple):
    """Where returns or scores come from."""

    draw: Callable[[np.random.Generator, int], np.ndarray]
    truth: float


def library(values: np.ndarray) -> Ends:
    return over_episodes(values)[:2]


def student(values: np.ndarray) -> Ends:
    return over_seeds(values)[:2]


def hall_alone(values: np.ndarray) -> Ends:
    """Hall's interval without half an episode more at each end."""
    if no_spread(values):
        return None, None
    smallest, spread = values.min(), np.ptp(values)
    low, high = hall((values - smallest) / spread, 0.0)
    if len(values) >= BOUNDED:
        low, high = max(low, 0.0), min(high, 1.0)
    return smallest + spread * low, smallest + spread * high


def johnson(values: np.ndarray) -> Ends:
    """Student's t, moved by the skewness (Johnson 1978)."""
    low, high = student(values)
    if low is None or high is None:
        return None, None
    moved = ((values - values.mean()) ** 3).mean() / (6 * len(values) * values.var(ddof=1))
    return low + moved, high + moved


def resampled(values: np.ndarray) -> np.ndarray:
    """[resamples, N], always by the same random numbers."""
    rng = np.random.default_rng(0)
    return values[rng.integers(len(values), size=(RESAMPLES, len(values)))]


def percentile(values: np.ndarray) -> Ends:
    """The percentile bootstrap (Efron 1979)."""
    if no_spread(values):
        return None, None
    low, high = np.percentile(resampled(values).mean(1), PERCENT)
    return low, high


def bias_corrected(values: np.ndarray) -> Ends:
    """BCa (Efron 1987)."""
    if no_spread(values):
        return None, None
    means, mean = resampled(values).mean(1), values.mean()
    below = (np.sum(means < mean) + np.sum(means == mean) / 2) / RESAMPLES
    bias = NORMAL.inv_cdf(min(max(below, 1 / RESAMPLES), 1 - 1 / RESAMPLES))
    away = values - mean
    acceleration = (away**3).sum() / (6 * (away**2).sum() ** 1.5)
    at = [bias + NORMAL.inv_cdf(percent / 100) for percent in PERCENT]
    low, high = np.percentile(means, [100 * NORMAL.cdf(bias + z / (1 - acceleration * z)) for z in at])
    return low, high


def studentised(values: np.ndarray) -> Ends:
    """The bootstrap of t (Efron 1982); its ends are cut at the values seen."""
    if no_spread(values):
        return None, None
    drawn, mean = resampled(values), values.mean()
    away, deviation = drawn.mean(1) - mean, drawn.std(1, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(away == 0, 0.0, away / deviation)
    low, high = np.percentile(t, PERCENT, method="inverted_cdf") * values.std(ddof=1)
    return max(mean - high, values.min()), min(mean - low, values.max())


def likelihood(values: np.ndarray) -> Ends:
    """Owen's empirical likelihood (1988), by the F distribution's point."""
    if no_spread(values):
        return None, None
    most = student_t(len(values) - 1) ** 2

    def beyond(truth: float) -> bool:
        away = values - truth
        low, high = -(1 - 1 / len(values)) / away.max(), -(1 - 1 / len(values)) / away.min()
        for _ in range(25):
            middle = (low + high) / 2
            low, high = (middle, high) if (away / (1 + middle * away)).sum() > 0 else (low, middle)
        return bool(2 * np.log1p(low * away).sum() > most)

    def end(inside: float, outside: float) -> float:
        for _ in range(12):
            middle = (inside + outside) / 2
            inside, outside = (inside, middle) if beyond(middle) else (middle, outside)
        return inside

    return end(values.mean(), values.min()), end(values.mean(), values.max())


OVER_EPISODES: dict[str, Method] = {
    "library": library,
    "Hall alone": hall_alone,
    "Student t": student,
    "Johnson": johnson,
    "percentile bootstrap": percentile,
    "BCa": bias_corrected,
    "bootstrap-t": studentised,
    "empirical likelihood": likelihood,
}
CLOSED = {"library", "Hall alone", "Student t", "Johnson"}
OVER_SEEDS: dict[str, Method] = {"Student t": student, "percentile bootstrap": percentile}


def capped(failures: float) -> Law:
    """500, but for a share of episodes that fail anywhere before."""
    return Law(lambda rng, n: np.where(rng.random(n) < failures, rng.uniform(0, 500, n), 500.0), 500 - 250 * failures)


def early(failures: float) -> Law:
    """500, but for a share of episodes that fail between 9 and 200."""
    return Law(lambda rng, n: np.where(rng.random(n) < failures, rng.uniform(9, 200, n), 500.0), 500 - 395.5 * failures)


def successes(share: float) -> Law:
    return Law(lambda rng, n: (rng.random(n) < share).astype(float), share)


RETURNS: dict[str, Law] = {
    "normal": Law(lambda rng, n: rng.normal(size=n), 0.0),
    "Gumbel, skewed to the left": Law(lambda rng, n: -rng.gumbel(size=n), -float(np.euler_gamma)),
    **{f"500, {each:.0%} fail anywhere before": capped(each) for each in (0.02, 0.05, 0.1, 0.2, 0.3)},
    **{f"500, {each:.0%} fail early": early(each) for each in (0.05, 0.2)},
    **{f"{each:.0%} successes": successes(each) for each in (0.05, 0.3, 0.5, 0.8, 0.9, 0.95, 0.99)},
}
COMPARED = [
    "normal",
    "Gumbel, skewed to the left",
    *(f"500, {each} fail anywhere before" for each in ("2%", "5%", "10%", "30%")),
    *(f"{each} successes" for each in ("50%", "80%", "90%", "95%")),
]
PEAK = Law(lambda rng, n: np.where(rng.random(n) < 0.7, rng.normal(490, 5, n), rng.normal(200, 20, n)), 403.0)
CAP = 500 - 40 / np.sqrt(2 * np.pi)  # the mean of what is left of N(500, 40) when it is cut at its middle
SCORES: dict[str, Law] = {
    "normal": Law(lambda rng, n: rng.normal(size=n), 0.0),
    "moderately skewed (gamma, shape 8)": Law(lambda rng, n: rng.gamma(8, size=n), 8.0),
    "exponential": Law(lambda rng, n: rng.exponential(size=n), 1.0),
    "capped: half of them at 500": Law(lambda rng, n: np.minimum(rng.normal(500, 40, n), 500), CAP),
    "two peaks: 70 % near 490, 30 % near 200": PEAK,
}


def measure(law: Law, method: Method, num: int, samples: int) -> dict[str, float]:
    """Shares, in percent of all samples: interval wholly above the truth, wholly below, none; and the mean width."""
    rng, above, below, width = np.random.default_rng(num), 0, 0, []
    for _ in range(samples):
        low, high = method(law.draw(rng, num))
        if low is None or high is None:
            continue
        above += low > law.truth + 1e-9
        below += high < law.truth - 1e-9
        width.append(high - low)
    return {
        "above": 100 * above / samples,
        "below": 100 * below / samples,
        "none": 100 * (1 - len(width) / samples),
        "width": float(np.mean(width)),
    }


def table(head: str, rows: dict[str, list[str]]) -> str:
    columns = head.split("|")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    return "\n".join([*lines, *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items())])


def main() -> None:
    found: dict[str, Any] = {"pseudo": PSEUDO, "samples": SAMPLES, "resampled": RESAMPLED}
    kinds: dict[str, list[str]] = {}
    for name, law in RETURNS.items():
        each = [measure(law, library, num, SAMPLES) for num in (20, 50, 100)]
        found[name] = dict(zip(("20", "50", "100"), each, strict=True))
        kinds[name] = [f"{x['above']:.1f} / {x['below']:.1f} / {x['none']:.0f}" for x in each]
    print(table("returns|N = 20|N = 50|N = 100", kinds), "\n", flush=True)
    rows: dict[str, list[str]] = {}
    for name in COMPARED:
        law = RETURNS[name]
        each = [measure(law, m, 50, SAMPLES if what in CLOSED else RESAMPLED) for what, m in OVER_EPISODES.items()]
        found[f"{name}, N = 50"] = dict(zip(OVER_EPISODES, each, strict=True))
        rows[name] = [f"{x['above']:.1f} / {x['below']:.1f} ({x['width']:.3g})" for x in each]
    print(table("|".join(["returns", *OVER_EPISODES]), rows), "\n")
    for what, method in OVER_SEEDS.items():
        shares: dict[str, list[str]] = {}
        for name, law in SCORES.items():
            each = [measure(law, method, num, RESAMPLED * 4) for num in (3, 5, 10, 20, 30)]
            found[f"{name}, seeds, {what}"] = each
            shares[name] = [f"{100 - x['above'] - x['below'] - x['none']:.1f}" for x in each]
        print(table(f"scores, {what}|3 seeds|5|10|20|30", shares), "\n")
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
