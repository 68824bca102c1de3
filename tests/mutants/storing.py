"""What is stored, replayed and drawn."""

from .kinds import Bug

LEARN_NSTEP = ("learn/test_nstep.py",)

STORING: list[Bug] = [
    # ── What is stored ───────────────────────────────────────────────────────────────────────────────
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
    ),  # ── The replay ───────────────────────────────────────────────────────────────────────────────────
    Bug(
        "what follows is the frame after, whatever n is",
        "learn/replay.py",
        "start, end = source.slots[ended.span, ended.env], source.slots[0].take(ended.env)",
        "start = source.slots[ended.span, ended.env]\n            end = source.slots[ended.span - 1, ended.env]",
        ("learn/test_replay.py", "learn/test_frames.py", "learn/test_sources.py"),
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
    ),  # ── Priorities ───────────────────────────────────────────────────────────────────────────────────
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
        "mean = (batch.weight * value).mean()",
        "mean = value.mean()",
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
]
