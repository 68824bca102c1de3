"""rejax's DQN at the example's work: the whole loop, environment included, compiled by XLA; many agents by vmap."""

from collections.abc import Callable
from functools import partial

from steady import EPSILON, arguments, measure, show


def prepare(agents: int, steps: int) -> Callable[[], object]:
    """Fresh agents, compiled."""
    import jax
    from rejax import get_algo

    algo = (
        get_algo("dqn")
        .create(
            env="CartPole-v1",
            agent_kwargs={"activation": "relu"},  # its hidden layers are 64 and 64
            learning_rate=1e-3,
            gamma=0.99,
            ddqn=False,
            num_envs=1,
            num_epochs=1,
            buffer_size=10_000,
            fill_buffer=64,
            batch_size=64,
            target_update_freq=100,
            polyak=0.0,  # the share of the old target that a copy leaves
            eps_start=EPSILON,
            eps_end=EPSILON,
            total_timesteps=steps,
            eval_freq=steps,
            skip_initial_evaluation=True,
        )
        .replace(eval_callback=lambda algo, state, rng: ())
    )
    keys = jax.random.split(jax.random.PRNGKey(0), agents)
    train = jax.jit(jax.vmap(algo.train) if agents > 1 else algo.train)
    key = keys if agents > 1 else keys[0]
    compiled = train.lower(key).compile()
    return lambda: jax.block_until_ready(compiled(key))


def main() -> None:
    args = arguments()
    measured = measure(partial(prepare, args.agents), args.steps, args.agents)
    show(measured, "rejax", "gymnax", "jax", "jaxlib", "flax")


if __name__ == "__main__":
    main()
