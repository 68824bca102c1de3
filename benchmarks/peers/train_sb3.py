"""Short agents of Stable-Baselines3 for `imported.py`: DQN, QR-DQN and a DQN for pictures, each with what it says.

    python train_sb3.py FOLDER

Writes NAME.zip, as the library saves it, and NAME.npz: 1,000 observations, and its own Q-values and greedy actions.
"""

import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from asked import NUM, Pixels, observations, pictures
from sb3_contrib import QRDQN
from stable_baselines3 import DQN
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack

STEPS = 20_000
FAST: dict[str, Any] = {  # of rl-zoo's tuned settings for CartPole-v1
    "learning_rate": 2.3e-3,
    "batch_size": 64,
    "buffer_size": 100_000,
    "learning_starts": 1_000,
    "target_update_interval": 10,
    "train_freq": 256,
    "gradient_steps": 128,
    "exploration_fraction": 0.16,
    "exploration_final_eps": 0.04,
}


def q_values(model: Any, obs: np.ndarray) -> np.ndarray:
    """By the library's own network, with its own preprocessing."""
    policy = model.policy
    seen, _ = policy.obs_to_tensor(obs)
    with torch.no_grad():
        if isinstance(model, QRDQN):
            return policy.quantile_net(seen).mean(1).numpy()
        return policy.q_net(seen).numpy()


def write(folder: Path, name: str, model: Any, obs: np.ndarray) -> None:
    model.save(folder / name)
    actions, _ = model.predict(obs, deterministic=True)
    np.savez(folder / f"{name}.npz", obs=obs, q=q_values(model, obs), actions=actions)


def main() -> None:
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    seen = observations(gym.make("CartPole-v1"))
    for seed in range(3):
        model = DQN("MlpPolicy", "CartPole-v1", policy_kwargs={"net_arch": [256, 256]}, seed=seed, device="cpu", **FAST)
        write(folder, f"sb3_dqn_{seed}", model.learn(STEPS), seen)
    kwargs = {"net_arch": [64, 64], "n_quantiles": 25}
    model = QRDQN("MlpPolicy", "CartPole-v1", policy_kwargs=kwargs, seed=0, device="cpu", **FAST)
    write(folder, "sb3_qrdqn", model.learn(STEPS), seen)
    frames = VecFrameStack(DummyVecEnv([lambda: Pixels(last=True)]), 4)
    write(folder, "sb3_pictures", DQN("CnnPolicy", frames, buffer_size=64, seed=0, device="cpu"), pictures())


if __name__ == "__main__":
    assert NUM == 1_000
    main()
