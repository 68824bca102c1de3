"""Tasks of a benchmark and their results, made up."""

from dataclasses import replace

from dqnlab.comparing.comparison import Arm, Comparison
from dqnlab.config import Config, Env
from dqnlab.lab.arms import AskedArm, ComparisonRequest
from dqnlab.lab.benchmark.judging import Exact, Judged
from dqnlab.lab.benchmark.result import TaskResult
from dqnlab.lab.benchmark.suite import BenchmarkTask

from .kit import cell, score

SCORES = {"dqn": [10.0, 20.0, 30.0], "other": [40.0, 50.0, None]}


def task(env: str = "CartPole-v1", **changes: object) -> BenchmarkTask:
    arms = tuple(AskedArm(name=name, configs=(Config(env=Env(id=env)),)) for name in SCORES)
    request = ComparisonRequest(arms=arms, envs=(env,), seeds=(0, 1, 2))
    return replace(BenchmarkTask(name=f"{env} at 1,000", request=request, steps=1_000), **changes)


def result(env: str = "CartPole-v1", scores: dict[str, list[float | None]] = SCORES, **changes: object) -> TaskResult:
    arms = tuple(Arm(name=name, cells=(cell(each, env),)) for name, each in scores.items())
    judged = {
        ("dqn", seed): Judged(last=score(5.0 * seed), training=(1.0, 2.0 + seed), exact=Exact(0.5, 0.25, 0.75, 0.625))
        for seed in range(3)
    }
    whole = TaskResult(
        task=f"{env} at 1,000",
        env=env,
        steps=1_000,
        num_seeds=3,
        comparison=Comparison(arms=arms, envs=(env,)),
        judged=judged,
        waited={"dqn": 1_200.0},
        made={"dqnlab": "0.1.0", "cores": 2, "system": "Linux"},
    )
    return replace(whole, **changes)
