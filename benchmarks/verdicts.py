"""Verdicts on runs broken on purpose and on healthy ones: who is diagnosed rightly, over many seeds.

    python benchmarks/verdicts.py --seeds 10 11 12 13 14

The runs are those of `dqnlab.explain.health.broken`; some 5 s each. Prints a row per case and seed, then the table;
writes benchmarks/results/verdicts.json. A broken run is a miss if none of its expected verdicts is given, a healthy one
if any bad verdict is.
"""

import argparse
from collections import Counter
from dataclasses import replace
from typing import Any

from machine import describe_machine, write_results

from dqnlab.config import Config
from dqnlab.envs.make import describe
from dqnlab.errors import NumericsError
from dqnlab.explain.diagnose import diagnose
from dqnlab.explain.health.broken import BROKEN, HEALTHY, Case
from dqnlab.explain.health.findings import Finding, facts_of
from dqnlab.run.system import events
from dqnlab.track.rows import returns, row


def record(config: Config) -> list[dict[str, Any]]:
    """The rows of metrics.jsonl that a run of this configuration writes; those so far if its numbers run away."""
    rows: list[dict[str, Any]] = []
    try:
        for event in events(config):
            found = row(event)
            if found is not None:
                rows.append({"step": found[0], **found[1], **returns(event)})
    except NumericsError as error:
        print(f"  ended early: {error}")
    return rows


def judge(case: Case, seed: int) -> list[Finding]:
    config = replace(case.config, seed=seed)
    return diagnose(record(config), facts_of(config, describe(config.env)))


def is_hit(case: Case, found: list[Finding]) -> bool:
    bad = {finding.kind for finding in found if finding.severity == "bad"}
    return bool(bad & case.expected) if case.expected else not bad


def tell(finding: Finding) -> str:
    text = finding.kind + {"bad": "!", "notice": "?", "good": ""}[finding.severity]
    text += f" from {finding.step}" if finding.step is not None else ""
    seen = finding.foreseen
    return text + (f" (foreseen from {seen.step}, {seen.signal})" if seen is not None else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[10, 11, 12])
    parser.add_argument("--only", default="", help="cases whose name contains this")
    args = parser.parse_args()
    table: list[dict[str, Any]] = []
    for case in (*BROKEN, *HEALTHY):
        if args.only not in case.name:
            continue
        hits, first, others = 0, Counter[str](), Counter[str]()
        for seed in args.seeds:
            found = judge(case, seed)
            hits += is_hit(case, found)
            first[found[0].kind] += 1
            others.update(finding.kind for finding in found[1:])
            print(
                f"{case.name:32} {seed:3} {'    ' if is_hit(case, found) else 'MISS'} {'; '.join(map(tell, found))}",
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
    print("\n| run | verdict wanted | right | first verdict | also |\n|---|---|---|---|---|")
    for line in table:
        told = [", ".join(f"{kind} {count}" for kind, count in line[name].items()) for name in ("first", "others")]
        wanted, right = " or ".join(line["expected"]), f"{line['hits']} of {line['runs']}"
        print(f"| {line['case']} | {wanted} | {right} | {told[0]} | {told[1] or '–'} |")
    if not args.only:
        write_results("verdicts", {"machine": describe_machine(), "seeds": args.seeds, "table": table})


if __name__ == "__main__":
    main()
