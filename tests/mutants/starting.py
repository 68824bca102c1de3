"""What a run starts from: other weights, recorded episodes, and terms for what was recorded."""

from .kinds import Bug

STARTING: list[Bug] = [
    Bug(
        "first weights: the last layer keeps the units of rewards that were not divided",
        "learn/transfer.py",
        "own.copy_(weights[name] / network.reward_scale if name in last else weights[name])",
        "own.copy_(weights[name])",
        ("learn/test_transfer.py", "run/test_init.py"),
    ),
    Bug(
        "first weights: a stream is taken behind a torso that did not fit",
        "learn/transfer.py",
        "            break\n",
        "            continue\n",
        ("learn/test_transfer.py",),
    ),
    Bug(
        "first weights: the target network begins at random",
        "run/system.py",
        "initial.give([learner.online, learner.target], config)",
        "initial.give([learner.online], config)",
        ("run/test_init.py",),
    ),
    Bug(
        "demonstrations: the end of an episode that was truncated counts as terminal",
        "learn/demonstrations.py",
        "last & terminates, last & ~terminates",
        "last, last & ~last",
        ("learn/test_demonstrations.py",),
    ),
    Bug(
        "demonstrations: links between frames lead into the replay before them",
        "learn/demonstrations.py",
        '+ self._own_frames for name in ("before", "start", "end")',
        '+ self._own_frames for name in ("start", "end")',
        ("learn/test_demonstrations.py",),
    ),
    Bug(
        "demonstrations: those of one's own count as demonstrated",
        "learn/demonstrations.py",
        "demonstrated=(slots >= self._capacity)",
        "demonstrated=(slots >= 0)",
        ("learn/test_demonstrations.py", "run/test_recordings.py"),
    ),
    Bug(
        "demonstrations: frames of one episode link to the episode before",
        "learn/demonstrations.py",
        "    before[first] = first\n",
        "    before[0] = 0\n",
        ("learn/test_demonstrations.py",),
    ),
    Bug(
        "the margin is wanted of the demonstrated action too",
        "learn/regularizers.py",
        "best = (q + self.margin * other).amax(1)",
        "best = (q + self.margin).amax(1)",
        ("learn/test_regularizers.py",),
    ),
    Bug(
        "CQL: the stored action is pushed down with the others",
        "learn/regularizers.py",
        "self.alpha * (torch.logsumexp(q, 1) - at_action(q, batch.action))",
        "self.alpha * (torch.logsumexp(q, 1) + at_action(q, batch.action))",
        ("learn/test_regularizers.py",),
    ),
    Bug(
        "a term is left out where an update is compiled",
        "learn/fast/compiled.py",
        "target, batch, rule, regularizer)",
        "target, batch, rule)",
        ("learn/test_regularizers.py",),
    ),
    Bug(
        "recorded: what the environment shows at the end of an episode is left out",
        "store/episodes.py",
        "obs=np.stack([*frames, last])",
        "obs=np.stack([*frames, frames[-1]])",
        ("run/test_recordings.py",),
    ),
]
