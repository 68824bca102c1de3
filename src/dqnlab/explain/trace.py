"""One learning step, number by number: the recorded moment taken through the learner's own update.

Nothing here knows a formula: the target comes from the run's rule, the loss from its head, the gradient from
torch, the step from the learner's Adam, the sync from the learner's own. The batch was drawn for this purpose, as
the learner draws; the run itself never learnt from it.
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
from ..learn.optimizer import adam, clip
from ..learn.targets import double
from ..learn.weights import export_weights
from ..store.folder import BATCH
from .moment import Arrays, Moment, read_moment
from .stages import After, Choice, Rows, Settings, Trace, Weight
from .weights import layers, size

MOST_NUMBERS = 100_000  # of weights, or of observations, that travel in a page


def trace_of(arrays: Arrays, config: Config, spec: EnvSpec) -> Trace | None:
    """What an update on the recorded batch computes; none where no batch was recorded (see `read_moment`).

    Raises:
        CheckpointError: the arrays are damaged, or of another run.
    """
    moment = read_moment(arrays, config, spec)
    return None if moment is None else _follow(moment, config, spec)


def _follow(moment: Moment, config: Config, spec: EnvSpec) -> Trace:
    learner = moment.learner
    rows, after, choice, networks = _rows(moment), _after(moment), _choice(moment), _networks(learner)
    online, target = (values.clone() for values in learner.values)
    mean, square = learner.optimizer.mean.clone(), learner.optimizer.square.clone()
    updates, batch = learner.updates, moment.batch
    update = learner.update(batch)
    gradient = torch.cat([p.grad.flatten() for p in learner.online.parameters() if p.grad is not None])
    clipped, norm = clip(gradient, learner.optimizer.settings.max_grad_norm)
    steps = learner.optimizer.steps
    step = adam(clipped, mean.clone(), square.clone(), steps, learner.optimizer.settings)
    stages = (online, gradient, clipped, mean, learner.optimizer.mean, square, learner.optimizer.square, step)
    stages += (learner.values[0], target, learner.values[1])
    if not all(bool(stage.isfinite().all()) for stage in (*stages, update.target, update.loss)):
        raise CheckpointError(f"{BATCH} is damaged: an update on it gives numbers that are not finite")
    return Trace(
        settings=_settings(config, learner, spec),
        env_step=moment.step,
        updates=updates,
        size=moment.size,
        choice=choice,
        rows=rows,
        loss=float(update.loss),
        norm=float(norm),
        layers=_layers(learner),
        adam_steps=steps,
        weights=[Weight(name, *(float(stage[i]) for stage in stages)) for name, i in _chosen(learner)],
        after=after,
        networks=networks,
    )


def _settings(config: Config, learner: Learner, spec: EnvSpec) -> Settings:
    found: dict[str, Any] = dict(leaves(config))
    return Settings(
        action_start=spec.action_start,
        obs_start=spec.obs_start,
        gamma=config.gamma,
        n=config.n,
        huber=found.get("head.huber"),
        reward_scale=learner.online.reward_scale,
        double=learner.rule is double,
        prioritized="sampler.beta" in found,
        batch_size=config.batch_size,
        capacity=config.replay_capacity,
        **learner.optimizer.settings._asdict(),
        sync_every=found.get("sync.every"),
        sync_tau=found.get("sync.tau"),
    )


def _choice(moment: Moment) -> Choice:
    newest = moment.newest
    with torch.no_grad():
        online = moment.learner.online
        q = online.q_values(newest.obs[None])[0] * online.reward_scale
    return Choice(
        slot=newest.slot,
        obs=newest.obs.numpy(),
        q=q.numpy(),
        greedy=int(q.argmax()),
        action=newest.action,
        reward=newest.reward,
        discount=newest.discount,
        span=newest.span,
        epsilon=moment.epsilon,
    )


def _rows(moment: Moment) -> Rows:
    """Every stage before the gradient, by the rule and the head of the run, in the environment's own units."""
    learner, batch = moment.learner, moment.batch
    head, scale = learner.online.head, learner.online.reward_scale
    with torch.no_grad():
        reward, next_row = learner.rule(learner.online, learner.target, batch)
        next_online, next_target = (net.q_values(batch.next_obs) for net in (learner.online, learner.target))
    values = learner.online(batch.obs)
    td = head.loss(row_of(values, batch.action), next_row, reward, batch.discount)
    (slope,) = torch.autograd.grad((batch.weight * td.value).mean(), values)
    pull = row_of(slope, batch.action).sum(1) / scale  # by the prediction in the environment's own units
    q, next_value = head.q_values(values.detach()), head.q_values(next_row[:, None])[:, 0]
    next_action = (next_online if learner.rule is double else next_target).argmax(1)
    assert torch.equal(at_action(next_target, next_action), next_value), "the rule bootstraps from another action"
    learned = {
        "reward": reward,
        "q": q,
        "prediction": at_action(q, batch.action),
        "next_online": next_online,
        "next_target": next_target,
        "next_value": next_value,
        "target": td.target,
        "error": td.error,
    }
    found = {name: tensor * scale for name, tensor in learned.items()}
    found |= {"next_action": next_action, "loss": td.value.detach(), "pull": pull}
    same = {name: getattr(batch, name) for name in ("weight", "obs", "next_obs", "action", "discount")}
    arrays = {name: tensor.numpy().copy() for name, tensor in (same | found).items()}
    return Rows(slot=moment.slots, span=moment.span, end=moment.end, **arrays)


def _after(moment: Moment) -> After:
    chain, learner = moment.chain, moment.learner
    with torch.no_grad():
        flat = chain.obs.flatten(0, 1)
        online, target = ((net.q_values(flat) * net.reward_scale).numpy() for net in (learner.online, learner.target))
    shape = (*chain.reward.shape, online.shape[1])
    return After(chain.length, chain.reward, chain.end, online.reshape(shape), target.reshape(shape))


def _names(learner: Learner) -> list[tuple[str, Tensor]]:
    """Every parameter of the online network with its name in files, in the order of the flat vector."""
    return list(zip(export_weights(learner.online), learner.online.parameters(), strict=True))


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
    if size(learner.online) > MOST_NUMBERS:
        return None
    online = layers(learner.online)
    target = layers(learner.target)
    return None if online is None or target is None else {"online": online, "target": target}


def as_page(trace: Trace | None) -> dict[str, Any] | None:
    """The trace as a page shows it; observations and networks only as far as they are small."""
    if trace is None:
        return None
    rows, after, choice = (_plain(part) for part in (trace.rows, trace.after, trace.choice))
    if rows["obs"].size + rows["next_obs"].size + choice["obs"].size > MOST_NUMBERS:
        rows["obs"] = rows["next_obs"] = choice["obs"] = None
    return {
        "settings": asdict(trace.settings),
        "env_step": trace.env_step,
        "updates": trace.updates,
        "size": trace.size,
        "choice": choice,
        "rows": rows,
        "after": after,
        "loss": trace.loss,
        "norm": trace.norm,
        "layers": [list(layer) for layer in trace.layers],
        "adam_steps": trace.adam_steps,
        "weights": [asdict(weight) for weight in trace.weights],
        "sync_in": trace.sync_in,
        "networks": trace.networks,
    }


def _plain(part: Rows | After | Choice) -> dict[str, Any]:
    """Its fields by name; whole numbers in four bytes, which every browser reads."""
    named = {each.name: getattr(part, each.name) for each in fields(part)}
    return {name: value.astype(np.int32) if _is_long(value) else value for name, value in named.items()}


def _is_long(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == np.int64
