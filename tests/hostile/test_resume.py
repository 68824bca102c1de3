"""`dqn resume` on files made to do harm: each is refused in one message, nothing runs, nothing is overwritten."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dqnlab.app.cli import main
from dqnlab.store.checkpoint.checkpoint import Store
from dqnlab.store.folder import CONFIG, META

SENTINEL = Path("executed")  # the tests' working folder is a temporary one
SMALL = [
    *["--steps", "200", "--learning-starts", "64", "--evaluate-every.num", "100", "--select-episodes", "1"],
    *[
        "--confirm-episodes",
        "1",
        "--score-episodes",
        "1",
        "--film.episodes",
        "0",
        "--no-explain",
        "--checkpoint-every",
        "100",
    ],
    *["--quiet", "--tracker", "none", "--torso.hidden", "8", "--env.num-envs", "1", "--update-every", "8"],
]
DEEP = b"[" * 100_000 + b"]" * 100_000
MEMBERS = ("manifest.json", "state.json", "state.safetensors", "rows")
LOCKS = {"a pickle": None, "deep": DEEP, "a list": b"[1]", "no text": b"\xff\xfe\x00", "numbers": b'{"pid": 1e999}'}


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of which result.json says that it was not finished."""
    folder = tmp_path_factory.mktemp("interrupted") / "run"
    assert main(["train", "CartPole-v1", "--preset", "default", *SMALL, "--out", str(folder)]) == 0
    (folder / "result.json").unlink()
    return folder


@pytest.fixture
def run(interrupted: Path) -> Path:
    return Path(shutil.copytree(interrupted, "run"))


def member(run: Path, name: str) -> list[Path]:
    if name == "rows":
        return sorted((run / "checkpoints" / "rows").iterdir())
    return sorted(run.glob(f"checkpoints/step-*/{name}"))


def contents(bombs: list[bytes]) -> dict[str, bytes]:
    """Pickles in the guises in which torch and numpy keep them, and what breaks a parser."""
    header = b"\xff\xff\xff\xff\xff\xff\xff\x7f{}"
    return {
        **{f"pickle {i}": bomb for i, bomb in enumerate(bombs)},
        "deep": DEEP,
        "a large header": header,
        "2**60 numbers": b"\x45\x00\x00\x00\x00\x00\x00\x00"
        + json.dumps({"a": {"dtype": "F32", "shape": [2**60], "data_offsets": [0, 2**62]}}).encode(),
        "an integer of 5,000 digits": b'{"step": ' + b"9" * 5_000 + b"}",
        "duplicate keys": b'{"schema": 1, "schema": 1}',
        "nothing": b"",
    }


def refused(run: Path, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert main(["resume", str(run), "--quiet"]) == code
    out, err = capsys.readouterr()
    assert err.count("error: ") == 1
    assert "Traceback" not in out + err
    assert not SENTINEL.exists(), "it was executed"
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", MEMBERS)
def test_a_hostile_member_of_a_checkpoint_is_refused(
    name: str, run: Path, bombs: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    good = {path: path.read_bytes() for path in member(run, name)}
    for content in contents(bombs).values():
        for path in good:
            path.write_bytes(content)
        refused(run, 4, capsys)
    for path in good:  # a link that leads out
        path.unlink()
        path.symlink_to(run.parent / "elsewhere")
    refused(run, 4, capsys)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("keeper"),
        lambda state: state.update(clock=5),
        lambda state: state["system"].pop("memory"),
        lambda state: state["system"]["collector"].update(steps="many"),
        lambda state: state["system"]["collector"]["policy"].update(rng={"bit_generator": "MT19937"}),
        lambda state: state["system"]["learner"].update(online=[]),
        lambda state: state["system"]["judge"].update(leaders=[{"step": 1}]),
        lambda state: state["keeper"].update(snapshots={"x": 1}),
    ],
)
def test_a_sealed_state_that_is_none_is_refused(
    change: Callable[[dict], object], run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(run)
    at = store.latest()
    assert at is not None
    change(at.state)
    shutil.rmtree(run / "checkpoints")
    Store(run).save(at.step, at.state, {}, at.about)
    refused(run, 4, capsys)


@pytest.mark.parametrize(
    "change",
    [
        lambda meta: meta.pop("trackers"),
        lambda meta: meta.update(trackers="swanlab"),
        lambda meta: meta.update(trackers=[["none"]]),
        lambda meta: meta.update(trackers=["../x"]),
        lambda meta: meta.update(env=5),
        lambda meta: meta["env"].pop("callable"),
    ],
)
def test_a_damaged_description_is_refused(
    change: Callable[[dict], object], run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    meta = json.loads((run / META).read_text())
    change(meta)
    (run / META).write_text(json.dumps(meta))
    refused(run, 2, capsys)


def test_a_stored_module_is_not_imported(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (run / CONFIG).read_text()
    (run / CONFIG).write_text(text.replace('"CartPole-v1"', '"evil:CartPole-v1"'))
    refused(run, 2, capsys)


@pytest.mark.parametrize("content", LOCKS.values(), ids=list(LOCKS))
def test_a_hostile_lock_stops_nobody(content: bytes | None, run: Path, bombs: list[bytes]) -> None:
    (run / "run.lock").write_bytes(bombs[0] if content is None else content)
    assert main(["resume", str(run), "--quiet"]) == 0
    assert not SENTINEL.exists()
    assert not (run / "run.lock").exists()


def test_a_lock_that_is_a_link_is_not_followed(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = Path("precious")
    target.write_text("mine")
    (run / "run.lock").symlink_to(target.resolve())
    assert main(["resume", str(run), "--quiet"]) == 2
    assert target.read_text() == "mine"
    assert "error: " in capsys.readouterr().err
