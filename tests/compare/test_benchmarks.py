"""The tables of a benchmark, and its files: what is held against what, and that nothing is lost on the way."""

from dataclasses import replace
from pathlib import Path

import pytest

from dqnlab.config import Config
from dqnlab.errors import ConfigError, FolderError
from dqnlab.lab.arms import AskedArm, ComparisonRequest
from dqnlab.lab.benchmark.judging import Judged
from dqnlab.lab.benchmark.merged import conclusions, families, family_head, family_rows, what_helps
from dqnlab.lab.benchmark.result import read_task, write_task
from dqnlab.lab.benchmark.rows import (
    NOT_YET,
    TaskRow,
    arm_rows,
    failed_rows,
    goal_rows,
    points_text,
    published_rows,
)
from dqnlab.lab.benchmark.suite import Goal, Published, Suite
from dqnlab.lab.benchmark.tables import benchmark_markdown, of_other_steps, read_results

from .kit import score
from .stored import SCORES, result, task


def test_a_file_of_results_holds_all_of_it(tmp_path: Path) -> None:
    write_task(result(), "mine", tmp_path, task().file)
    found = read_task(task(), tmp_path)
    assert found is not None
    assert found.judged == result().judged
    assert found.hours == result().hours == 1.0
    assert (found.best("optimum"), found.best("state")) == (0.75, 0.625)
    for arm in SCORES:
        assert [(s.seed, s.score, s.error, s.curve) for s in found.cell(arm).seeds] == [
            (s.seed, s.score, s.error, s.curve) for s in result().cell(arm).seeds
        ]
    again = tmp_path / "again"
    write_task(found, "mine", again, task().file)
    assert (again / task().file).read_bytes() == (tmp_path / task().file).read_bytes()


def test_only_the_same_measure_of_the_first_arm_is_held_against_a_published_number() -> None:
    numbers = [
        Published(value=19.0, by="a", source="p", steps=10),
        Published(value=2.0, by="b", source="p", steps=10, seeds=4, measure="training", note="old"),
        Published(value=9.0, by="c", source="p", measure="last"),
    ]
    rows = published_rows([TaskRow(task(published=tuple(numbers)), result())])
    assert [row[1:3] for row in rows] == [
        ["19.0 (a)", "score at 10 steps; p"],
        ["2.0 (b)", "training return of 4 seeds at 10 steps; old; p"],
        ["9.0 (c)", "last network; p"],
    ]
    ours = [row[3].partition(" (")[0] for row in rows]
    assert ours == ["20.0", "2.00", "5.0"]
    assert [row[4] for row in rows] == [
        "yes (the interval holds less)",
        "yes (the interval holds less)",
        "no (the interval holds it)",
    ]


def test_of_a_first_arm_that_the_suite_got_after_the_results_nothing_is_run_yet() -> None:
    older = result(scores={"another": [1.0, 2.0, 3.0]})
    row = TaskRow(task(published=(Published(value=19.0, by="a", source="p"),), goals=(Goal(at_least=1),)), older)
    assert (published_rows([row])[0][3:], goal_rows([row])[0][2:]) == ([NOT_YET, ""], [NOT_YET, ""])
    assert [each[1] for each in arm_rows([row])] == ["another", "dqn, other"]
    assert arm_rows([row])[1][2] == NOT_YET


@pytest.mark.parametrize(
    ("goal", "ours", "verdict"),
    [
        (Goal(at_least=20, seeds=2), "2 of 3 seeds", "yes"),
        (Goal(at_least=20, seeds=3), "2 of 3 seeds", "no"),
        (Goal(at_least=21), "20.0 (-4.8 to 44.8)", "no (the interval holds it)"),
        (Goal(within=0.4, measure="exact", seeds=3), "3 of 3 seeds", "yes"),
        (Goal(within=0.3, measure="exact", seeds=1), "0 of 3 seeds", "no"),
        (Goal(within=0.25, of="state", measure="exact", seeds=3), "3 of 3 seeds", "yes"),
        (Goal(within=0.15, of="state", measure="exact", seeds=3), "0 of 3 seeds", "no"),
        (Goal(at_least=0.5, measure="exact"), "0.5", "yes (every seed)"),
    ],
)
def test_a_goal_is_reached_by_the_mean_or_by_each_of_some_seeds(goal: Goal, ours: str, verdict: str) -> None:
    says = goal.says(result().best(goal.of))
    assert goal_rows([TaskRow(task(goals=(goal,)), result())]) == [["CartPole-v1 at 1,000", says, ours, verdict]]


def test_a_goal_that_seeds_may_still_reach_is_open() -> None:
    goal = Goal(at_least=20, seeds=3)
    assert goal_rows([TaskRow(task(goals=(goal,)), result(num_seeds=5))])[0][3] == "not yet"
    assert goal_rows([TaskRow(task(goals=(goal,)), None)])[0][2:] == ["not run yet", ""]


def test_a_goal_below_the_best_return_says_what_is_to_be_reached() -> None:
    goal = Goal(within=0.01, measure="exact", seeds=10)
    assert goal.says() == "exact return at most 1 % below the optimum on 10 seeds"
    assert goal.says(0.7442) == "exact return at most 1 % below the optimum (≥ 0.737) on 10 seeds"
    by_state = Goal(within=0.015, of="state", measure="last")
    assert by_state.says(-13.0) == "last network at most 1.5 % below the best by state alone (≥ -13.2) on average"


def test_a_goal_says_one_thing() -> None:
    for wrong, got in (({}, "neither"), ({"at_least": 1.0, "within": 0.1}, "both")):
        with pytest.raises(ConfigError, match=f"at_least = RETURN or within = SHARE of the best return, got {got}"):
            Goal(**wrong)
    with pytest.raises(ConfigError, match="of must be left out beside at_least, got 'state'"):
        Goal(at_least=1.0, of="state")


def test_of_results_from_before_the_best_by_state_was_looked_for_it_is_not_known(tmp_path: Path) -> None:
    assert arm_rows([TaskRow(task(), result())])[0][7] == "0.500, 0.625, 0.750"
    write_task(result(), "mine", tmp_path, task().file)
    older = (tmp_path / task().file).read_text().replace(', "by_state": 0.625', "")
    assert "by_state" not in older
    (tmp_path / task().file).write_text(older)
    found = read_task(task(), tmp_path)
    assert found is not None
    assert arm_rows([TaskRow(task(), found)])[0][7] == "0.50, unknown, 0.75"
    goal = Goal(within=0.4, of="state", measure="exact", seeds=3)
    said = "the best return is not stored: delete the task's file to have it made again"
    assert goal_rows([TaskRow(task(goals=(goal,)), found)])[0][2:] == [said, ""]
    assert Goal(within=0.1).level(-13.0) == -14.3


def test_failed_seeds_stay_in_the_table() -> None:
    rows = arm_rows([TaskRow(task(), result())])
    assert [row[1:3] for row in rows] == [["dqn", "3 of 3"], ["other", "2 of 3, 1 failed"]]
    assert rows[0][4] == "10.0"
    assert rows[0][7].startswith("0.5")


def test_arms_of_several_tasks_are_one_family() -> None:
    """What one environment alone would claim has to hold beside the others."""
    scores = {"dqn": [10.0, 11.0, 12.0, 10.5], "other": [30.0, 31.0, 32.0, 30.5], "third": [10.0, 11.5, 12.0, 10.6]}
    envs = ("CartPole-v1", "Acrobot-v1")
    rows = [TaskRow(task(env), result(env, scores)) for env in envs]
    (found,) = families([*rows, TaskRow(task(), result(scores=scores))])  # the third is on one that is there
    assert found.title == "Against dqn, on 2 environments"
    assert (
        "p-values are corrected for all 4 comparisons here, intervals are not; at least 4 seeds of each arm."
        in what_helps(found)
    )
    assert what_helps(found).startswith(
        "Shown to help: other over dqn (on CartPole-v1 +20.0 (18.5 to 21.5), p < 0.0001; on Acrobot-v1 +20.0 (18.5 to "
        "21.5), p < 0.0001). Shown to hurt: nothing. No difference shown anywhere: third."
    )
    assert family_head(found) == ["arm", "against", *envs, "IQM of normalised scores", "P(better)"]
    assert family_rows(found)[0][:4] == ["dqn", "", "", ""]
    assert family_rows(found)[1][:2] == ["other", "dqn"]
    assert family_rows(found)[1][2].endswith(": better")
    assert families(rows[:1]) == []


def test_each_rung_of_a_ladder_is_held_against_the_one_below_and_what_stands_beside_against_the_first() -> None:
    """What the second rung brought is no merit of the third, and of one environment as of several."""
    scores: dict[str, list[float | None]] = {
        "dqn": [10.0, 11.0, 12.0, 10.5],
        "+ n-step": [30.0, 31.0, 32.0, 30.5],
        "+ PER": [30.1, 31.2, 31.9, 30.4],
        "pqn": [1.0, 2.0, 1.5, 1.0],
    }
    arms = tuple(AskedArm(name=name, configs=(Config(),)) for name in scores)
    request = ComparisonRequest(arms=arms, envs=("CartPole-v1",), seeds=(0, 1, 2, 3))
    rows = [TaskRow(task(request=request, rungs=("dqn", "+ n-step", "+ PER")), result(scores=scores))]
    (found,) = families(rows)
    assert found.title == "Part by part, on 1 environment"
    assert [(arm, found.against(arm)) for arm in found.arms] == [
        ("+ n-step", "dqn"),
        ("+ PER", "+ n-step"),
        ("pqn", "dqn"),
    ]
    assert what_helps(found) == (
        "Shown to help: + n-step over dqn (on CartPole-v1 +20.0 (18.5 to 21.5), p < 0.0001). Shown to hurt: pqn over "
        "dqn (on CartPole-v1 -9.5 (-10.8 to -8.2), p < 0.0001). No difference shown anywhere: + PER. "
        "p-values are corrected for all 3 comparisons here, intervals are not; at least 4 seeds of each arm."
    )
    assert family_head(found) == ["arm", "against", "CartPole-v1"]
    assert [row[:2] for row in family_rows(found)] == [["+ n-step", "dqn"], ["+ PER", "+ n-step"], ["pqn", "dqn"]]
    assert found.told("+ PER")["CartPole-v1"].startswith("+0.02 (")  # 30.9 beside 30.875
    assert conclusions(rows) == []
    begun = task("Acrobot-v1", request=replace(request, envs=("Acrobot-v1",)), rungs=("dqn", "+ n-step", "+ PER"))
    of_two = {name: scores[name] for name in ("dqn", "+ n-step")}
    (found,) = families([*rows, TaskRow(begun, result("Acrobot-v1", of_two))])
    assert [row[3].partition(" (")[0] for row in family_rows(found)] == ["+20.0", NOT_YET, NOT_YET]
    assert what_helps(found).endswith(
        "2 more comparisons have not been run yet: what is shown now may not be, once p-values are corrected for all."
    )


def test_a_rung_that_failed_is_in_the_ladder_and_takes_no_other_with_it() -> None:
    scores: dict[str, list[float | None]] = {
        "dqn": [10.0, 11.0, 12.0, 10.5],
        "+ n-step": [None, None, None, None],
        "+ PER": [30.1, 31.2, 31.9, 30.4],
        "pqn": [1.0, 2.0, 1.5, 1.0],
    }
    rungs = ("dqn", "+ n-step", "+ PER")
    arms = tuple(AskedArm(name=name, configs=(Config(),)) for name in scores)
    request = ComparisonRequest(arms=arms, envs=("CartPole-v1",), seeds=(0, 1, 2, 3))
    rows = [TaskRow(task(request=request, rungs=rungs), result(scores=scores, num_seeds=4))]
    found = families(rows)[0]
    assert [(row[0], row[2].partition(" (")[2]) for row in family_rows(found)[:2]] == [
        ("+ n-step", "+ n-step has a score for 0 of 4 seeds, and a verdict needs 3)"),
        ("+ PER", "+ n-step has a score for 0 of 4 seeds, and a verdict needs 3)"),
    ]
    assert what_helps(found).endswith(
        "Shown to hurt: pqn over dqn (on CartPole-v1 -9.5 (-10.8 to -8.2), p < 0.0001). No verdict, the table says "
        "why: + n-step, + PER. p-values are corrected for all 1 comparison here, intervals are not; at least 4 seeds "
        "of each arm."
    )
    assert [row[1:] for row in failed_rows(rows)] == [["+ n-step", str(seed), "it fell"] for seed in range(4)]


def test_where_few_seeds_allow_no_verdict_no_difference_is_claimed_to_be_missing() -> None:
    scores: dict[str, list[float | None]] = {"dqn": [10.0, 11.0], "other": [30.0, 31.0]}
    rows = [TaskRow(task(env), result(env, scores)) for env in ("CartPole-v1", "Acrobot-v1")]
    (found,) = families(rows)
    assert what_helps(found) == (
        "Shown to help: nothing. Shown to hurt: nothing. No verdict, the table says why: other."
    )


def test_a_mean_over_fewer_seeds_than_have_a_score_says_so() -> None:
    some = {key: each for key, each in result().judged.items() if key[1] < 2}
    row = arm_rows([TaskRow(task(), result(judged=some))])[0]
    assert row[2] == "3 of 3"
    assert row[5].endswith(", of 2 seeds")
    whole = arm_rows([TaskRow(task(), result())])[0]
    assert "seeds" not in whole[5]


def test_results_of_other_steps_are_in_no_table_and_are_named(tmp_path: Path) -> None:
    write_task(result(), "mine", tmp_path, task().file)
    suite = Suite(name="mine", about="", tasks=(task(),))
    assert read_results(suite, tmp_path)["CartPole-v1 at 1,000"] is not None
    assert of_other_steps(suite, tmp_path) == []
    other = Suite(name="mine", about="", tasks=(replace(task(), steps=2_000),))
    assert read_results(other, tmp_path) == {"CartPole-v1 at 1,000": None}
    (said,) = of_other_steps(other, tmp_path)
    assert said.endswith("is of 1,000 steps, and 'CartPole-v1 at 1,000' has 2,000 now")


@pytest.mark.parametrize("text", ["{", '{"schema": 1}', "[]"])
def test_a_file_that_holds_no_results_is_named_with_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / task().file).write_text(text)
    with pytest.raises(FolderError, match="restore it, or delete it to have its task made again") as caught:
        read_task(task(), tmp_path)
    assert str(tmp_path / task().file) in str(caught.value)


def test_stored_arms_keep_their_versions_and_their_seeds_beside_new_ones() -> None:
    new = result(scores={"new": [1.0]}, num_seeds=1, judged={}, made={"dqnlab": "0.2.0", "cores": 4})
    both = new.beside(result(made={"dqnlab": "0.1.0", "torch": "2"}), ["dqn", "other", "new"])
    assert both.num_seeds == 3
    assert both.made == {"dqnlab": "0.2.0", "torch": "2", "cores": 4}


@pytest.mark.parametrize(
    ("rungs", "said"),
    [
        (("dqn", "othr"), "rungs names 'othr', which is no arm; did you mean other?"),
        (("dqn",), r"rungs must be at least two arms, each once, from the lowest up, got \['dqn'\]"),
        (("dqn", "dqn"), "rungs must be at least two arms, each once"),
    ],
)
def test_rungs_are_several_arms(rungs: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        task(rungs=rungs)


def test_where_every_arm_is_as_good_by_its_score_the_last_networks_tell_them_apart() -> None:
    """Both arms once had all there is; one of them has lost it at the end."""
    scores: dict[str, list[float | None]] = {"dqn": [500.0] * 4, "other": [500.0] * 4}
    kept = {"dqn": [100.0, 110.0, 105.0, 95.0], "other": [500.0, 490.0, 500.0, 495.0]}
    judged = {
        (arm, seed): Judged(last=score(value), training=())
        for arm, values in kept.items()
        for seed, value in enumerate(values)
    }
    rows = [TaskRow(task(env), result(env, scores, judged=judged)) for env in ("CartPole-v1", "Acrobot-v1")]
    by_score, by_last = families(rows)
    assert what_helps(by_score) == (
        "Shown to help: nothing. Shown to hurt: nothing. No verdict, the table says why: other."
    )
    assert "no verdict (every seed of both scored 500: no spread was seen" in family_rows(by_score)[1][2]
    assert by_last.title == "Against dqn, on 2 environments, by the last network"
    assert what_helps(by_last).startswith(
        "Shown to help: other over dqn (on CartPole-v1 +393.8 (383.7 to 403.8), p < 0.0001; on Acrobot-v1 +393.8 "
    )
    assert [name for name, _ in conclusions(rows[:1])] == [
        "CartPole-v1 at 1,000",
        "CartPole-v1 at 1,000, by the last network",
    ]
    assert conclusions(rows) == []


def test_text_from_a_suite_is_no_markup() -> None:
    odd = Suite(name="mine", about="a | b <script>", tasks=(task(),))
    text = benchmark_markdown(odd, {"CartPole-v1 at 1,000": result()})
    assert r"a \| b \<script\>" in text
    assert "| CartPole-v1 at 1,000 | dqn | 3 of 3 |" in text


def test_equal_seeds_are_counted_and_the_highest_stands_first() -> None:
    assert points_text([489.2, 500, 500]) == "500.0 × 2, 489.2"
