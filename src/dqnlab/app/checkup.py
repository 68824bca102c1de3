"""What `dqn doctor` prints: what was found, what was seen, and how training would go."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.text import Text

from ..check.doctor.examination import EnvFacts, Examination
from ..check.doctor.findings import EnvFinding
from ..check.doctor.forecast import Forecast, Makings
from ..errors import counted
from ..store.digits import interval_ends, number
from ..terminal.text import clean, duration, size
from .summary import BAD, GOOD, LABEL

STYLES = {"error": "bold red", "warning": BAD, "note": "bold", "ok": GOOD}
INDENT = " " * 10
NOTICED = 0.01  # seconds


def checkup(report: Examination) -> RenderableType:
    """Verdict, findings with what to do about them, what was seen, and the forecast.

    Lines are never broken: print it with `soft_wrap`.
    """
    lines = [Text(), Text.assemble((clean(report.env), "bold"), "  ", _verdict(report))]
    for each in report.findings:
        lines += _finding(each)
    if report.facts is not None and report.facts.steps:
        lines += _seen(report.facts)
    if report.forecast is not None:
        lines += _training(report.forecast)
    return Group(*lines)


def _verdict(report: Examination) -> Text:
    errors, warnings = (sum(each.level == level for each in report.findings) for level in ("error", "warning"))
    if errors:
        return Text(f"{counted(errors, 'error')}: training would fail", STYLES["error"])
    if warnings:
        return Text(f"{counted(warnings, 'warning')}: you can train on it, but see below", BAD)
    return Text("sound", GOOD)


def _finding(finding: EnvFinding) -> list[Text]:
    what = clean(finding.what)
    lines = [Text.assemble((f"{finding.level:<10}", STYLES[finding.level]), (f"{finding.check}: ", LABEL), what)]
    if finding.advice:
        lines.append(Text.assemble(INDENT, (f"→ {clean(finding.advice)}", LABEL)))
    return lines


def _line(label: str, words: str, width: int = 10) -> Text:
    return Text.assemble((f"{label:<{width}}", LABEL), clean(words))


def _seen(facts: EnvFacts) -> list[Text]:
    ends = f"{facts.episodes:,} ended: {facts.terminated:,} terminated, {facts.truncated:,} truncated"
    rows = [("episodes", f"{ends}; step limit {facts.step_limit:,}")]
    if facts.returns:
        three = facts.returns["mean"], facts.returns["low"], facts.returns["high"]
        rows.append(("returns", f"{interval_ends(*three)}, mean {number(*three)}"))
    if facts.lengths:
        ends = f"{facts.lengths['low']:,.0f} to {facts.lengths['high']:,.0f}"
        rows.append(("lengths", f"{ends}, mean {number(facts.lengths['mean'])}"))
    if facts.rewards:
        rows.append(("rewards", _range(facts.rewards)))
    alone = len(facts.observations) == 1
    names = ["obs"] if alone else facts.numbers or [f"obs[{i}]" for i in range(len(facts.observations))]
    rows += [(name, _range(each)) for name, each in zip(names, facts.observations, strict=False)]
    times = f"{facts.microseconds_per_step:,.0f} µs a step, {facts.microseconds_per_reset:,.0f} µs a reset"
    times += f", {facts.seconds_to_make:.2g} s to make one" if facts.seconds_to_make >= NOTICED else ""
    rows.append(("speed", times))
    width = max(len(label) for label, _ in rows) + 2
    return [Text(), Text(f"In {counted(facts.steps, 'random step')}", "bold"), *(_line(*row, width) for row in rows)]


def _range(seen: Mapping[str, float]) -> str:
    return f"{seen['low']:.4g} to {seen['high']:.4g}, mean {seen['mean']:.3g}, deviation {seen['std']:.3g}"


def _training(forecast: Forecast) -> list[Text]:
    network = ", ".join([" → ".join(f"{each:,}" for each in forecast.layers), *forecast.parts])
    fewer = forecast.replay_least < forecast.replay_transitions
    least = f" ({forecast.replay_least:,} if every episode lasts one step)" if fewer else ""
    transitions = counted(forecast.replay_transitions, "transition")
    memory = f"{size(forecast.replay_bytes)} for {transitions}{least}, observations as "
    uncompiled = "not compiled" if forecast.obstacle is None else f"not compiled: {forecast.obstacle}"
    lines = [
        Text(),
        Text("What dqn train would do", "bold"),
        _line("preset", f"{forecast.preset}, {counted(forecast.num_envs, 'env')}, at most {forecast.budget}"),
        *(_line("pictures", each) for each in forecast.pictures),
        _line("network", f"{network}, {counted(forecast.parameters, 'parameter')}"),
        _line("memory", f"{memory}{forecast.stored}; {size(forecast.free_bytes)} are free"),
        _line("update", "compiled first" if forecast.compiled else uncompiled),
    ]
    if forecast.reward_scale not in (None, 1):
        words = f"divided by {forecast.reward_scale:g} before learning; shown and saved as they are"
        lines.insert(-1, _line("rewards", words))
    if forecast.microseconds_per_step is not None and forecast.microseconds_per_update is not None:
        costs = f"{forecast.microseconds_per_step:,.0f} µs a step with acting and storing, "
        lines[-1].append(f"; measured: {costs}{forecast.microseconds_per_update:,.0f} µs an uncompiled update")
    if forecast.seconds is not None:
        low, high = map(duration, forecast.seconds)
        long = low if low == high else f"{low} to {high}"
        words = f"about {long} for the whole budget, less if solved, more if episodes get longer"
        lines.append(_line("time", words))
    if forecast.makings is not None:
        lines.append(_line("made", _made(forecast.makings)))
    return lines


def _made(made: Makings) -> str:
    """How often, and for what: `26 times in all: 1 for training, 16 for judging, 1 for the film, 8 for the page`."""
    parts = [f"{made.training:,} for training"] + [f"{made.judging} for judging"] * (made.judging > 0)
    if made.rounds > 1:
        checkpoints = counted(made.rounds - 1, "checkpoint")
        parts = [f"{made.rounds:,} × ({' + '.join(parts)}), again at each of {checkpoints}, because it cannot be saved"]
    parts += [f"{made.film} for the film"] * (made.film > 0) + [f"{made.page} for the page"] * (made.page > 0)
    return f"{counted(made.total, 'time')} in all: {', '.join(parts)}"
