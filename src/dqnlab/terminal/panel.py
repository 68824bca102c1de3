"""The live panel as rich draws it: whole lines of text, for a table would cost ten times as much to lay out."""

from __future__ import annotations

from rich.console import Group
from rich.text import Text

from ..errors import counted
from ..store.digits import number
from .tally import RunInfo, Tally
from .text import clean, duration, size, sparkline

LABEL, GOOD = "dim", "bold green"
_LABELS, _WORDS = 10, 42  # columns left and right of the bars
_WIDEST = 40  # bars


def panel(tally: Tally, about: RunInfo, width: int) -> Group:
    """Title, progress, speed, returns while exploring, greedy evaluations; `width` columns are there."""
    bars = max(12, min(_WIDEST, width - _LABELS - _WORDS))
    config, (steps, updates) = tally.config, tally.speeds
    memory = f"{counted(about.parameters, 'parameter')} · replay {size(about.replay_bytes)}"
    title = f"  {clean(config.preset)} · seed {config.seed} · {about.device} · {memory}"
    lines = [
        _joined((clean(config.env.label), "bold"), (title, LABEL)),
        _line(tally.unit, _bar(tally, bars), _progress(tally), bars),
        _line("returns", Text(sparkline(tally.returns, bars), "cyan"), _last(tally), bars),
        _line("greedy", Text(sparkline(tally.judged, bars), "green"), _judged(tally), bars),
    ]
    if tally.confirmed is not None:
        lines.append(_line("confirm", *_confirmed(tally), bars))
    speed = Text(f"{steps:,.0f} steps/s · {updates:,.0f} updates/s")
    lines.append(_line("speed", speed, Text(f"epsilon {tally.block.epsilon:.3f}"), bars))
    return Group(*lines)


def _line(label: str, middle: Text, right: Text, bars: int) -> Text:
    gap = " " * max(2, bars + 2 - len(middle))
    return _joined((f"{label:<{_LABELS}}", LABEL), middle, gap, right)


def _joined(*parts: str | Text | tuple[str, str]) -> Text:
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _bar(tally: Tally, bars: int) -> Text:
    used, whole = tally.done
    full = min(bars, bars * used // whole)
    return Text.assemble(("━" * full, "cyan"), ("━" * (bars - full), "bright_black"))


def _progress(tally: Tally) -> Text:
    used, whole = tally.done
    left = tally.seconds_left
    rest = f", about {duration(left)} left" if left is not None else ""
    return Text.assemble(f"{used:,}", (f" of {whole:,}  {duration(tally.elapsed)}{rest}", LABEL))


def _last(tally: Tally) -> Text:
    if not tally.returns:
        return Text("no episode has ended", LABEL)
    return Text.assemble("last ", number(tally.returns[-1]), (f"  of {len(tally.returns)} shown", LABEL))


def _judged(tally: Tally) -> Text:
    if not tally.judged:
        return Text("not evaluated yet", LABEL)
    reached = tally.threshold is not None and tally.best is not None and tally.best >= tally.threshold
    now, beside = tally.judged[-1], (tally.judged[-1], tally.best, tally.threshold)
    goal = f"  solved at {number(tally.threshold, *beside)}" if tally.threshold is not None else ""
    best = (number(tally.best, *beside), GOOD if reached else "bold")
    return Text.assemble(f"now {number(now, *beside)}  best ", best, (goal, LABEL))


def _confirmed(tally: Tally) -> tuple[Text, Text]:
    event = tally.confirmed
    assert event is not None
    verdict = Text("solved and confirmed", GOOD) if event.passed else Text("not yet", "yellow")
    return Text(f"attempt {event.attempt}: {counted(len(event.returns), 'fresh episode')}"), Text.assemble(
        f"{number(event.mean, tally.threshold)}  ", verdict
    )
