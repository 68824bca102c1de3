"""Deep Q-learning on CartPole-v1 in one file, for reading your first DQN.

    python examples/dqn_in_one_file.py

The agent learns Q(obs, action): the reward it can still expect if it takes `action` now and acts well
afterwards. There are three copies of the network. `online` learns and acts. `target` is an older copy
that rates the next observation, so that the goal does not run away from whoever aims at it. `best` is
the copy that did best in tests, and what you keep.
"""

import argparse
import copy
import random
import time
from collections import deque
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

GAMMA = 0.99  # a reward counts a little less for every step that it lies ahead
REPLAY_CAPACITY, BATCH_SIZE = 10_000, 64  # transitions remembered; drawn for one update
SYNC_EVERY = 100  # updates between two copies from online to target
EPSILON_FACTOR, EPSILON_END = 0.995, 0.01  # share of random actions: multiplied after each episode, never below
EVALUATE_EVERY, EVALUATION_EPISODES = 10, 5
MAX_EPISODE_STEPS = 20_000

Obs = np.ndarray[Any, Any]
Env = gym.Env[Any, Any]


class QNetwork(nn.Module):
    """Observations [B, 4] -> values [B, 2], one per action."""

    def __init__(self, inputs: int, actions: int):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, actions))

    def forward(self, obs: Tensor) -> Tensor:
        return self.fc(obs)


class Transition(NamedTuple):
    """One step in the environment."""

    obs: Obs
    action: int
    reward: float
    next_obs: Obs
    terminated: bool  # the pole fell, so nothing follows; being out of time (truncated) is not that


class Batch(NamedTuple):
    """B transitions, column by column."""

    obs: Tensor  # [B, 4]
    action: Tensor  # [B]
    reward: Tensor  # [B]
    next_obs: Tensor  # [B, 4]
    terminated: Tensor  # [B], 1.0 or 0.0


def stack(transitions: list[Transition]) -> Batch:
    obs, action, reward, next_obs, terminated = zip(*transitions, strict=True)
    first = torch.as_tensor(np.stack(obs)), torch.tensor(action), torch.tensor(reward)
    return Batch(*first, torch.as_tensor(np.stack(next_obs)), torch.tensor(terminated, dtype=torch.float32))


def update(online: nn.Module, target: nn.Module, optimizer: Optimizer, batch: Batch, gamma: float) -> float:
    """Pulls the value of each taken action towards reward + gamma * best next value; returns the loss."""
    prediction = online(batch.obs).gather(1, batch.action[:, None]).squeeze(1)  # [B]
    with torch.no_grad():
        next_value = target(batch.next_obs).max(dim=1).values  # [B]
        goal = batch.reward + gamma * (1 - batch.terminated) * next_value
    loss = nn.functional.mse_loss(prediction, goal)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@torch.no_grad()
def greedy(network: nn.Module, obs: Obs) -> int:
    """The action that the network values most."""
    return int(network(torch.as_tensor(obs)).argmax())


def evaluate(network: nn.Module, env: Env, episodes: int) -> float:
    """The mean return of whole episodes without a random action."""
    total = 0.0
    for _ in range(episodes):
        (obs, _info), over = env.reset(), False
        while not over:
            obs, reward, terminated, truncated, _info = env.step(greedy(network, obs))
            total += float(reward)
            over = terminated or truncated
    return total / episodes


def train(episodes: int, steps: int, seed: int, evaluation: bool) -> None:
    torch.set_num_threads(1)  # more threads only slow so small a network down
    torch.manual_seed(seed)
    rng = random.Random(seed)
    env, test_env = (gym.make("CartPole-v1", max_episode_steps=MAX_EPISODE_STEPS) for _ in range(2))
    env.reset(seed=seed)  # later resets go on from there
    test_env.reset(seed=seed + 1)

    online = QNetwork(4, 2)
    target, best = copy.deepcopy(online), copy.deepcopy(online)  # three networks, each with weights of its own
    optimizer = Adam(online.parameters(), lr=1e-3)
    replay: deque[Transition] = deque(maxlen=REPLAY_CAPACITY)
    epsilon, step, updates, best_mean, start = 1.0, 0, 0, -np.inf, time.perf_counter()

    for episode in range(1, episodes + 1):
        obs, _info = env.reset()
        ret, over = 0.0, False
        while not over and step < steps:
            action = rng.randrange(2) if rng.random() < epsilon else greedy(online, obs)  # act
            next_obs, reward, terminated, truncated, _info = env.step(action)
            replay.append(Transition(obs, action, float(reward), next_obs, terminated))  # store
            obs, over, ret, step = next_obs, terminated or truncated, ret + float(reward), step + 1
            if len(replay) >= BATCH_SIZE:
                update(online, target, optimizer, stack(rng.sample(replay, BATCH_SIZE)), GAMMA)  # learn
                updates += 1
                if updates % SYNC_EVERY == 0:
                    target.load_state_dict(online.state_dict())  # sync
        epsilon = max(EPSILON_END, epsilon * EPSILON_FACTOR)
        if evaluation and episode % EVALUATE_EVERY == 0:
            mean = evaluate(online, test_env, EVALUATION_EPISODES)
            if mean > best_mean:
                best_mean = mean
                best.load_state_dict(online.state_dict())  # best
                torch.save(best.state_dict(), "best_model.pth")
            print(f"episode {episode:4d}  step {step:7,d}  return {ret:6.0f}  epsilon {epsilon:.2f}  test {mean:6.0f}")
        if step >= steps:
            break
    seconds = time.perf_counter() - start
    print(f"{step:,} env steps, {updates:,} updates, {seconds:.1f} s, {step / seconds:,.0f} env steps/s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="the textbook DQN on CartPole-v1")
    parser.add_argument("--episodes", type=int, default=600)
    parser.add_argument("--steps", type=int, default=10**9, help="stop after so many env steps")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-evaluation", dest="evaluation", action="store_false", help="learn only: keeps no best")
    train(**vars(parser.parse_args()))
