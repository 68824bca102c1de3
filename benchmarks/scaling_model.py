"""The model of docs/scaling.md: what collectors bring, by what each part costs; and the tables of that page."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

PAGE = Path(__file__).resolve().parent.parent / "docs" / "scaling.md"
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
COLLECTORS = ("1", "2", "4")  # that runs were measured with
RATES = (1, 4, 16, 64)  # env steps per update


class Costs(NamedTuple):
    """The constants of the model for one load, in seconds."""

    batch: float  # env steps that a collector hands over at once
    collect: float  # per batch, in a collector
    waits: float  # of these, those in which it needs no processor
    store: float  # per env step, in the learner
    update: float  # per update
    update_every: int  # env steps
    take: float  # per batch, in the learner: to ask for it and to take it
    trip: float  # there and back, of a request that nothing is done for
    put: float  # per set of weights, in the learner
    weights_every: int  # updates
    in_flight: int


def learn_seconds(of: Costs) -> float:
    """What the learner does for one batch."""
    updates = of.batch / of.update_every
    return of.take + of.batch * of.store + updates * (of.update + of.put / of.weights_every)


def throughput(of: Costs, num: int, cores: int | None = None) -> float:
    """Env steps per second with so many collectors.

    Args:
        cores: that all of them and the learner share; one for each if none.
    """
    learn = learn_seconds(of)
    limits = [num / of.collect, 1 / learn, num * of.in_flight / (of.collect + of.trip + learn)]
    if cores is not None:
        limits.append(cores / (of.collect - of.waits + of.trip + learn))
    return of.batch * min(limits)


def alone(of: Costs) -> float:
    """Env steps per second without collectors: one process does all, and nothing travels."""
    return 1 / (of.collect / of.batch + of.store + of.update / of.update_every)


def saturation(of: Costs) -> int:
    """The number of collectors beyond which the learner is what everything waits for."""
    return max(1, math.ceil(of.collect / learn_seconds(of)))


# ── Tables ───────────────────────────────────────────────────────────────────────────────────────


def tables(result: Mapping[str, Any]) -> dict[str, str]:
    """The page's tables, by name, of what the benchmark measured."""
    loads = result["loads"]
    runs = {name: load["runs"] for name, load in loads.items() if "runs" in load}
    nodes = result["cluster"]
    return {
        "costs": table(
            ["load", "a step, in a collector", "of it, waiting", "storing a step", "an update", "a batch", "a trip",
             "weights"],
            [
                [name, *(micro(value) for value in (
                    costs["collect"] / costs["batch"], costs["waits"] / costs["batch"], costs["store"],
                    costs["update"], costs["take"], costs["trip"], costs["put"],
                ))]
                for name, load in loads.items()
                for costs in [load["costs"]]
            ],
        ),
        "check": table(
            ["load", "without", *(f"{num} collector{'s' * (num != '1')}" for num in COLLECTORS)],
            [
                [name, *(f"{each['measured']:,.0f} ({each['model']:,.0f})" for each in rows.values())]
                for name, rows in [*runs.items(), (f"{nodes['load']}, three nodes", {
                    num: nodes.get(num, {"measured": math.nan, "model": math.nan})
                    for num in ("0", *COLLECTORS)
                })]
            ],
        ).replace("nan (nan)", "–"),
        "model": table(
            ["load", *(f"{size:,}" for size in SIZES)],
            [
                [f"{name}, update_every = {load['costs']['update_every']}",
                 *(f"{load['model'][str(size)]:,.0f}" for size in SIZES)]
                for name, load in loads.items()
            ],
        ),
        "learner": table(
            ["load", *(f"update_every = {every}" for every in RATES)],
            [
                [name, *(f"{load['saturates'][str(every)][1]:,.0f} from {load['saturates'][str(every)][0]:,} on"
                         for every in RATES)]
                for name, load in loads.items()
            ],
        ),
    }  # fmt: skip


def micro(seconds: float) -> str:
    """Seconds in microseconds."""
    return f"{1e6 * seconds:,.0f} µs"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def write_tables(result: Mapping[str, Any]) -> None:
    """Puts them into the page, each after its name."""
    text = PAGE.read_text("utf-8")
    for name, shown in tables(result).items():
        text = re.sub(rf"(<!-- {name} -->\n)(\|.*\n)*", lambda found, shown=shown: found[1] + shown, text)
    for name, said in words(result).items():
        text = re.sub(rf"(?<=<!-- {name} -->).*?(?=<!-- -->)", said, text)
    PAGE.write_text(text, "utf-8")


def words(result: Mapping[str, Any]) -> dict[str, str]:
    """What the page says in passing, by name: the longest wait when a node was killed, and what others took."""
    taken = [each["others"] for load in result["loads"].values() for each in load.get("runs", {}).values()]
    return {
        "pause": f"{result['cluster']['node killed']['longest pause']:.1f} s",
        "others": f"{median(taken):.1f} of {result['machine']['cores']}",
    }
