"""Two runs on one page: the same episodes for both, where they part, what differs, and what is refused."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dqnlab
from dqnlab.app.cli import main
from dqnlab.app.show import show_run
from dqnlab.config import Adam, Config, Env
from dqnlab.errors import ConfigError
from dqnlab.explain.beside import Pair, beside_data, judged, pairs_to_show, settings_between, write_beside
from dqnlab.explain.episodes import Recorded
from dqnlab.explain.page import join_modules, join_styles
from dqnlab.store.folder import Run

from ..tiny import SMALL, tiny


def trained(folder: Path, config: Config = SMALL, **changes: Any) -> Run:
    return dqnlab.train(replace(config, **changes), out=folder, trackers=("none",))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    home = tmp_path_factory.mktemp("beside")
    return trained(home / "one"), trained(home / "other", optimizer=Adam(lr=0.05), seed=4)


@pytest.fixture(scope="module")
def data(runs: tuple[Run, Run]) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    def keep(sides: Any, place: Path) -> dict[str, Any]:
        found.append(beside_data(sides, place))
        return found[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dqnlab.explain.beside.beside_data", keep)
        write_beside(*runs)
    return found[0]


def played(actions: list[int], obs: list[float]) -> Recorded:
    kept = np.array(obs, np.float32)[:, None]
    zeros = np.zeros(len(actions), np.float32)
    return Recorded(
        seed=0, ret=0.0, length=len(actions), ended="terminated", obs=kept, action=np.array(actions), reward=zeros,
        q={}, coin=zeros, state=None, frames=None, terrain=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "parting"),
    [
        (([0, 1, 1], [1, 2, 3]), ([0, 1, 0, 0], [1, 2, 3, 9]), (2, False)),
        (([0, 1, 1], [1, 2, 3]), ([0, 1], [1, 2]), (None, False)),
        (([0, 1, 1], [1, 2, 3]), ([0, 1, 0], [1, 7, 3]), (2, True)),
        (([0, 1], [1, 2]), ([0, 1], [1, 7]), (None, True)),
        (([1, 0], [1, 2]), ([0, 0], [1, 7]), (0, False)),
    ],
)
def test_they_part_at_the_first_step_at_which_they_decide_differently(one: Any, other: Any, parting: Any) -> None:
    assert Pair(played(*one), played(*other)).parting == parting


def test_the_first_start_and_the_largest_leads_are_shown_among_five() -> None:
    returns = [(1.0, 1.0), (5.0, 1.0), (2.0, 2.0), (1.0, 1.0), (1.0, 1.0), (1.0, 1.0), (0.0, 9.0)]
    assert pairs_to_show(returns) == ([0, 1, 2, 3, 6], {"first": 0, "one": 1, "other": 4})
    assert pairs_to_show([(3.0, 3.0)]) == ([0], {"first": 0})


def test_what_only_says_how_a_run_is_kept_is_no_difference() -> None:
    ours = [("gamma", "0.99"), ("checkpoint_every", "5"), ("seed", "0"), ("head.huber", "1.0")]
    theirs = [("gamma", "0.9"), ("checkpoint_every", "9"), ("seed", "0"), ("head.v_max", "auto")]
    assert settings_between([ours, theirs]) == [
        ["gamma", "0.99", "0.9"],
        ["head.huber", "1.0", "–"],
        ["head.v_max", "–", "auto"],
    ]


def test_a_curve_is_the_mean_and_the_middle_half_of_each_evaluation() -> None:
    found = judged([{"step": 5}, {"step": 9, "eval/returns": [0.0, 1.0, 2.0, 3.0, 4.0]}, {"step": 9}])
    assert [found[name].tolist() for name in ("step", "mean", "low", "high")] == [[9.0], [2.0], [1.0], [3.0]]


def test_both_play_the_same_episodes_with_their_own_networks(runs: tuple[Run, Run], data: dict[str, Any]) -> None:
    agents = [dqnlab.load(run) for run in runs]
    for episode in data["episodes"]:
        one, other = episode["sides"]
        assert one["seed"] == other["seed"] == episode["seed"]
        assert np.array_equal(one["obs"][0], other["obs"][0])
        until = min(one["length"], other["length"]) if episode["parting"] is None else episode["parting"] + 1
        assert np.array_equal(one["obs"][:until], other["obs"][:until])
        for agent, side in zip(agents, episode["sides"], strict=True):
            assert np.allclose(side["q"]["best"][0], agent.q_values(side["obs"][0]), rtol=1e-5)
    assert len(data["returns"]) == 8


def test_the_page_says_what_differs_and_leads_to_pages_that_are_there(data: dict[str, Any]) -> None:
    assert data["differing"] == [["seed", "0", "4"], ["optimizer.lr", "0.001", "0.05"]]
    assert [run["called"] for run in data["runs"]] == ["one", "other"]
    assert [run["page"] for run in data["runs"]] == [None, None]
    assert data["fork"] is None


def test_a_branch_is_shown_beside_its_parent_from_where_it_left(
    runs: tuple[Run, Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = runs
    dqnlab.report(run)
    branch = dqnlab.branch(run, at=200, out=run.folder.parent / "branch", optimizer={"lr": 0.01}, trackers=("none",))
    dqnlab.report(branch)
    show_run(branch)
    assert f"dqn explain {branch.folder} --beside parent\n" in capsys.readouterr().out
    made = dqnlab.report(branch, beside="parent")
    assert made.path.name == "beside-one.html"
    text = made.path.read_text("utf-8")
    assert '"fork":{"step":200,"branch":0}' in text
    assert '"page":"./../one/report.html"' in text
    again = dqnlab.report(run, beside=branch, out=tmp_path / "both.html")
    assert '"fork":{"step":200,"branch":1}' in again.path.read_text("utf-8")
    with pytest.raises(ConfigError, match="'one' was not branched from another run: name the one to show beside it"):
        dqnlab.report(run, beside="parent")


@pytest.mark.parametrize(
    ("env", "said"),
    [
        (Env(id="Acrobot-v1", max_episode_steps=20), "env.id is 'CartPole-v1' in 'one' and 'Acrobot-v1' in 'strange'"),
        (Env(frame_stack=2), r"'one' has observations \(4,\) float32, and 'strange' \(2, 4\) float32"),
        (Env(kwargs={"sutton_barto_reward": True}), "env.kwargs is {} in 'one' and"),
    ],
)
def test_what_is_not_the_same_world_is_refused_by_name(
    runs: tuple[Run, Run], env: Env, said: str, tmp_path: Path
) -> None:
    strange = trained(tmp_path / "strange", tiny(), env=env)
    with pytest.raises(ConfigError, match=said):
        dqnlab.report(runs[0], beside=strange)


def test_on_a_lake_each_page_has_the_action_of_every_field(tmp_path: Path) -> None:
    env = Env(id="FrozenLake-v1", max_episode_steps=20)
    runs = [trained(tmp_path / name, tiny(), env=env, seed=seed) for seed, name in enumerate(("one", "other"))]
    text = dqnlab.report(runs[0], beside=runs[1]).path.read_text("utf-8")
    found = [json.loads(each) for each in re.findall(r'"policy":(\[[\d,]+\])', text)]
    assert found == [[int(dqnlab.load(run).act(state)) for state in range(16)] for run in runs]


def test_a_run_beside_itself_is_refused(runs: tuple[Run, Run]) -> None:
    with pytest.raises(ConfigError, match="'one' beside itself shows nothing: name another run"):
        dqnlab.report(runs[0], beside=runs[0])


def test_the_command_writes_it_and_says_where(runs: tuple[Run, Run], capsys: pytest.CaptureFixture[str]) -> None:
    one, other = runs
    assert main(["explain", str(one.folder), "--beside", str(other.folder)]) == 0
    (path,) = capsys.readouterr().out.splitlines()
    assert path == str(one.folder / "beside-other.html")
    assert (one.folder / "beside-other.html").is_file()
    assert main(["explain", str(one.folder), "--beside", str(other.folder), "--step"]) == 2
    assert "leave out --beside" in capsys.readouterr().err
    assert main(["rm", str(one.folder), "--yes"]) == 0
    assert not one.folder.exists()


def test_each_page_has_only_its_own_styles_and_modules() -> None:
    assert ".beside-pair" in join_styles("beside")
    assert ".beside-pair" not in join_styles()
    assert 'modules["views/curve.js"]' not in join_modules("beside")
    assert 'modules["beside.js"]' not in join_modules()
