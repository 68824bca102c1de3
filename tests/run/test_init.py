"""A run begins with the weights of another one, says so, and needs its files no more."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import dqnlab
from dqnlab.app.cli import main
from dqnlab.config import C51, Config, Dueling, Env, Init, Mlp, Noisy, Polyak, Quantiles
from dqnlab.config.toml import from_toml, to_toml
from dqnlab.errors import CheckpointError, ConfigError, FolderError
from dqnlab.lab.many import crew
from dqnlab.lab.overrides import Overrides
from dqnlab.lab.session import train
from dqnlab.learn.transfer import own_names
from dqnlab.learn.weights import export_weights
from dqnlab.run.keep import save_weights
from dqnlab.run.system import System, assemble
from dqnlab.store.agent import load
from dqnlab.store.folder import BEST, CONFIG, INIT, LAST, META, Run
from dqnlab.store.weightsfile import meaning_in, read_weights

from ..equal import same
from ..resuming import Interrupts, check_resumes
from ..tiny import SMALL, tiny

QUIET: dict[str, Any] = {"trackers": ("none",)}


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run to begin with."""
    return train(tiny(), out=tmp_path_factory.mktemp("old") / "run", **QUIET)


def begun(config: Config) -> System:
    system = assemble(config)
    system.close()
    return system


def init(source: Path) -> Init:
    return Init(source=str(source))


def test_both_networks_begin_with_the_best_one_of_a_run(old: Run) -> None:
    system = begun(tiny(init=init(old.folder)))
    best = own_names(read_weights(old.folder / BEST))
    same(best, own_names(export_weights(system.learner.online)))
    same(best, own_names(export_weights(system.learner.target)))
    assert system.begun is not None
    assert system.begun.parts == ["encode", "torso", "stream"]
    assert system.config.init.sha256 == system.begun.initial.sha256


def test_any_file_of_weights_will_do_with_its_run_or_without(old: Run, tmp_path: Path) -> None:
    shutil.copy(old.folder / LAST, tmp_path / "net.pth")
    alone, inside = (begun(tiny(init=init(file))) for file in (tmp_path / "net.pth", old.folder / LAST))
    same(export_weights(alone.learner.online), export_weights(inside.learner.online))
    assert alone.config.init.sha256 == inside.config.init.sha256


def test_values_stay_what_they_are_where_rewards_are_divided(old: Run) -> None:
    system = begun(tiny(init=init(old.folder), reward_scale=8.0))
    obs = np.linspace(-0.1, 0.1, 8, dtype=np.float32).reshape(2, 4)
    with torch.no_grad():
        q = system.learner.online.q_values(torch.from_numpy(obs)) * 8.0
    assert np.allclose(q.numpy(), load(old.folder).q_values(obs), atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"head": Quantiles(num=1)}, ["encode", "torso"]),  # whose shapes are the same
        ({"stream": Dueling()}, ["encode", "torso"]),
        ({"sync": Polyak(), "n": 3}, ["encode", "torso", "stream"]),
    ],
)
def test_a_head_of_another_kind_begins_at_random(old: Run, changes: dict[str, Any], parts: list[str]) -> None:
    config = tiny(init=init(old.folder), **changes)
    system, fresh = begun(config), begun(replace(config, init=Init()))
    assert system.begun is not None
    assert system.begun.parts == parts
    added = "; to take it, add stream:plain" if "stream" in changes else "; to take it, add head:scalar"
    said = f"begin at random (its head is scalar{added})"
    assert (said in system.begun.says) == ("stream" not in parts)
    if "stream" not in parts:
        same(system.learner.online.stream.state_dict(), fresh.learner.online.stream.state_dict())
        same(system.learner.online.torso.state_dict(), load(old.folder).network.torso.state_dict())


def test_a_range_of_returns_is_part_of_what_a_head_means(tmp_path: Path) -> None:
    narrow = tiny(head=C51(num=5, v_min=-1.0, v_max=1.0))
    made = train(narrow, out=tmp_path / "narrow", **QUIET)
    twin = begun(replace(narrow, init=init(made.folder)))
    assert twin.begun is not None
    assert "stream" in twin.begun.parts
    wide = begun(replace(narrow, head=C51(num=5, v_min=-9.0, v_max=9.0), init=init(made.folder)))
    assert wide.begun is not None
    assert "stream" not in wide.begun.parts


def test_where_nothing_fits_the_shapes_are_named(old: Run) -> None:
    with pytest.raises(ConfigError, match=r"init\.source = .* does not fit: its torso\.layers\.0\.weight is \(8, 4\)"):
        assemble(tiny(init=init(old.folder), torso=Mlp(hidden=(9, 6))))
    with pytest.raises(ConfigError, match=r"\(8, 4\), and that of this run \(8, 6\)"):
        assemble(tiny(init=init(old.folder), env=Env(id="Acrobot-v1")))


def test_a_misfit_says_which_kinds_and_sizes_would_fit(old: Run, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"does not fit: .*; to take it, add --torso.hidden 8 6 \(in Python torso=Mlp"
    ):
        assemble(tiny(init=init(old.folder), torso=Mlp(hidden=(9, 6))))
    made = train(tiny(stream=Dueling(), layers=Noisy(), head=Quantiles(num=3)), out=tmp_path / "other", **QUIET)
    with pytest.raises(ConfigError, match=r"; to take it, add layers:noisy stream:dueling head:qr$"):
        assemble(tiny(init=init(made.folder)))
    fits = tiny(init=init(made.folder), layers=Noisy(), stream=Dueling(), head=Quantiles(num=3))
    assert begun(fits).begun.parts == ["encode", "torso", "stream"]  # type: ignore[union-attr]


def test_weights_in_64_bits_are_taken_as_32(old: Run, tmp_path: Path) -> None:
    weights = {name: w.double() + 1e-12 for name, w in read_weights(old.folder / BEST).items()}
    torch.save(weights, tmp_path / "wide.pth")
    system = begun(tiny(init=init(tmp_path / "wide.pth")))
    same(own_names(read_weights(old.folder / BEST)), own_names(export_weights(system.learner.online)))
    torch.save({name: w * 1e300 for name, w in weights.items()}, tmp_path / "huge.pth")
    with pytest.raises(CheckpointError, match=r"as torch.float64 with numbers that float32 cannot hold"):
        assemble(tiny(init=init(tmp_path / "huge.pth")))
    torch.save({name: w.int() for name, w in weights.items()}, tmp_path / "whole.pth")
    with pytest.raises(CheckpointError, match=r"as torch.int32, which no weights are: save them as float32"):
        assemble(tiny(init=init(tmp_path / "whole.pth")))


@pytest.mark.parametrize("more", ["fc.4.extra", "optimizer.step"])
def test_what_a_file_holds_beyond_a_network_is_named_and_nothing_is_dropped_silently(
    more: str, old: Run, tmp_path: Path
) -> None:
    torch.save({**read_weights(old.folder / BEST), more: torch.zeros(2)}, tmp_path / "more.pth")
    with pytest.raises(ConfigError, match=rf"holds more than such a network: '{more}'; leave that out"):
        assemble(tiny(init=init(tmp_path / "more.pth")))
    own = own_names(read_weights(old.folder / BEST))
    torch.save({**own, "stream.second.weight": torch.zeros(2)}, tmp_path / "second.pth")
    with pytest.raises(ConfigError, match=r"holds more than such a network: 'stream.second.weight'"):
        assemble(tiny(init=init(tmp_path / "second.pth")))


def test_arrays_of_numpy_are_answered_with_what_to_do(tmp_path: Path) -> None:
    np.savez(tmp_path / "net.npz", **{"fc.0.weight": np.zeros((8, 4))})
    with pytest.raises(CheckpointError, match=r"holds arrays of NumPy \(fc.0.weight\): make a weights file of them"):
        assemble(tiny(init=init(tmp_path / "net.npz")))
    np.savez(tmp_path / "one.npz", obs=np.zeros(3), action=np.zeros(2), reward=np.zeros(2))
    with pytest.raises(
        CheckpointError, match=r"it is a recorded episode, not a network: .* give its folder to --demos"
    ):
        assemble(tiny(init=init(tmp_path / "one.npz")))


def test_what_is_no_network_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="no run 'nowhere'"):
        assemble(tiny(init=Init(source="nowhere")))
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match="not a plain state_dict"):
        assemble(tiny(init=init(tmp_path / "list.pth")))
    torch.save({"fc.0.weight": torch.full((8, 4), torch.nan)}, tmp_path / "nan.pth")
    with pytest.raises(CheckpointError, match=r"fc\.0\.weight with values that are not finite, such as nan"):
        assemble(tiny(init=init(tmp_path / "nan.pth")))
    torch.save({"q_net.0.weight": torch.zeros(8, 4)}, tmp_path / "other.pth")
    with pytest.raises(ConfigError, match=r"torso\.layers\.0\.weight is missing, and that of this run \(8, 4\)"):
        assemble(tiny(init=init(tmp_path / "other.pth")))


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (Path(tmp_path / "ran").touch, ())

    torch.save({"fc.0.weight": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(CheckpointError):
        assemble(tiny(init=init(tmp_path / "evil.pth")))
    assert not (tmp_path / "ran").exists()


def test_a_setting_that_says_nothing_of_what_it_is_of_is_refused() -> None:
    for wrong in ({"source": ""}, {"sha256": "0" * 64}, {"source": "x", "sha256": "short"}):
        with pytest.raises(ConfigError, match=r"init\."):
            Init(**wrong)


def test_the_run_writes_what_it_began_with_and_can_be_repeated(old: Run, tmp_path: Path) -> None:
    run = train(tiny(), init=old, out=tmp_path / "new", **QUIET)
    about = json.loads((run.folder / META).read_text("utf-8"))["init"]
    config = from_toml((run.folder / CONFIG).read_text("utf-8"), Config(), CONFIG)
    assert about == {"source": config.init.source, "sha256": config.init.sha256, "parts": ["encode", "torso", "stream"]}
    again = train(config, out=tmp_path / "again", **QUIET)
    same(read_weights(run.folder / LAST), read_weights(again.folder / LAST))
    assert from_toml(to_toml(config), Config(), CONFIG) == config


def test_a_file_that_has_changed_since_is_refused(old: Run, tmp_path: Path) -> None:
    shutil.copy(old.folder / BEST, tmp_path / "net.pth")
    config = begun(tiny(init=init(tmp_path / "net.pth"))).config
    save_weights(tmp_path / "net.pth", {name: w + 1 for name, w in read_weights(old.folder / BEST).items()})
    with pytest.raises(ConfigError, match=r"has other weights than init\.sha256 names"):
        assemble(config)


def test_it_resumes_to_the_bit_without_the_old_file(old: Run, tmp_path: Path) -> None:
    check_resumes(replace(SMALL, init=init(old.folder)), tmp_path, Overrides())
    shutil.copytree(old.folder, tmp_path / "gone")
    config = replace(SMALL, init=init(tmp_path / "gone"), checkpoint_every=0)
    whole = train(config, out=tmp_path / "all", **QUIET)
    cut = train(config, out=tmp_path / "part", view=Interrupts(), **QUIET)
    shutil.rmtree(tmp_path / "gone")
    shutil.rmtree(cut.folder / "checkpoints")  # so that it begins again
    resumed = dqnlab.resume(cut.folder)
    same(read_weights(whole.folder / LAST), read_weights(resumed.folder / LAST))
    assert (resumed.folder / INIT).exists()


@pytest.mark.world
def test_seeds_of_one_process_begin_with_it(old: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "usable_cores", lambda: 1)
    alone = train(tiny(init=init(old.folder)), out=tmp_path / "alone", **QUIET)
    group = dqnlab.train_many(tiny(), [0, 1], init=old, out=tmp_path / "group", quiet=True, **QUIET)
    for run in (alone, *group.runs):
        same(read_weights(run.folder / INIT), own_names(read_weights(old.folder / BEST)))
    with pytest.raises(ConfigError, match="does not fit"):
        dqnlab.train_many(tiny(torso=Mlp(hidden=(9,))), [0, 1], init=old, out=tmp_path / "no", quiet=True, **QUIET)
    assert not (tmp_path / "no").exists()


def test_the_command_takes_a_run_by_its_name(old: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copytree(old.folder, tmp_path / "runs" / "CartPole-v1" / "first")
    (tmp_path / "tiny.toml").write_text(to_toml(tiny()), "utf-8")
    words = ["train", "CartPole", "--config", str(tmp_path / "tiny.toml"), "--runs", str(tmp_path / "runs"), "--quiet"]
    assert main([*words, "--tracker", "none", "--init", "first", "--out", str(tmp_path / "new")]) == 0
    assert "training begins with the weights of" in caplog.text
    config = from_toml((tmp_path / "new" / CONFIG).read_text("utf-8"), Config(), CONFIG)
    assert str(config.init.source).endswith(str(Path("first") / BEST))


# ── Weights say what they mean ───────────────────────────────────────────────────────────────────


def test_weights_of_another_head_with_the_same_shapes_are_refused_by_name(tmp_path: Path) -> None:
    scalar = train(tiny(head=C51(num=4, v_min=-1.0, v_max=1.0)), out=tmp_path / "c51", **QUIET)
    other = train(tiny(head=Quantiles(num=4)), out=tmp_path / "qr", **QUIET)
    shutil.copy(other.folder / BEST, scalar.folder / BEST)
    with pytest.raises(CheckpointError, match=r"best_model\.pth' .*of another run, with head 'qr', not 'c51'"):
        load(scalar.folder)


def test_weights_of_before_files_said_so_still_load(old: Run, tmp_path: Path) -> None:
    shutil.copytree(old.folder, tmp_path / "run")
    weights = read_weights(old.folder / BEST)
    assert meaning_in(weights) == {"torso": "mlp", "layers": "plain", "stream": "plain", "head": "scalar"}
    torch.save(dict(weights), tmp_path / "run" / BEST)
    assert meaning_in(read_weights(tmp_path / "run" / BEST)) == {}
    same(load(tmp_path / "run").network.state_dict(), load(old.folder).network.state_dict())


def test_what_weights_say_may_be_anything(old: Run, tmp_path: Path) -> None:
    shutil.copytree(old.folder, tmp_path / "run")
    for said in ({"": {}}, {"dqnlab": 3}, {"dqnlab": {"head": [1]}}, 7):
        weights = read_weights(old.folder / BEST)
        weights._metadata = said  # type: ignore[attr-defined]
        torch.save(weights, tmp_path / "run" / BEST)
        if isinstance(said, dict) and isinstance(said.get("dqnlab"), dict):
            with pytest.raises(CheckpointError, match="of another run"):
                load(tmp_path / "run")
        else:
            load(tmp_path / "run")


def test_torch_reads_the_file_as_a_plain_state_dict(old: Run) -> None:
    layers = [torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 6), torch.nn.ReLU(), torch.nn.Linear(6, 2)]
    classic = torch.nn.ModuleDict({"fc": torch.nn.Sequential(*layers)})
    classic.load_state_dict(torch.load(old.folder / BEST, weights_only=True))
