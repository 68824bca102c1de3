"""The arithmetic of CleanRL's dqn.py, written anew, at the example's work.

As there: a vector of one environment that counts its returns, a replay of numpy arrays from which each field is
gathered and turned into a tensor, modules, autograd, torch's Adam as it comes, the target copied parameter by
parameter.
"""

from collections.abc import Callable

from steady import EPSILON, arguments, measure, show

GAMMA, CAPACITY, BATCH, SYNC_EVERY = 0.99, 10_000, 64, 100


class Replay:
    """The last transitions of one environment, field by field."""

    def __init__(self) -> None:
        import numpy as np

        self.rng = np.random.default_rng(0)
        self.obs = np.zeros((CAPACITY, 1, 4), np.float32)
        self.next_obs = np.zeros((CAPACITY, 1, 4), np.float32)
        self.actions = np.zeros((CAPACITY, 1), np.int64)
        self.rewards = np.zeros((CAPACITY, 1), np.float32)
        self.terminated = np.zeros((CAPACITY, 1), np.float32)
        self.stored = 0

    def add(self, obs, next_obs, actions, rewards, terminated) -> None:
        slot = self.stored % CAPACITY
        self.obs[slot], self.next_obs[slot], self.actions[slot] = obs, next_obs, actions
        self.rewards[slot], self.terminated[slot] = rewards, terminated
        self.stored += 1

    def sample(self) -> tuple:
        import torch

        rows = self.rng.integers(min(self.stored, CAPACITY), size=BATCH)
        fields = (self.obs, self.next_obs, self.actions, self.rewards, self.terminated)
        obs, next_obs, actions, rewards, terminated = (torch.tensor(each[rows, 0]) for each in fields)
        return obs, next_obs, actions[:, None], rewards, terminated


def prepare(steps: int) -> Callable[[], object]:
    """A fresh agent."""
    import gymnasium as gym
    import numpy as np
    import torch
    from gymnasium.vector import AutoresetMode, SyncVectorEnv
    from torch import nn

    torch.manual_seed(0)
    rng = np.random.default_rng(1)

    def make_env() -> gym.Env:
        return gym.wrappers.RecordEpisodeStatistics(gym.make("CartPole-v1"))

    def network() -> nn.Module:
        return nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))

    envs = SyncVectorEnv([make_env], autoreset_mode=AutoresetMode.SAME_STEP)
    online, target, replay = network(), network(), Replay()
    target.load_state_dict(online.state_dict())
    optimizer = torch.optim.Adam(online.parameters(), lr=1e-3)

    def update() -> None:
        obs, next_obs, actions, rewards, terminated = replay.sample()
        with torch.no_grad():
            value, _ = target(next_obs).max(dim=1)
            goal = rewards + GAMMA * value * (1 - terminated)
        loss = nn.functional.mse_loss(goal, online(obs).gather(1, actions).squeeze())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def sync() -> None:
        for theirs, ours in zip(target.parameters(), online.parameters(), strict=True):
            theirs.data.copy_(ours.data)

    def run() -> None:
        obs, _ = envs.reset(seed=0)
        for step in range(1, steps + 1):
            if rng.random() < EPSILON:
                actions = np.array([envs.single_action_space.sample()])
            else:
                actions = online(torch.as_tensor(obs)).argmax(dim=1).numpy()
            next_obs, rewards, terminated, truncated, infos = envs.step(actions)
            last = np.stack(infos["final_obs"]) if (terminated | truncated).any() else next_obs
            replay.add(obs, last, actions, rewards, terminated)
            obs = next_obs
            if step > BATCH:
                update()
            if step % SYNC_EVERY == 0:
                sync()

    return run


def main() -> None:
    import torch

    torch.set_num_threads(1)
    args = arguments()
    show(measure(prepare, args.steps), "torch", "gymnasium", "numpy")


if __name__ == "__main__":
    main()
