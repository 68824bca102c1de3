"""Verdicts on runs broken on purpose and on healthy ones: who is diagnosed rightly, over many seeds.

    python benchmarks/verdicts.py --seeds 10 11 12 13 14
    python benchmarks/verdicts.py --record

The runs are those of `tests/explain/broken.py`; some 5 s each. Prints a row per case and seed, then the table;
writes benchmarks/results/verdicts.json. A broken run is a miss if none of its expected verdicts is given, a healthy one
if any bad verdict is. `--record` writes the rows of one seed to `tests/explain/recorded`, from which the tests judge.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from machine import describe_machine, write_results

from dqnlab.explain.health.findings import Finding

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "explain"))

from broken import BROKEN, HEALTHY, RECORDED, RECORDED_SEED, write_rows


def tell(finding: Finding) -> str:
    text = finding.kind + {"bad": "!", "notice": "?", "good": ""}[finding.severity]
    text += f" from {finding.step}" if finding.step is not None else ""
    seen = finding.foreseen
    return text + (f" (foreseen from {seen.step}, {seen.signal})" if seen is not None else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[10, 11, 12])
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--record", action="store_true", help="write the rows that the tests read, and stop")
    args = parser.parse_args()
    if args.record:
        RECORDED.mkdir(exist_ok=True)
        for case in (*BROKEN, *HEALTHY):
            if args.only in case.name:
                write_rows(case.file, case.run(RECORDED_SEED))
                print(case.file.name, f"{case.file.stat().st_size / 1000:.0f} kB", flush=True)
        return
    table: list[dict[str, Any]] = []
    for case in (*BROKEN, *HEALTHY):
        if args.only not in case.name:
            continue
        hits, first, others = 0, Counter[str](), Counter[str]()
        for seed in args.seeds:
            found = case.findings(case.run(seed), seed)
            hits += case.is_hit(found)
            first[found[0].kind] += 1
            others.update(finding.kind for finding in found[1:])
            print(
                f"{case.name:32} {seed:3} {'    ' if case.is_hit(found) else 'MISS'} {'; '.join(map(tell, found))}",
                flush=True,
            )
        table.append(
            {
                "case": case.name,
                "expected": sorted(case.expected) or ["no bad one"],
                "hits": hits,
                "runs": len(args.seeds),
                "first": dict(first),
                "others": dict(others),
            }
        )
    print("\n| run | expected verdict | right | first verdict | also |\n|---|---|---|---|---|")
    for line in table:
        told = [", ".join(f"{kind} {count}" for kind, count in line[name].items()) for name in ("first", "others")]
        wanted, right = " or ".join(line["expected"]), f"{line['hits']} of {line['runs']}"
        print(f"| {line['case']} | {wanted} | {right} | {told[0]} | {told[1] or '–'} |")
    if not args.only:
        write_results("verdicts", {"machine": describe_machine(), "seeds": args.seeds, "table": table})


if __name__ == "__main__":
    main()
