"""Runs' folders read into a cell."""

import json
from pathlib import Path

import pytest

from dqnlab.comparing.comparison import Arm, Comparison
from dqnlab.comparing.read import read_cell
from dqnlab.comparing.write import write_comparison
from dqnlab.config import Adam, Init
from dqnlab.errors import FolderError
from dqnlab.store.folder import CONFIG, META, METRICS, RESULT, SUMMARY, write_json

from .kit import write_run


def test_a_cell_holds_each_seed_with_its_score_its_costs_and_its_curve(tmp_path: Path) -> None:
    found = read_cell([write_run(tmp_path / "b", 1, 80.0), write_run(tmp_path / "a", 0, 120.0)])
    assert found.env == "CartPole-v1"
    assert [each.seed for each in found.seeds] == [0, 1]
    assert found.scores == (120.0, 80.0)
    first = found.seeds[0]
    assert first.folder == tmp_path / "a"
    assert (first.env_steps, first.updates, first.error) == (300, 59, None)
    assert first.seconds == 2.25  # without film, curves and page
    assert first.curve == ((100, 20.0), (200, 50.0))
    assert first.score is not None
    assert first.score.returns == (110.0, 130.0, 110.0, 130.0)


def test_seeds_that_were_trained_side_by_side_share_their_seconds(tmp_path: Path) -> None:
    group = tmp_path / "group"
    folders = [write_run(group / f"seed-{seed}", seed) for seed in (0, 1)]
    write_json(group / SUMMARY, {"seeds": [0, 1], "results": [], "seconds": 3.0})
    assert [each.seconds for each in read_cell([group]).seeds] == [1.5, 1.5]
    assert read_cell(folders[:1]).seeds[0].seconds == 1.5
    write_json(group / SUMMARY, {"seeds": [0, 1], "results": []})  # it goes on
    assert read_cell(folders[:1]).seeds[0].seconds == 2.25


def test_a_run_that_was_taken_up_again_took_what_it_had_taken_before_as_well(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", 0)
    about = json.loads((folder / RESULT).read_text())
    about["seconds"]["earlier"] = 10.0
    (folder / RESULT).write_text(json.dumps(about))
    assert read_cell([folder]).seeds[0].seconds == 12.25


def test_settings_are_told_by_dotted_name_and_without_the_seed(tmp_path: Path) -> None:
    settings = read_cell([write_run(tmp_path / "a", 7)]).settings
    assert settings["optimizer.lr"] == 0.001
    assert settings["torso"] == "mlp"
    assert settings["torso.hidden"] == [8, 6]
    assert settings["env.id"] == "CartPole-v1"
    assert "seed" not in settings


def test_a_setting_that_an_older_file_leaves_out_means_what_it_meant(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", 0)
    text = (folder / CONFIG).read_text()
    lines = [line for line in text.splitlines() if not line.startswith("reward_clip")]
    assert len(lines) == len(text.splitlines()) - 1
    (folder / CONFIG).write_text("\n".join(lines))
    assert read_cell([folder]).settings["reward_clip"] == "none"


def test_failed_and_interrupted_seeds_stay_with_why(tmp_path: Path) -> None:
    write_run(tmp_path / "g" / "seed-0", 0, 100.0)
    write_run(tmp_path / "g" / "seed-1", 1, 90.0, error="NumericsError: NaN")  # a score that it was given before
    write_run(tmp_path / "g" / "seed-2", 2, None)
    (write_run(tmp_path / "g" / "seed-3", 3) / RESULT).unlink()
    rows = [{"seed": seed, "error": "it never began" if seed == 4 else None} for seed in range(5)]
    write_json(tmp_path / "g" / SUMMARY, {"seeds": [0, 1, 2, 3, 4], "results": rows})
    found = read_cell([tmp_path / "g"])
    assert found.scores == (100.0,)
    assert [(each.seed, each.error, each.env_steps) for each in found.failed] == [
        (1, "NumericsError: NaN", 300),
        (2, "interrupted at env step 300", 300),
        (3, "unfinished: it was killed, or is still being trained", 200),
        (4, "it never began", 0),
    ]


def test_the_same_seed_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"seed 0 is there twice, in .*a.* and .*b.*independent"):
        read_cell([write_run(tmp_path / "a", 0), write_run(tmp_path / "b", 0)])


def test_runs_of_different_settings_are_no_cell(tmp_path: Path) -> None:
    one, other = write_run(tmp_path / "a", 0), write_run(tmp_path / "b", 1, optimizer=Adam(lr=0.01))
    with pytest.raises(FolderError, match=r"optimizer.lr is 0.001 in .*a' and 0.01 in .*b'; make two arms"):
        read_cell([one, other])


def test_seeds_of_one_cell_may_have_been_computed_differently(tmp_path: Path) -> None:
    found = read_cell([write_run(tmp_path / "a", 0), write_run(tmp_path / "b", 1, explain=True, compile="auto")])
    assert len(found.seeds) == 2
    kept = [write_run(tmp_path / "c", 0, keep_checkpoints="all"), write_run(tmp_path / "d", 1, keep_checkpoints=5)]
    assert len(read_cell(kept).seeds) == 2


def test_the_place_of_a_file_whose_hash_is_known_is_no_setting_that_counts(tmp_path: Path) -> None:
    one, moved, other = (
        Init(source=f"{name}.pth", sha256=digit * 64) for name, digit in (("a", "1"), ("b", "1"), ("b", "2"))
    )
    assert len(read_cell([write_run(tmp_path / "a", 0, init=one), write_run(tmp_path / "b", 1, init=moved)]).seeds) == 2
    with pytest.raises(FolderError, match=r"init\.sha256 is"):
        read_cell([tmp_path / "b", write_run(tmp_path / "c", 2, init=other)])


def test_nothing_and_what_is_no_run_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="name at least one"):
        read_cell([])
    with pytest.raises(FolderError, match="holds no run that has begun"):
        read_cell([tmp_path])


def test_a_branch_knows_where_it_left_its_parent(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", 0)
    assert read_cell([folder]).seeds[0].fork is None
    parent = {"run": "CartPole-v1/old", "step": 150, "changes": {"gamma": 0.9}}
    write_json(folder / META, {"env": {"label": "CartPole-v1"}, "parent": parent})
    assert read_cell([folder]).seeds[0].fork == 150


def test_an_evaluation_that_was_not_finite_is_no_point_of_the_curve(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", 0)
    with (folder / METRICS).open("a") as file:
        file.write('{"step": 300, "eval/returns": [1.0, "inf"]}\n{"step": 400, "eval/returns": [5.0]}\n')
    assert read_cell([folder]).seeds[0].curve == ((100, 20.0), (200, 50.0), (400, 5.0))


DAMAGE: list[tuple[list[str], object, str]] = [
    (["seed"], "a", "seed cannot be 'a'"),
    (["seed"], 3, "its seed is 3, and config.toml says 0"),
    (["seconds", "film"], "x", "seconds cannot be"),
    (["score", "returns"], ["a"], "score cannot be"),
    (["score", "returns"], [], "score cannot be"),
    (["score", "returns"], [float("inf")], "score cannot be"),
    (["score_registered"], {"mean": 3.0}, "score_registered cannot be"),
]


@pytest.mark.parametrize(("place", "value", "says"), DAMAGE, ids=str)
def test_a_result_that_somebody_has_edited_is_answered_and_not_reckoned_with(
    tmp_path: Path, place: list[str], value: object, says: str
) -> None:
    folder = write_run(tmp_path / "a", 0)
    content = json.loads((folder / RESULT).read_text())
    table = content
    for name in place[:-1]:
        table = table[name]
    table[place[-1]] = value
    (folder / RESULT).write_text(json.dumps(content))
    with pytest.raises(FolderError, match=says):
        read_cell([folder])


def test_scores_too_large_to_add_up_are_none_and_large_ones_come_without_a_verdict(tmp_path: Path) -> None:
    for number, size in enumerate((1e200, 1e308)):
        homes = [
            write_run(tmp_path / f"{size:g}" / f"{seed}", seed, size * (1 - seed / 10), evaluations=(size, size))
            for seed in range(3)
        ]
        small = [write_run(tmp_path / f"{number}" / f"{seed}", seed, 10.0 + seed) for seed in range(3)]
        cells = (read_cell(small), read_cell(homes))
        arms = tuple(Arm(name=f"arm {i}", cells=(cell,)) for i, cell in enumerate(cells))
        found = Comparison(arms=arms, envs=("CartPole-v1",))
        write_comparison(found, tmp_path / f"out-{number}")
        said = json.loads((tmp_path / f"out-{number}" / "comparison.json").read_text())
        assert said["conclusion"].startswith("No verdict on arm 1")
        assert said["cells"][1]["seeds"][0]["error"] == (
            None if number == 0 else "its returns, up to 1e+308, are too large to reckon with"
        )
