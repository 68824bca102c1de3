"""Stable-Baselines3's DQN at the example's work."""

from collections.abc import Callable

from steady import EPSILON, arguments, measure, show


def prepare(steps: int) -> Callable[[], object]:
    """A fresh agent."""
    from stable_baselines3 import DQN
    from torch import nn

    model = DQN(
        "MlpPolicy",
        "CartPole-v1",
        learning_rate=1e-3,
        buffer_size=10_000,
        learning_starts=64,
        batch_size=64,
        gamma=0.99,
        train_freq=1,
        gradient_steps=1,
        target_update_interval=100,
        exploration_initial_eps=EPSILON,
        exploration_final_eps=EPSILON,
        policy_kwargs={"net_arch": [64, 64], "activation_fn": nn.ReLU},
        device="cpu",
        seed=0,
    )
    return lambda: model.learn(steps)


def main() -> None:
    import torch

    torch.set_num_threads(1)
    args = arguments()
    show(measure(prepare, args.steps), "stable-baselines3", "torch", "gymnasium", "numpy")


if __name__ == "__main__":
    main()
