"""The settings of a run that is over in a second and skips nothing but the film and the page."""

from dqnlab.config import Config, Film, Mlp, Steps

BRIEF = Config(
    torso=Mlp(hidden=(8, 6)),
    budget=Steps(num=600),
    evaluate_every=Steps(num=200),
    learning_starts=64,
    select_episodes=3,
    confirm_episodes=2,
    score_episodes=3,
    metrics_every=20,
    stop_when_solved=False,
    film=Film(episodes=0),
    explain=False,
    compile="off",
)
