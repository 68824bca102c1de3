"""A checkpoint that is not, byte for byte, what was written is never used."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqnlab.errors import CheckpointError
from dqnlab.store.checkpoint.checkpoint import Store

from .checkpoint_kit import Ring, Tape, folder, is_tidy, listing, loaded, save, saved

__all__ = ["folder"]  # a fixture

NEWEST = "step-000000008"
OWN = [f"{NEWEST}/manifest.json", f"{NEWEST}/state.json", f"{NEWEST}/state.safetensors"]
NEW_CHUNK, SHARED_CHUNK = "rows/replay-4-8.safetensors", "rows/replay-0-4.safetensors"


def flip(byte: float) -> Callable[[Path], None]:
    """Flips one bit at this share of the file."""

    def act(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[min(int(byte * len(data)), len(data) - 1)] ^= 4
        path.write_bytes(data)

    return act


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def link(path: Path) -> None:
    """A link to the very same content."""
    elsewhere = path.parents[2] / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "first byte": flip(0),
    "early": flip(0.2),
    "middle": flip(0.5),
    "late": flip(0.8),
    "last byte": flip(1),
    "half": cut,
    "empty": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\1"),
    "foreign": lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n"),
    "missing": lambda path: path.unlink(),
    "link": link,
    "pipe": pipe,
    "folder": folder_instead,
}
damages = pytest.mark.parametrize("damage", DAMAGE)


@damages
@pytest.mark.parametrize("member", [*OWN, NEW_CHUNK])
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_it_used(folder: Path, member: str, damage: str) -> None:
    saved(folder, 4, 8)
    root, lines = folder / "checkpoints", list[str]()
    DAMAGE[damage](root / member)
    assert loaded(folder, lines.append) == 4
    assert (root / f"{NEWEST}.corrupt").is_dir()
    assert not (root / NEWEST).exists()
    assert len(lines) == 1
    assert lines[0].startswith(f"checkpoint {NEWEST} is damaged (")
    assert lines[0].endswith(f"it was renamed to {NEWEST}.corrupt")
    store = Store(folder, disk=Tape())
    store.latest()
    save(store, 8)
    assert loaded(folder) == 8
    assert (root / f"{NEWEST}.corrupt").is_dir()
    shutil.rmtree(root / f"{NEWEST}.corrupt")
    assert is_tidy(folder)


@damages
@pytest.mark.parametrize("member", [*OWN, SHARED_CHUNK])
def test_if_none_is_whole_nothing_is_touched_and_the_reasons_are_told(folder: Path, member: str, damage: str) -> None:
    saved(folder, 4, 8)
    root = folder / "checkpoints"
    shutil.rmtree(root / "step-000000004")
    DAMAGE[damage](root / member)
    before = listing(folder)
    for _ in range(2):
        with pytest.raises(CheckpointError, match=rf"no checkpoint in {root} is intact \({NEWEST}: .+\): ") as e:
            Store(folder).latest()
        assert e.value.exit_code == 4
    assert listing(folder) == before


def test_a_damaged_chunk_that_all_share_spoils_all(folder: Path) -> None:
    saved(folder, 4, 8)
    flip(0.9)(folder / "checkpoints" / SHARED_CHUNK)
    with pytest.raises(CheckpointError, match=r"step-000000008: replay-0-4.* is not what .*step-000000004: replay-0-4"):
        Store(folder).latest()


def test_a_save_removes_no_chunk_of_a_checkpoint_that_lacks_a_file(folder: Path) -> None:
    saved(folder, 4, 8)
    (folder / "checkpoints" / OWN[1]).unlink()
    save(Store(folder), 9, Ring())
    assert {"rows/replay-0-4.safetensors", NEW_CHUNK} <= set(listing(folder / "checkpoints"))
    assert (folder / "checkpoints" / NEWEST).is_dir()


def test_checkpoints_that_were_set_aside_before_are_not_taken_for_a_new_run(folder: Path) -> None:
    saved(folder, 4)
    (folder / "checkpoints/step-000000004").rename(folder / "checkpoints/step-000000004.corrupt")
    with pytest.raises(CheckpointError, match=r"step-000000004\.corrupt: set aside"):
        Store(folder).latest()


def test_each_that_is_set_aside_gets_a_name_of_its_own(folder: Path) -> None:
    saved(folder, 4)
    for number in ("", "-2", "-3"):
        store = Store(folder, disk=Tape())
        store.latest()
        save(store, 8)
        cut(folder / "checkpoints" / OWN[1])
        assert loaded(folder) == 4
        assert (folder / "checkpoints" / f"{NEWEST}.corrupt{number}").is_dir()


def test_a_damaged_one_that_cannot_be_renamed_is_passed_over(folder: Path) -> None:
    class ReadOnly(Tape):
        def rename(self, path: Path, to: Path) -> None:
            raise PermissionError(13, "Permission denied")

    saved(folder, 4, 8)
    cut(folder / "checkpoints" / OWN[1])
    lines: list[str] = []
    found = Store(folder, notify=lines.append, disk=ReadOnly()).latest()
    assert found is not None
    assert found.step == 4
    assert len(lines) == 1
    assert lines[0].endswith("cannot be renamed: Permission denied")


def test_a_file_that_this_user_may_not_read_is_not_damaged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    saved(folder, 4, 8)
    before = listing(folder)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(CheckpointError, match=r"cannot be used: manifest\.json cannot be read: Permission denied"):
        Store(folder).latest()
    assert listing(folder) == before


@settings(max_examples=150)
@given(st.data())
def test_one_wrong_byte_anywhere_never_gives_a_wrong_state(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("run")
    saved(path, 4, 8)
    files = sorted(p for p in path.rglob("*") if p.is_file())
    target = data.draw(st.sampled_from(files))
    content = bytearray(target.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    target.write_bytes(content)
    try:
        assert loaded(path) in (4, 8)
    except CheckpointError:
        assert target.name == "replay-0-4.safetensors"  # which both need
