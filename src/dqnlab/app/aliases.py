"""Other names for the flags of `dqn train`: short ones, and what other libraries call the same setting."""

from __future__ import annotations

from collections.abc import Collection

from .flags import dashed

# The setting, and the flags that people type for it.
NAMES = {
    "optimizer.lr": "lr learning_rate",
    "torso.hidden": "hidden hidden_sizes hidden_layers net_arch",
    "env.num_envs": "envs num_envs n_envs",
    "env.workers": "workers num_workers",
    "collectors.num": "collectors num_collectors num_actors",
    "env.kwargs": "kwargs env_kwargs",
    "env.id": "env env_id",
    "env.max_episode_steps": "max_episode_steps",
    "env.frame_stack": "frame_stack",
    "env.keys": "keys obs_keys",
    "env.action_mask": "action_mask",
    "env.reward_threshold": "threshold reward_threshold",
    "env.timeout": "timeout",
    "batch_size": "batch",
    "replay_capacity": "buffer buffer_size replay replay_size memory memory_size capacity",
    "learning_starts": "warmup warmup_steps start_steps",
    "update_every": "train_freq train_frequency update_freq",
    "memory.num_steps": "num_steps rollout_steps",
    "memory.num_epochs": "num_epochs update_epochs",
    "memory.td_lambda": "td_lambda q_lambda",
    "n": "n_step n_steps nstep",
    "gamma": "discount discount_factor",
    "steps": "total_timesteps timesteps total_steps budget",
    "init.source": "init init_from pretrained",
    "normalize_obs": "norm_obs normalize_observations",
    "reward_clip": "clip_rewards clip_reward",
    "epsilon.start": "epsilon_start eps_start start_e exploration_initial_eps",
    "epsilon.end": "epsilon_end eps_end end_e epsilon_min exploration_final_eps",
    "epsilon.steps": "epsilon_steps eps_steps",
    "epsilon.factor": "epsilon_decay eps_decay",
    "sync.every": "target_update target_update_every target_update_interval target_network_frequency",
    "sync.tau": "tau",
    "head.huber": "huber huber_delta",
    "sampler.alpha": "alpha",
    "sampler.beta": "beta",
    "sampler.beta_end": "beta_end final_beta",
    "exploration.temperature": "temperature",
    "optimizer.max_grad_norm": "max_grad_norm grad_clip",
    "evaluate_every.num": "eval_every eval_freq eval_interval evaluate_every",
    "select_episodes": "eval_episodes n_eval_episodes",
    "checkpoint_every": "save_freq save_every checkpoint_freq",
    "keep_checkpoints": "keep",
    "metrics_every": "log_every log_interval",
    "film.episodes": "film films",
    "seeds": "num_seeds n_seeds",
    "name": "run_name exp_name experiment_name",
    "tag": "tags",
    "out": "output out_dir save_dir log_dir",
}
# Flags without a value, and flags whose value belongs to a choice of kind.
SWITCHES = {
    "double": "rule:double",
    "dueling": "stream:dueling",
    "c51": "head:c51",
    "noisy": "layers:noisy",
    "layer_norm": "norm:layer",
    "spectral_norm": "norm:spectral",
    "hadamax": "torso:hadamax",
    "rollout": "memory:rollout",
    "qr": "head:qr",
    "iqn": "head:iqn",
    "hl_gauss": "head:hl_gauss",
    "munchausen": "rule:munchausen",
    "boltzmann": "exploration:boltzmann",
    "per": "sampler:prioritized",
    "prioritized": "sampler:prioritized",
    "gru": "torso:gru",
    "lstm": "torso:lstm",
    "recurrent": "torso:lstm",
    "margin": "regularizer:margin",
    "no_film": "--film.episodes=0",
}
CHOOSING = {
    "demos": ("experience:demos", "experience.source"),
    "offline": ("experience:offline", "experience.source"),
    "cql": ("regularizer:cql", "regularizer.alpha"),
    "epsilon": ("epsilon:constant", "epsilon.value"),
    "episodes": ("budget:episodes", "budget.num"),
}
FLAGS = {alias: setting for setting, aliases in NAMES.items() for alias in aliases.split()}


def names_in_use(here: Collection[str]) -> list[tuple[str, str]]:
    """What the help lists: each of these flags that goes by other names too, and those."""
    names = {name: aliases for name, aliases in NAMES.items() if name in here}
    rows = [(dashed(name), " ".join(map(dashed, aliases.split()))) for name, aliases in names.items()]
    rows += [(f"{kind} {dashed(setting)}", dashed(name)) for name, (kind, setting) in CHOOSING.items()]
    return rows + [(meant, dashed(name)) for name, meant in SWITCHES.items()]
