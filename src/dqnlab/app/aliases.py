"""Other names for the flags of `dqn train`: short ones, and what other libraries call the same setting."""

from __future__ import annotations

from collections.abc import Sequence

from ..config import Config
from ..config.fields import choices, leaves, tagged, types

# The setting, and the flags that people type for it.
NAMES = {
    "optimizer.lr": "lr learning_rate",
    "torso.hidden": "hidden hidden_sizes hidden_layers net_arch layers torso",
    "env.num_envs": "envs num_envs n_envs",
    "env.kwargs": "kwargs env_kwargs",
    "env.id": "env env_id",
    "env.max_episode_steps": "max_episode_steps",
    "env.frame_stack": "frame_stack",
    "env.action_mask": "action_mask",
    "env.reward_threshold": "threshold reward_threshold",
    "env.timeout": "timeout",
    "batch_size": "batch",
    "replay_capacity": "buffer buffer_size replay replay_size memory memory_size capacity",
    "learning_starts": "warmup warmup_steps start_steps",
    "update_every": "train_freq train_frequency update_freq",
    "n": "n_step n_steps nstep",
    "gamma": "discount discount_factor",
    "steps": "total_timesteps timesteps total_steps budget",
    "epsilon.start": "epsilon_start eps_start start_e exploration_initial_eps",
    "epsilon.end": "epsilon_end eps_end end_e epsilon_min exploration_final_eps",
    "epsilon.steps": "epsilon_steps eps_steps",
    "epsilon.factor": "epsilon_decay eps_decay",
    "sync.every": "target_update target_update_every target_update_interval target_network_frequency",
    "sync.tau": "tau",
    "head.huber": "huber huber_delta",
    "sampler.alpha": "alpha",
    "sampler.beta": "beta",
    "optimizer.max_grad_norm": "max_grad_norm grad_clip",
    "evaluate_every.num": "eval_every eval_freq eval_interval evaluate_every",
    "select_episodes": "eval_episodes n_eval_episodes",
    "checkpoint_every": "save_freq save_every checkpoint_freq",
    "metrics_every": "log_every log_interval",
    "film.episodes": "film films",
    "seeds": "num_seeds n_seeds",
    "out": "output out_dir save_dir log_dir",
}
# Flags without a value, and flags whose value belongs to a choice of kind.
SWITCHES = {
    "double": ["rule:double"],
    "per": ["sampler:prioritized"],
    "prioritized": ["sampler:prioritized"],
    "no_film": ["--film.episodes=0"],
}
CHOOSING = {
    "epsilon": ("epsilon:constant", "epsilon.value"),
    "episodes": ("budget:episodes", "budget.num"),
}
FLAGS = {alias: setting for setting, aliases in NAMES.items() for alias in aliases.split()}


def unaliased(words: Sequence[str]) -> list[str]:
    """The words with every other name replaced by the setting's own; `--rule double` becomes `rule:double`."""
    plain = list[str]()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        flag, equals, inline = word.partition("=")
        name = flag.removeprefix("--").replace("-", "_") if flag.startswith("--") else ""
        value = inline if equals else rest[0] if rest else ""
        if name in tagged() and value in choices(name):
            plain.append(f"{name}:{value}")
            del rest[: 0 if equals else 1]
        elif name in SWITCHES and not equals:
            plain += SWITCHES[name]
        elif name in CHOOSING:
            kind, setting = CHOOSING[name]
            plain += [kind, _flag(setting) + equals + inline]
        elif name in FLAGS:
            plain.append(_flag(FLAGS[name]) + equals + inline)
        else:
            plain.append(word)
    return plain


def table(config: Config) -> list[str]:
    """The rows of the help text: each setting of the chosen kinds that goes by other names too."""
    here = {name for name, _ in leaves(config)}
    shown = {setting for setting in NAMES if setting in here or setting not in types()}
    rows = {setting: aliases.split() for setting, aliases in NAMES.items() if setting in shown}
    lines = [f"  {_flag(setting)}: {' '.join(map(_flag, aliases))}" for setting, aliases in rows.items()]
    lines += [f"  {kind} {_flag(setting)}: {_flag(name)}" for name, (kind, setting) in CHOOSING.items()]
    return lines + [f"  {' '.join(meant)}: {_flag(name)}" for name, meant in SWITCHES.items()]


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
