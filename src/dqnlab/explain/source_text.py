"""What a learning step is made of where that is no replay's: sequences, rollouts and recorded episodes, as lines."""

from ..errors import counted
from ..run.held import End
from .few import telling
from .kinds import CategoricalLoss, QuantileLoss, TdLoss
from .lines import folded, paragraph, six, table, value
from .moment import Returns
from .stages import BatchRows, SequenceRows, Trace

NONE = "-"  # in a table
MOST_NUMBERS = 8  # of what is remembered that are printed
_CUT = {
    End.TERMINATED: "there the episode terminated",
    End.TRUNCATED: "there the episode was cut off",
    End.GOES_ON: "",
    End.UNKNOWN: "the rollout ends there",
}


# ── Recorded episodes ────────────────────────────────────────────────────────────────────────────


def recorded_lines(rows: BatchRows, row: int, offline: bool) -> list[str]:
    """Which rows of a batch were recorded; none where none could be."""
    if rows.demonstrated is None:
        return []
    if offline:
        return ["   all of them are of recorded episodes"]
    shown = int(rows.demonstrated.sum())
    kind = "is of a recorded episode" if rows.demonstrated[row] else "is the agent's own"
    return [f"   of recorded episodes: {shown}; row {row} {kind}"]


# ── Sequences ────────────────────────────────────────────────────────────────────────────────────


def sequence_lines(trace: Trace, sequences: SequenceRows, row: int, how: str) -> list[str]:
    """The sequence that a row is in, moment by moment."""
    num, length = sequences.first.shape
    burn_in, unroll = sequences.burn_in, sequences.start.shape[1]
    which, _ = sequences.of(row)
    beyond = length - burn_in - unroll
    warm = (
        f"The first {counted(burn_in, 'step')} only bring the memory up to date (burn-in): nothing is learned from "
        "them, and no gradient flows back into them. "
        if burn_in
        else ""
    )
    said = (
        f"A network that remembers learns from sequences of successive steps. {counted(num, 'sequence')} of "
        f"{counted(length, 'observation')} are drawn{how}. {warm}The {'next' if burn_in else 'first'} "
        f"{counted(unroll, 'step')} are learned from, each a row of the batch; what lies behind them "
        f"({counted(beyond, 'observation')}) only says what follows. Online and target network begin with the memory "
        "that was stored when the agent acted, and go through the sequence each by itself."
    )
    size = sequences.stored.shape[1]
    return [
        *paragraph(said),
        f"   row {row} is in sequence {which} of 0 to {num - 1}, slot {trace.rows.slot[which]}",
        *folded(f"   memory before it, as stored ({_some(sequences.stored[which].tolist(), size)}"),
        *_warmed(sequences, which),
        *table(_moments(trace, sequences, which), (6, 28, 6, 8, 12)),
    ]


def _warmed(sequences: SequenceRows, which: int) -> list[str]:
    """What the online network remembers when learning begins."""
    burn_in = sequences.burn_in
    if not burn_in:
        return []
    remembered = sequences.remembered[which, burn_in - 1].tolist()
    return folded(f"   memory after burn-in, online network ({_some(remembered, len(remembered))}")


def _some(numbers: list[float], size: int) -> str:
    more = "" if size <= MOST_NUMBERS else ", ..."
    return f"{counted(size, 'number')}) = {', '.join(map(six, numbers[:MOST_NUMBERS]))}{more}"


def _moments(trace: Trace, sequences: SequenceRows, which: int) -> list[list[str]]:
    """Every moment of a sequence: its part, the row that starts there, what was done and paid."""
    unroll = sequences.start.shape[1]
    rows = {int(at): which * unroll + k for k, at in enumerate(sequences.start[which]) if sequences.counts[which, k]}
    lines = [["moment", "", "row", "action", "reward"]]
    for moment, begins in enumerate(sequences.first[which].tolist()):
        part = "burn-in" if moment < sequences.burn_in else "learned from" if moment in rows else "looked at"
        row = rows.get(moment)
        done = ["", "", ""]
        if row is not None:
            done = [str(row), trace.action(trace.rows.action[row]), six(trace.rows.reward[row])]
        lines.append([str(moment), f"{part}{', a new episode' if begins else ''}", *done])
    return lines


def step_losses(trace: Trace, row: int) -> list[str]:
    """The loss of each step of the sequence that a row is in; nothing where there are no sequences."""
    sequences = trace.sequences
    if sequences is None:
        return []
    rows, (which, _) = trace.rows, sequences.of(row)
    unroll = sequences.start.shape[1]
    own = range(which * unroll, (which + 1) * unroll)
    counts = [i for i in own if sequences.counts[which, i - which * unroll]]
    columns = (rows.prediction, rows.target, rows.error, rows.loss, rows.weight)
    lines = [
        ["moment", "row", "prediction", "target", "error", "loss", "weight"],
        *([str(sequences.start[which, i - own[0]]), str(i), *(six(x[i]) for x in columns)] for i in counts),
    ]
    left = len(own) - len(counts)
    idle = (
        f" Where an episode had ended nothing starts: rows that only stand in, with weight 0: {left}." if left else ""
    )
    return [
        *paragraph(f"Step by step, sequence {which}; the weights make a mean over the steps that count.{idle}"),
        *table(lines, (6, 6, 12, 12, 12, 12, 10)),
        *_priority(trace, own),
    ]


def _priority(trace: Trace, own: range) -> list[str]:
    """How the next draw of the sequence is weighed, where errors decide that and are those of the means."""
    if trace.settings.chance != "by error" or not isinstance(trace.settings.loss, TdLoss):
        return []
    errors = trace.rows.error[own.start : own.stop].astype(float) / trace.settings.reward_scale
    most, mean = float(errors.max()), float(errors.mean())
    sum_ = f"0.9 * {six(most)} + 0.1 * {six(mean)} = {six(0.9 * most + 0.1 * mean)}"
    return folded(f"   its new priority goes by 0.9 * the largest error + 0.1 * their mean = {sum_}")


# ── Rollouts ─────────────────────────────────────────────────────────────────────────────────────


def rollout_lines(trace: Trace) -> list[str]:
    """What a batch of a rollout is."""
    return paragraph(
        f"The rollout, {counted(trace.size, 'transition')} of just now, is gone through a few times in a random order, "
        "a batch at a time, and then forgotten."
    )


def return_lines(trace: Trace, returns: Returns, row: int, td_lambda: float) -> list[str]:
    """The lambda-return that a row is pulled towards, from the last step backwards."""
    shown = int(returns.length[row])
    end = _CUT[End(int(returns.end[row]))]
    more = bool(returns.more[row])
    last = "" if not end or more else f" ({end})"
    listed = [["step", "reward", "discount", "value", "G that follows", "G"]]
    for k in reversed(range(shown)):
        is_last = k == shown - 1
        follows = NONE if is_last and not more else "not listed" if is_last else six(returns.g[row, k + 1])
        given = (returns.reward, returns.discount, returns.value)
        cells = [six(column[row, k]) for column in given]
        if returns.discount[row, k] == 0:
            cells[2] = NONE
        listed.append([str(k), *cells, follows, six(returns.g[row, k])])
    weight, rest = six(td_lambda), six(1 - td_lambda)
    return [
        *paragraph(
            "What the steps that followed say it is worth: the lambda-return, a mean of the returns over one, two, "
            "three steps and so on. It is computed before learning, from the last step backwards, by the online "
            "network: there is no target network. Here it is by the network of this moment; value is what it expects "
            "of the best "
            "action where a step led to."
        ),
        *_next_values(trace, row),
        f"   G = reward + discount * ((1 - lambda) * value + lambda * G that follows), lambda = {weight}",
        "   where nothing follows in this rollout G = reward + discount * value, and at an end the reward",
        *table(listed, (4, 12, 10, 12, 16, 12)),
        f"   step {shown - 1} is the last that is listed{last}",
        *_first(returns, row, weight, rest),
        f"   target = {six(trace.rows.target[row])}",
        *_takes(trace),
    ]


def _first(returns: Returns, row: int, weight: str, rest: str) -> list[str]:
    """The row's own return, filled in."""
    reward, discount, worth = (float(x[row, 0]) for x in (returns.reward, returns.discount, returns.value))
    start = f"   G of row {row} = "
    result = f"{' ' * (len(start) - 2)}= {six(returns.g[row, 0])}"
    if discount == 0:
        return [f"{start}reward = {six(reward)}"]
    if returns.length[row] == 1 and not returns.more[row]:
        return [f"{start}{six(reward)} + {six(discount)} * {six(worth)}", result]
    if returns.length[row] == 1:
        return [f"{start}{six(returns.g[row, 0])}"]
    mean = f"({rest} * {six(worth)} + {weight} * {six(returns.g[row, 1])})"
    return [f"{start}{six(reward)} + {six(discount)} * {mean}", result]


def _next_values(trace: Trace, row: int) -> list[str]:
    """What the online network says of where the row led to."""
    q = trace.rows.next_online[row]
    if trace.rows.discount[row] == 0:
        return []
    kept = telling({"": q})
    listed = range(len(q)) if kept is None else kept.tolist()
    best = int(q.argmax())
    return [f"   Q(next, {trace.action(a)}) = {value(q[a])}{'   <- value' if a == best else ''}" for a in listed]


def _takes(trace: Trace) -> list[str]:
    """What a head of more than a mean makes of a single number."""
    match trace.settings.loss:
        case CategoricalLoss():
            said = (
                "This head gives probabilities: all of it is wanted at the target, kept within the range and "
                "shared between the two nearest."
            )
        case QuantileLoss():
            said = "This head gives quantiles: the target is the same for all of them."
        case _:
            return []
    return paragraph(said)
