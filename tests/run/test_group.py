"""A group of seeds: its mean, its best, its summary file, and how its runs are found again."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from dqnlab.config import Config
from dqnlab.errors import FolderError
from dqnlab.store.find import find_run, list_runs
from dqnlab.store.folder import CONFIG, SUMMARY, Run, create_folder, write_result
from dqnlab.store.group import Failure, Group, failure, write_summary
from dqnlab.store.interval import seeds_mean
from dqnlab.store.score import Score

RUNS = Path("runs")


def run(seed: int, mean: float | None, folder: Path = RUNS) -> Run:
    score = None
    if mean is not None:
        score = Score(
            mean=mean, low=mean - 1, high=mean + 1, minimum=0.0, maximum=500.0, episodes=1, returns=(mean,), cut=0
        )
    return Run(
        folder=folder / f"seed-{seed}",
        env="CartPole-v1",
        preset="default",
        seed=seed,
        score=score,
        selected_score=None,
        attempts=0,
        solved=None if mean is None else mean >= 475,
        env_steps=100 + seed,
        updates=5,
        seconds={"total": 1.5},
        interrupted=mean is None,
    )


def failed(seed: int, folder: Path = RUNS) -> Failure:
    return Failure(seed=seed, folder=folder / f"seed-{seed}", error="it fell", exit_code=3)


def group(*results: Run | Failure, folder: Path = RUNS) -> Group:
    return Group(folder, "CartPole-v1", "default", tuple(r.seed for r in results), results, 12.5)


def test_the_mean_is_that_of_the_scores_there_are() -> None:
    found = group(run(0, 100.0), failed(1), run(2, 200.0), run(3, None))
    assert found.mean == seeds_mean([100.0, 200.0])
    assert [each.seed for each in found.runs] == [0, 2, 3]
    assert [each.seed for each in found.failures] == [1]
    assert group(failed(0), run(1, None)).mean is None


def test_the_best_has_the_highest_score_and_of_equals_the_lowest_seed() -> None:
    best = group(run(4, 300.0), run(2, 400.0), failed(0), run(1, 400.0)).best
    assert best is not None
    assert best.seed == 1
    assert group(failed(0), run(1, None)).best is None


def test_the_summary_file_has_a_row_for_every_seed() -> None:
    RUNS.mkdir()
    found = group(run(0, 500.0), failed(1), run(2, 400.0))
    write_summary(found)
    content = json.loads((RUNS / SUMMARY).read_text())
    assert next(iter(content)) == "schema"
    assert found.mean is not None
    assert content["mean"] == asdict(found.mean)
    assert (content["seeds"], content["best"], content["solved"], content["seconds"]) == ([0, 1, 2], 0, 1, 12.5)
    first, second, _ = content["results"]
    assert first == {
        "seed": 0,
        "folder": "seed-0",
        "score": 500.0,
        "low": 499.0,
        "high": 501.0,
        "solved": True,
        "env_steps": 100,
        "updates": 5,
        "seconds": 1.5,
        "interrupted": False,
        "error": None,
    }
    assert second.keys() == first.keys()
    assert (second["score"], second["error"]) == (None, "it fell")


def test_a_failure_counts_what_its_run_has_left() -> None:
    left = run(7, None)
    left.folder.mkdir(parents=True)
    write_result(left)
    assert failure(7, left.folder, "x", 3).env_steps == 107
    assert failure(7, left.folder, "x", 3).seconds == 1.5
    assert failure(7, RUNS, "x", 3) == Failure(seed=7, folder=RUNS, error="x", exit_code=3)


# ── Found again ──────────────────────────────────────────────────────────────────────────────────


def on_disk(name: str, *means: float | None) -> Path:
    """A group folder with runs of these scores."""
    folder = RUNS / "CartPole-v1" / name
    runs = [run(seed, mean, folder) for seed, mean in enumerate(means)]
    for each in runs:
        each.folder.mkdir(parents=True)
        (each.folder / CONFIG).write_text("")
        write_result(each)
    write_summary(group(*runs, folder=folder))
    return folder.resolve()


def single(name: str) -> Path:
    folder = RUNS / "CartPole-v1" / name
    folder.mkdir(parents=True)
    (folder / CONFIG).write_text("")
    return folder.resolve()


def test_a_group_is_named_after_its_first_and_last_seed() -> None:
    assert create_folder(Config(), None, RUNS, [3, 4, 5]).name.endswith("-custom-s3-5")


def test_a_group_stands_for_its_best_seed() -> None:
    folder = on_disk("20260102T000000Z-a-s0-2", 10.0, 30.0, 20.0)
    single("20260101T000000Z-a-s0")
    for name in (folder, f"CartPole-v1/{folder.name}", folder.name, "latest"):
        assert find_run(name, RUNS) == folder / "seed-1"


def test_a_seed_is_found_by_its_name_inside_its_group() -> None:
    folder = on_disk("20260102T000000Z-a-s0-1", 10.0, 30.0)
    assert find_run("seed-0", RUNS) == folder / "seed-0"
    on_disk("20260103T000000Z-a-s0-1", 10.0, 30.0)
    with pytest.raises(FolderError, match="several runs are named 'seed-0'"):
        find_run("seed-0", RUNS)
    assert find_run(f"{folder.name}/seed-0", RUNS) == folder / "seed-0"


def test_a_group_without_a_score_names_no_run() -> None:
    folder = on_disk("20260102T000000Z-a-s0-0", None)
    for name in (folder, folder.name, "latest"):
        with pytest.raises(FolderError, match="none of which has a score: name one"):
            find_run(name, RUNS)


def test_the_latest_may_be_a_single_run_again() -> None:
    on_disk("20260102T000000Z-a-s0-1", 10.0, 30.0)
    assert find_run("latest", RUNS).name == "seed-1"
    assert single("20260103T000000Z-a-s1") == find_run("latest", RUNS)


def test_runs_inside_groups_are_listed_by_number_among_the_others() -> None:
    on_disk("20260102T000000Z-a-s0-10", *[float(i) for i in range(11)])
    single("20260103T000000Z-a-s0")
    names = [row["name"] for row in list_runs(RUNS)]
    assert names == [f"20260102T000000Z-a-s0-10/seed-{seed}" for seed in range(11)] + ["20260103T000000Z-a-s0"]


def test_a_single_run_may_be_called_like_a_seed() -> None:
    single("seed-3")
    assert find_run("latest", RUNS).name == "seed-3"
    assert list_runs(RUNS)[0]["name"] == "seed-3"
