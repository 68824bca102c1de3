"""The page of a real run: what it is told, how large it may become, and that nothing is made up."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import dqnlab
from dqnlab.config import Env, Steps
from dqnlab.explain.evidence import gather_evidence
from dqnlab.explain.health.findings import Finding
from dqnlab.explain.page import words
from dqnlab.explain.report import MOST_SNAPSHOTS, page_data, write_report
from dqnlab.explain.weights import layers
from dqnlab.store.folder import LABELS, LAST, TARGET, Run

from ..grid import Grid
from ..tiny import tiny


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return dqnlab.train(
        tiny(
            update_every=1,
            env=Env(max_episode_steps=30),
            budget=Steps(num=600),
            evaluate_every=Steps(num=200),
            select_episodes=3,
        ),
        out=tmp_path_factory.mktemp("reported") / "run",
        trackers=("none",),
    )


@pytest.fixture(scope="module")
def data(run: Run) -> dict[str, Any]:
    return page_data(gather_evidence(run), [])


def test_the_three_networks_are_those_of_the_folder(run: Run, data: dict[str, Any]) -> None:
    for which, name in (("best", "best"), ("last", "online")):
        network = dqnlab.load(run.folder, which=which).network  # type: ignore[arg-type]
        for got, wanted in zip(data["networks"][name]["layers"], layers(network)["layers"], strict=True):
            assert np.array_equal(got["weight"], wanted["weight"])
            assert np.array_equal(got["bias"], wanted["bias"])
    assert not np.array_equal(
        data["networks"]["target"]["layers"][0]["weight"], data["networks"]["online"]["layers"][0]["weight"]
    )


def test_the_exploration_at_the_end_is_the_one_that_was_reached(run: Run) -> None:
    evidence = gather_evidence(run)
    short = replace(evidence, records=[*evidence.records, {"step": 9, "train/epsilon": 0.3}])
    assert page_data(short, [])["settings"]["epsilon"] == 0.3
    none = replace(evidence, records=[])
    assert page_data(none, [])["settings"]["epsilon"] == evidence.facts.epsilon_end


def test_nothing_is_to_be_tried_where_a_solved_run_is_healthy(run: Run) -> None:
    evidence = gather_evidence(run)
    good = [Finding(kind="healthy", severity="good", numbers={})]
    assert page_data(replace(evidence, run=replace(run, solved=1_000)), good)["trial"] is None
    assert page_data(replace(evidence, run=replace(run, solved=None)), good)["trial"] is not None


def test_a_command_that_tries_a_change_repairs_what_can_be_repaired(run: Run) -> None:
    evidence = gather_evidence(run)
    half = evidence.config.optimizer.lr / 2
    ill = [Finding(kind="diverging", severity="bad", numbers={})]
    assert page_data(evidence, ill)["trial"] == {"kind": "repair", "command": "dqn heal run"}
    branch = {"kind": "change", "command": f"dqn branch run --set lr={half:g} --steps {2 * evidence.config.budget.num}"}
    assert page_data(evidence, [])["trial"] == branch
    stopped = replace(evidence, run=replace(run, interrupted=True))
    assert page_data(stopped, ill)["trial"] == branch


def test_the_values_of_an_episode_are_those_of_its_networks(run: Run, data: dict[str, Any]) -> None:
    network = dqnlab.load(run.folder).network
    for episode in data["episodes"]:
        q = network.q_values(torch.from_numpy(episode["obs"])).numpy()
        assert np.allclose(episode["q"]["best"], q, rtol=1e-5, atol=1e-6)
        assert np.array_equal(episode["action"], q.argmax(1))


def test_every_snapshot_is_there_in_order_and_in_half_precision(run: Run, data: dict[str, Any]) -> None:
    steps = [each["step"] for each in data["snapshots"]]
    assert steps == sorted(steps)
    assert steps
    assert all(layer["weight"].dtype == np.float16 for each in data["snapshots"] for layer in each["layers"])


@pytest.mark.parametrize("scale", [2.0**100, 2.0**-60])
def test_snapshots_of_rewards_of_any_size_are_what_the_network_says(run: Run, scale: float) -> None:
    network = dqnlab.load(run.folder).network
    network.reward_scale = scale
    halved, whole = layers(network, halved=True), layers(network)
    assert halved is not None
    assert whole is not None
    kept, exact = halved["layers"][-1]["weight"], whole["layers"][-1]["weight"]
    np.testing.assert_allclose(kept.astype(np.float64), exact, rtol=1e-2)
    assert halved["layers"][0]["weight"].dtype == np.float16


def test_the_judge_is_quoted_in_full(run: Run, data: dict[str, Any]) -> None:
    assert [each["step"] for each in data["evaluations"]] == [200, 400, 600]
    assert all(len(each["returns"]) == 3 for each in data["evaluations"])
    assert run.score is not None
    assert data["run"]["score"]["mean"] == run.score.mean


def test_the_configuration_is_text_as_a_file_would_write_it(data: dict[str, Any]) -> None:
    said = dict(data["config"])
    assert (said["torso.hidden"], said["env.kwargs"], said["env.id"]) == ("[8, 6]", "{}", "CartPole-v1")
    assert all(isinstance(value, str) for value in said.values())


def test_every_file_has_a_name_in_both_languages(data: dict[str, Any]) -> None:
    assert {f"files.{label}" for label in LABELS.values()} <= words().keys()
    assert "report.html" in [name for _, name in data["files"]]


def test_the_baseline_is_the_mean_of_what_was_seen(data: dict[str, Any]) -> None:
    seen = np.concatenate([each["obs"] for each in data["episodes"]])
    assert np.allclose(data["baseline"], seen.mean(0), atol=1e-6)


def test_networks_too_large_for_a_page_stay_at_home(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dqnlab.explain.seen.MOST_WEIGHTS", 10)
    monkeypatch.setattr("dqnlab.explain.report.MOST_SNAPSHOT_WEIGHTS", 10)
    data = page_data(gather_evidence(run), [])
    assert data["networks"] == {"best": None, "online": None, "target": None}
    assert data["snapshots"] == []
    assert all(each["q"]["best"] is not None for each in data["episodes"])


def test_with_little_room_some_snapshots_go_evenly(run: Run, data: dict[str, Any]) -> None:
    size = sum(w.numel() for w in dqnlab.load(run.folder).network.parameters())
    many = replace(gather_evidence(run), snapshots=[(step, dqnlab.load(run.folder).network) for step in range(1, 9)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dqnlab.explain.report.MOST_SNAPSHOT_WEIGHTS", 3 * size)
        assert [each["step"] for each in page_data(many, [])["snapshots"]] == [1, 5, 8]
        patch.setattr("dqnlab.explain.report.MOST_SNAPSHOT_WEIGHTS", size)
        assert page_data(many, [])["snapshots"] == []  # one alone shows no change


def test_a_run_without_its_last_networks_is_explained_as_far_as_it_goes(run: Run, tmp_path: Path) -> None:
    import shutil

    folder = Path(shutil.copytree(run.folder, tmp_path / "run"))
    (folder / LAST).unlink()
    (folder / TARGET).unlink()
    data = page_data(gather_evidence(replace(run, folder=folder)), [])
    assert (data["networks"]["online"], data["networks"]["target"]) == (None, None)
    assert data["episodes"][0]["q"]["target"] is None


def test_the_same_run_gives_the_same_page(run: Run, tmp_path: Path) -> None:
    pages = [write_report(run, out=tmp_path / name).path.read_text("utf-8") for name in ("a.html", "b.html")]
    assert pages[0] == pages[1]


def test_nothing_of_the_run_changes_by_explaining_it(run: Run, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    write_report(run, out=tmp_path / "a.html")
    assert {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()} == before


def test_a_cartpole_page_of_any_length_stays_small(run: Run, tmp_path: Path) -> None:
    network = dqnlab.load(run.folder).network
    many = replace(gather_evidence(run), snapshots=[(step, network) for step in range(12)])
    assert len(page_data(many, [])["snapshots"]) == MOST_SNAPSHOTS
    assert write_report(run, out=tmp_path / "a.html").path.stat().st_size < 800_000


@pytest.mark.world
@pytest.mark.parametrize(
    ("grid", "dtype", "scale", "image"),
    [
        (("int8", 6, 2), "float32", 1, False),
        (("uint16", 40, 65_535), "float32", 65_535, False),
        (("uint8", 40, 2), "uint8", 2, True),
        (("bool", 6, 1), "bool", 1, True),
        (("float16", 0, 1000), "float32", 1, False),
    ],
    ids=str,
)
def test_numbers_of_any_type_are_on_the_page_as_the_network_saw_them(
    grid: tuple[Any, ...], dtype: str, scale: float, image: bool, tmp_path: Path
) -> None:
    make = partial(Grid, *grid)
    run = dqnlab.train(tiny(update_every=1, env=Env(id=make, num_envs=1)), trackers=(), out=tmp_path / "run")
    data = page_data(gather_evidence(run, make), [])
    (part,) = data["obs"]["parts"]
    assert [part["dtype"], part["scale"], data["obs"]["image"]] == [dtype, scale, image]
    agent, episode = dqnlab.load(run.folder, env=make), data["episodes"][0]
    assert episode["obs"].max() == grid[2]
    np.testing.assert_allclose(episode["q"]["best"], agent.q_values(episode["obs"]), rtol=1e-5, atol=1e-5)
