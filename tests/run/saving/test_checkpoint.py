"""Checkpoints come back whole, cost what is new, and the latest few are kept."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqnlab import __version__
from dqnlab.errors import CheckpointError
from dqnlab.store.checkpoint.checkpoint import Store
from dqnlab.store.checkpoint.manifest import MANIFEST
from dqnlab.store.checkpoint.verify import is_complete, read_manifest

from .checkpoint_kit import Ring, Tape, folder, listing, loaded, ring_at, save, saved, state_at

__all__ = ["folder"]  # a fixture

GOLDEN = Path(__file__).parent / "golden"
MEMBERS = ("manifest.json", "state.json", "state.safetensors")


def make_golden() -> None:
    """How tests/run/saving/golden/schema-1 was made, by the dqnlab named in its manifests; never made again."""
    (GOLDEN / "schema-1").mkdir(parents=True)
    saved(GOLDEN / "schema-1", 4, 12, 15)


def checkpoint(*steps: int) -> list[str]:
    """What lies in the folder of these checkpoints."""
    names = [f"step-{step:09d}" for step in steps]
    return [path for name in names for path in (name, *(f"{name}/{member}" for member in MEMBERS))]


def chunks(*ranges: tuple[int, int]) -> list[str]:
    return ["rows", *(f"rows/replay-{start}-{stop}.safetensors" for start, stop in ranges)]


# ── What comes back ──────────────────────────────────────────────────────────────────────────────


def test_what_was_saved_comes_back(folder: Path) -> None:
    done = save(Store(folder), 7)
    assert done.path == folder / "checkpoints" / "step-000000007"
    assert done.step == 7
    assert done.bytes_written == sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    assert loaded(folder) == 7


def test_a_folder_without_checkpoints_has_no_latest_one(folder: Path) -> None:
    assert Store(folder).latest() is None
    assert listing(folder) == []


def test_the_manifest_says_what_a_reader_wants_to_know(folder: Path) -> None:
    save(Store(folder), 7)
    manifest = json.loads((folder / "checkpoints/step-000000007" / MANIFEST).read_text())
    assert manifest["schema"] == 1
    assert manifest["dqnlab"] == __version__
    assert manifest["step"] == 7
    assert manifest["about"] == {"level": "A"}
    assert manifest["files"].keys() == {"state.json", "state.safetensors", "replay-0-7.safetensors"}
    assert manifest["logs"] == {"replay": {"start": 0, "stop": 7, "chunks": ["replay-0-7.safetensors"]}}


def test_the_checkpoint_of_schema_1_still_loads(folder: Path) -> None:
    shutil.copytree(GOLDEN / "schema-1", folder, dirs_exist_ok=True)
    assert loaded(folder) == 15


def test_files_have_the_mode_that_the_user_gives_new_files(folder: Path) -> None:
    old = os.umask(0o027)
    try:
        save(Store(folder), 3)
    finally:
        os.umask(old)
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()} == {0o640}


@pytest.mark.parametrize("about", [{"a": float("nan")}, {"a": object()}, {1: "a", "1": "b"}])
def test_notes_that_are_no_json_are_refused_before_anything_is_written(folder: Path, about: dict[Any, Any]) -> None:
    with pytest.raises(CheckpointError, match="JSON"):
        Store(folder).save(1, {}, {}, about)
    assert listing(folder) == []


def test_notes_come_back_as_json_has_them(folder: Path) -> None:
    Store(folder).save(1, {}, {}, {"versions": (1, 2.5), 10: "ten", 9: {"ü": None}})
    found = Store(folder).latest()
    assert found is not None
    assert found.about == {"versions": [1, 2.5], "10": "ten", "9": {"ü": None}}


@pytest.mark.parametrize("name", ["Replay", "a-b", "../x", "", "a" * 33, "9"])
def test_a_log_needs_a_plain_name(folder: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match="cannot be named"):
        Store(folder).save(1, {}, {name: Ring()}, {})
    assert listing(folder / "checkpoints") == ["rows"]


def test_a_store_keeps_at_least_one(folder: Path) -> None:
    with pytest.raises(ValueError, match="not 0"):
        Store(folder, keep=0)


# ── Logs ─────────────────────────────────────────────────────────────────────────────────────────


def test_of_a_log_only_new_rows_are_read_and_written(folder: Path) -> None:
    store, ring = Store(folder), Ring(1000)
    for step in (900, 903, 903, 910):
        ring.add(step - ring.stop)
        save(store, step, ring)
    assert ring.reads == [(0, 900), (900, 903), (903, 910)]
    assert loaded_ring(folder, 1000).content() == ring.content()


def loaded_ring(folder: Path, size: int) -> Ring:
    found, ring = Store(folder).latest(), Ring(size)
    assert found is not None
    found.restore_logs({"replay": ring})
    return ring


def test_a_checkpoint_costs_what_is_new(folder: Path) -> None:
    store, ring = Store(folder), Ring(10**5)
    ring.stop = 10**5
    first = save(store, 1, ring).bytes_written
    ring.add(10)
    assert save(store, 2, ring).bytes_written < 2_000 < 10**6 < first


def test_a_store_that_loaded_appends(folder: Path) -> None:
    saved(folder, 4)
    store = Store(folder)
    store.latest()
    ring = ring_at(6)
    save(store, 6, ring)
    assert ring.reads == [(4, 6)]
    assert loaded(folder) == 6


def test_a_store_that_did_not_load_writes_beside_the_chunks_of_others(folder: Path) -> None:
    saved(folder, 4)
    save(Store(folder), 5, ring_at(4))
    assert listing(folder / "checkpoints/rows") == ["replay-0-4-2.safetensors", "replay-0-4.safetensors"]


def test_rows_that_were_lost_before_they_were_ever_written_are_left_out(folder: Path) -> None:
    saved(folder, 4, 47)
    assert listing(folder / "checkpoints/rows") == ["replay-0-4.safetensors", "replay-37-47.safetensors"]
    assert loaded(folder) == 47


@pytest.mark.parametrize(("stop", "chunk"), [(13, True), (14, False)])
def test_a_chunk_is_kept_for_its_last_row_that_is_still_there(folder: Path, stop: int, chunk: bool) -> None:
    saved(folder, 4, 8, stop, keep=1)
    assert loaded_ring(folder, 1000).bounds == (stop - 10, stop)
    assert (folder / "checkpoints/rows/replay-0-4.safetensors").exists() == chunk


def test_a_log_that_shrank_is_another_one_and_written_anew(folder: Path) -> None:
    store = saved(folder, 8)
    save(store, 9, ring_at(5))
    assert loaded_ring(folder, 10).content() == ring_at(5).content()


def test_chunks_that_somebody_removed_are_written_anew(folder: Path) -> None:
    store = saved(folder, 4, 6)
    (folder / "checkpoints/rows/replay-0-4.safetensors").unlink()
    save(store, 8)
    assert loaded(folder) == 8


def test_an_empty_log_comes_back(folder: Path) -> None:
    Store(folder).save(1, {}, {"replay": Ring()}, {})
    assert loaded_ring(folder, 10).stop == 0


@pytest.mark.parametrize("names", [[], ["other"], ["replay", "other"]])
def test_logs_other_than_the_stored_ones_are_left_untouched(folder: Path, names: list[str]) -> None:
    save(Store(folder), 4)
    found, logs = Store(folder).latest(), {name: Ring() for name in names}
    assert found is not None
    with pytest.raises(CheckpointError, match=r"holds the logs \['replay'\]"):
        found.restore_logs(logs)
    assert all(ring.stop == 0 for ring in logs.values())


def test_a_log_that_gives_fewer_rows_than_it_has_is_refused(folder: Path) -> None:
    class Short(Ring):
        def read(self, start: int, stop: int) -> dict[str, np.ndarray]:
            return {"number": np.zeros(stop - start - 1)}

    ring = Short()
    ring.add(4)
    with pytest.raises(CheckpointError, match="instead of 4"):
        save(Store(folder), 4, ring)
    assert listing(folder / "checkpoints") == ["rows"]


# ── Keeping ──────────────────────────────────────────────────────────────────────────────────────


def test_the_latest_two_are_kept_and_the_chunks_that_they_need(folder: Path) -> None:
    saved(folder, 4, 8, 12, 18)
    expected = [*chunks((0, 4), (12, 18), (4, 8), (8, 12)), *checkpoint(12, 18)]
    assert listing(folder / "checkpoints") == sorted(expected)


def test_a_step_is_saved_again_by_another_name_before_the_first_is_removed(folder: Path) -> None:
    store = saved(folder, 4, 8)
    done = store.save(8, state_at(8) | {"again": True}, {"replay": ring_at(8)}, {})
    assert done.path.name == "step-000000008-2"
    assert [p.name for p in sorted((folder / "checkpoints").glob("step*"))] == ["step-000000004", "step-000000008-2"]
    found = Store(folder).latest()
    assert found is not None
    assert found.state["again"] is True
    assert store.save(8, {}, {}, {}).path.name == "step-000000008-3"


def test_going_back_keeps_the_checkpoint_that_the_run_goes_on_from(folder: Path) -> None:
    store = saved(folder, 10, 20, 30, keep=3)
    save(store, 5)
    save(store, 6)
    names = [p.name for p in sorted((folder / "checkpoints").glob("step*"))]
    assert names == ["step-000000006", "step-000000010", "step-000000020", "step-000000030"]
    assert is_complete(folder / "checkpoints" / names[0], read_manifest(folder / "checkpoints" / names[0]))


def test_what_killed_processes_left_goes_at_the_next_save_and_not_at_a_load(folder: Path) -> None:
    saved(folder, 4)
    root = folder / "checkpoints"
    (root / ".step-000000005-77.tmp").mkdir()
    (root / ".step-000000005-77.tmp" / "state.json").touch()
    (root / "rows" / "replay-4-5.safetensors").touch()
    (root / "rows" / "notes.txt").touch()
    before = listing(root)
    store = Store(folder)
    store.latest()
    assert listing(root) == before
    save(store, 6)
    assert listing(root) == sorted([*chunks((0, 4), (4, 6)), "rows/notes.txt", *checkpoint(4, 6)])


def test_a_file_is_flushed_before_its_folder_is_renamed_and_the_folder_above_after(folder: Path) -> None:
    store = saved(folder, 4, 8)
    disk = Tape()
    store = Store(folder, disk=disk)
    store.latest()
    save(store, 12)
    tape = disk.tape
    chunk, draft, name = "replay-8-12.safetensors", f".step-000000012-{os.getpid()}.tmp", "step-000000012"
    order = [tape.index(("flush", chunk)), tape.index(("flush_folder", "rows")), tape.index(("make_folder", draft))]
    for member in ("state.safetensors", "state.json", "manifest.json"):
        writes = [i for i, entry in enumerate(tape) if entry == ("write", member)]
        order += [tape.index(("create", member)), writes[-1], tape.index(("flush", member))]
    order += [tape.index(("flush_folder", draft)), tape.index(("rename", name))]
    order += [i for i, (what, _) in enumerate(tape) if what == "remove"][:1]
    assert order == sorted(order)
    assert tape[tape.index(("rename", name)) + 1] == ("flush_folder", "checkpoints")
    assert tape[0] == ("flush_folder", folder.name)


# ── Against a plain copy ─────────────────────────────────────────────────────────────────────────

moves = st.one_of(
    st.tuples(st.just("add"), st.integers(0, 13)), st.tuples(st.sampled_from(["save", "load", "restart"]), st.just(0))
)


@settings(max_examples=40)
@given(st.lists(moves, max_size=12))
def test_a_growing_log_equals_a_plain_copy_through_any_saves_and_loads(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("run")
    store, ring, copy, step = Store(folder, disk=Tape()), Ring(7), None, 0
    for what, count in moves:
        if what == "add":
            ring.add(count)
        elif what == "save":
            step += 1
            save(store, step, ring)
            copy = ring.content()
        elif what == "restart" or copy is not None:
            store, ring = Store(folder, disk=Tape()), Ring(7)
            found = store.latest()
            assert (found is None) == (copy is None)
            if found is not None:
                found.restore_logs({"replay": ring})
                assert ring.content() == copy
                assert found.step == step
