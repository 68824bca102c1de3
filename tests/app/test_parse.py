"""How preset, file and words of the command line add up, in whatever order the words come."""

from dataclasses import replace
from itertools import chain, permutations
from pathlib import Path

import pytest

from dqnlab import presets
from dqnlab.app.parse import parse_train
from dqnlab.config import Config, Constant, Env, Episodes, Geometric, Linear, Prioritized, Scalar, Steps, Uniform
from dqnlab.config.toml import to_toml
from dqnlab.errors import ConfigError


def resolve(*words: str) -> Config:
    return parse_train(words)[0].config


@pytest.mark.parametrize(
    ("text", "words", "config"),
    [
        ("[sampler]\nalpha = 0.7", "--sampler prioritized", {"sampler": Prioritized(alpha=0.7)}),
        ("[sampler]\nalpha = 0.7", "--sampler prioritized --alpha 0.2", {"sampler": Prioritized(alpha=0.2)}),
        ("[epsilon]\nfactor = 0.5", "epsilon:geometric", {"epsilon": Geometric(factor=0.5)}),
        ("[epsilon]\nsteps = 9\nend = 0.2", "epsilon:geometric", {"epsilon": Geometric(end=0.2)}),
        ('[epsilon]\nkind = "linear"\nend = 0.2', "epsilon:geometric", {"epsilon": Geometric()}),
        ('[sampler]\nkind = "prioritized"\nbeta = 0.2', "--sampler uniform", {"sampler": Uniform()}),
        ('[sampler]\nkind = "prioritized"\nbeta = 0.2', "--sampler prioritized", {"sampler": Prioritized(beta=0.2)}),
        ("[budget]\nnum = 5000", "--episodes 70", {"budget": Episodes(num=70)}),
    ],
)
def test_a_kind_that_a_flag_chooses_takes_what_a_file_says_of_it(text: str, words: str, config: dict) -> None:
    Path("my.toml").write_text(text)
    assert resolve("--config", "my.toml", *words.split()) == replace(presets.get("cartpole"), **config)


def test_what_a_file_says_of_no_kind_that_is_chosen_is_refused_with_its_name() -> None:
    Path("my.toml").write_text("[sampler]\nalpha = 0.7\ngamma = 3")
    with pytest.raises(ConfigError, match=r"my.toml: unknown key 'sampler.gamma'"):
        resolve("--config", "my.toml", "--sampler", "prioritized")
    with pytest.raises(ConfigError, match=r"my.toml: sampler.alpha belongs to kind 'prioritized'"):
        resolve("--config", "my.toml")


def test_flags_choices_and_environment_come_in_any_order() -> None:
    groups = [["Acrobot-v1"], ["head:scalar"], ["--head.huber", "0.5", "--no-stop-when-solved"], ["--steps=2e4"]]
    configs = [resolve(*chain.from_iterable(order)) for order in permutations(groups)]
    assert all(config == configs[0] for config in configs)
    config = configs[0]
    assert (config.env.id, config.head, config.budget) == ("Acrobot-v1", Scalar(huber=0.5), Steps(num=20_000))
    assert not config.stop_when_solved


@pytest.mark.parametrize(
    "words", [["epsilon:geometric", "--epsilon.factor", "0.9"], ["--epsilon.factor=0.9", "epsilon:geometric"]]
)
def test_a_flag_of_a_kind_may_stand_before_its_choice(words: list[str]) -> None:
    assert resolve(*words).epsilon == Geometric(factor=0.9)


def test_a_choice_of_the_kind_that_is_there_keeps_its_settings() -> None:
    assert resolve("--preset", "textbook", "epsilon:geometric", "--epsilon.end", "0.1").epsilon == Geometric(end=0.1)
    assert resolve("--preset", "textbook", "epsilon:linear").epsilon == Linear()


def test_the_command_line_beats_the_file_and_the_file_beats_the_preset() -> None:
    Path("my.toml").write_text(
        'preset = "textbook"\nseed = 4\ngamma = 0.5\n[epsilon]\nkind = "constant"\nvalue = 0.3\n'
    )
    config = resolve("--seed", "9", "--config", "my.toml")
    assert (config.preset, config.seed, config.gamma) == ("textbook", 9, 0.5)
    assert config.epsilon == Constant(value=0.3)
    assert config.budget == Episodes(num=600)  # as the preset says


def test_a_preset_on_the_command_line_replaces_the_one_in_the_file() -> None:
    Path("my.toml").write_text('preset = "textbook"\ngamma = 0.5\n')
    config = resolve("--config", "my.toml", "--preset", "cartpole")
    assert (config.preset, config.gamma, config.budget) == ("cartpole", 0.5, presets.get("cartpole").budget)


def test_the_environment_on_the_command_line_replaces_the_one_in_the_file() -> None:
    Path("my.toml").write_text('[env]\nid = "Taxi-v4"\nnum_envs = 3\n')
    assert (resolve("--config", "my.toml").env.id, resolve("--config", "my.toml").preset) == ("Taxi-v4", "default")
    config = resolve("--config", "my.toml", "Acrobot-v1")
    assert (config.env.id, config.env.num_envs) == ("Acrobot-v1", 3)


@pytest.mark.parametrize("words", [[], ["CartPole-v1"], ["--env.id", "CartPole-v1"]])
def test_cartpole_has_its_own_preset(words: list[str]) -> None:
    args, remark = parse_train(words)
    assert (args.config, remark) == (presets.get("cartpole"), "")


def test_another_environment_gets_the_default_preset_and_a_line_says_so() -> None:
    args, remark = parse_train(["Blackjack-v1"])
    assert (args.config.preset, args.config.env.id) == ("default", "Blackjack-v1")
    assert "Blackjack-v1 has no preset of its own: using `default`" in remark
    assert parse_train(["Blackjack-v1", "--preset", "cartpole"])[1] == ""


MINIGRID = "minigrid:MiniGrid-Empty-5x5-v0"


@pytest.mark.parametrize("words", [[MINIGRID], [MINIGRID, "--preset", "rainbow"], ["--env.id", MINIGRID]])
def test_parts_that_no_network_reads_are_left_out_of_an_environment_with_a_sheet(words: list[str]) -> None:
    assert resolve(*words).env.keys == ("image", "direction")


@pytest.mark.parametrize(
    ("flags", "keys"),
    [
        (["--env.keys", "image"], ("image",)),
        (["--env.keys", ""], ()),
        (["--env.wrappers", "minigrid.wrappers:ImgObsWrapper"], ()),  # it shows other parts
    ],
)
def test_what_is_typed_goes_before_an_environments_sheet(flags: list[str], keys: tuple[str, ...]) -> None:
    assert resolve(MINIGRID, *flags).env.keys == keys


def test_what_a_file_says_goes_before_an_environments_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my.toml").write_text(f'[env]\nid = "{MINIGRID}"\n')
    assert resolve("--config", "my.toml", "--trust-env-module", "minigrid").env.keys == ("image", "direction")
    Path("my.toml").write_text(f'[env]\nid = "{MINIGRID}"\nkeys = ["direction"]\n')
    assert resolve("--config", "my.toml", "--trust-env-module", "minigrid").env.keys == ("direction",)
    Path("my.toml").write_text('[env]\nkeys = ["direction"]\n')
    assert resolve("--config", "my.toml", MINIGRID).env.keys == ("direction",)


def test_an_empty_list_of_numbers_is_a_slip() -> None:
    with pytest.raises(ConfigError, match=r"--torso\.hidden must be a whole number, got ''"):
        resolve("--torso.hidden", "")


def test_a_module_before_the_environment_is_no_choice_of_kind() -> None:
    assert resolve("my_package.envs:Corridor-v0").env.id == "my_package.envs:Corridor-v0"


def test_several_values_of_one_flag_end_where_the_environment_begins() -> None:
    config = resolve("--torso.hidden", "32", "16", "Acrobot-v1")
    assert (config.torso.hidden, config.env.id) == ((32, 16), "Acrobot-v1")


def test_steps_are_checked_with_the_other_flags_not_before_them() -> None:
    config = resolve("--steps", "300", "--learning-starts", "100", "--batch-size", "50")
    assert (config.budget, config.learning_starts) == (Steps(num=300), 100)


def test_a_budget_in_episodes_takes_its_number_from_a_flag() -> None:
    assert resolve("--budget.num", "30", "budget:episodes").budget == Episodes(num=30)


@pytest.mark.parametrize(("text", "value"), [("200000", 200_000), ("200_000", 200_000), ("2e5", 200_000)])
def test_whole_numbers_may_be_written_short(text: str, value: int) -> None:
    assert resolve("--replay-capacity", text).replay_capacity == value


def test_negative_numbers_and_none_are_values() -> None:
    config = resolve("--env.reward-threshold", "-100", "--head.huber", "none", "--env.max-episode-steps", "None")
    assert (config.env.reward_threshold, config.head.huber, config.env.max_episode_steps) == (-100.0, None, None)


def test_a_value_behind_an_equals_sign_may_begin_with_a_dash() -> None:
    assert parse_train(["--out=-odd"])[0].out == Path("-odd")


def test_arguments_of_the_environment_are_json() -> None:
    assert resolve("--env.kwargs", '{"map_name": null, "slippery": false}').env.kwargs == {
        "map_name": None,
        "slippery": False,
    }


def test_underscores_and_dashes_are_the_same() -> None:
    assert resolve("--env.num_envs", "3", "evaluate_every:steps") == resolve(
        "--env.num-envs", "3", "evaluate-every:steps"
    )


def test_the_file_of_a_run_repeats_it_whatever_the_run_was_called() -> None:
    for config in (Config(gamma=0.5), Config(preset="mine", gamma=0.5), replace(presets.get("default"), preset="mine")):
        Path("run.toml").write_text(to_toml(config), encoding="utf-8")
        assert resolve("--config", "run.toml") == config


def test_custom_stands_for_the_plain_settings_and_other_unknown_names_for_nothing() -> None:
    Path("my.toml").write_text('preset = "custom"\ngamma = 0.5\n', encoding="utf-8")
    assert resolve("--config", "my.toml", "CartPole-v1") == Config(gamma=0.5)
    Path("my.toml").write_text('preset = "cartpol"\ngamma = 0.5\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="unknown preset 'cartpol'; did you mean cartpole"):
        resolve("--config", "my.toml")


def test_a_file_whose_environment_only_python_knows_says_so_and_takes_another() -> None:
    def lane() -> None: ...

    Path("run.toml").write_text(to_toml(Config(env=Env(id=lane), gamma=0.5)), encoding="utf-8")
    with pytest.raises(
        ConfigError, match="from a run in Python, whose environment 'lane' no file can hold: name one with --env"
    ):
        resolve("--config", "run.toml")
    assert resolve("--config", "run.toml", "--env", "CartPole-v1") == Config(gamma=0.5)
