"""Events as metrics: a name and a plain number each (docs/metrics.md says what they mean).

Everything here is pure. `record.py` sends the results to the metrics file and the trackers.
"""

from __future__ import annotations

import torch

from ..run.events import Commanded, Confirmed, EpisodeEnded, Evaluated, Event, Updated


def row(event: Event) -> tuple[int, dict[str, float]] | None:
    """The env step and the metrics of an event; none for an event that has no metrics."""
    match event:
        case EpisodeEnded():
            return event.step, _episode_row(event)
        case Updated():
            return event.step, _update_row(event)
        case Evaluated():
            return event.step, _evaluation_row(event)
        case Commanded():
            return event.step, {f"control/{event.command}": 1.0, "learn/updates": float(event.updates)}
        case Confirmed():
            return event.step, {
                "confirm/reward": event.mean,
                "confirm/attempt": float(event.attempt),
                "confirm/passed": float(event.passed),
            }
        case _:
            return None


def returns(event: Event) -> dict[str, list[float]]:
    """The single returns behind a mean: for the metrics file, no tracker draws lists."""
    match event:
        case Evaluated():
            return {"eval/returns": [float(value) for value in event.returns]}
        case Confirmed():
            return {"confirm/returns": [float(value) for value in event.returns]}
        case _:
            return {}


def _episode_row(event: EpisodeEnded) -> dict[str, float]:
    return {
        "train/reward": float(event.ret),
        "train/epsilon": float(event.epsilon),
        "train/length": float(event.length),
        "train/episode": float(event.episode),
        **{f"train/info/{name}": number for name, number in event.numbers.items()},
    }


def _update_row(event: Updated) -> dict[str, float]:
    update = event.update
    q = update.q  # [B, A], -inf of forbidden actions
    allowed = q[q > -torch.inf]
    numbers = {
        "learn/loss": update.loss,
        "learn/td_error": update.error.mean(),
        "learn/td_bias": event.bias,
        "learn/q_mean": allowed.mean(),
        "learn/q_max": q.max(),
        "learn/target_mean": update.target.mean(),
        "learn/grad_norm": update.grad_norm,
    }
    if q.shape[-1] > 1:
        best, second = q.topk(2, dim=-1).values.unbind(dim=-1)  # [B] each
        gap = (best - second)[second > -torch.inf]  # where there was a choice
        numbers["learn/action_gap"] = gap.sum() / max(len(gap), 1)
    # Stacked first: on an accelerator every single .item() would wait for it once more.
    plain = torch.stack([number.detach() for number in numbers.values()]).tolist()
    return dict(zip(numbers, plain, strict=True)) | {
        "learn/dead_units": float(event.dead_units),
        "learn/updates": float(event.updates),
        "learn/lr": event.lr,
        "replay/size": float(event.replay_size),
        "replay/terminal_share": float(event.terminal_share),
        **({} if event.updates_behind is None else {"collectors/updates_behind": event.updates_behind}),
    }


def _evaluation_row(event: Evaluated) -> dict[str, float]:
    return {
        "eval/reward": float(event.mean),
        "eval/min": float(min(event.returns)),
        "eval/max": float(max(event.returns)),
        "eval/best_avg_reward": float(event.best_mean),
        "eval/value": float(event.value),
        "eval/discounted_return": float(event.discounted_return),
        "eval/overestimation": float(event.value - event.discounted_return),
        **{f"eval/info/{name}": number for name, number in event.numbers.items()},
    }
