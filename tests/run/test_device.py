"""Where tensors live, how much room they have, and that settings of torch are given back."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from dqnlab import device
from dqnlab.config import Config
from dqnlab.device import arithmetic, available_memory, cache_folder, choose_memory, resolve_device
from dqnlab.errors import ConfigError, ResourceError
from dqnlab.run.system import assemble

CPU = torch.device("cpu")


def test_auto_is_the_cpu() -> None:
    assert resolve_device("auto") == resolve_device("cpu") == torch.device("cpu")


def test_cuda_is_refused_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=r"device is 'cuda'.*--device cpu"):
        resolve_device("cuda")


def test_cuda_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("cuda").type == "cuda"


def test_the_number_of_threads_is_given_back_even_after_an_error() -> None:
    before = torch.get_num_threads()
    inside = []

    def fail() -> None:
        with arithmetic(before + 1):
            inside.append(torch.get_num_threads())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert inside == [before + 1]
    assert torch.get_num_threads() == before


def test_numbers_too_small_to_matter_are_zero_while_it_lasts() -> None:
    tiny = torch.tensor([1e-38])
    with arithmetic(1):
        assert (tiny / 100).item() == 0
    assert (tiny / 100).item() > 0


# ── Memory ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 8 GB free; its containers say their limits in the folder."""
    monkeypatch.setattr(device.psutil, "virtual_memory", lambda: SimpleNamespace(available=8_000_000_000))
    monkeypatch.setattr(device, "Path", lambda name: tmp_path / Path(name).name)
    return tmp_path


def limit(machine: Path, most: str, used: str) -> None:
    (machine / "memory.max").write_text(most)
    (machine / "memory.current").write_text(used)


def test_without_a_container_the_machines_memory_counts(machine: Path) -> None:
    assert available_memory() == 8_000_000_000


@pytest.mark.parametrize(
    ("most", "free"),
    [("6000000000\n", 5_000_000_000), ("max\n", 8_000_000_000), ("90000000000\n", 8_000_000_000)],
    ids=["smaller", "no limit", "larger"],
)
def test_a_container_may_have_less(machine: Path, most: str, free: int) -> None:
    limit(machine, most, "1000000000\n")
    assert available_memory() == free


def test_what_does_not_fit_is_refused_with_its_numbers_and_a_way_out(machine: Path) -> None:
    limit(machine, "6000000000", "1000000000")
    choose_memory(5_000_000_000, CPU, "replay_capacity = 7")
    words = r"^replay_capacity = 7 needs 5\.1 GB of memory, but only 5\.0 GB are free: lower it$"
    with pytest.raises(ResourceError, match=words) as raised:
        choose_memory(5_100_000_000, CPU, "replay_capacity = 7")
    assert raised.value.exit_code == 5


def test_a_replay_lives_on_the_gpu_if_it_fits_there_else_beside_the_cpu(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(machine, "max", "0")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (7_000_000_000, 10_000_000_000))
    gpu = torch.device("cuda")
    assert choose_memory(7_000_000_000, gpu, "it") == gpu
    assert choose_memory(7_100_000_000, gpu, "it") == CPU
    with pytest.raises(ResourceError, match=r"only 8\.0 GB are free"):
        choose_memory(8_100_000_000, gpu, "it")


def test_a_replay_that_does_not_fit_is_refused_before_it_is_made(machine: Path) -> None:
    limit(machine, "1040000000", "1000000000")
    with pytest.raises(ResourceError, match=r"replay_capacity = 3,000,000 needs 0\.2 GB of memory, but only 0\.0 GB"):
        assemble(Config(replay_capacity=3_000_000))


# ── The cache ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("platform", "settings", "folder"),
    [
        ("linux", {}, "~/.cache/dqnlab"),
        ("linux", {"XDG_CACHE_HOME": ""}, "~/.cache/dqnlab"),
        ("linux", {"XDG_CACHE_HOME": "/elsewhere"}, "/elsewhere/dqnlab"),
        ("darwin", {}, "~/Library/Caches/dqnlab"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/dqnlab"),
        ("win32", {}, "~/dqnlab"),
    ],
)
def test_programs_are_kept_where_the_system_keeps_such_things(
    platform: str, settings: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(folder.replace("~", str(Path.home())))
