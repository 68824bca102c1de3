"""The short form of kill_loop.py."""

from pathlib import Path

import pytest

from .kill_loop import torment


@pytest.mark.world
@pytest.mark.timeout(300)
def test_f1_a_run_killed_six_times_comes_to_the_same_end(tmp_path: Path) -> None:
    toll = torment(tmp_path / "loop", kills=6, in_writes=2)
    assert toll.kills >= 6
    assert toll.in_writes >= 2


@pytest.mark.world
@pytest.mark.timeout(300)
@pytest.mark.parametrize("num_envs", [1, 4, 8])  # 8 are stepped as one, by Gymnasium's vector version
def test_f18_other_environments_come_to_the_same_end(num_envs: int, tmp_path: Path) -> None:
    toll = torment(tmp_path / "loop", kills=2, in_writes=1, seed=num_envs, num_envs=num_envs)
    assert toll.kills >= 2
