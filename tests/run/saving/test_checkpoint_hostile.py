"""A checkpoint that somebody made on purpose is refused and reaches nothing outside its folder."""

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from dqnlab.errors import CheckpointError
from dqnlab.store.checkpoint.checkpoint import Store
from dqnlab.store.checkpoint.manifest import seal

from .checkpoint_kit import Ring, folder, listing, loaded, ring_at, save, saved

__all__ = ["folder"]  # a fixture

NEWEST = "step-000000008"


def forge(folder: Path, change: Callable[[Any], object], name: str = NEWEST, sealed: bool = True) -> None:
    """Changes a manifest and seals it anew."""
    path = folder / "checkpoints" / name / "manifest.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(seal(content) if sealed else content))


def test_a_newer_schema_is_refused_by_number_and_left_alone(folder: Path) -> None:
    saved(folder, 4, 8)
    forge(folder, lambda m: m.update(schema=2, files="another way", extra=1))
    before = listing(folder)
    with pytest.raises(CheckpointError, match=rf"{NEWEST} cannot be used: it has schema 2; this dqnlab reads up to 1"):
        Store(folder).latest()
    assert listing(folder) == before
    save(Store(folder), 9)
    assert set(before) <= set(listing(folder))


def test_a_schema_number_that_changed_by_damage_is_damage(folder: Path) -> None:
    saved(folder, 4, 8)
    forge(folder, lambda m: m.update(schema=3), sealed=False)
    assert loaded(folder) == 4


def entry(size: int = 6) -> dict[str, Any]:
    return {"size": size, "sha256": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"}  # of b"secret"


def rename_chunk(name: str) -> Callable[[Any], None]:
    def change(m: Any) -> None:
        m["files"][name] = m["files"].pop("replay-4-8.safetensors")
        m["logs"]["replay"]["chunks"][1] = name

    return change


HOSTILE: dict[str, Callable[[Any], object]] = {
    "a member above": lambda m: m["files"].update({"../../secret": entry()}),
    "an absolute member": lambda m: m["files"].update({"/etc/passwd": entry()}),
    "another member": lambda m: m["files"].update({"code.py": entry()}),
    "no state": lambda m: m["files"].pop("state.json"),
    "a chunk above": rename_chunk("../../replay-4-8.safetensors"),
    "a chunk by backslash": rename_chunk("..\\replay-4-8.safetensors"),
    "a chunk with a line break": rename_chunk("replay-4-8.safetensors\n"),
    "a chunk that goes on": rename_chunk("replay-4-8.safetensors/../../secret"),
    "a chunk with other digits": rename_chunk("replay-٤-٨.safetensors"),
    "a chunk of another log": rename_chunk("other-4-8.safetensors"),
    "a chunk with a gap": rename_chunk("replay-5-8.safetensors"),
    "a chunk of another length": rename_chunk("replay-4-9.safetensors"),
    "a chunk backwards": rename_chunk("replay-8-4.safetensors"),
    "a chunk that is a number": lambda m: m["logs"]["replay"].update(chunks=[4]),
    "a chunk twice": lambda m: m["logs"]["replay"]["chunks"].append("replay-4-8.safetensors"),
    "an empty list of chunks": lambda m: m["logs"]["replay"].update(chunks=[]),
    "a log above": lambda m: m["logs"].update({"../x": {"start": 0, "stop": 0, "chunks": []}}),
    "a log that is text": lambda m: m["logs"].update(replay="x"),
    "rows before the first": lambda m: m["logs"]["replay"].update(start=-1),
    "rows behind the last": lambda m: m["logs"]["replay"].update(stop=9),
    "a size below nothing": lambda m: m["files"]["state.json"].update(size=-1),
    "a huge size": lambda m: m["files"]["state.json"].update(size=2**80),
    "a hash of nothing": lambda m: m["files"]["state.json"].update(sha256=""),
    "another step": lambda m: m.update(step=9),
    "a step that is true": lambda m: m.update(step=True),
    "no schema": lambda m: m.pop("schema"),
    "schema 0": lambda m: m.update(schema=0),
    "a schema that is true": lambda m: m.update(schema=True),
    "notes that are a list": lambda m: m.update(about=[]),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_manifest_that_dqnlab_would_not_write_is_refused_and_reaches_nothing(folder: Path, kind: str) -> None:
    (folder / "secret").write_bytes(b"secret")
    saved(folder, 4, 8)
    forge(folder, HOSTILE[kind])
    save(Store(folder), 12)  # prunes
    assert (folder / "secret").read_bytes() == b"secret"
    shutil.rmtree(folder / "checkpoints/step-000000012")
    lines: list[str] = []
    assert loaded(folder, lines.append) == 4
    assert "damaged (its manifest" in lines[0] or "damaged (a log cannot be named" in lines[0]
    assert (folder / "secret").read_bytes() == b"secret"


@pytest.mark.parametrize("place", ["checkpoints", "checkpoints/rows", f"checkpoints/{NEWEST}"])
def test_a_folder_that_is_a_link_is_not_followed(folder: Path, place: str) -> None:
    saved(folder, 8)
    (folder / place).rename(folder / "elsewhere")
    (folder / place).symlink_to(folder / "elsewhere")
    inside = listing(folder / "elsewhere")
    with pytest.raises(CheckpointError, match=r"link|folder"):
        Store(folder).latest()
    if place.endswith(NEWEST):
        save(Store(folder), 9)
    else:
        with pytest.raises(CheckpointError, match="not a folder of its own"):
            save(Store(folder), 9)
    assert listing(folder / "elsewhere") == inside


def test_a_left_over_folder_that_is_a_link_is_removed_and_not_what_it_points_to(folder: Path) -> None:
    saved(folder, 4)
    (folder / "mine").mkdir()
    (folder / "mine" / "file").touch()
    (folder / "checkpoints/.step-1.tmp").symlink_to(folder / "mine")
    save(Store(folder), 8)
    assert not (folder / "checkpoints/.step-1.tmp").is_symlink()
    assert (folder / "mine" / "file").exists()


def test_a_state_that_lies_under_a_valid_seal_is_refused(folder: Path) -> None:
    store = saved(folder, 4)
    done = store.save(8, {"a": 1}, {"replay": ring_at(8)}, {})
    text = b'{"map":{"a":{"object":"os.system"}}}'
    (done.path / "state.json").write_bytes(text)
    forge(folder, lambda m: m["files"]["state.json"].update(size=len(text), sha256=sha256(text).hexdigest()))
    assert loaded(folder) == 4


def test_a_chunk_that_does_not_hold_the_rows_of_its_name_is_refused(folder: Path) -> None:
    def change(m: Any) -> None:
        rename_chunk("replay-4-9.safetensors")(m)
        m["logs"]["replay"]["stop"] = 9

    saved(folder, 4, 8)
    rows = folder / "checkpoints/rows"
    (rows / "replay-4-8.safetensors").rename(rows / "replay-4-9.safetensors")
    forge(folder, change)
    lines: list[str] = []
    assert loaded(folder, lines.append) == 4
    assert "replay-4-9.safetensors does not hold the rows that its name says" in lines[0]


def test_chunks_with_different_columns_are_refused(folder: Path) -> None:
    class Other(Ring):
        def read(self, start: int, stop: int) -> dict[str, Any]:
            return {"other": super().read(start, stop)["number"]}

    store, ring = saved(folder, 4), Other()
    ring.add(8)
    save(store, 8, ring)
    assert loaded(folder) == 4
