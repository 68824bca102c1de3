"""Short agents with the networks and files of CleanRL for `imported.py`, written anew: DQN, C51, DQN for pictures.

    python train_cleanrl.py FOLDER

A network is an `nn.Sequential` called `network`; a DQN is saved as its state_dict, a C51 as a table of that and the
program's arguments, and its 51 returns are a buffer. Writes NAME.cleanrl_model, and NAME.npz as `train_sb3.py` does.
"""

import sys
from collections import deque
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import torch
from asked import ACTIONS, FRAMES, observations, pictures
from torch import Tensor, nn

STEPS, CAPACITY, BATCH, GAMMA = 20_000, 10_000, 128, 0.99
ATOMS, LOW, HIGH = 101, -100.0, 100.0


def dense(*sizes: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return layers[:-1]


class Values(nn.Module):
    """One number per action."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(*dense(4, 120, 84, 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)


class Pictures(nn.Module):
    """The network of Mnih et al. (2015), which divides bytes itself."""

    def __init__(self) -> None:
        super().__init__()
        convs = [nn.Conv2d(FRAMES, 32, 8, 4), nn.ReLU(), nn.Conv2d(32, 64, 4, 2), nn.ReLU(), nn.Conv2d(64, 64, 3)]
        self.network = nn.Sequential(*convs, nn.ReLU(), nn.Flatten(), *dense(3136, 512, ACTIONS))

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x / 255.0)


class Shares(nn.Module):
    """Probabilities of evenly spaced returns."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("atoms", torch.linspace(LOW, HIGH, ATOMS))
        self.network = nn.Sequential(*dense(4, 120, 84, 2 * ATOMS))

    def shares(self, x: Tensor) -> Tensor:
        return self.network(x).view(len(x), 2, ATOMS).softmax(2)

    def forward(self, x: Tensor) -> Tensor:
        return (self.shares(x) * self.atoms).sum(2)


class Batch(NamedTuple):
    """Transitions."""

    obs: Tensor
    action: Tensor
    reward: Tensor
    ended: Tensor
    after: Tensor


def td_loss(online: Any, target: Any, batch: Batch) -> Tensor:
    with torch.no_grad():
        goal = batch.reward + GAMMA * target(batch.after).max(1).values * (1 - batch.ended)
    return nn.functional.mse_loss(online(batch.obs).gather(1, batch.action[:, None])[:, 0], goal)


def share_loss(online: Any, target: Any, batch: Batch) -> Tensor:
    """Cross entropy to the projected distribution (Bellemare et al. 2017)."""
    rows = torch.arange(len(batch.obs))
    width = (HIGH - LOW) / (ATOMS - 1)
    with torch.no_grad():
        shares = target.shares(batch.after)[rows, target(batch.after).argmax(1)]
        moved = (batch.reward[:, None] + GAMMA * (1 - batch.ended[:, None]) * target.atoms).clamp(LOW, HIGH)
        place = (moved - LOW) / width
        near = 1 - (place[:, :, None] - torch.arange(ATOMS)).abs()
        wanted = (near.clamp(0, 1) * shares[:, :, None]).sum(1)
    return -(wanted * online.shares(batch.obs)[rows, batch.action].clamp(1e-5).log()).sum(1).mean()


def train(network: type[nn.Module], loss: Any) -> nn.Module:
    torch.manual_seed(0)
    rng, env = np.random.default_rng(0), gym.make("CartPole-v1")
    online, target = network(), network()
    target.load_state_dict(online.state_dict())
    optimizer, replay = torch.optim.Adam(online.parameters(), lr=2.5e-4 * 4), deque[Any](maxlen=CAPACITY)
    obs, _ = env.reset(seed=0)
    for step in range(STEPS):
        epsilon = max(1 - 0.95 * step / (0.5 * STEPS), 0.05)
        chosen = online(torch.from_numpy(obs)[None]).argmax().item() if rng.random() >= epsilon else rng.integers(2)
        after, reward, terminated, truncated, _ = env.step(int(chosen))
        replay.append((obs, int(chosen), float(reward), float(terminated), after))
        obs = env.reset()[0] if terminated or truncated else after
        if step > 1_000 and step % 4 == 0:
            rows = [replay[i] for i in rng.integers(len(replay), size=BATCH)]
            columns = [torch.as_tensor(np.array(column)) for column in zip(*rows, strict=True)]
            value = loss(online, target, Batch(*[c.float() if c.is_floating_point() else c for c in columns]))
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
        if step % 500 == 0:
            target.load_state_dict(online.state_dict())
    return online


def write(folder: Path, name: str, network: nn.Module, obs: np.ndarray, saved: Any) -> None:
    torch.save(saved, folder / f"{name}.cleanrl_model")
    with torch.no_grad():
        q = torch.cat([network(part.float()) for part in torch.from_numpy(obs).split(100)]).numpy()
    np.savez(folder / f"{name}.npz", obs=obs, q=q, actions=q.argmax(1))


def main() -> None:
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    seen = observations(gym.make("CartPole-v1"))
    values = train(Values, td_loss)
    write(folder, "cleanrl_dqn", values, seen, values.state_dict())
    shares = train(Shares, share_loss)
    args = {"gamma": GAMMA, "learning_rate": 1e-3, "total_timesteps": STEPS, "batch_size": BATCH, "n_atoms": ATOMS}
    write(folder, "cleanrl_c51", shares, seen, {"model_weights": shares.state_dict(), "args": args})
    torch.manual_seed(0)
    network = Pictures()
    write(folder, "cleanrl_pictures", network, pictures(), network.state_dict())


if __name__ == "__main__":
    main()
