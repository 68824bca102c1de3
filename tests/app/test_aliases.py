"""What everybody types is understood: short flags, and the names of other libraries."""

from itertools import chain

import pytest

from dqnlab import presets
from dqnlab.app.aliases import CHOOSING, FLAGS, SWITCHES, names_in_use
from dqnlab.app.parse import parse_doctor, parse_train
from dqnlab.config import Adam, Config, Constant, Double, Env, Episodes, Film, Greedy, Hard, Mlp, Prioritized, Steps
from dqnlab.config.fields import hints, leaves, tagged, types
from dqnlab.errors import ConfigError


def resolve(*words: str) -> Config:
    return parse_train(words)[0].config


TYPED = [
    ("--lr 1e-3", {"optimizer": Adam(lr=1e-3)}),
    ("--learning-rate=1e-3", {"optimizer": Adam(lr=1e-3)}),
    ("--learning_rate 1e-3", {"optimizer": Adam(lr=1e-3)}),
    ("--hidden 64 32", {"torso": Mlp(hidden=(64, 32))}),
    ("--net-arch 64", {"torso": Mlp(hidden=(64,))}),
    ("--envs 8", {"env": Env(id="CartPole-v1", num_envs=8)}),
    ("--batch 100", {"batch_size": 100}),
    ("--buffer 60000", {"replay_capacity": 60_000}),
    ("--buffer-size 6e4", {"replay_capacity": 60_000}),
    ("--total-timesteps 30000", {"budget": Steps(num=30_000)}),
    ("--total_timesteps=3e4", {"budget": Steps(num=30_000)}),
    ("--budget 30000", {"budget": Steps(num=30_000)}),
    ("--episodes 300", {"budget": Episodes(num=300)}),
    ("--epsilon 0.1", {"epsilon": Constant(value=0.1)}),
    ("--epsilon=0.1", {"epsilon": Constant(value=0.1)}),
    ("--rule greedy", {"rule": Greedy()}),
    ("--rule=double", {"rule": Double()}),
    ("--double", {"rule": Double()}),
    ("--per", {"sampler": Prioritized()}),
    ("--sampler prioritized --alpha 0.7", {"sampler": Prioritized(alpha=0.7)}),
    ("--sync hard --target-update-interval 200", {"sync": Hard(every=200)}),
    ("--eval-freq 500", {"evaluate_every": Steps(num=500)}),
    ("--discount 0.9", {"gamma": 0.9}),
    ("--n-step 5", {"n": 5}),
    ("--no-film", {"film": Film(episodes=0)}),
    ("--env CartPole-v1", {}),
]


@pytest.mark.parametrize(("line", "meant"), TYPED)
def test_what_everybody_types_is_understood(line: str, meant: dict[str, object]) -> None:
    config, base = resolve(*line.split()), presets.get("cartpole")
    assert {name: getattr(config, name) for name in meant} == meant
    assert all(getattr(config, name) == getattr(base, name) for name in set(hints(Config)) - meant.keys())


def test_an_alias_hides_no_flag_and_leads_to_one() -> None:
    own = {
        *types(),
        *tagged(),
        "seeds",
        "out",
        "steps",
        "runs",
        "tracker",
        "quiet",
        "json",
        "config",
        "dry_run",
        "name",
        "tag",
    }
    aliases = [*FLAGS, *SWITCHES, *CHOOSING]
    assert len(set(aliases)) == len(aliases)
    assert set(aliases) & own <= {
        "epsilon",
        "budget",
        "env",
        "film",
        "memory",
        "evaluate_every",
    }  # no flags by themselves
    assert set(FLAGS.values()) | {setting for _, setting in CHOOSING.values()} <= own


def test_the_choices_of_kind_and_the_short_names_stand_apart(capsys: pytest.CaptureFixture[str]) -> None:
    for parse in (parse_train, parse_doctor):
        with pytest.raises(SystemExit):
            parse(["--help"])
        text = capsys.readouterr().out
        assert "evaluate_every:steps|episodes\n\nFlags:" in text
        assert "\n\nShort names, and those" in text.partition("\n\nFlags:")[2]


def test_the_help_lists_every_alias(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_train(["--help"])
    shown = capsys.readouterr().out.split()
    own = {name for name, _ in leaves(presets.get("cartpole"))}
    flags = [name for name, setting in FLAGS.items() if setting in own or setting not in types()]
    wanted = {f"--{name.replace('_', '-')}" for name in chain(flags, SWITCHES, CHOOSING)}
    assert wanted - {word.strip(",:│") for word in shown} == set()
    assert "--sync.every" not in shown  # of a kind that was not chosen
    assert len(names_in_use(types())) > 25


def test_the_doctor_understands_them_too() -> None:
    args = parse_doctor(["--envs", "3", "--batch", "99", "--random-steps", "50"])
    assert (args.config.env.num_envs, args.config.batch_size, args.random_steps) == (3, 99, 50)


@pytest.mark.parametrize("flag", ["--steps", "--budget", "--total-timesteps"])
def test_a_budget_is_one_for_the_doctor_too(flag: str) -> None:
    args = parse_doctor([flag, "30000"])
    assert (args.config.budget, args.random_steps) == (Steps(num=30_000), 2_000)


def test_a_flag_of_a_kind_that_was_not_chosen_is_still_refused_by_its_own_name() -> None:
    with pytest.raises(ConfigError, match=r"--sync\.every belongs to sync:hard"):
        resolve("--target-update", "100")


def test_a_value_is_never_taken_for_a_name() -> None:
    config = resolve("--env.kwargs", '{"--lr": 1}', "--preset=textbook", "--env", "prioritized")
    assert (config.env.kwargs, config.preset, config.env.id) == ({"--lr": 1}, "textbook", "prioritized")


# ── The preset that suits ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("words", [["CartPole"], ["--env.id", "CartPole"], ["--env=CartPole"], ["CartPole-v1"], []])
def test_an_environment_without_its_version_gets_its_tuned_preset(words: list[str]) -> None:
    args, remark = parse_train(words)
    assert (args.config, remark) == (presets.get("cartpole"), "")


def test_the_version_is_filled_in_under_any_preset() -> None:
    assert resolve("CartPole", "--preset", "textbook").env.id == "CartPole-v1"


@pytest.mark.parametrize("env", ["CartPole-v0", "CartPoleX", "FrozenLake", "mine:CartPole"])
def test_another_environment_gets_the_robust_preset(env: str) -> None:
    assert (resolve(env).preset, resolve(env).env.id) == ("default", env)


def test_a_preset_in_the_place_of_an_environment_is_answered_with_its_flag() -> None:
    with pytest.raises(ConfigError, match="'cartpole' is a preset, not an environment: use --preset cartpole"):
        resolve("cartpole")
