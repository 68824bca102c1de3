"""What an update computes."""

from .kinds import Bug

LEARNING: list[Bug] = [
    # ── The update ───────────────────────────────────────────────────────────────────────────────────
    Bug(
        "samples are mixed, [B] against [B, 1]",
        "learn/heads.py",
        "return td_loss(row.squeeze(-1), next_row.squeeze(-1), reward, discount, self.huber)",
        "return td_loss(row.squeeze(-1), next_row.squeeze(-1).mean().expand_as(reward), reward, discount, self.huber)",
        ("learn/test_learner.py", "learn/test_heads.py"),
    ),
    Bug(
        "the loss is a sum, so that the learning rate depends on the batch",
        "learn/learner.py",
        "mean = (batch.weight * value).mean()",
        "mean = (batch.weight * value).sum()",
        ("learn/test_learner.py",),
    ),
    Bug(
        "gradients flow through the target",
        "learn/learner.py",
        "    with torch.no_grad():\n        reward, next_row = rule(online, target, batch)\n",
        "    target.requires_grad_(True)\n    reward, next_row = rule(online, target, batch)\n",
        ("learn/test_learner.py",),
    ),
    Bug(
        "the target network shares the online one's memory",
        "learn/learner.py",
        "        self._target.values.copy_(self._online.values)\n",
        "        self._target.values.copy_(self._online.values)\n        self._target = self._online\n",
        ("learn/test_learner.py",),
    ),
    Bug(
        "the target network is synced one update late",
        "learn/learner.py",
        "        if updates % self.every == 0:\n",
        "        if updates % self.every == 1 % self.every:\n",
        ("learn/test_learner.py",),
    ),
    Bug(
        "the period of the target network is not kept over a resume",
        "learn/learner.py",
        '        self.updates = state["updates"]\n',
        "        self.updates = 0\n",
        ("learn/test_learner.py", "run/saving/test_state.py"),
    ),
    Bug(
        "double: the target network chooses, the online one rates",
        "learn/targets.py",
        "    chosen = online.q_values(batch.next_obs, batch.draws.choose).argmax(1)\n"
        "    return batch.reward, row_of(target(batch.next_obs, batch.draws.rate), chosen)\n",
        "    chosen = target.q_values(batch.next_obs, batch.draws.choose).argmax(1)\n"
        "    return batch.reward, row_of(online(batch.next_obs, batch.draws.rate), chosen)\n",
        ("learn/test_targets.py",),
    ),
    Bug(
        "dueling: no mean is subtracted",
        "learn/streams.py",
        "state[:, None] + advantage - advantage.mean(1, keepdim=True)",
        "state[:, None] + advantage",
        ("learn/test_streams.py",),
    ),
    Bug(
        "dueling: the mean is one over the batch",
        "learn/streams.py",
        "advantage.mean(1, keepdim=True)",
        "advantage.mean(0, keepdim=True)",
        ("learn/test_streams.py",),
    ),
    Bug(
        "buffers of a normalisation are not copied to the target network",
        "learn/learner.py",
        "            self.sync(self._online.buffers, self._target.buffers, self.updates)\n",
        "            pass\n",
        ("learn/test_learner.py", "seams/test_normalized.py"),
    ),
    Bug(
        "the gradient is clipped after the step, which is none",
        "learn/optimizer.py",
        "return (gradient if max_norm is None else gradient * (max_norm / (norm + 1e-6)).clamp(max=1)), norm",
        "return gradient, norm",
        ("learn/test_optimizer.py",),
    ),
    Bug(
        "the optimiser forgets its running means when a run is resumed",
        "learn/optimizer.py",
        "            own.copy_(loaded)\n",
        "            own.zero_()\n",
        ("learn/test_optimizer.py", "run/saving/test_state.py"),
    ),  # ── Distributions, noise, soft values ────────────────────────────────────────────────────────────
    Bug(
        "quantiles: the level of the target instead of the prediction",
        "learn/distributional.py",
        "torch.where(apart < 0, 1 - tau[:, :, None], tau[:, :, None])",
        "torch.where(apart < 0, 1 - tau[:, None, :], tau[:, None, :])",
        ("learn/test_distributional.py",),
    ),
    Bug(
        "quantiles: mean and sum over the wrong axes",
        "learn/distributional.py",
        "(weight * huber).sum(2).sum(1) / (kappa * target.shape[1])",
        "(weight * huber).sum(2).sum(1) / (kappa * row.shape[1])",
        ("learn/test_distributional.py",),
    ),
    Bug(
        "implicit quantiles: levels that are not those of the prediction",
        "learn/implicit.py",
        "quantiles, levels = row[:, : self.num], row[:, self.num :].detach()",
        "quantiles, levels = row[:, : self.num], next_row[:, self.num :].detach()",
        ("learn/test_implicit.py",),
    ),
    Bug(
        "categories: returns beyond the range are dropped, not clipped",
        "learn/distributional.py",
        "(v_max - v_min))).clamp(0, num - 1)",
        "(v_max - v_min)))",
        ("learn/test_distributional.py",),
    ),
    Bug(
        "Munchausen: the logarithm is not clipped",
        "learn/munchausen.py",
        ".clamp(self.least, 0)",
        "",
        ("learn/test_munchausen.py",),
    ),
    Bug(
        "Munchausen: the policy is that of what follows",
        "learn/munchausen.py",
        "log_policy(target.q_values(batch.obs, batch.draws.choose), self.tau)",
        "log_policy(target.q_values(batch.next_obs, batch.draws.choose), self.tau)",
        ("learn/test_munchausen.py",),
    ),
    Bug(
        "noise is the same for every pass of an update",
        "learn/learner.py",
        "return Draws(*(self.online.draw(size, self._rng) for _ in Draws._fields))",
        "return Draws(*[self.online.draw(size, self._rng)] * len(Draws._fields))",
        ("learn/test_layers.py",),
    ),
]
