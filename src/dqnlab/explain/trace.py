"""One learning step, number by number: the recorded moment taken through the learner's own update.

Nothing here knows a formula: the target comes from the run's rule, the loss from its head, the gradient from torch, the
step from the run's optimiser, the sync from the learner's own. What can be said of each is in `kinds`. The batch was
drawn for this purpose, as the learner draws; the run itself never learned from it.
"""

from dataclasses import asdict, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..config import Config
from ..config.fields import leaves
from ..envs.make import EnvSpec
from ..errors import CheckpointError
from ..learn.heads import at_action, row_of
from ..learn.learner import Learner
from ..learn.munchausen import log_policy
from ..learn.optimizer import clip
from ..learn.recurrent import RecurrentTorso
from ..learn.types import NOTHING, Observations, Sequences
from ..learn.weights import file_names
from ..store.folder import BATCH
from .few import few
from .kinds import chance_of, chooser_of, formula_of, loss_of, soft_of, sync_of, term_of
from .moment import Arrays, Moment, Returns, Singles, read_moment
from .parts import QuantileParts, Shares, parts_of
from .stages import BatchRows, PolicyRows, SequenceRows, SingleSteps, StepSettings, Trace, Weight
from .weights import layers, num_weights

MOST_NUMBERS = 100_000  # of observations that travel in a page
MOST_WEIGHTS = 40_000  # of each network as it was at the update, beside the three of the run
MOST_PARTS = 9_000  # of what losses compare: 58 rows of 51 returns


def trace_of(arrays: Arrays, config: Config, spec: EnvSpec) -> Trace | None:
    """What an update on the recorded batch computes; none where no batch was recorded (see `read_moment`).

    Raises:
        CheckpointError: the arrays are damaged, or of another run.
    """
    moment = read_moment(arrays, config, spec)
    return None if moment is None else _follow(moment, config, spec)


def _follow(moment: Moment, config: Config, spec: EnvSpec) -> Trace:
    learner, optimizer = moment.learner, moment.learner.optimizer
    settings = _settings(config, learner, spec)
    rows = _rows(moment)
    after = _after(moment, rows.q.shape[1])
    sequences = _sequences(moment)
    networks = _networks(learner)
    before, remembered = (learner.state.online.clone(), learner.state.target.clone()), _copies(optimizer.memory)
    with torch.no_grad():
        wanted = learner.rule(learner.online, learner.target, moment.batch)
    updates, factors = learner.updates, optimizer.next_factors
    update = learner.update_with(moment.batch)
    gradient = torch.cat([p.grad.flatten() for p in learner.online.parameters() if p.grad is not None])
    predicted, loss_after = _predicted(moment), _mean_loss(moment, *wanted)
    clipped, norm = clip(gradient, settings.max_grad_norm)
    step = optimizer.descent.formula(before[0], clipped, _copies(remembered), factors)
    after_it = learner.state.online, learner.state.target
    seen = (*before, *remembered, gradient, clipped, step, *after_it, *optimizer.memory, update.target, update.loss)
    if not all(bool(each.isfinite().all()) for each in seen):
        raise CheckpointError(f"{BATCH} is damaged: an update on it gives numbers that are not finite")
    weights = [
        Weight(
            name,
            before=float(before[0][i]),
            gradient=float(gradient[i]),
            clipped=float(clipped[i]),
            memory_before=[float(vector[i]) for vector in remembered],
            memory=[float(vector[i]) for vector in optimizer.memory],
            step=float(step[i]),
            after=float(after_it[0][i]),
            target_before=float(before[1][i]),
            target_after=float(after_it[1][i]),
        )
        for name, i in _chosen(learner)
    ]
    return Trace(
        settings=settings,
        env_step=moment.step,
        updates=updates,
        size=moment.size,
        epsilon=None if config.is_offline else moment.epsilon,
        rows=rows,
        prediction_after=predicted,
        loss=float(update.loss),
        loss_after=loss_after,
        norm=float(norm),
        layers=_layers(learner),
        optimizer_steps=optimizer.steps,
        weights=weights,
        after=after,
        singles=moment.singles,
        sequences=sequences,
        returns=moment.returns,
        networks=networks,
    )


def _copies(vectors: list[Tensor]) -> list[Tensor]:
    return [vector.clone() for vector in vectors]


def _settings(config: Config, learner: Learner, spec: EnvSpec) -> StepSettings:
    descent = learner.optimizer.descent
    named = dict(leaves(config))
    temperature = named.get("exploration.temperature")
    term = None if learner.regularizer is None else term_of(learner.regularizer)
    told = learner.regularizer is None or term is not None
    return StepSettings(
        action_start=spec.action_start,
        joint=spec.joint,
        obs_start=spec.obs_start,
        gamma=config.gamma,
        n=config.n,
        reward_clip=config.reward_clip,
        reward_scale=learner.online.reward_scale,
        batch_size=config.batch_size,
        capacity=config.replay_capacity,
        noisy="layers.sigma" in named,
        temperature=None if temperature is None else temperature * learner.online.reward_scale,
        chance=chance_of(config.sampler),
        chooser=chooser_of(learner.rule),
        soft=soft_of(learner.rule, learner.online.reward_scale),
        loss=loss_of(learner.online.head, learner.online.reward_scale) if told else None,
        term=term,
        td_lambda=named.get("memory.td_lambda"),
        lr=learner.optimizer.next_lr,
        max_grad_norm=descent.max_grad_norm,
        formula=formula_of(descent.formula),
        sync=sync_of(learner.sync),
    )


def _predicted(moment: Moment) -> np.ndarray:
    """[R] what the online network says now of the actions taken."""
    online, batch = moment.learner.online, moment.batch
    with torch.no_grad():
        q = online.expected(online(batch.obs, batch.draws.online), batch.obs)
        return (at_action(q, batch.action) * online.reward_scale).numpy()


def _mean_loss(moment: Moment, reward: Tensor, next_row: Tensor) -> float:
    """The loss that the online network has now, with the targets of before."""
    learner, batch = moment.learner, moment.batch
    with torch.no_grad():
        values = learner.online(batch.obs, batch.draws.online)
        value = learner.online.head.loss(row_of(values, batch.action), next_row, reward, batch.discount).value
        if learner.regularizer is not None:
            value = value + learner.regularizer(learner.online.expected(values, batch.obs), batch)
        return float((batch.weight * value).mean())


def _rated(moment: Moment) -> np.ndarray | None:
    """[R, A] by which actions would be chosen now; none where that is what the update computes anyway."""
    online, batch = moment.learner.online, moment.batch
    if not online.num_draws(len(batch.action)):
        return None
    with torch.no_grad():
        return (online.q_values(batch.obs) * online.reward_scale).numpy()


def _rows(moment: Moment) -> BatchRows:
    """Every stage before the gradient, by the rule and the head of the run, in the environment's own units."""
    learner, batch = moment.learner, moment.batch
    head, scale = learner.online.head, learner.online.reward_scale
    with torch.no_grad():
        reward, next_row = learner.rule(learner.online, learner.target, batch)
        next_online = learner.online.q_values(batch.next_obs, batch.draws.choose)
        rates = learner.target if moment.returns is None else learner.online  # which rollouts have no other beside
        next_target = rates.q_values(batch.next_obs, batch.draws.rate)
    values = learner.online(batch.obs, batch.draws.online)
    row = row_of(values, batch.action)
    td = head.loss(row, next_row, reward, batch.discount)
    value = td.value
    if learner.regularizer is not None:
        value = value + learner.regularizer(learner.online.expected(values, batch.obs), batch)
    (slope,) = torch.autograd.grad((batch.weight * value).mean(), values)
    slope = row_of(slope, batch.action).sum(1) / scale  # by the prediction in the environment's own units
    pull = slope.numpy().copy() if head.proportional and learner.regularizer is None else None
    q, next_value = learner.online.expected(values.detach(), batch.obs), head.q_values(next_row[:, None])[:, 0]
    chooser = chooser_of(learner.rule)
    next_action = None if chooser is None else (next_online if chooser == "online" else next_target).argmax(1)
    learned = {
        "reward": batch.reward,
        "added": reward - batch.reward,
        "q": q,
        "prediction": at_action(q, batch.action),
        "next_online": next_online,
        "next_target": next_target,
        "next_value": next_value,
        "target": td.target,
        "error": (td.target - at_action(q, batch.action)).abs(),
    }
    found = {name: tensor * scale for name, tensor in learned.items()}
    found |= {"loss": value.detach(), "head_loss": td.value.detach()}
    same = {name: getattr(batch, name) for name in ("weight", "action", "discount")}
    same |= {name: _seen(getattr(batch, name)) for name in ("obs", "next_obs")}
    arrays = {name: tensor.numpy().copy() for name, tensor in (same | found).items()}
    for name in ("obs", "next_obs"):
        arrays[name] = learner.online.obs.in_env_numbers(arrays[name])
    chosen = None if next_action is None else next_action.numpy()
    if (made := moment.returns) is not None:  # what was stored of the step itself; the batch has its whole return
        arrays |= {"reward": made.reward[:, 0], "discount": made.discount[:, 0], "next_value": made.value[:, 0]}
    return BatchRows(
        slot=moment.slots,
        span=moment.span,
        end=moment.end,
        rated=_rated(moment),
        next_action=chosen,
        demonstrated=None if batch.demonstrated is NOTHING else batch.demonstrated.numpy(),
        pull=pull,
        parts=parts_of(head, row.detach(), next_row, reward, batch.discount, scale),
        policy=_policy(moment, next_target),
        **arrays,
    )


def _policy(moment: Moment, next_q: Tensor) -> PolicyRows | None:
    """The soft policy in every row, if the rule has one; `next_q` [R, A] are the target network's values."""
    learner, batch = moment.learner, moment.batch
    scale = learner.online.reward_scale
    soft = soft_of(learner.rule, 1.0)
    if soft is None:
        return None
    with torch.no_grad():
        q = learner.target.q_values(batch.obs, batch.draws.choose)
    found = (q, log_policy(q, soft.tau), log_policy(next_q, soft.tau))
    return PolicyRows(*((each * scale).numpy() for each in found))


def _seen(obs: Observations) -> Tensor:
    """What is looked at in each row, [R, *obs_shape]."""
    return obs.rows if isinstance(obs, Sequences) else obs


def _sequences(moment: Moment) -> SequenceRows | None:
    """The sequences of a network that remembers, and what it does of them."""
    windows, batch = moment.windows, moment.batch
    online = moment.learner.online
    if windows is None or not isinstance(online.torso, RecurrentTorso) or not isinstance(batch.obs, Sequences):
        return None
    own = batch.draws.online[: online.torso.num_draws(len(batch.action))]
    with torch.no_grad():
        remembered = online.torso.unroll(online.encode.forward(batch.obs), own).numpy()
    given = (windows.first, windows.state, remembered, windows.start, windows.end, windows.counts)
    return SequenceRows(*given, burn_in=online.torso.burn_in)


def _after(moment: Moment, num_actions: int) -> SingleSteps:
    chain, learner = moment.chain, moment.learner
    if chain is None:
        rows = len(moment.end)
        nothing, no_values = np.zeros(rows, np.uint8), np.zeros((rows, 0, num_actions), np.float32)
        return SingleSteps(nothing, np.zeros((rows, 0), np.float32), nothing, no_values, no_values)
    with torch.no_grad():
        flat = chain.obs.flatten(0, 1)
        online, target = ((net.q_values(flat) * net.reward_scale).numpy() for net in (learner.online, learner.target))
    shape = (*chain.reward.shape, online.shape[1])
    return SingleSteps(chain.length, chain.reward, chain.end, online.reshape(shape), target.reshape(shape))


def _names(learner: Learner) -> list[tuple[str, Tensor]]:
    """Every parameter of the online network with its name in files, in the order of the flat vector."""
    names = file_names(learner.online)
    return [(names.get(own, own), p) for own, p in learner.online.named_parameters()]


def _layers(learner: Learner) -> list[tuple[str, float]]:
    squares: dict[str, float] = {}
    for name, p in _names(learner):
        layer = name.rpartition(".")[0]
        squares[layer] = squares.get(layer, 0.0) + float(p.grad.double().square().sum() if p.grad is not None else 0)
    return [(layer, total**0.5) for layer, total in squares.items()]


def _chosen(learner: Learner) -> list[tuple[str, int]]:
    """The weight of each layer that the gradient moves most, and such a bias of the last: name, place in the vector."""
    found, start = [], 0
    names = _names(learner)
    for i, (name, p) in enumerate(names):
        assert p.grad is not None
        at = int(p.grad.abs().argmax())
        if name.endswith("weight") or i == len(names) - 1:
            where = ", ".join(str(int(k)) for k in np.unravel_index(at, tuple(p.shape)))
            found.append((f"{name}[{where}]", start + at))
        start += p.numel()
    return found


def _networks(learner: Learner) -> dict[str, dict[str, Any]] | None:
    if num_weights(learner.online) > MOST_WEIGHTS:
        return None
    online = layers(learner.online)
    target = layers(learner.target)
    return None if online is None or target is None else {"online": online, "target": target}


def as_page(trace: Trace | None) -> dict[str, Any] | None:
    """The trace as the page shows it; with observations and networks only if they are small."""
    if trace is None:
        return None
    rows, after = _plain(trace.rows), _plain(trace.after)
    rows |= {"parts": _parts(trace.rows.parts), "policy": _policy_values(trace.rows)}
    rows |= few({name: rows[name] for name in ("q", "rated")}, rows["action"])
    rows |= few({name: rows[name] for name in ("next_online", "next_target")})
    after |= few({name: after[name] for name in ("online", "target")})
    if sum(rows[name].size for name in ("obs", "next_obs")) > MOST_NUMBERS:
        rows |= {"obs": None, "next_obs": None}
    return {
        "settings": asdict(trace.settings),
        "env_step": trace.env_step,
        "updates": trace.updates,
        "size": trace.size,
        "epsilon": trace.epsilon,
        "rows": rows,
        "prediction_after": trace.prediction_after,
        "after": after,
        "singles": None if trace.singles is None else _plain(trace.singles),
        "sequences": None if trace.sequences is None else _sequence_page(trace.sequences),
        "returns": None if trace.returns is None else _plain(trace.returns),
        "loss": trace.loss,
        "loss_after": trace.loss_after,
        "norm": trace.norm,
        "layers": [list(layer) for layer in trace.layers],
        "optimizer_steps": trace.optimizer_steps,
        "weights": [asdict(weight) for weight in trace.weights],
        "sync_in": trace.sync_in,
        "networks": trace.networks,
    }


def _parts(parts: Shares | QuantileParts | None) -> dict[str, Any] | None:
    """What the loss compares, of as many of the first rows as there is room for."""
    if parts is None:
        return None
    named = {each.name: getattr(parts, each.name) for each in fields(parts)}
    size = sum(array[0].size for array in named.values() if isinstance(array, np.ndarray) and array.ndim == 2)
    return {name: array[: MOST_PARTS // size] if _has_rows(array) else array for name, array in named.items()}


def _has_rows(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 2


def _policy_values(rows: BatchRows) -> dict[str, Any] | None:
    """The soft policy; of many actions where they are worth most."""
    if rows.policy is None:
        return None
    now = few({"q": rows.policy.q, "log": rows.policy.log}, rows.action)
    return now | few({"next_q": rows.next_target, "next_log": rows.policy.next_log})


def _sequence_page(sequences: SequenceRows) -> dict[str, Any]:
    """What is shown of sequences; of what is remembered its size, the root of the mean square."""
    size = np.sqrt((sequences.remembered**2).mean(2))
    named = {name: value for name, value in _plain(sequences).items() if name not in ("stored", "remembered")}
    return named | {"size": size}


def _plain(part: BatchRows | SingleSteps | Singles | SequenceRows | Returns) -> dict[str, Any]:
    """Its fields by name; whole numbers in four bytes, which every browser reads."""
    named = {each.name: getattr(part, each.name) for each in fields(part)}
    return {name: value.astype(np.int32) if _is_long(value) else value for name, value in named.items()}


def _is_long(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == np.int64
