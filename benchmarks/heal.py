"""Runs broken on purpose, healed; and healthy ones, which are to be left alone.

    python benchmarks/heal.py
    python benchmarks/heal.py --seed 12 --fresh 0 --only gamma

The runs are those of `tests/explain/broken.py`. Each broken one is trained, healed by `dqnlab.heal`, and confirmed on
fresh seeds with the old and with the new settings. Repaired is a run whose finding is gone from its branch and whose
new settings are not worse for sure. Prints a row per case, then the table; writes benchmarks/results/heal.json.
"""

import argparse
import sys
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from machine import describe_machine, write_results

import dqnlab
from dqnlab.comparing.statistics import Welch
from dqnlab.config import Film
from dqnlab.errors import NumericsError
from dqnlab.lab.heal import Healing
from dqnlab.store.lineage import read_parent

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "explain"))

from broken import BROKEN, HEALTHY, Case


def healed(case: Case, seed: int, fresh: int, home: Path) -> Healing:
    """The run of a case, trained and healed."""
    config = replace(case.config, seed=seed, film=Film(episodes=0), explain=False, score_episodes=20)
    folder = home / "run"
    with suppress(NumericsError):  # what it recorded until then is there
        dqnlab.train(config, out=folder, trackers=("none",))
    return dqnlab.heal(folder, env=config.env, seeds=fresh, out=home / "branch", runs=home / "runs")


def said(found: Welch | None) -> str:
    """The difference with its interval."""
    if found is None:
        return "–"
    ends = "" if found.low is None else f" ({found.low:.0f} to {found.high:.0f})"
    return f"{found.difference:+.0f}{ends}"


def row_of(case: Case, healing: Healing, left_alone: bool) -> dict[str, Any]:
    assessed = None if healing.seeds is None else healing.seeds.assessment
    return {
        "case": case.name,
        "broken": bool(case.expected),
        "found": [each.kind for each in healing.findings],
        "treated": None if healing.treated is None else healing.treated.kind,
        "changes": healing.changes,
        "from": None if healing.branch is None else left_at(healing.branch.folder),
        "cured": healing.cured,
        "episodes": said(None if healing.episodes is None else healing.episodes.difference),
        "seeds": said(None if assessed is None else assessed.contrasts[0].welch),
        "verdict": None if assessed is None else assessed.contrasts[0].verdict,
        "better": healing.helped,
        "repaired": bool(healing.cured) and healing.helped is not False if case.expected else left_alone,
    }


def left_at(folder: Path) -> int:
    """Where a branch left its parent."""
    lineage = read_parent(folder / "meta.json")
    assert lineage is not None
    return lineage.step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=44)
    parser.add_argument("--fresh", type=int, default=3, help="fresh seeds that confirm each repair")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    args = parser.parse_args()
    table: list[dict[str, Any]] = []
    for case in (*BROKEN, *HEALTHY):
        if args.only not in case.name:
            continue
        with tempfile.TemporaryDirectory() as place:
            healing = healed(case, args.seed, args.fresh, Path(place))
            table.append(row_of(case, healing, not (Path(place) / "branch").exists()))
        print(table[-1], flush=True)
    print("\n| run | treated | changed | from step | finding gone | fresh episodes | fresh seeds | |\n|" + "---|" * 8)
    for row in table:
        if row["broken"]:
            verdict = "repaired" if row["repaired"] else "not repaired"
            cells = [row["case"], row["treated"], row["changes"], row["from"], row["cured"]]
            print(f"| {' | '.join(map(str, cells))} | {row['episodes']} | {row['seeds']} | {verdict} |")
    broken, healthy = ([row for row in table if row["broken"] is kind] for kind in (True, False))
    print(f"\n{sum(row['repaired'] for row in broken)} of {len(broken)} broken runs repaired")
    print(f"{sum(row['repaired'] for row in healthy)} of {len(healthy)} healthy runs left alone")
    if not args.only:
        write_results("heal", {"machine": describe_machine(), "seed": args.seed, "fresh": args.fresh, "table": table})


if __name__ == "__main__":
    main()
