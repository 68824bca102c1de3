"""A file that is no network of dqnlab's is named for what it is, with what can be done, and nothing in it is run."""

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dqnlab.app.cli import main
from dqnlab.config import Config, Env
from dqnlab.envs.make import describe
from dqnlab.errors import CheckpointError, FolderError
from dqnlab.run.evaluate import evaluate
from dqnlab.store.agent import load
from dqnlab.store.start import write_start
from dqnlab.store.weightsfile import read_weights


class Trap:
    """Leaves a trace if anybody unpickles it."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, ("sprung",)


def net(prefix: str) -> dict[str, torch.Tensor]:
    layers = {f"{prefix}{i}": nn.Linear(4, 4) for i in (0, 2, 4)}
    return {f"{name}.{part}": w for name, layer in layers.items() for part, w in layer.state_dict().items()}


def saved(content: object, old: bool = False) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=not old)
    return buffer.getvalue()


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return buffer.getvalue()


def tensors() -> bytes:
    header = json.dumps({"fc.weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(header)) + header + b"\0\0\0\0"


SB3 = zipped(
    data=b'{"policy_class": "x"}' * 500, policy__pth=saved(net("q_net.q_net.")), _stable_baselines3_version=b"2"
)
FILES: list[tuple[bytes, list[str]]] = [
    (SB3, ["a Stable-Baselines3 agent", "dqn import here/file.pth --env ENV (in Python", "agent('here/file.pth'"]),
    (saved(net("q_net.q_net.")), ["a policy of Stable-Baselines3", "dqn import here/file.pth --env ENV"]),
    (saved(net("network.")), ["a CleanRL network (network.0.bias", "dqn import here/file.pth --env ENV"]),
    (saved(net("layers.")), ["its layers (layers.0.bias", "are not those of a dqnlab network"]),
    (saved({"actor.weight": torch.ones(2, 2)}), ["an actor-critic agent"]),
    (saved(nn.Sequential(nn.Linear(2, 2))), ["a pickled Python object of torch.nn.modules", "model.state_dict()"]),
    (saved(Trap()), ["a pickled Python object", "would run code"]),
    (saved({"weights": net(""), "step": 3}), ["not a plain state_dict of tensors: save one with torch.save"]),
    (saved([1, 2]), ["not a plain state_dict"]),
    (pickle.dumps(Trap()), ["a Python pickle, which could run any code"]),
    (pickle.dumps({"a": 1}, protocol=4), ["a Python pickle"]),
    (tensors(), ["a safetensors file with 1 tensor (fc.weight)", "dqn import here/file.pth --env ENV"]),
    (zipped(readme__txt=b"hello"), ["a zip archive (readme.txt), and none of its parts is a network"]),
    (saved(net("fc."), old=True), ["torch's format of before 1.6: if it is", "dqn import here/file.pth"]),
    (b"PK\x03\x04 not really", ["a damaged zip archive"]),
    (b"\x89HDF\r\n\x1a\n", ["an HDF5 file, as Keras writes them"]),
    (b"\x1f\x8b\x08rest", ["an archive: unpack it first"]),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", ["a pointer of Git LFS", "git lfs pull"]),
    ("weights = 3\n# é".encode(), ["a text file; a run's folder or a network (.pth) is expected"]),
    (b"", ["it is empty"]),
    (b"\0\1\2\3" * 100, ["damaged or of a format that dqnlab does not know"]),
]  # fmt: skip


@pytest.mark.parametrize(("content", "words"), FILES, ids=lambda value: value[0] if isinstance(value, list) else "")
def test_a_foreign_file_is_named_for_what_it_is(content: bytes, words: list[str]) -> None:
    Path("here").mkdir()
    Path("here/file.pth").write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        load("here/file.pth")
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)
    assert len(str(caught.value)) < 500
    assert not Path("sprung").exists()


@pytest.mark.parametrize("command", ["evaluate", "watch", "record"])
def test_every_command_that_takes_a_network_says_so(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("model.zip").write_bytes(SB3)
    assert main([command, "model.zip"]) == 4
    assert "a Stable-Baselines3 agent" in capsys.readouterr().err


def test_a_folder_that_is_no_run_is_named_for_what_it_holds() -> None:
    Path("logs/deep/run").mkdir(parents=True)
    with pytest.raises(FolderError, match=r"'logs' is a folder, but not a run: it has no config\.toml"):
        load("logs")
    Path("logs/net.pt").write_bytes(saved(net("fc.")))
    with pytest.raises(FolderError, match=r"a network can be named on its own, as 'logs/net\.pt'"):
        load("logs")
    Path("logs/deep/run/config.toml").write_text("")
    with pytest.raises(FolderError, match="it holds runs, such as 'logs/deep/run': name one of them"):
        load("logs")


@pytest.mark.parametrize("command", ["evaluate", "watch", "record", "explain", "resume"])
def test_only_networks_are_offered_where_a_run_is_incomplete_and_only_to_those_who_take_one(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("run/checkpoints").mkdir(parents=True)
    for name in ("batch.safetensors", "snapshots.safetensors", "checkpoints/rows.safetensors"):
        Path("run", name).write_bytes(tensors())
    Path("run/agent.zip").write_bytes(SB3)
    Path("run/a.pth").write_text("a text")
    Path("run/b.pt").write_bytes(SB3)
    Path("run/c.pt").mkdir()
    for folder in ("run", "run/checkpoints"):
        assert main([command, folder]) == 2
        assert capsys.readouterr().err == f"error: '{folder}' is a folder, but not a run: it has no config.toml\n"
    Path("run/aaa.pth").write_bytes(saved(net("fc.")))
    Path("run/best_model.pth").write_bytes(saved(net("fc.")))
    offered = "" if command in {"explain", "resume"} else "; a network can be named on its own, as 'run/best_model.pth'"
    assert main([command, "run"]) == 2
    assert capsys.readouterr().err == f"error: 'run' is a folder, but not a run: it has no config.toml{offered}\n"


@pytest.mark.parametrize("command", ["explain", "resume"])
def test_a_file_is_no_run_for_those_that_need_one(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("model.zip").write_bytes(SB3)
    assert main([command, "model.zip"]) == 2
    assert (
        capsys.readouterr().err == "error: 'model.zip' is a file, and a run is a folder: name the folder, or `latest`\n"
    )


@pytest.mark.parametrize("missing", ["config.toml", "meta.json"])
def test_the_network_that_is_left_of_a_run_can_be_played(missing: str) -> None:
    Path("run").mkdir()
    write_start(Path("run"), Config(), describe(Env()), 1)
    weights = net("fc.")
    weights["fc.4.weight"], weights["fc.4.bias"] = torch.zeros(2, 4), torch.zeros(2)
    Path("run/best_model.pth").write_bytes(saved(weights))
    Path("run", missing).unlink()
    assert evaluate(load("run/best_model.pth", env="CartPole-v1"), episodes=1).episodes == 1


def test_a_table_of_a_folder_that_is_not_there_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "NOPE"]) == 2
    assert "'NOPE' is neither a run nor a folder that holds runs" in capsys.readouterr().err
    assert main(["runs", "--runs", "NOPE"]) == 2
    assert "'NOPE' is not a folder" in capsys.readouterr().err
    assert main(["runs"]) == 0  # nothing has been trained yet


CLASSIC = {
    "fc.0.weight": torch.ones(3, 4),
    "fc.0.bias": torch.zeros(3),
    "fc.2.weight": torch.ones(2, 3),
    "fc.2.bias": torch.zeros(2),
}


@pytest.mark.parametrize(
    ("value", "dtype", "why"),
    [
        (np.nan, torch.float32, r"holds fc\.2\.bias with values that are not finite, such as nan"),
        (-np.inf, torch.float16, r"holds fc\.2\.bias with values that are not finite, such as -inf"),
        (1e300, torch.float64, r"fc\.2\.bias as torch\.float64 with numbers that float32 cannot hold, such as 1e\+300"),
        (complex(1, np.nan), torch.complex64, "not a plain state_dict"),
    ],
)
def test_weights_that_are_not_finite_are_refused(
    value: complex, dtype: torch.dtype, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "net.pth"
    torch.save(CLASSIC, file)
    assert load(file, env="CartPole-v1").q_values(np.ones(4)).tolist() == [12, 12]
    torch.save({**CLASSIC, "fc.2.bias": torch.tensor([0, value], dtype=dtype)}, file)
    with pytest.raises(CheckpointError, match=why):
        read_weights(file)
    for command in ("evaluate", "watch", "record", "export"):
        assert main([command, str(file), "--env", "CartPole-v1"]) == 4, command
        assert "fc.2.bias" in capsys.readouterr().err or dtype == torch.complex64
