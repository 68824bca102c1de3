"""One learning step as plain text, whose numbers multiply out, for someone who reads their first DQN."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np

from ..envs.make import EnvSpec
from ..errors import ConfigError, counted
from ..learn.learner import HardSync, PolyakSync
from ..run.held import End
from ..store.agent import load
from ..store.folder import BATCH, BEST
from .evidence import read_arrays, why_nothing
from .lines import paragraph, six, value
from .loss_text import loss_lines, soft_target, target_parts
from .row_text import MOST_INPUTS, listed, obs_text, over, rated, reward_lines, unlisted
from .source_text import recorded_lines, return_lines, rollout_lines, sequence_lines
from .stages import Trace
from .trace import trace_of
from .update_text import update_lines

_CHANCES = {"uniform": ", all equally likely", "by error": ", more often where the error was large", None: ""}
_CHOOSERS = {
    "online": "The online network chooses the next action, the target network says what it is worth (Double DQN).",
    "target": "The target network chooses the next action and says what it is worth.",
    None: "How this run's rule finds that out is not shown here; these are its numbers.",
}
_ENDS = {
    End.GOES_ON: "the episode continues",
    End.TERMINATED: "the episode terminated here: nothing comes after, so the discount is 0",
    End.TRUNCATED: "the episode was only cut off here (truncated): the value beyond still counts",
    End.UNKNOWN: "the newest step: whether the episode continued was not known yet",
}


def step_text(folder: Path, row: int = 0, trusted: Collection[str] = ()) -> str:
    """The learning step that a run has recorded, with one transition of the batch followed through.

    Args:
        row: which transition, from 0.
        trusted: modules that the run's own environment and wrappers may import.

    Raises:
        ConfigError: there is no such row.
        FolderError, CheckpointError: the folder is damaged.
    """
    agent = load(folder, which="best" if (folder / BEST).is_file() else "last", trust_env_modules=trusted)
    trace = trace_of(read_arrays(folder / BATCH), agent.config, agent.spec)
    if trace is None:
        return f"{why_nothing(folder, agent)}\n"
    name = f"{agent.config.env.label}, preset {agent.config.preset}, seed {agent.config.seed}"
    return as_text(trace, row, name, names_text(agent.spec))


def names_text(spec: EnvSpec) -> list[str]:
    """What an environment calls its actions and inputs, as sentences; none where its metadata do not say."""
    names = spec.names
    actions = [f"{spec.action_text(i)} = {name}" for i, name in enumerate(names.actions[:MOST_INPUTS])]
    units = names.units or ("",) * len(names.obs)
    both = [(i, name, unit) for i, (name, unit) in enumerate(zip(names.obs, units, strict=True)) if name or unit]
    inputs = [f"{name or '?'} ({unit})" if unit else name for _, name, unit in both]
    if len(both) < len(names.obs):  # as beside a picture, whose numbers have none: where each of them stands
        inputs = [f"{i} = {text}" for (i, *_), text in zip(both, inputs, strict=True)]
    more = [" …" if len(each) > MOST_INPUTS else "" for each in (names.actions, inputs)]
    frame = "An observation" if spec.obs.stack == 1 else "Each frame of an observation"
    said = [f"Actions: {', '.join(actions)}{more[0]}."] if actions else []
    return [*said, f"{frame}: {', '.join(inputs[:MOST_INPUTS])}{more[1]}."] if inputs else said


def as_text(trace: Trace, row: int, name: str, names: Sequence[str] = ()) -> str:
    """The trace as text of at most 100 columns, which follows transition number `row`. Raises ConfigError.

    Args:
        names: sentences that say what actions and inputs are called.
    """
    rows = len(trace.rows.action)
    if not 0 <= row < rows:
        raise ConfigError(f"--row {row}: the recorded batch has rows 0 to {rows - 1}")
    intro = paragraph(
        f"{name}. Update number {trace.updates + 1}, after {counted(trace.env_step, 'env step')}. The batch was drawn "
        f"for this text, just as the learner draws its own; the run did not learn from it. Row {row} of 0 to "
        f"{rows - 1} is followed (--row N for another). Numbers are given to six digits."
    )
    lines = ["One learning step, number by number", *[line.strip() for line in intro]]
    lines += [line.strip() for each in names for line in paragraph(each)]
    for number, title in enumerate(_stages(trace), 1):
        lines += ["", f"{number}. {title}", *_STAGES[title](trace, row)]
    return "\n".join(lines) + "\n"


def _stages(trace: Trace) -> list[str]:
    """Those that the run has: where nothing is tried out none is chosen or stored, rollouts have no target network."""
    absent = {"Choose", "Store"} if trace.epsilon is None else set[str]()
    if trace.returns is not None:
        absent.add("Sync")
    return [title for title in _STAGES if title not in absent]


def _choose(trace: Trace, row: int) -> list[str]:
    rows, epsilon = trace.rows, _epsilon(trace)
    q = rows.q[row] if rows.rated is None else rows.rated[row]
    best, taken = int(q.argmax()), int(rows.action[row])
    why = "not the best one: exploration, or the network has changed its mind since"
    if trace.was_recorded(row):
        why = "by whoever was recorded"
    elif best == taken:
        why = "the best one"
    return [
        *paragraph(f"The online network rates every action for what the agent {_sees(trace)}. {_explores(trace)}"),
        f"   observation = {obs_text(trace, rows.obs[row])}",
        *rated(trace, q, "action ", best, "best"),
        f"   epsilon = {six(epsilon)}",
        f"   taken: action {trace.action(taken)}, {why}",
    ]


def _epsilon(trace: Trace) -> float:
    assert trace.epsilon is not None, "this stage is left out"
    return trace.epsilon


def _sees(trace: Trace) -> str:
    return "sees" if trace.sequences is None else "sees, and remembers of the episode"


def _explores(trace: Trace) -> str:
    """How the agent comes to take other actions than the best one."""
    settings, epsilon = trace.settings, _epsilon(trace)
    if not settings.noisy and settings.temperature is None:
        return "The agent takes the best one, but with probability epsilon a random one, so that it keeps exploring."
    said = list[str]()
    if settings.temperature is not None:
        policy = f"softmax(Q / {six(settings.temperature)})"
        said.append(f"Its action is drawn, with probability {policy}: better ones are likelier.")
    if settings.noisy:
        said.append("Noise on its weights, drawn anew at every step, makes another one the best at times;")
        said.append("these are the values without noise.")
    if epsilon > 0:
        said.append("With probability epsilon it is a random one.")
    return " ".join(said)


def _store(trace: Trace, row: int) -> list[str]:
    rows, settings = trace.rows, trace.settings
    reward = f"reward {six(rows.reward[row])}{over(int(rows.span[row]))}"
    done = f"   action {trace.action(rows.action[row])}, {reward}, discount {six(rows.discount[row])}"
    if trace.was_recorded(row):
        said = "This transition was recorded before the run began, and is never overwritten."
        return [*paragraph(said), done]
    if trace.returns is not None:
        said = "What happened is kept as a transition until the rollout is whole and has been learned from."
        return [*paragraph(said), f"   the rollout holds {trace.size}", done]
    if trace.sequences is not None:
        said = (
            "What happened is kept as a sequence, with what the agent remembered before it. The oldest sequence makes "
            "room once the replay is full."
        )
        return [
            *paragraph(said),
            f"   sequence in slot {rows.slot[trace.sequences.of(row)[0]]}; "
            f"the replay holds {counted(trace.size, 'transition')}",
            done,
        ]
    return [
        *paragraph("What happened is kept as a transition. The oldest makes room once the replay is full."),
        f"   slot {rows.slot[row]} of {settings.capacity}; the replay holds {trace.size}",
        done,
    ]


def _sample(trace: Trace, row: int) -> list[str]:
    rows = trace.rows
    return [
        *_drawn(trace, row),
        f"   observation = {obs_text(trace, rows.obs[row])}",
        f"   action {trace.action(rows.action[row])}",
        *reward_lines(trace, row),
        f"   next observation (env steps later: {rows.span[row]}) = {obs_text(trace, rows.next_obs[row])}",
        f"   {_how_it_ends(trace, row)}",
    ]


def _drawn(trace: Trace, row: int) -> list[str]:
    """What the batch is, and where the row is from."""
    rows, size = trace.rows, len(trace.rows.action)
    counts = ", ".join(
        f"{int((rows.end[rows.weight > 0] == end).sum())} {name}"  # what weighs nothing only stands in for others
        for end, name in ((0, "continue"), (1, "terminated"), (2, "truncated"), (3, "not known yet"))
        if (rows.end[rows.weight > 0] == end).any()
    )
    how = _CHANCES[trace.settings.chance]
    less = f" ({trace.settings.batch_size} in the run)" if size < trace.settings.batch_size else ""
    of_all = f"   of the {size}{less}: {counts}"
    weight = f"weight {six(rows.weight[row])}"
    if trace.sequences is not None:
        return [*sequence_lines(trace, trace.sequences, row, how), of_all, f"   row {row}: {weight}"]
    if trace.returns is not None:
        return [*rollout_lines(trace), of_all, f"   row {row} lies in slot {rows.slot[row]}"]
    what = "Recorded transitions" if trace.epsilon is None else "Stored transitions"
    return [
        *paragraph(f"{what}, {size}{less}, are drawn{how}, so that one update learns from many different moments."),
        f"   of the {size}: {counts}",
        *recorded_lines(rows, row, trace.epsilon is None),
        f"   row {row} lies in slot {rows.slot[row]}, {weight}",
    ]


def _how_it_ends(trace: Trace, row: int) -> str:
    end = End(int(trace.rows.end[row]))
    if end is End.UNKNOWN and trace.sequences is not None:
        return "the last of the sequence: whether the episode continued lies beyond it"
    return _ENDS[end]


def _prediction(trace: Trace, row: int) -> list[str]:
    rows, action = trace.rows, int(trace.rows.action[row])
    return [
        *paragraph(
            "What the online network currently thinks this action is worth: "
            "the reward it still expects, sooner counting more."
        ),
        *rated(trace, rows.q[row], "s, ", action, "the action taken"),
        f"   prediction = Q(s, {trace.action(action)}) = {six(rows.prediction[row])}",
    ]


def _target(trace: Trace, row: int) -> list[str]:
    rows, settings = trace.rows, trace.settings
    if trace.returns is not None and settings.td_lambda is not None:
        return return_lines(trace, trace.returns, row, settings.td_lambda)
    said = "What one more step of experience says it is worth: the reward that came, and what follows."
    if rows.added.any():
        said += " This run's rule adds to the reward of every transition: values are not returns alone."
    if settings.soft is not None and rows.policy is not None:
        now = listed({"": rows.policy.q[row]}, int(rows.action[row]))
        then = listed({"": rows.next_target[row]}, None)
        comes = soft_target(trace, row, settings.soft, rows.policy, (now, then))
        return [*paragraph(said), *comes, *_sum(trace, row), *target_parts(trace, row)]
    return [
        *paragraph(f"{said} {_CHOOSERS[settings.chooser]}"),
        *_next_values(trace, row),
        *_sum(trace, row),
        *target_parts(trace, row),
    ]


def _next_values(trace: Trace, row: int) -> list[str]:
    """What both networks say of the next observation."""
    rows = trace.rows
    follows = bool(np.isfinite(rows.next_target[row]).any())  # else no action is allowed there, for nothing follows
    chosen = None if rows.next_action is None or not follows else rows.next_action[row]
    online = rows.next_online[row]
    target = rows.next_target[row]
    shown = listed({"online": online, "target": target}, chosen)
    marks = ["   <- chosen" if a == chosen else "" for a in shown]
    return [
        f"   {'action':>6}  {'Q online':>12}  {'Q target':>12}   in the next observation",
        *(
            f"   {trace.action(a):>6}  {value(online[a]):>12}  {value(target[a]):>12}{mark}"
            for a, mark in zip(shown, marks, strict=True)
        ),
        *unlisted(shown, online),
    ]


def _sum(trace: Trace, row: int) -> list[str]:
    """How the target comes about, as far as that is known."""
    rows, settings = trace.rows, trace.settings
    reward = six(rows.reward[row])
    discount = six(rows.discount[row])
    following = six(rows.next_value[row])
    power = (
        "0, because nothing comes after a terminal state"
        if rows.discount[row] == 0
        else f"gamma^steps = {six(settings.gamma)}^{rows.span[row]} = {discount}"
    )
    chosen = "the value of what follows" if settings.chooser is None else "Q target(next observation, chosen action)"
    what = chosen if settings.soft is None else "soft value"
    adds = bool(rows.added.any())
    name, number = (" + what the rule adds", f" + {six(rows.added[row])}") if adds else ("", "")
    known = [
        f"   target = reward{name} + discount * {what}",
        f"          = {reward}{number} + {discount} * {following}",
        f"          = {six(rows.target[row])}",
    ]
    more = f", what the rule adds = {six(rows.added[row])}" if adds else ""
    numbers = [
        f"   reward = {reward}{more}, the value of what follows = {following}",
        f"   target = {six(rows.target[row])}",
    ]
    # where returns have ends, a mean may be cut off: it is no sum of the other means
    is_sum = settings.loss is not None and settings.loss.kind != "categories"
    return [f"   discount = {power}", *(known if is_sum else numbers)]


def _gradient(trace: Trace, row: int) -> list[str]:
    most, pull = trace.settings.max_grad_norm, list[str]()
    if trace.rows.pull is not None:
        slope = float(trace.rows.pull[row])
        way = "up" if slope < 0 else "down" if slope > 0 else "nowhere"
        said = f"d(mean loss) / d(prediction of row {row}) = {six(slope)}"
        pull = [f"   {said}, so this row pulls its prediction {way}"]
    if most is None:
        limit = "   no limit is set: it is taken as it is"
    elif trace.norm <= most:
        limit = f"   below the limit {six(most)}: it is taken as it is"
    else:
        limit = f"   above the limit {six(most)}: scaled down to {six(most / trace.norm)} of its length"
    return [
        *paragraph(
            "How the mean loss would change with every weight of the online network. "
            "It flows through the predictions only, never through the targets."
        ),
        *pull,
        *(f"   norm in {name} = {six(norm)}" for name, norm in trace.layers),
        f"   norm of the whole = {six(trace.norm)}",
        limit,
    ]


def _update(trace: Trace, row: int) -> list[str]:
    before, after = six(trace.rows.prediction[row]), six(trace.prediction_after[row])
    return [
        *update_lines(trace, row),
        f"   asked again, the online network predicts {after} for row {row}; before, {before}",
    ]


def _sync(trace: Trace, row: int) -> list[str]:
    w, sync = trace.weights[-1], trace.settings.sync
    why = "The target network lags behind, so that targets do not move with every update."
    now = f"   online = {six(w.after)}, target = {six(w.target_after)}"
    match sync:
        case HardSync(every=every):
            due = trace.sync_in
            when = "this update is one of them" if due == 0 else f"updates from here to the next copy: {due}"
            said = f"It becomes a copy of the online network every {counted(every, 'update')} ({when}). For {w.name}:"
            return [*paragraph(f"{why} {said}"), now]
        case PolyakSync(tau=tau):
            said = "It moves a small fraction, tau, of the way towards the online network at every update."
            return [
                *paragraph(f"{why} {said} For {w.name}:"),
                "   target weight = before + tau * (online - before)",
                f"                 = {six(w.target_before)} + {six(tau)} * ({six(w.after)} - {six(w.target_before)})",
                f"                 = {six(w.target_after)}",
            ]
        case None:
            return [*paragraph(f"{why} How it follows in this run is not shown here. For {w.name}:"), now]


_STAGES: dict[str, Callable[[Trace, int], list[str]]] = {
    "Choose": _choose,
    "Store": _store,
    "Sample": _sample,
    "Prediction": _prediction,
    "Target": _target,
    "Loss": loss_lines,
    "Gradient": _gradient,
    "Update": _update,
    "Sync": _sync,
}
