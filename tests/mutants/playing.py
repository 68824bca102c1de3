"""Acting, judging, and what is kept."""

from .kinds import Bug

PLAYING: list[Bug] = [
    # ── Acting and judging ───────────────────────────────────────────────────────────────────────────
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
        ("learn/test_extractors.py", "seams/test_normalized.py"),
    ),
    Bug(
        "updates of a whole vector step are counted as one",
        "learn/replay.py",
        "return after // self.pace.update_every - before // self.pace.update_every",
        "return int(after // self.pace.update_every > before // self.pace.update_every)",
        ("learn/test_replay.py", "run/test_train.py"),
    ),
]
