"""Silent bugs that deep Q-learning programs have had: where each would sit here, and which tests turn red for it.

Each was met in the change log or the issues of a library. `make mutants` plants them one at a time in a copy of the
code and runs the tests. Those that cannot occur say why.
"""

from typing import NamedTuple


class Bug(NamedTuple):
    """One, as an edit of one place."""

    says: str
    path: str  # below src/dqnlab
    old: str
    new: str
    red: tuple[str, ...]  # files below tests


class Impossible(NamedTuple):
    """One for which there is no place."""

    says: str
    why: str


LEARN_NSTEP = ("learn/test_nstep.py",)

BUGS: list[Bug] = [
    # ── What is stored ───────────────────────────────────────────────────────────────────────────
    Bug(
        "a truncated episode counts as terminated",
        "learn/nstep.py",
        "discount=np.where(terminated[env], 0.0, self._powers[span])",
        "discount=np.where((terminated | complete.any(0))[env], 0.0, self._powers[span])",
        LEARN_NSTEP,
    ),
    Bug(
        "of one step each, a truncated episode counts as terminated",
        "learn/nstep.py",
        "discount = self._single_discount.take(step.terminated)",
        "discount = self._single_discount.take(step.terminated | step.truncated)",
        LEARN_NSTEP,
    ),
    Bug(
        "the step in which an env only reset itself is stored",
        "envs/collector.py",
        "after.terminated, after.truncated, ~first))",
        "after.terminated, after.truncated, first | True))",
        ("run/test_collector.py",),
    ),
    Bug(
        "the observation after the reset stands for the last one of an episode",
        "envs/vector.py",
        "                self._ended[i] = answer.terminated or answer.truncated\n",
        "                self._ended[i] = answer.terminated or answer.truncated\n"
        "                if self._ended[i] and self._autoreset:\n                    self._first(i, None)\n",
        ("run/test_vector.py", "run/test_collector.py"),
    ),
    Bug(
        "windows of several steps go on over the end of an episode",
        "learn/nstep.py",
        "        self._open[row, env] = False\n",
        "        self._open[row, env] = self._open[row, env] & (span < self.n)\n",
        LEARN_NSTEP,
    ),
    Bug(
        "several steps are bootstrapped with the discount of one",
        "learn/nstep.py",
        "self._powers[span])",
        "self._powers[np.ones_like(span)])",
        LEARN_NSTEP,
    ),
    Bug(
        "the bootstrap of a short window is discounted as if it were full",
        "learn/nstep.py",
        "self._powers[span])",
        "self._powers[np.full_like(span, self.n)])",
        LEARN_NSTEP,
    ),
    Bug(
        "rewards of one env go into the windows of another",
        "learn/nstep.py",
        "self._return += self._factor[newest] * step.reward",
        "self._return += self._factor[newest] * np.roll(step.reward, 1)",
        LEARN_NSTEP,
    ),
    Bug(
        "the tails of an episode are lost",
        "learn/nstep.py",
        "complete = self._open & (step.terminated | step.truncated | self._full[newest])",
        "complete = self._open & self._full[newest]",
        LEARN_NSTEP,
    ),
    Bug(
        "what is reported of an episode is clipped as what is learned",
        "envs/collector.py",
        "self._return += after.reward  # a reset pays nothing",
        "self._return += after.reward.clip(-1, 1)",
        ("run/test_reward_clip.py",),
    ),
    Bug(
        "returns and lengths of an episode are carried over a reset",
        "envs/collector.py",
        "self._return[i], self._begun[i] = 0.0, self._time + 1",
        "self._begun[i] = self._time + 1",
        ("run/test_collector.py",),
    ),
    # ── The replay ───────────────────────────────────────────────────────────────────────────────
    Bug(
        "what follows is the frame after, whatever n is",
        "learn/replay.py",
        "start, end = source.slots[new.span, new.env], source.slots[0].take(new.env)",
        "start = source.slots[new.span, new.env]\n            end = source.slots[new.span - 1, new.env]",
        ("learn/test_replay.py",),
    ),
    Bug(
        "a full ring keeps a slot that is being overwritten",
        "learn/replay.py",
        "still = self.frames.added - self._num_frames + self.layout.reach",
        "still = self.frames.added - self._num_frames - self.layout.reach",
        ("learn/test_replay.py", "learn/test_frames.py"),
    ),
    Bug(
        "a ring of N holds N - 1",
        "learn/replay.py",
        "self._oldest = max(self._oldest, self.added - self.layout.capacity)",
        "self._oldest = max(self._oldest, self.added - self.layout.capacity + 1)",
        ("learn/test_replay.py",),
    ),
    Bug(
        "the newest transition is never drawn",
        "learn/samplers.py",
        "        drawn *= held.num\n",
        "        drawn *= max(held.num - 1, 1)\n",
        ("learn/test_samplers.py", "learn/test_replay.py"),
    ),
    Bug(
        "a stack of frames reaches into the episode before",
        "learn/replay.py",
        "before = np.where(first, new, slots[0]) if np.count_nonzero(first) else slots[0]",
        "before = slots[0]",
        ("learn/test_frames.py",),
    ),
    Bug(
        "frames are not divided by 255",
        "learn/encoder.py",
        "return vector if scale == 1 else vector / scale",
        "return vector",
        ("run/test_spaces.py", "learn/test_convs.py", "learn/test_networks.py"),
    ),
    # ── Priorities ───────────────────────────────────────────────────────────────────────────────
    Bug(
        "new transitions get a priority of their own, not the largest so far",
        "learn/samplers.py",
        "np.full(slots.num, self._largest))",
        "np.full(slots.num, 1.0))",
        ("learn/test_samplers.py",),
    ),
    Bug(
        "alpha is applied twice",
        "learn/samplers.py",
        "+ self.eps) ** self.alpha\n",
        "+ self.eps) ** self.alpha**2\n",
        ("learn/test_samplers.py",),
    ),
    Bug(
        "an error of zero is never drawn again",
        "learn/samplers.py",
        "(error.cpu().numpy().astype(np.float64) + self.eps) ** self.alpha",
        "error.cpu().numpy().astype(np.float64) ** self.alpha",
        ("learn/test_samplers.py",),
    ),
    Bug(
        "importance weights are those of the reciprocal",
        "learn/samplers.py",
        "(priority.min() / priority) ** self.beta",
        "(priority / priority.max()) ** self.beta",
        ("learn/test_samplers.py",),
    ),
    Bug(
        "importance weights are not applied",
        "learn/learner.py",
        "mean = (batch.weight * td.value).mean()",
        "mean = td.value.mean()",
        ("learn/test_learner.py",),
    ),
    Bug(
        "beta stays where it began",
        "learn/samplers.py",
        "return begin + (end - begin) * min(",
        "return begin + 0 * (end - begin) * min(",
        ("learn/test_samplers.py",),
    ),
    Bug(
        "sums of the tree drift, for changes are added to them",
        "learn/sumtree.py",
        "                above[index] = group.take(index, 0).sum(1)\n",
        "                above[index] += group.take(index, 0).sum(1) - above[index] + 1e-9\n",
        ("learn/test_sumtree.py",),
    ),
    Bug(
        "what was overwritten can still be drawn by its old priority",
        "learn/samplers.py",
        "        self._tree.set(slots.numbers(), np.zeros(slots.num))\n",
        "        pass\n",
        ("learn/test_samplers.py",),
    ),
    # ── The update ───────────────────────────────────────────────────────────────────────────────
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
        "mean = (batch.weight * td.value).mean()",
        "mean = (batch.weight * td.value).sum()",
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
        ("learn/test_learner.py", "learn/test_extractors.py", "seams/test_network_seams.py"),
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
    ),
    # ── Distributions, noise, soft values ────────────────────────────────────────────────────────
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
        ("learn/test_layers.py", "learn/test_learner.py", "seams/test_network_seams.py"),
    ),
    # ── Acting and judging ───────────────────────────────────────────────────────────────────────
    Bug(
        "all envs toss one coin",
        "learn/policy.py",
        "self._rng.random(len(q)) <",
        "np.full(len(q), self._rng.random()) <",
        ("learn/test_policy.py",),
    ),
    Bug(
        "epsilon falls with vector steps, not with env steps",
        "envs/collector.py",
        "epsilon = self.epsilon(self.steps, self.episodes)\n        action",
        "epsilon = self.epsilon(self.steps // self.envs.num_envs, self.episodes)\n        action",
        ("run/test_collector.py",),
    ),
    Bug(
        "epsilon begins anew when a run is resumed",
        "envs/collector.py",
        '        self.steps = state["steps"]\n',
        "        self.steps = 0\n",
        ("run/saving/test_state.py",),
    ),
    Bug(
        "the judge acts with noise",
        "run/judge.py",
        "self.evaluator.play(make_actor(network), seeds)",
        "self.evaluator.play(make_actor(network, np.random.default_rng(0)), seeds)",
        ("seams/test_network_seams.py", "run/test_judge.py", "seams/test_family.py"),
    ),
    Bug(
        "the best network is a reference that training goes on to change",
        "learn/weights.py",
        "w.detach().cpu().clone()) for own, w in network.state_dict()",
        "w.detach().cpu()) for own, w in network.state_dict()",
        ("learn/test_transfer.py", "run/test_judge.py"),
    ),
    Bug(
        "the best return is forgotten when a run is resumed",
        "run/judge.py",
        'self.best, self.attempts = state["best"], state["attempts"]',
        'self.best, self.attempts = -np.inf, state["attempts"]',
        ("run/test_judge.py", "run/saving/test_state.py"),
    ),
    Bug(
        "confirming plays the episodes that chose the network",
        "run/judge.py",
        'seeds = env_seeds(self.rules.seed, "confirm-1", self.rules.confirm_episodes, draw)',
        'seeds = env_seeds(self.rules.seed, "select", self.rules.confirm_episodes)',
        ("run/test_judge.py",),
    ),
    Bug(
        "every copy of the environment begins with the same seed",
        "envs/seeds.py",
        "return (index * _ROOM + rng.choice(_ROOM, size=num, replace=False, shuffle=False)).tolist()",
        "return [index * _ROOM + int(rng.integers(_ROOM))] * num",
        ("run/test_seeds.py",),
    ),
    Bug(
        "what is normalised by is not stored with the network",
        "learn/extractors.py",
        'self.register_buffer("mean", torch.zeros(num))',
        'self.register_buffer("mean", torch.zeros(num), persistent=False)',
        ("learn/test_extractors.py", "seams/test_network_seams.py"),
    ),
    Bug(
        "updates of a whole vector step are counted as one",
        "learn/replay.py",
        "return after // self.pace.update_every - before // self.pace.update_every",
        "return int(after // self.pace.update_every > before // self.pace.update_every)",
        ("learn/test_replay.py", "run/test_train.py"),
    ),
]

IMPOSSIBLE: list[Impossible] = [
    Impossible(
        "the final observation under another key of infos, as older Gymnasium had it",
        "environments reset themselves at the next step only; a vector of another mode is refused (run/test_vector.py)",
    ),
    Impossible(
        "next observations shared with the following transition, wrong at truncation",
        "frames are linked, each episode's last one is stored, and nothing follows it (learn/test_frames.py)",
    ),
    Impossible(
        "dropout or batch norm left in training mode in the target network",
        "no layer has a mode: noise is an input, buffers move in `refresh` alone (learn/test_networks.py)",
    ),
    Impossible(
        "action_space.sample() is not seeded by reset",
        "it is never called in training: random actions come from the run's own generator (run/test_reproducible.py)",
    ),
    Impossible(
        "the global generators of numpy, random or torch change results",
        "none is used, by a lint over the whole source (test_architecture.py); for parts of one's own it is put back",
    ),
    Impossible(
        "another number of threads, or another BLAS, gives other sums without a word",
        "the number of threads is a setting, and a resumed run says what differs (run/saving/test_resume.py)",
    ),
    Impossible(
        "ties always go to action 0, which a zero-initialised head makes frequent",
        "heads begin with random weights; that argmax takes the first of equals is documented (learn/policy.py)",
    ),
    Impossible(
        "a Discrete space that does not begin at 0, or one that was flattened in silence",
        "actions are converted at the door and joint ones named; what is not supported is refused (run/test_spaces.py)",
    ),
    Impossible(
        "an old four-tuple of step ends training in an odd way",
        "the contract of an environment refuses it by name (app/test_bad_environment.py)",
    ),
    Impossible(
        "actors elsewhere act by old weights, or die and leave half a window",
        "actors live in the learner's process; a dead worker process ends the run by name (run/test_workers.py)",
    ),
    Impossible(
        "evaluation shares the environment, generator or statistics of training",
        "the judge has envs, seeds and a network of its own; weights with and without judging are compared bit by bit "
        "(run/test_reproducible.py)",
    ),
    Impossible(
        "observations in float64 make the network or the replay float64",
        "stored observations are float32 or whole numbers, by type (run/test_spaces.py)",
    ),
    Impossible(
        "the replay, open windows or generators are missing from a checkpoint",
        "whatever differs from a fresh system must be in its state, looked for attribute by attribute "
        "(run/saving/test_state.py)",
    ),
    Impossible(
        "learning waits anew, or catches up in a burst, when a run is resumed",
        "updates are due at multiples of env steps, and resumed runs are equal bit by bit (run/saving/test_resume.py)",
    ),
]
