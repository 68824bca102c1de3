"""Where tensors live, and that settings of torch are given back."""

import pytest
import torch

from dqnlab.errors import ConfigError
from dqnlab.run.device import arithmetic, resolve_device


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
