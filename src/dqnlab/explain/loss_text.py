"""How a head's own loss and a rule's own target come about, as lines of `trace_text`: every number multiplies out."""

from collections.abc import Sequence

import numpy as np
import torch

from ..errors import counted
from ..learn.distributional import project
from .kinds import CategoricalLoss, HistogramLoss, QuantileLoss, Soft, TdLoss
from .lines import folded, paragraph, six, value
from .parts import QuantileParts, Shares
from .source_text import step_losses
from .stages import PolicyRows, Trace
from .term_text import term_lines

LIKELIEST = 8  # returns that are printed
EVENLY = 6  # quantiles that are printed


# ── Targets of heads ─────────────────────────────────────────────────────────────────────────────


def target_parts(trace: Trace, row: int) -> list[str]:
    """What becomes of the numbers that are bootstrapped from, behind the target of their mean."""
    parts = trace.rows.parts
    match trace.settings.loss:
        case CategoricalLoss() as loss if isinstance(parts, Shares):
            return _projection(trace, row, loss, parts)
        case QuantileLoss() if isinstance(parts, QuantileParts):
            return _samples(trace, row, parts)
        case _:
            return []


def _projection(trace: Trace, row: int, loss: CategoricalLoss, parts: Shares) -> list[str]:
    """Which returns each share of probability goes to."""
    reward, discount = _learned(trace, row)
    following = torch.from_numpy(parts.following[row])
    moved = reward + discount * torch.from_numpy(parts.at)
    shared = project(following.diag(), moved.expand(len(moved), -1), loss.low, loss.high).numpy()  # [K from, K to]
    shown, left = _likeliest(parts.following[row])
    lines = [("return", "probability", "becomes", "shared out as")]
    for k in shown:
        to = [f"{six(shared[k, i])} to {six(parts.at[i])}" for i in np.flatnonzero(shared[k])]
        lines.append((six(parts.at[k]), six(parts.following[row, k]), six(moved[k].item()), ", ".join(to)))
    step = (loss.high - loss.low) / (len(parts.at) - 1)
    return [
        *paragraph(
            f"This head gives probabilities of {len(parts.at)} returns, {six(loss.low)} to {six(loss.high)}, "
            f"{six(step)} apart. Each of those of the action that follows becomes reward + discount * return, at least "
            f"{six(loss.low)} and at most {six(loss.high)}, and its probability is shared between the two returns "
            "nearest to that, the nearer getting more. What each return gets in all is wanted of the prediction."
        ),
        *(f"   {a:>12} {b:>12} {c:>12}   {d}" for a, b, c, d in lines),
        *_others(left, parts.following[row]),
        f"   mean of what is wanted = target = {six(trace.rows.target[row])}",
    ]


def _samples(trace: Trace, row: int, parts: QuantileParts) -> list[str]:
    """Quantiles of what follows, each of which is a target."""
    reward, discount = (six(x) for x in _learned(trace, row))
    order = parts.following[row].argsort(kind="stable")
    shown = order[_evenly(len(order))]
    return [
        *paragraph(
            f"That is the mean. This head gives {counted(len(order), 'quantile')} of what follows, and "
            f"{reward} + {discount} * each of them is a target of its own. From low to high, "
            f"{'all of them' if len(shown) == len(order) else f'{len(shown)} of them'}:"
        ),
        *(f"   {reward} + {discount} * {six(parts.following[row, j])} = {six(parts.wanted[row, j])}" for j in shown),
    ]


def _learned(trace: Trace, row: int) -> tuple[float, float]:
    """Reward, with what the rule adds, and discount."""
    rows = trace.rows
    return float(rows.reward[row] + rows.added[row]), float(rows.discount[row])


# ── Losses of heads ──────────────────────────────────────────────────────────────────────────────


def loss_lines(trace: Trace, row: int) -> list[str]:
    """The stage of the loss: how far target and prediction are apart, and what the head makes of that."""
    rows, said = trace.rows, "How far apart the two are. The update reduces the mean over the batch."
    kind = trace.settings.loss
    mean = [
        *term_lines(trace, row),
        *step_losses(trace, row),
        f"   mean of weight * loss over the {counted(len(rows.loss), 'row')} = {six(trace.loss)}",
    ]
    if kind is None:
        said += " How this run measures it is not shown here; these are its numbers."
        return [*paragraph(said), f"   error = {six(rows.error[row])}", f"   loss = {six(rows.loss[row])}", *mean]
    prediction = float(rows.prediction[row])
    target = float(rows.target[row])
    apart = f"   error = target - prediction = {six(target)} - {six(prediction)} = {six(target - prediction)}"
    if not isinstance(kind, TdLoss):
        return [*paragraph(said), f"{apart} (of the means)", *_loss_parts(trace, row), *mean]
    scale = trace.settings.reward_scale
    return [
        *paragraph(said),
        apart,
        *_counted(target - prediction, scale),
        *_formula((target - prediction) / scale, kind.huber),
        f"        = {six(rows.head_loss[row])}",
        *mean,
    ]


def _formula(error: float, delta: float | None) -> list[str]:
    """The loss of an error: squared, or Huber's with its delta."""
    if delta is None:
        return ["   loss = error^2", f"        = ({six(error)})^2"]
    if abs(error) <= delta:
        return [f"   loss = error^2 / 2, for |error| <= {six(delta)} (Huber)", f"        = ({six(error)})^2 / 2"]
    rule = f"   loss = {six(delta)} * (|error| - {six(delta)} / 2), for |error| > {six(delta)} (Huber)"
    return [rule, f"        = {six(delta)} * ({six(abs(error))} - {six(delta)} / 2)"]


def _counted(error: float, scale: float) -> list[str]:
    """The error as the learner counts it, where rewards are divided before learning."""
    if scale == 1:
        return []
    said = f"Rewards were divided by reward_scale = {six(scale)} before learning, and so are errors from here on."
    return [*paragraph(said), f"   error = {six(error)} / {six(scale)} = {six(error / scale)}"]


def _loss_parts(trace: Trace, row: int) -> list[str]:
    """How the loss of a head that predicts more than a mean adds up, down to the loss itself."""
    parts = trace.rows.parts
    match trace.settings.loss:
        case QuantileLoss() as loss if isinstance(parts, QuantileParts):
            return _quantile_loss(trace, row, loss, parts)
        case HistogramLoss() as loss if isinstance(parts, Shares):
            return [*_bins(trace, row, loss, parts), *_cross_entropy(trace, row, parts)]
        case _ if isinstance(parts, Shares):
            return _cross_entropy(trace, row, parts)
        case _:
            return []


def _bins(trace: Trace, row: int, loss: HistogramLoss, parts: Shares) -> list[str]:
    step = (loss.high - loss.low) / len(parts.at)
    target = float(trace.rows.target[row])
    kept = min(max(target, loss.low), loss.high)
    beyond = "" if kept == target else f" (the end of the range, for {six(target)} lies beyond it)"
    return paragraph(
        f"This head gives probabilities of {len(parts.at)} bins of returns, each {six(step)} wide, from "
        f"{six(loss.low)} to {six(loss.high)}. What is wanted of a bin is its share of the normal distribution around "
        f"{six(kept)}{beyond} with a deviation of {six(loss.sigma)} bins = {six(loss.sigma * step)}, of which what "
        "lies outside of the range is spread over what lies inside. Bins are called by their middles."
    )


def _cross_entropy(trace: Trace, row: int, parts: Shares) -> list[str]:
    wanted, predicted = parts.wanted[row].astype(float), parts.predicted[row].astype(float)
    terms = _entropy_terms(wanted, predicted)
    shown, left = _likeliest(wanted)
    table = [("return", "wanted", "predicted", "-wanted * ln(predicted)")]
    table += [(six(parts.at[k]), six(wanted[k]), six(predicted[k]), six(terms[k])) for k in shown]
    rest = [("others", six(wanted[left].sum()), six(predicted[left].sum()), six(terms[left].sum()))] if left else []
    return [
        *paragraph("Cross entropy: the less likely the prediction finds what is wanted, the larger it is."),
        "   loss = sum over all returns of -wanted * ln(predicted)",
        *(f"   {a:>12} {b:>12} {c:>12} {d:>24}" for a, b, c, d in table + rest),
        f"        = {six(trace.rows.head_loss[row])}",
    ]


def _entropy_terms(wanted: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """What each return adds to the loss; nothing where nothing is wanted, however unlikely it is."""
    return wanted * -np.log(np.where(wanted > 0, np.maximum(predicted, np.finfo(float).tiny), 1.0)) + 0.0


def _quantile_loss(trace: Trace, row: int, loss: QuantileLoss, parts: QuantileParts) -> list[str]:
    level = parts.level[row]
    predicted = parts.predicted[row]
    wanted = parts.wanted[row]
    terms = parts.terms[row]
    num = len(level)
    scale = trace.settings.reward_scale
    shown = _evenly(num)
    left = [i for i in range(num) if i not in set(shown)]
    table = [("level tau", "quantile", "targets below it", "its loss")]
    table += [(six(level[i]), six(predicted[i]), str(int((wanted < predicted[i]).sum())), six(terms[i])) for i in shown]
    rest = [("others", "", "", six(terms[left].astype(float).sum()))] if left else []
    levels = "levels that chance chose for this update" if loss.drawn else "the middles of equal shares"
    unit = f" / {six(scale)}" if scale != 1 else ""
    i = int(terms.argmax())
    j = int(np.abs(wanted - predicted[i]).argmax())
    return [
        *paragraph(
            f"This head predicts {counted(num, 'quantile')}, at {levels}. Each is pulled up by every target above it, "
            "with weight tau, and down by every target below it, with weight 1 - tau: it comes to rest where a share "
            f"tau of the targets lies below. Huber's loss, kappa = {six(loss.kappa)}, says how hard:"
        ),
        "   loss = sum over quantiles of the mean over targets of",
        f"          |tau - (1 if u < 0 else 0)| * huber(u) / kappa, u = (target - quantile){unit}",
        *(f"   {a:>12} {b:>12} {c:>18} {d:>12}" for a, b, c, d in table + rest),
        f"        = {six(trace.rows.head_loss[row])}",
        *_pair(float(level[i]), float(predicted[i]), float(wanted[j]), loss.kappa, scale),
    ]


def _pair(tau: float, quantile: float, target: float, kappa: float, scale: float) -> list[str]:
    """One quantile against one target."""
    apart = (target - quantile) / scale
    weight = 1 - tau if apart < 0 else tau
    inside = abs(apart) <= kappa
    huber = apart**2 / 2 if inside else kappa * (abs(apart) - kappa / 2)
    how = f"({six(apart)})^2 / 2" if inside else f"{six(kappa)} * ({six(abs(apart))} - {six(kappa)} / 2)"
    over = f" / {six(scale)}" if scale != 1 else ""
    shown = f"{six(target)} - {six(quantile)}"
    difference = f"({shown}){over}" if over else shown
    return [
        "   one pair, the quantile with the largest loss and the target farthest from it:",
        f"   u = {difference} = {six(apart)}, huber(u) = {how} = {six(huber)}",
        f"   {six(weight)} * {six(huber)} / {six(kappa)} = {six(weight * huber / kappa)}",
    ]


# ── A soft policy ────────────────────────────────────────────────────────────────────────────────


def soft_target(trace: Trace, row: int, soft: Soft, policy: PolicyRows, listed: Sequence[Sequence[int]]) -> list[str]:
    """What a soft policy adds to the reward, and how it values what follows.

    Args:
        listed: the actions that are printed of this observation, and of the next.
    """
    rows, action = trace.rows, int(trace.rows.action[row])
    now, then = listed
    taken = float(policy.log[row, action])
    clipped = f"clip({six(taken)}, {six(soft.least)}, 0)"
    log, q = policy.next_log[row], rows.next_target[row]
    share = _share(log, soft)
    terms = _value_terms(share, q, log)
    left = [a for a in range(len(q)) if a not in set(then)]
    sums = [f"{six(share[a])} * ({six(q[a])} - {six(log[a])})" for a in then if share[a] > 0]
    sums += [f"{six(terms[left].sum())} (the others)"] if left else []
    scale = trace.settings.reward_scale
    units = (
        f" Rewards were divided by {six(scale)} before learning: tau and least are {six(scale)} times the settings'."
    )
    return [
        *paragraph(
            f"A soft policy of the target network, pi = softmax(Q / tau) with tau = {six(soft.tau)}, takes the place "
            "of one chosen action. What it thought of the action that was taken is added to the reward: nothing where "
            f"it was sure of it, less the surer it was of another.{units if scale != 1 else ''}"
        ),
        *_policy_table(trace, policy.q[row], policy.log[row], soft, now, "this observation", action),
        "   added = alpha * clip(tau * ln pi(action taken), least, 0)",
        f"         = {six(soft.alpha)} * {clipped}",
        f"         = {six(rows.added[row])}",
        *_policy_table(trace, q, log, soft, then, "the next observation", None),
        "   soft value = sum over actions of pi * (Q - tau * ln pi)",
        *folded("              = " + (" + ".join(sums) or "0, for no action is allowed there")),
        f"              = {six(rows.next_value[row])}",
    ]


def _share(log: np.ndarray, soft: Soft) -> np.ndarray:
    """The probability of each action."""
    return np.exp(log.astype(float) / soft.tau)


def _value_terms(share: np.ndarray, q: np.ndarray, log: np.ndarray) -> np.ndarray:
    """What each action adds to the soft value."""
    some = share > 0
    return np.where(some, share * (np.where(some, q, 0.0) - np.where(some, log, 0.0)), 0.0)


def _policy_table(
    trace: Trace, q: np.ndarray, log: np.ndarray, soft: Soft, shown: Sequence[int], where: str, taken: int | None
) -> list[str]:
    head = f"   {'action':>6}  {'Q target':>12}  {'pi':>12}  {'tau * ln pi':>12}   in {where}"
    share = _share(log, soft)
    return [
        head,
        *(
            f"   {trace.action(a):>6}  {value(q[a]):>12}  {six(share[a]):>12}  {value(log[a]):>12}"
            f"{'   <- the action taken' if a == taken else ''}"
            for a in shown
        ),
    ]


# ── What is printed of many ──────────────────────────────────────────────────────────────────────


def _likeliest(probability: np.ndarray) -> tuple[list[int], list[int]]:
    """The likeliest few of many in their own order, and all others."""
    order = np.argsort(-probability, kind="stable")
    return sorted(order[:LIKELIEST].tolist()), sorted(order[LIKELIEST:].tolist())


def _others(left: Sequence[int], probability: np.ndarray) -> list[str]:
    total = probability[list(left)].astype(float).sum()
    return [f"   (the likeliest; {counted(len(left), 'other return')} hold {six(total)} together)"] if left else []


def _evenly(num: int) -> list[int]:
    """A few places from the first to the last of `num`."""
    return sorted(set(np.linspace(0, num - 1, min(num, EVENLY)).round().astype(int).tolist()))
