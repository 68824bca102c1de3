"""`dqn benchmark`: suites of comparisons, judged further, written as data and tables, and nothing done twice."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dqnlab
from dqnlab.app.suites import read_suite, shipped
from dqnlab.config import Env
from dqnlab.errors import ConfigError
from dqnlab.lab.benchmark import judges
from dqnlab.lab.benchmark.judging import judge, read_judged
from dqnlab.lab.benchmark.result import read_task
from dqnlab.lab.benchmark.rows import arm_rows, goal_rows, in_order, mean_text, published_rows
from dqnlab.lab.benchmark.tables import read_results
from dqnlab.processes import start
from dqnlab.store.find import list_runs
from dqnlab.store.group import Group
from dqnlab.store.lock import locked

from .comparing import InProcess, dqn

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = """{ stop_when_solved = false, learning_starts = 64, batch_size = 16, update_every = 4, select_episodes = 2,\
 confirm_episodes = 2, score_episodes = 3, explain = false, compile = "off", torso = { hidden = [8, 6] }, \
evaluate_every = { kind = "steps", num = 150 } }"""
SUITE = f"""
about = "two tasks"
seeds = 2
first_seed = 1000
steps = 300
settings = {SETTINGS}

[[tasks]]
env = "CartPole-v1"
arms = ["dqn", {{ name = "three", arm = "dqn n=3" }}]
goals = [{{ at_least = 1, seeds = 2 }}, {{ at_least = 501 }}, {{ measure = "last", at_least = 1 }}]

[[tasks.published]]
value = 500
by = "somebody"
source = "a page"
steps = 50_000
seeds = 1
measure = "training"

[[tasks]]
name = "lake"
env = "FrozenLake-v1"
arms = ["dqn"]
goals = [{{ measure = "exact", within = 0.01, seeds = 2 }}]
"""


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch, crew: type[InProcess]) -> Path:
    monkeypatch.setattr("dqnlab.lab.benchmark.judging.EPISODES", 4)
    monkeypatch.setattr(judges, "usable_cores", lambda: 1)
    Path("mine.toml").write_text(SUITE)
    return Path("mine.toml")


def stored(task: str) -> dict[str, Any]:
    return json.loads(Path(f"results/mine/{task}.json").read_text())


MAKE = "benchmark mine.toml --out results --quiet"


def test_a_suite_is_trained_judged_and_written_and_the_same_words_do_nothing(
    suite: Path, crew: type[InProcess], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dqn(MAKE) == 0
    assert crew.asked == [("n=1", (1000, 1001)), ("n=3", (1000, 1001)), ("n=1", (1000, 1001))]
    found = stored("cartpole-v1-at-300")
    assert [arm["name"] for arm in found["arms"]] == ["dqn", "three"]
    for seed in (seed for arm in found["arms"] for seed in arm["seeds"]):
        assert len(seed["score"]["returns"]) == 3
        assert len(seed["last"]["returns"]) == 4
        assert 1 <= len(seed["training"]) <= 4
        assert seed["exact"] is None
        assert not Path(seed["run"]).is_absolute()
    lake = stored("lake")["arms"][0]["seeds"][0]
    assert lake["exact"]["optimum"] == pytest.approx(0.7442, abs=5e-5)
    assert lake["exact"]["by_state"] == pytest.approx(0.7402, abs=5e-5)
    assert 0 <= lake["exact"]["best"] <= lake["exact"]["optimum"]
    said = capsys.readouterr().out
    assert "Beside published numbers" in said
    assert "Every seed" in said
    check_rows()
    before = {path.name: path.read_bytes() for path in Path("results/mine").iterdir()}
    assert set(before) == {"cartpole-v1-at-300.json", "lake.json", "benchmark.md", "benchmark.html"}

    monkeypatch.setattr(judges, "judge", None)  # nothing is judged again either
    assert dqn(MAKE) == 0
    assert len(crew.asked) == 3
    assert {path.name: path.read_bytes() for path in Path("results/mine").iterdir()} == before
    shutil.rmtree("runs")
    assert dqn("benchmark mine.toml --out results --tables") == 0  # from the files alone
    assert {path.name: path.read_bytes() for path in Path("results/mine").iterdir()} == before


def test_stored_results_need_no_runs_and_only_other_arms_are_trained(
    suite: Path, crew: type[InProcess], capsys: pytest.CaptureFixture[str]
) -> None:
    assert dqn(MAKE) == 0
    before = {path.name: path.read_bytes() for path in Path("results/mine").iterdir()}
    shutil.rmtree("runs")
    crew.asked.clear()
    assert dqn("benchmark mine.toml --out results --dry-run") == 0
    said = capsys.readouterr().out
    assert "nothing is left to train" in said
    assert "delete a task's file to make it again" in said
    assert dqn(MAKE) == 0
    assert crew.asked == []
    assert {path.name: path.read_bytes() for path in Path("results/mine").iterdir()} == before

    first = stored("cartpole-v1-at-300")["arms"][0]
    suite.write_text(SUITE.replace("dqn n=3", "dqn n=2"))
    assert dqn("benchmark mine.toml --out results --dry-run") == 0
    assert "2 seeds to train, about 0:" in (said := capsys.readouterr().out)
    assert "; stored already: dqn" in said
    assert dqn(MAKE) == 0
    assert crew.asked == [("n=2", (1000, 1001))]
    found = stored("cartpole-v1-at-300")
    assert [arm["name"] for arm in found["arms"]] == ["dqn", "three"]
    assert found["arms"][0] == first
    assert found["arms"][1]["settings"]["n"] == 2

    assert "replaces what results/mine/cartpole-v1-at-300.json holds of three: other settings or seeds" in said

    crew.asked.clear()
    lake = stored("lake")
    assert dqn(f"{MAKE} --seeds 1 --only lake") == 0  # of fewer seeds than there are none is lost
    assert (crew.asked, stored("lake")) == ([], lake)
    assert dqn(f"{MAKE} --seeds 3 --only lake") == 0  # of more seeds all are made, for their runs are gone
    assert crew.asked == [("n=1", (1000, 1001, 1002))]


def test_seeds_that_failed_are_named_each_time_with_what_tries_them_again(
    suite: Path, crew: type[InProcess], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(crew, "fails", lambda config, seed: config.n == 3 and seed == 1001)
    assert dqn(f"{MAKE} --only CartPole") == 1
    (group,) = (path.parent for path in Path("runs/CartPole-v1").glob("*/summary.json") if failed_in(path))
    assert "| CartPole-v1 at 300 | three | 1001 | it broke |" in Path("results/mine/benchmark.md").read_text()
    capsys.readouterr()
    assert dqn("benchmark mine.toml --out results --only CartPole --dry-run") == 0
    said = capsys.readouterr().out
    assert "2 seeds each: done, but for seeds that have failed" in said
    assert f"three: seed 1001 failed, in {group}; try again with dqn resume {group} (in Python dqnlab.resume('" in said
    assert crew.asked == [("n=1", (1000, 1001)), ("n=3", (1000, 1001))]


def failed_in(summary: Path) -> bool:
    return "it broke" in summary.read_text()


def test_tables_are_written_of_what_is_there(
    suite: Path, crew: type[InProcess], refused: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    refused("benchmark mine.toml --out results --tables", 2, "holds no results of 'mine.toml' yet", "make them with")
    refused("benchmark mine.toml --out results --tables --dry-run", 2, "--dry-run writes nothing: leave one out")
    assert dqn(f"{MAKE} --only lake --seeds 1") == 0
    suite.write_text(SUITE.replace("steps = 300", "steps = 400"))
    capsys.readouterr()
    refused("benchmark mine.toml --out results --tables", 2, "holds no results")
    Path("results/mine/lake.json").write_text("{")
    refused(
        "benchmark mine.toml --out results --only CartPole", 2, "lake.json", "delete it to have its task made again"
    )


def check_rows() -> None:
    """Only the same measure is held against a published number."""
    read = read_suite("mine.toml", Path("runs"))
    rows = in_order(read, read_results(read, Path("results/mine")))
    result = read_task(read.tasks[0], Path("results/mine"))
    assert result is not None
    training, score = result.mean("dqn", "training"), result.mean("dqn", "score")
    assert training is not None
    assert score is not None
    assert training.mean != score.mean
    (published,) = published_rows(rows)
    assert published[2:] == [
        "training return of 1 seed at 50,000 steps; a page",
        f"{mean_text(training)}, dqn, 2 of 2 seeds",
        "no",
    ]
    verdicts = [row[3] for row in goal_rows(rows)]
    assert (verdicts[0], verdicts[1], verdicts[3]) == ("yes", "no", "no")
    assert verdicts[2].startswith("yes")
    assert [row[1] for row in arm_rows(rows)] == ["dqn", "three", "dqn"]


def test_what_was_interrupted_between_training_and_judging_goes_on_there(
    suite: Path, crew: type[InProcess], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    judged = list[Path]()

    def cut(folder: Path, *rest: Any) -> Any:
        judged.append(folder)
        if len(judged) == 2:
            raise KeyboardInterrupt
        return judge(folder, *rest)

    monkeypatch.setattr(judges, "judge", cut)
    assert dqn(MAKE) == 130
    assert "To continue: dqn benchmark mine.toml --out results" in capsys.readouterr().err
    assert crew.asked == [("n=1", (1000, 1001))]
    assert dqn(MAKE) == 0
    assert len(crew.asked) == 3
    assert len(judged) == len(list_runs(Path("runs"))) + 1 == 7


def test_an_arm_is_judged_and_written_before_the_next_one_is_trained(
    suite: Path, crew: type[InProcess], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train, there = crew.train, list[list[str]]()

    def look_and_train(self: InProcess) -> Group:
        if Path("results/mine/cartpole-v1-at-300.json").exists():
            arms = stored("cartpole-v1-at-300")["arms"]
            assert all(seed["last"] is not None for arm in arms for seed in arm["seeds"])
            there.append([arm["name"] for arm in arms])
            if len(there) == 1:
                table = Path("results/mine/benchmark.md").read_text()
                assert "| CartPole-v1 at 300 | dqn | 2 of 2 |" in table
                assert "| CartPole-v1 at 300 | three | not run yet |" in table
        return train(self)

    monkeypatch.setattr(crew, "train", look_and_train)
    assert dqn(MAKE.replace(" --quiet", "")) == 0
    assert there == [["dqn"], ["dqn", "three"]]
    said = capsys.readouterr()
    assert "CartPole-v1 at 300: 1 of 2 arms written; about 0:" in said.out + said.err


def test_what_another_process_has_taken_is_left_to_it_and_the_rest_is_made(
    suite: Path, crew: type[InProcess], capsys: pytest.CaptureFixture[str]
) -> None:
    task = read_suite("mine.toml", Path("runs"), 1).tasks[1]
    taken = task.request.home(Path("runs")) / "locks" / "cell-0-seed-1000"
    taken.mkdir(parents=True)
    (taken.parent.parent / "plan.toml").write_text(task.request.as_toml())
    with locked(taken):
        assert dqn(f"{MAKE} --seeds 1") == 0
    assert "still in training: 1 seed (process " in capsys.readouterr().out
    assert crew.asked == [("n=1", (1000,)), ("n=3", (1000,))]
    assert not Path("results/mine/lake.json").exists()
    assert dqn(f"{MAKE} --seeds 1") == 0
    assert crew.asked[2:] == [("n=1", (1000,))]
    assert len(stored("lake")["arms"][0]["seeds"]) == 1


def test_one_task_alone_leaves_the_rest_of_the_table_open(
    suite: Path, crew: type[InProcess], refused: Callable[..., str]
) -> None:
    refused(f"{MAKE} --only pond", 2, "no task 'pond'", "'lake'")
    assert dqn(f"{MAKE} --only ake --seeds 1") == 0
    assert crew.asked == [("n=1", (1000,))]
    text = Path("results/mine/benchmark.md").read_text()
    assert "| CartPole-v1 at 300 | dqn, three | not run yet |" in text
    assert "1 of 1" in text


def test_python_makes_the_same_suite(suite: Path, crew: type[InProcess]) -> None:
    found = dqnlab.benchmark("mine.toml", only="la", seeds=1, out=Path("results"), quiet=True)
    assert repr(found) == "BenchmarkResult('mine', 1 of 2 tasks made, folder='results/mine')"
    assert found.results["CartPole-v1 at 300"] is None
    lake = found.results["lake"]
    assert lake is not None
    assert list(lake.values("dqn", "exact")) == [1000]
    assert dqn(f"{MAKE} --only la --seeds 1") == 0
    assert crew.asked == [("n=1", (1000,))]
    with pytest.raises(ConfigError, match="no task 'pond'"):
        dqnlab.benchmark(suite, only=["pond"])


# ── Suites ───────────────────────────────────────────────────────────────────────────────────────


def test_every_suite_that_comes_with_dqnlab_can_be_read() -> None:
    assert shipped() == ["classic", "ladder", "memory", "minatar", "minatar-2m", "minigrid", "quick"]
    for name in shipped():
        read = read_suite(name, Path("runs"))
        assert all(seed >= 5000 for task in read.tasks for seed in task.request.seeds)


def test_the_example_says_all_that_may_stand_in_a_suite() -> None:
    read = read_suite(str(ROOT / "examples" / "benchmark.toml"), Path("runs"))
    assert [task.name for task in read.tasks] == ["Acrobot-v1 at 20,000", "a lake without slipping"]
    assert [arm.name for arm in read.tasks[0].request.arms] == ["default", "dueling, one step"]
    assert [task.rungs for task in read.tasks] == [("default", "dueling, one step"), ()]
    assert [goal.says() for goal in read.tasks[0].goals] == [
        "score ≥ -100.0 on average",
        "score ≥ -110.0 on 4 seeds",
        "last network ≥ -100.0 on average",
    ]


def test_suites_are_listed_with_their_tasks(capsys: pytest.CaptureFixture[str]) -> None:
    assert dqn("benchmark") == 0
    said = capsys.readouterr().out
    assert all(f"\n{name}: " in f"\n{said}" for name in shipped())
    assert "seeds 5000 to 5009" in said


BAD = [
    ("tasks = []", "tasks must be [[tasks]] tables"),
    ('[[tasks]]\nenv = "CartPole-v1"\nsteps = 3000', "arms is missing"),
    ('[[tasks]]\nenv = "CartPole-v1"\narms = ["dqn"]\nsteps = 3000\nenvs = 3', "unknown key 'envs'"),
    ('[[tasks]]\nenv = "CartPole-v1"\narms = ["dqn"]\nsteps = 3000\ngoals = [{ at_most = 3 }]', "goals.at_most"),
    ('[[tasks]]\nenv = "CartPole-v1"\narms = ["dqn"]\nsteps = 3000\ngoals = [{ seeds = 3 }]', "a goal says at_least"),
    (
        '[[tasks]]\nenv = "CartPole-v1"\narms = ["dqn"]\nsteps = 3000\npublished = [{ value = 3 }]',
        "published.by is missing",
    ),
    ('steps = 3000\n[[tasks]]\nenv = "os:X-v0"\narms = ["dqn"]', "os"),
    (
        'steps = 3000\narms = ["dqn"]\n[[tasks]]\nenv = "CartPole-v1"\n[[tasks]]\nenv = "CartPole-v1"',
        "two tasks are called",
    ),
    ('steps = -100\n[[tasks]]\nenv = "CartPole-v1"\narms = ["dqn"]', "steps must be"),
    ('steps = 3000\n[[tasks]]\nenv = "CartPole-v1"\narms = []', "arms must name at least one"),
    ('steps = 30\n[[tasks]]\nenv = "CartPole-v1"\narms = ["dqn"]', "lower learning_starts, or"),
    *(
        (f'steps = 3000\n[[tasks]]\nenv = "CartPole-v1"\narms = ["dqn"]\nseeds = 2\n{line}', said)
        for line, said in [
            ("goals = [{ measure = { a = 1 }, at_least = 1 }]", "goals.measure must be one of 'score'"),
            ("goals = [{ at_least = nan }]", "goals.at_least must be"),
            ("goals = [{ within = -1 }]", "goals.within must be"),
            ("goals = [{ at_least = 1, seeds = -3 }]", "goals.seeds must be"),
            ("goals = [{ at_least = 1, seeds = 9 }]", "goals.seeds = 9 is above the 2 seeds of each arm"),
            ('goals = [{ at_least = 1, measure = "exact" }]', "nobody knows the exact return"),
            ("seconds = inf", "seconds must be"),
            ("seconds = -5", "seconds must be"),
            ('name = ""', "name must be"),
            (f'name = "{"x" * 5000}"', "name must be"),
        ]
    ),
]


@pytest.mark.parametrize(("text", "said"), BAD, ids=[said for _, said in BAD])
def test_a_suite_that_cannot_be_meant_is_refused_by_name(text: str, said: str, refused: Callable[..., str]) -> None:
    Path("bad.toml").write_text(text)
    refused("benchmark bad.toml --dry-run", 2, "bad.toml", said)


def test_a_suite_has_a_name_and_results_have_a_place_before_anything_is_trained(
    suite: Path, crew: type[InProcess], refused: Callable[..., str]
) -> None:
    Path(".toml").write_text(SUITE)
    refused("benchmark .toml", 2, "has no name")
    Path("file").touch()
    refused("benchmark mine.toml --out file --quiet", 2, "choose another folder of results")
    assert crew.asked == []


def test_an_unknown_suite_is_answered_with_the_nearest(refused: Callable[..., str]) -> None:
    refused("benchmark clasic", 2, "unknown suite 'clasic'", "classic")


def test_what_keeps_a_task_from_learning_names_it(suite: Path, refused: Callable[..., str]) -> None:
    suite.write_text(SUITE.replace("FrozenLake-v1", "Pendulum-v1"))
    refused(MAKE, 2, "task 'lake'", "--only")


def test_the_cue_is_registered_when_a_suite_names_it() -> None:
    assert (
        dqnlab.run.system.assemble(dqnlab.Config(env=Env(id="dqnlab.envs.cue:Cue-v0"), compile="off")).close() is None
    )


@pytest.mark.world
def test_many_runs_are_judged_by_several_processes_to_the_same_numbers(
    suite: Path, monkeypatch: pytest.MonkeyPatch, crew: type[InProcess]
) -> None:
    monkeypatch.setattr("dqnlab.lab.benchmark.judging.EPISODES", 100)  # as in the processes
    assert dqn(f"{MAKE} --only Cart") == 0
    made = Path("results/mine/cartpole-v1-at-300.json")
    alone = made.read_bytes()
    made.unlink()  # else nothing would be made again
    for path in Path("runs").rglob("benchmark.json"):
        path.unlink()
    monkeypatch.setattr(judges, "usable_cores", lambda: 2)
    monkeypatch.setattr(judges, "FEWEST", 2)
    begun = list[Any]()
    monkeypatch.setattr(judges, "start", lambda *given: begun.append(start(*given)) or begun[-1])
    monkeypatch.setattr(
        judges, "judge", lambda folder, *rest: pytest.fail(str(folder)) if read_judged(folder) is None else None
    )
    assert dqn(f"{MAKE} --only Cart") == 0
    assert [process.exitcode for process in begun] == [0, 0]
    assert made.read_bytes() == alone
