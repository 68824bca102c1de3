"""docs/scaling.md shows what its benchmark measured, by a model whose bounds are those it says."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
MEASURED: dict[str, Any] = json.loads((ROOT / "benchmarks" / "results" / "scaling.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def model() -> ModuleType:
    spec = importlib.util.spec_from_file_location("scaling_model", ROOT / "benchmarks" / "scaling_model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_are_those_measured(model: ModuleType) -> None:
    page = (ROOT / "docs" / "scaling.md").read_text("utf-8")
    shown = dict(re.findall(r"<!-- (\w+) -->\n((?:\|.*\n)*)", page))
    assert shown == model.tables(MEASURED)
    assert dict(re.findall(r"<!-- (\w+) -->([^\n]*?)<!-- -->", page)) == model.words(MEASURED)


COSTS = {
    "batch": 40.0,
    "collect": 0.020,
    "waits": 0.012,
    "store": 0.00002,
    "update": 0.001,
    "update_every": 10,
    "take": 0.0002,
    "trip": 0.003,
    "put": 0.1,
    "weights_every": 100,
    "in_flight": 2,
}
# A batch: 0.2 ms to take it, 0.8 ms to store its steps, 4 updates of 1 ms, each with a hundredth of 100 ms: 9 ms.


def test_the_model_by_hand(model: ModuleType) -> None:
    costs = model.Costs(**COSTS)
    assert model.learn_seconds(costs) == pytest.approx(0.009)
    assert model.throughput(costs, 1) == pytest.approx(40 / 0.020)
    assert model.throughput(costs, 2) == pytest.approx(2 * 40 / 0.020)
    assert model.throughput(costs, 3) == model.throughput(costs, 1000) == pytest.approx(40 / 0.009)
    assert model.saturation(costs) == 3
    # One batch in flight waits for its trip and for the learner.
    assert model.throughput(costs._replace(in_flight=1), 1) == pytest.approx(40 / (0.020 + 0.003 + 0.009))
    # One processor does 8 ms of collecting, 3 of travelling and 9 of learning.
    assert model.throughput(costs, 4, cores=1) == pytest.approx(40 / 0.020)
    assert model.alone(costs) == pytest.approx(1 / (0.0005 + 0.00002 + 0.0001))
