"""A corpus of files made to do harm, generated here, and a good run to put them into."""

import importlib
import io
import json
import marshal
import os
import pickle
import shutil
import struct
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dqnlab.config import Config, Env, Mlp
from dqnlab.learn.weights import export_weights
from dqnlab.run import film
from dqnlab.run.keep import save_tensors, save_weights
from dqnlab.run.system import assemble
from dqnlab.store import folder as f
from dqnlab.store.score import Score
from dqnlab.store.start import write_start
from dqnlab.track.jsonl import MetricsFile

CONFIG, META, METRICS, RESULT, BEST, LAST = f.CONFIG, f.META, f.METRICS, f.RESULT, f.BEST, f.LAST
TENSORS = (f.TARGET, f.SNAPSHOTS, f.BATCH)
SCORE = Score(mean=9.0, low=8.0, high=10.0, minimum=8.0, maximum=10.0, episodes=2, returns=(8.0, 10.0), cut=0)
ESCAPES = "\x1b]0;mine\x07\x1b[2J\x9b31m\u202e<script>alert(1)</script>[red]../../x"
EVIL = """
import pathlib, gymnasium
pathlib.Path("executed").touch()
gymnasium.registry.pop("Evil-v0", None)
gymnasium.register("Evil-v0", "gymnasium.envs.classic_control:CartPoleEnv", max_episode_steps=5)
"""


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run that nobody has touched."""
    folder = tmp_path_factory.mktemp("good")
    config = Config(preset="textbook", torso=Mlp(hidden=(8, 6)), env=Env(max_episode_steps=5))
    system = assemble(config)
    weights = export_weights(system.learner.online)
    write_start(folder, config, system.spec, 1)
    for name in (BEST, LAST):
        save_weights(folder / name, weights)
    for name in TENSORS:
        save_tensors(folder / name, weights)
    metrics = MetricsFile(folder / METRICS, {"env": "CartPole-v1", "description": ""})
    metrics.log(5, {"train/reward": 5.0, "learn/loss": 0.5})
    metrics.close()
    counts: dict[str, Any] = {"attempts": 0, "env_steps": 5, "updates": 1, "seconds": {"total": 1.0}}
    run = f.Run(
        folder=folder, env="CartPole-v1", preset="p", seed=0, score=SCORE, selected_score=9.0, solved=True, **counts
    )
    f.write_result(run)
    return folder


@pytest.fixture
def run(good: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of it among the runs, with a module within reach that must not be imported."""
    monkeypatch.setattr(film, "record", lambda *_, **__: [])  # after loading, films are like evaluation
    monkeypatch.setattr(film, "watch", lambda *_, **__: iter([]))
    modules = Path("modules").resolve()
    modules.mkdir()
    for name in ("evil", "gym"):
        (modules / f"{name}.py").write_text(EVIL, "utf-8")
    monkeypatch.syspath_prepend(modules)
    yield Path(shutil.copytree(good, "runs/CartPole-v1/20260101T000000Z-p-s0"))
    for name in ("evil", "gym"):
        sys.modules.pop(name, None)


# ── Contents ─────────────────────────────────────────────────────────────────────────────────────


class Bomb:
    """Whoever unpickles it leaves the sentinel behind."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call[0], self.call[1:]


BOMBS = {
    "touch": Bomb(Path.touch, Path("executed")),
    "system": Bomb(os.system, "touch executed"),
    "exec": Bomb(exec, EVIL),
}
BOMBS["import"] = Bomb(importlib.import_module, "evil")


def torch_file(content: object, **how: Any) -> bytes:
    made = io.BytesIO()
    torch.save(content, made, **how)
    return made.getvalue()


def zipped(*members: tuple[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", how) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return made.getvalue()


def tarred(name: str, content: bytes) -> bytes:
    made, info = io.BytesIO(), tarfile.TarInfo(name)
    info.size = len(content)
    with tarfile.open(fileobj=made, mode="w") as archive:
        archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def numpy_file() -> bytes:
    made = io.BytesIO()
    np.save(made, np.array([BOMBS["touch"]], object), allow_pickle=True)
    return made.getvalue()


def safetensors_header(header: object, claimed: int | None = None) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text) if claimed is None else claimed) + text


def weights(**changed: torch.Tensor) -> dict[str, torch.Tensor]:
    shapes = {"fc.0": (8, 4), "fc.2": (6, 8), "fc.4": (2, 6)}
    full = {f"{name}.weight": torch.zeros(shape) for name, shape in shapes.items()}
    full |= {f"{name}.bias": torch.zeros(shape[0]) for name, shape in shapes.items()}
    return full | {name.replace("_", "."): w for name, w in changed.items()}


def swollen() -> bytes:
    with zipfile.ZipFile(io.BytesIO(torch_file(weights()))) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    return zipped(*members, ("archive/data/99", bytes(10**7)), how=zipfile.ZIP_DEFLATED)


HUGE = {"dtype": "F32", "shape": [2**30, 2**30], "data_offsets": [0, 2**62]}
PAYLOADS: dict[str, Callable[[], bytes]] = {
    **{f"pickle {name}": (lambda bomb=bomb: pickle.dumps(bomb, 0)) for name, bomb in BOMBS.items()},
    "pickle protocol 4 in a dict": lambda: pickle.dumps({"schema": 1, "fc.0.weight": BOMBS["touch"]}, 4),
    **{f"torch {name}": (lambda bomb=bomb: torch_file(weights() | {"x": bomb})) for name, bomb in BOMBS.items()},
    "torch legacy": lambda: torch_file(weights() | {"x": BOMBS["touch"]}, _use_new_zipfile_serialization=False),
    "torch legacy without a bomb": lambda: torch_file([1], _use_new_zipfile_serialization=False),
    "torch whole module": lambda: torch_file(torch.nn.Linear(1, 1)),
    "tar of the old torch": lambda: tarred("pickle", pickle.dumps(BOMBS["touch"])),
    "tar that climbs": lambda: tarred("../../executed", b"x"),
    "zip that climbs": lambda: zipped(("../../executed", b"x"), ("/tmp/executed", b"x"), ("..\\executed", b"x")),
    "zip of a pickle": lambda: zipped(("archive/data.pkl", pickle.dumps(BOMBS["touch"])), ("archive/version", b"3")),
    "zip bomb": lambda: zipped(("archive/data.pkl", bytes(10**7)), how=zipfile.ZIP_DEFLATED),
    "numpy objects": numpy_file,
    "marshalled code": lambda: marshal.dumps(compile(EVIL, "evil", "exec")),
    "python": lambda: EVIL.encode(),
    "safetensors of 2**60 numbers": lambda: safetensors_header({"fc.0.weight": HUGE}),
    "safetensors with a header of 100 GB": lambda: safetensors_header({}, 100 * 2**30),
    "noise": lambda: bytes(np.random.default_rng(0).integers(0, 256, 4096, np.uint8)),
    "nothing": bytes,
    "zip bomb beside good weights": swollen,
}


SOME = {"pickle touch", "torch touch", "zip bomb", "python", "safetensors of 2**60 numbers", "noise", "nothing"}


@dataclass(frozen=True)
class Case:
    """What happens to which file of a run, and what opening the run has to answer."""

    name: str
    file: str
    content: Callable[[], bytes]
    code: int
    train: int = 2  # of `dqn train --config`, which has no need of an environment to show the settings


def opens_as(file: str) -> int:
    return {CONFIG: 2, META: 2, BEST: 4, LAST: 4}.get(file, 0)


def text(file: str, name: str, content: str, code: int | None = None) -> Case:
    return Case(name, file, lambda: content.encode("utf-8", "surrogatepass"), opens_as(file) if code is None else code)


def tensors(name: str, content: Callable[[], object]) -> Case:
    return Case(name, BEST, lambda: torch_file(content()), 4)


DEEP, DIGITS = 100_000, "9" * 5_000
META_ENV = {
    "label": "x",
    "callable": False,
    "obs_shape": [4],
    "obs_dtype": "float32",
    "num_states": None,
    "obs_start": 0,
}
META_ENV |= {"num_actions": 2, "action_start": 0, "reward_threshold": 475.0, "max_episode_steps": 5}
WRONG_META: dict[str, Any] = {"obs_shape": ["4"], "obs_dtype": "object", "num_states": 2**70, "num_actions": 0}
WRONG_META |= {"action_start": "evil:X", "max_episode_steps": [1], "callable": "evil:X", "reward_threshold": 10**400}
RESULT_ROW = {"env": "x", "score": None, "solved": None, "env_steps": 1, "updates": 1, "seconds": {"total": 1.0}}
WRONG_RESULT: dict[str, Any] = {
    "score": {"mean": "[red]"},
    "seconds": 5,
    "env_steps": -1,
    "env": ["x"],
    "solved": "yes",
}
EVIL_IDS = [
    "evil:Evil-v0",
    " evil :Evil-v0",
    "evil:/x",
    "evil:a:b",
    "a.b:c:d",
    ":Evil-v0",
    "evil:",
    "GymV26Environment-v0",
]
TOMLS = {
    "deep lists": "x = " + "[" * DEEP,
    "deep tables": ".".join(["a"] * DEEP) + " = 1",
    "deep kwargs": f"env.kwargs.{'.'.join(['a'] * 50)} = 1",
    "deep JSON": f"env.kwargs = '{'[' * DEEP}'",
    "deep JSON that can be read": f"env.kwargs = '{{\"a\": {'[' * 50}{']' * 50}}}'",
    "endless whole number": f"seed = {DIGITS}",
    "endless hexadecimal number": f"seed = 0x{'f' * 50_000}",
    "number that no float holds": f"gamma = 1{'0' * 350}",
    "a class of the environment": "env.__class__ = 'evil:X'",
    "no UTF-8": "preset = '\udc80'",
    "YAML": "!!python/object/apply:os.system ['touch executed']",
    "a secret": "env.kwargs.api_key = 'x'",
}
JSONS = {
    "deep lists": "[" * DEEP,
    "deep tables": '{"a":' * DEEP,
    "endless whole number": f'{{"schema": 1, "x": {DIGITS}}}',
    "a schema from the future": '{"schema": 99}',
    "no UTF-8": '"\udc80"',
}
LINES = {
    "deep": "[" * DEEP,
    "text": '{"step": 5, "train/reward": "<script>"}',
    "endless whole number": f'{{"step": {DIGITS}}}',
    "number that no float holds": f'{{"step": 5, "train/reward": 1{"0" * 400}}}',
    "no step": '{"train/reward": 1}',
    "one long line": "[" + "5," * 10**6,
}
HEADER = '{"schema": 1, "env": "$\\\\frac{", "description": ""}\n'

CASES = [
    *(Case(f"{name} as {file}", file, make, opens_as(file))
      for file in (CONFIG, META, METRICS, RESULT, BEST, LAST, *TENSORS)
      for name, make in PAYLOADS.items()
      if (opens_as(file) or name in SOME) and (file, name) != (CONFIG, "nothing")),  # which are the plain settings
    *(text(CONFIG, f"TOML: {name}", content) for name, content in TOMLS.items()),
    *(text(CONFIG, f"id {each!r}", f"torso.hidden = [8, 6]\nenv.id = {json.dumps(each)}") for each in EVIL_IDS),
    *(text(file, f"{file}: {name}", content) for file in (META, RESULT) for name, content in JSONS.items()),
    *(text(META, f"meta.json: {key}", json.dumps({"schema": 1, "env": META_ENV | {key: value}}))
      for key, value in WRONG_META.items()),
    *(text(RESULT, f"result.json: {key}", json.dumps({"schema": 1, **RESULT_ROW, key: value}))
      for key, value in WRONG_RESULT.items()),
    *(text(METRICS, f"metrics.jsonl: {name}", HEADER + content + "\n") for name, content in LINES.items()),
    text(RESULT, "escapes in result.json", json.dumps({"schema": 1, **RESULT_ROW, "env": ESCAPES}), 0),
    Case("a stack that nobody saw", CONFIG, lambda: b"env.frame_stack = 1000000000", 2, train=2),
    Case("a network larger than the world", CONFIG, lambda: b"torso.hidden = [1000000000, 1000000000]", 2, train=2),
    Case("a network that would fill the memory", CONFIG, lambda: b"torso.hidden = [1000000, 1000000]", 4, train=0),
    text(CONFIG, "escapes in a key", f"{json.dumps(ESCAPES)} = 1"),
    text(META, "too many actions", json.dumps({"schema": 1, "env": META_ENV | {"num_actions": 2**60}}), 4),
    text(META, "too large observations", json.dumps({"schema": 1, "env": META_ENV | {"obs_shape": [2**40]}}), 4),
    tensors("expanded to 2**50 numbers", lambda: weights(fc_0_weight=torch.zeros(1, 1).expand(2**25, 2**25))),
    tensors("on no device", lambda: weights(fc_0_weight=torch.zeros(8, 4, device="meta"))),
    tensors("sparse", lambda: weights(fc_0_weight=torch.zeros(8, 4).to_sparse())),
    tensors("names that are numbers", lambda: {1: torch.zeros(1)}),
    tensors("of another network", lambda: weights(fc_0_weight=torch.zeros(9, 4))),
]  # fmt: skip


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", CASES, ids=[case.name[:60] for case in CASES])


@pytest.fixture
def escapes() -> str:
    return ESCAPES


@pytest.fixture
def bombs() -> list[bytes]:
    return [pickle.dumps(bomb) for bomb in BOMBS.values()]
