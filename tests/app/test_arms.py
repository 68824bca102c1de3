"""What is compared: arms by the words that name them, by plan files, and the plan file that they leave."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

import dqnlab
from dqnlab.app.arms import ArmTable, make_request, merged
from dqnlab.app.parse_compare import parse_compare, read_plan
from dqnlab.config import C51, Adam, Config, Gru, Mlp, Scalar, Steps, presets
from dqnlab.errors import ConfigError
from dqnlab.lab.arms import AskedArm, ComparisonRequest, seeds_text
from dqnlab.store.folder import META, write_json

from ..compare.kit import write_run

EXAMPLE = Path(__file__).resolve().parent.parent.parent / "examples" / "compare.toml"


def asked(line: str) -> ComparisonRequest:
    return parse_compare(shlex.split(line)).request


def test_presets_are_arms_and_the_first_is_the_baseline() -> None:
    request = asked("CartPole-v1 Acrobot-v1 --presets dqn,double --presets rainbow --seeds 3")
    assert [arm.name for arm in request.arms] == ["dqn", "double", "rainbow"]
    assert request.envs == ("CartPole-v1", "Acrobot-v1")
    assert request.seeds == (0, 1, 2)
    assert [config.env.id for config in request.arms[2].configs] == ["CartPole-v1", "Acrobot-v1"]
    assert request.arms[2].configs[0].head == presets.get("rainbow").head


def test_settings_of_an_arm_go_by_the_names_of_flags() -> None:
    request = asked('CartPole-v1 --presets dqn --arm "dqn n=3 lr=1e-3 hidden=32,16" --arm "dqn torso:gru double c51"')
    short, kinds = (arm.configs[0] for arm in request.arms[1:])
    assert (short.n, short.torso) == (3, Mlp(hidden=(32, 16)))
    assert short.optimizer == Adam(lr=1e-3, max_grad_norm=10.0)
    assert isinstance(kinds.torso, Gru)
    assert isinstance(kinds.head, C51)
    assert kinds.rule == presets.get("double").rule


def test_an_arm_may_be_written_with_dashes_too() -> None:
    plain, dashed = asked('CartPole-v1 --arm "dqn n=3" --arm "dqn --n 4 --gamma 0.9"').arms
    assert (plain.configs[0].n, dashed.configs[0].n, dashed.configs[0].gamma) == (3, 4, 0.9)


def test_flags_are_settings_of_every_arm_and_an_arm_s_own_count_more() -> None:
    request = asked('CartPole-v1 --presets dqn,double --arm "dqn gamma=0.5 steps=4000" --gamma 0.9 --steps 2000')
    assert [arm.configs[0].gamma for arm in request.arms] == [0.9, 0.9, 0.5]
    assert [arm.configs[0].budget for arm in request.arms] == [Steps(num=2_000), Steps(num=2_000), Steps(num=4_000)]


def test_nothing_is_filmed_unless_that_is_asked_for() -> None:
    assert [arm.configs[0].film.episodes for arm in asked("CartPole-v1 --presets dqn,double").arms] == [0, 0]
    filmed = asked("CartPole-v1 --presets dqn,double --film.episodes 2").arms
    assert [arm.configs[0].film.episodes for arm in filmed] == [2, 2]


def test_a_folder_called_as_an_environment_is_no_run() -> None:
    Path("CartPole-v1").mkdir()
    assert asked("CartPole-v1 --presets dqn,double").envs == ("CartPole-v1",)


def test_seeds_count_up_from_the_first() -> None:
    assert asked("CartPole-v1 --presets dqn,double --seed 7 --seeds 2").seeds == (7, 8)
    assert len(asked("CartPole-v1 --presets dqn,double").seeds) == 5


def test_what_suits_an_environment_is_set_as_in_training() -> None:
    """MiniGrid's words are left out, whichever preset."""
    (arm, _) = asked("minigrid:MiniGrid-Empty-5x5-v0 --presets dqn,double").arms
    assert arm.configs[0].env.keys == ("image", "direction")
    assert asked("CartPole --presets dqn,double").envs == ("CartPole-v1",)


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        ({"n": 1}, {"n": 3}, {"n": 3}),
        ({"head": {"huber": 1.0}}, {"gamma": 0.9}, {"head": {"huber": 1.0}, "gamma": 0.9}),
        ({"optimizer": {"lr": 1.0, "eps": 2.0}}, {"optimizer": {"lr": 3.0}}, {"optimizer": {"lr": 3.0, "eps": 2.0}}),
        ({"head": {"kind": "scalar", "huber": 1.0}}, {"head": {"kind": "c51"}}, {"head": {"kind": "c51"}}),
        ({"head": {"kind": "c51"}}, {"head": {"num": 7}}, {"head": {"kind": "c51", "num": 7}}),
    ],
)
def test_settings_in_two_layers(first: dict[str, Any], second: dict[str, Any], both: dict[str, Any]) -> None:
    assert merged(first, second) == both


# ── Plan files ───────────────────────────────────────────────────────────────────────────────────


def test_the_example_says_what_its_comment_says() -> None:
    request = read_plan(str(EXAMPLE), Path("runs")).request({})
    assert [arm.name for arm in request.arms] == ["dqn", "double", "dqn n=3 lr=1e-3", "wide"]
    assert (request.envs, request.seeds) == (("CartPole-v1", "Acrobot-v1"), (0, 1, 2, 3, 4))
    assert {config.gamma for arm in request.arms for config in arm.configs} == {0.98}
    assert {config.budget for arm in request.arms for config in arm.configs} == {Steps(num=20_000)}
    assert request.arms[3].configs[1].torso == Mlp(hidden=(256, 256))


@pytest.mark.parametrize(
    "line",
    [
        "CartPole-v1 --presets dqn,double",
        'CartPole-v1 Acrobot-v1 --arm "dqn n=3 hidden=8,8" --arm "rainbow steps=4000" --gamma 0.9 --seed 3 --seeds 2',
        'CartPole-v1 --presets dqn --arm "dqn torso:gru huber=none" --max-episode-steps 60 --allow-unequal',
    ],
)
def test_a_plan_file_asks_for_what_the_words_ask_for(line: str) -> None:
    request = asked(line)
    Path("plan.toml").write_text(request.as_toml(), "utf-8")
    again = asked("--plan plan.toml")
    assert again.as_toml() == request.as_toml()
    assert again.home(Path("runs")) == request.home(Path("runs"))
    assert (again.envs, again.seeds, again.allow_unequal) == (request.envs, request.seeds, request.allow_unequal)
    assert [arm.configs for arm in again.arms] == [arm.configs for arm in request.arms]


def test_flags_count_more_than_the_plan_file() -> None:
    Path("plan.toml").write_text('envs = ["CartPole-v1"]\nseeds = [3, 5]\nsteps = 4000\narms = ["dqn", "double"]\n')
    assert asked("--plan plan.toml").seeds == (3, 5)
    changed = asked("--plan plan.toml --steps 2000 --seeds 3")
    assert changed.seeds == (3, 4, 5)
    assert changed.arms[0].configs[0].budget == Steps(num=2_000)


def test_a_module_that_a_plan_file_names_is_not_imported_unless_it_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path.cwd()))
    Path("evil.py").write_text("raise SystemExit('imported')\n")
    plans = {
        "env": 'envs = ["evil:Id-v0"]\narms = ["dqn", "double"]\n',
        "text": 'envs = ["CartPole-v1"]\narms = ["dqn", "dqn head:evil:Head"]\n',
        "flag": 'envs = ["CartPole-v1"]\narms = ["dqn", "dqn --head=evil:Head"]\n',
        "table": 'envs = ["CartPole-v1"]\narms = ["dqn", {preset = "dqn", settings = {head = {kind = "evil:Head"}}}]\n',
        "every": 'envs = ["CartPole-v1"]\narms = ["dqn", "double"]\nsettings = {rule = {kind = "evil:Rule"}}\n',
        "wrapper": 'envs = ["CartPole-v1"]\narms = ["dqn", "double"]\nsettings = {env = {wrappers = ["evil:W"]}}\n',
    }
    for text in plans.values():
        Path("plan.toml").write_text(text)
        with pytest.raises(ConfigError, match="evil"):
            asked("--plan plan.toml")
    Path("plan.toml").write_text(plans["env"])
    assert asked("--plan plan.toml --trust-env-module evil").envs == ("evil:Id-v0",)


# ── The request ──────────────────────────────────────────────────────────────────────────────────


def test_the_folder_is_the_same_for_the_same_request_only() -> None:
    homes = [asked(f"CartPole-v1 --presets dqn,double {more}").home(Path("runs")) for more in ("", "", "--gamma 0.9")]
    assert homes[0] == homes[1] != homes[2]
    assert homes[0].parent == Path("runs/comparisons")
    assert homes[0].name.startswith("CartPole-v1-dqn-double-")


@pytest.mark.parametrize(
    ("seeds", "said"),
    [((3,), "seed 3"), ((0, 1, 2), "seeds 0 to 2"), ((1, 5, 7), "seeds 1, 5 and 7"), (range(0, 30, 2), "15 seeds")],
)
def test_seeds_in_words(seeds: Any, said: str) -> None:
    assert seeds_text(tuple(seeds)) == said


def test_a_configuration_of_one_s_own_is_written_whole_and_read_back() -> None:
    config = Config(preset="mine", n=2, head=Scalar(huber=1.0))
    request = parse_request({"mine": config, "other": Config(preset="other")})
    Path("plan.toml").write_text(request.as_toml(), "utf-8")
    again = asked("--plan plan.toml")
    assert [arm.configs for arm in again.arms] == [arm.configs for arm in request.arms]


def parse_request(arms: dict[str, Config]) -> ComparisonRequest:
    tables = [ArmTable(name=name, preset=arm.preset, config=arm) for name, arm in arms.items()]
    return make_request(tables, ["CartPole-v1"], [0], settings={})


def test_an_arm_needs_seeds_and_environments_only_if_it_is_trained() -> None:
    runs = tuple(AskedArm(name=name, folders=(Path(name),)) for name in ("a", "b"))
    assert ComparisonRequest(arms=runs).as_toml().count("[[arms]]") == 2
    with pytest.raises(ConfigError, match="'a' has nothing to learn on"):
        ComparisonRequest(arms=(AskedArm(name="a"), *runs[1:]))


def named_runs(*names: str | None) -> list[Path]:
    """Runs that were given these names, all of one preset."""
    homes = []
    for seed, name in enumerate(names):
        home = write_run(Path(f"runs/CartPole-v1/2026010{seed}T000000Z-tiny-s{seed}"), seed)
        write_json(home / META, {"env": {"label": "CartPole-v1"}, "name": name, "tags": []})
        homes.append(home)
    return homes


def called(*words: str) -> list[str]:
    return [arm.name for arm in parse_compare(list(words)).request.arms]


def test_runs_are_called_by_the_names_that_they_were_given_unless_two_are_alike() -> None:
    first, slow, unnamed, again = named_runs("first", "slow", None, "other")
    assert called("first", "slow") == ["first", "slow"]
    assert called("first", str(unnamed)) == ["first", "tiny"]
    write_json(again / META, {"env": {"label": "CartPole-v1"}, "name": "first", "tags": []})
    assert called(str(first), str(again)) == [first.name, again.name]
    assert called(str(slow), str(unnamed)) == ["slow", "tiny"]


def test_one_run_is_not_compared_with_itself() -> None:
    first, _ = named_runs("first", "slow")
    with pytest.raises(ConfigError, match="'first' is named twice: leave one out"):
        parse_compare(["first", "first"])
    with pytest.raises(ConfigError, match="is named as two arms: leave one out"):
        parse_compare(["first", str(first)])


def test_python_says_where_settings_go() -> None:
    with pytest.raises(
        ConfigError, match=r"unknown argument 'stop_when_solved': .* settings=\{'stop_when_solved': …\}"
    ):
        dqnlab.compare("CartPole-v1", ["dqn", "double"], stop_when_solved=False)
    for wrong in ("seed", "sedes"):
        with pytest.raises(ConfigError, match=f"unknown argument '{wrong}': did you mean seeds?"):
            dqnlab.compare("CartPole-v1", ["dqn", "double"], **{wrong: 2})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"gama": 0.9}, "arm 'dqn': unknown key 'gama'; did you mean gamma?"),
        ({"optimizer": {"lrr": 1}}, "arm 'dqn': unknown key 'optimizer.lrr'; did you mean lr?"),
        ({"optimizer.lrr": 1}, "arm 'dqn': unknown key 'optimizer.lrr'; did you mean optimizer.lr?"),
        ({"optimizer.lr": 1}, "unknown key 'optimizer.lr'; write .* (in Python {'optimizer': {'lr': …}})"),
        ({"head": {"num": 3}}, "arm 'dqn': head.num belongs to head:qr, and head is scalar here: add head:qr"),
        ({"head": {"atom": 3}}, "arm 'dqn': unknown key 'head.atom'; choose from huber"),
    ],
    ids=str,
)
def test_python_names_the_setting_that_was_perhaps_meant(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said).replace(r"\.\*", ".*")):
        dqnlab.compare("CartPole-v1", ["dqn", "double"], settings=settings)


def test_python_says_what_an_arm_is() -> None:
    with pytest.raises(ConfigError, match="an arm must be a text such as 'dqn n=3 lr=1e-3'"):
        dqnlab.compare("CartPole-v1", {"a": "dqn", "b": {"preset": "dqn"}})  # type: ignore[dict-item]
