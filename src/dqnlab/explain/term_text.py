"""What is added to a head's loss, as lines of `trace_text`: every number multiplies out."""

import numpy as np

from .kinds import CqlTerm, MarginTerm
from .lines import folded, paragraph, six
from .stages import Trace

MOST = 8  # actions that are printed in a sum


def term_lines(trace: Trace, row: int) -> list[str]:
    """What is added to the loss of the head of a row; nothing where nothing is."""
    term, rows = trace.settings.term, trace.rows
    if term is None:
        return []
    q = rows.q[row].astype(float) / trace.settings.reward_scale
    action = int(rows.action[row])
    added = float(rows.loss[row]) - float(rows.head_loss[row])
    lines = _cql(trace, term, q, action) if isinstance(term, CqlTerm) else _margin(trace, term, q, action, row)
    return [
        *lines,
        f"   loss = {six(rows.head_loss[row])} + {six(added)} = {six(rows.loss[row])}",
    ]


def _units(trace: Trace) -> str:
    scale = trace.settings.reward_scale
    return "" if scale == 1 else f" Values count as they are learned, divided by {six(scale)}."


def _cql(trace: Trace, term: CqlTerm, q: np.ndarray, action: int) -> list[str]:
    order = np.argsort(-q, kind="stable")
    shown = sorted(a for a in order[:MOST].tolist() if np.isfinite(q[a]))
    total = float(np.exp(q - q.max()).sum())
    log_sum = float(q.max()) + float(np.log(total))
    terms = " + ".join(f"exp({six(q[a])})" for a in shown)
    left = len([a for a in range(len(q)) if np.isfinite(q[a])]) - len(shown)
    others = f" + {left} smaller" if left else ""
    return [
        *paragraph(
            "CQL adds to it how far the values of all actions, softly the largest, lie above that of the action in the "
            f"data: it pushes down what was never recorded, and up what was.{_units(trace)}"
        ),
        "   term = alpha * (log of the sum over actions of exp Q - Q(s, action))",
        *folded(f"   log({terms}{others}) = {six(log_sum)}"),
        f"        = {six(term.alpha)} * ({six(log_sum)} - {six(q[action])})",
        f"        = {six(term.alpha * (log_sum - q[action]))}",
    ]


def _margin(trace: Trace, term: MarginTerm, q: np.ndarray, action: int, row: int) -> list[str]:
    shown = trace.rows.demonstrated
    said = (
        "The margin adds to it, of recorded transitions only, how far the best other action, raised by "
        f"{six(term.margin)}, lies above the action that was shown.{_units(trace)}"
    )
    if shown is None or not shown[row]:
        return [*paragraph(said), "   term = 0: this row was not recorded"]
    raised = q + term.margin * (np.arange(len(q)) != action)
    best = int(raised.argmax())
    top = six(q[best]) if best == action else f"{six(q[best])} + {six(term.margin)}"
    return [
        *paragraph(said),
        "   term = weight * (max over a of (Q(s, a) + margin of another action) - Q(s, action shown))",
        f"        = {six(term.weight)} * ({top} - {six(q[action])}), action {trace.action(best)} giving the largest",
        f"        = {six(term.weight * (raised[best] - q[action]))}",
    ]
