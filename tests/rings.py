"""Three rings of tests, each with a budget that `make test` prints: no test asserts seconds.

unit    pure parts: no process, no environment
house   what is built of them, in this process: runs, commands, checkpoints
world   processes, signals, browsers, compilers, learning: whatever takes longer than a second or two

What sleeps or waits for processes leaves its core to others: three workers share two cores in the house, four in the
world (tests/conftest.py).

A test of the world says so itself (`@pytest.mark.world`), or opens a page; of the others, the files below are the unit
ring. `pytest --ring house` runs one of the three. The tests of a file run in one process, for they share what is made
for them (`--dist loadfile`).
"""

from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
BUDGETS = {"unit": 20, "house": 120, "world": 700}
"""seconds on two cores"""
UNIT = {
    "app/test_board.py",
    "app/test_console.py",
    "app/test_notebook.py",
    "app/test_sharing.py",
    "app/test_summary.py",
    "app/test_text.py",
    "compare/test_assess.py",
    "compare/test_benchmark_says.py",
    "compare/test_benchmarks.py",
    "compare/test_charts.py",
    "compare/test_docs.py",
    "compare/test_statistics.py",
    "compare/test_written.py",
    "explain/test_card.py",
    "explain/test_diagnose.py",
    "explain/test_page.py",
    "explain/test_repairs.py",
    "explain/test_series.py",
    "explain/test_words.py",
    "learn/test_convs.py",
    "learn/test_demonstrations.py",
    "learn/test_extractors.py",
    "learn/test_heads.py",
    "learn/test_learner.py",
    "learn/test_learner_networks.py",
    "learn/test_losses.py",
    "learn/test_networks.py",
    "learn/test_nstep.py",
    "learn/test_optimizer.py",
    "learn/test_policy.py",
    "learn/test_recurrent.py",
    "learn/test_regularizers.py",
    "learn/test_replay.py",
    "learn/test_samplers.py",
    "learn/test_schedules.py",
    "learn/test_sequences.py",
    "learn/test_sumtree.py",
    "learn/test_targets.py",
    "learn/test_transfer.py",
    "run/saving/test_checkpoint.py",
    "run/saving/test_checkpoint_damage.py",
    "run/saving/test_checkpoint_hostile.py",
    "run/saving/test_pack.py",
    "run/saving/test_plain.py",
    "run/saving/test_save.py",
    "run/test_digits.py",
    "run/test_frames.py",
    "run/test_group.py",
    "run/test_interval.py",
    "run/test_judge.py",
    "run/test_score.py",
    "run/test_seeds.py",
    "test_cluster.py",
    "test_config.py",
    "test_config_fuzz.py",
    "test_docs.py",
    "test_errors.py",
    "test_mounts.py",
    "test_oslock.py",
    "test_presets.py",
    "test_toml.py",
    "test_typed.py",
    "track/test_columns.py",
    "track/test_docs.py",
    "track/test_jsonl.py",
    "track/test_merged.py",
    "track/test_record.py",
    "track/test_rows.py",
    "track/test_tracker.py",
    "tune/test_drawing.py",
    "tune/test_space.py",
}


def is_unit(path: Path) -> bool:
    """Whether a file of tests belongs to the unit ring."""
    return path.relative_to(TESTS).as_posix() in UNIT


def ring_of(item: pytest.Item) -> str:
    """unit, house or world."""
    if item.get_closest_marker("world") or "browser" in getattr(item, "fixturenames", ()):
        return "world"
    return "unit" if is_unit(item.path) else "house"
