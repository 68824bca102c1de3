"""Convolutions in a network: acted by, learned by, compiled, resumed, judged and explained."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import dqnlab
from dqnlab import build, settle
from dqnlab.config import Adam, Config, Dueling, Env, Iqn, LayerNorm, Mlp, Noisy, NoNorm, Polyak, SpectralNorm, Steps
from dqnlab.envs.make import describe
from dqnlab.errors import ConfigError
from dqnlab.explain.trace_text import step_text
from dqnlab.lab.overrides import Overrides
from dqnlab.lab.session import train
from dqnlab.store.folder import CONFIG

from ..dots import Dots
from ..resuming import check_resumes
from ..tiny import SMALL
from .conftest import Filled
from .test_network_seams import check_stack


def dots(*shape: int, **settings: Any) -> Env:
    own = {name: settings.pop(name) for name in ("dtype", "among") if name in settings}
    return Env(id=partial(Dots, shape, **own), **settings)


SEEN: dict[str, Config] = {
    "booleans, channels last": replace(SMALL, env=dots(10, 10, 4, dtype="bool")),
    "bytes, channels first": replace(SMALL, env=dots(3, 36, 40), n=2),
    "gray, stacked": replace(SMALL, env=dots(12, 11, frame_stack=3, scale="high")),
    "floats, by impala": replace(SMALL, env=dots(12, 12, dtype="float32"), conv="impala"),
    "bytes, by the network of btr": replace(
        SMALL,
        env=dots(11, 10, 2, scale="high"),
        conv="auto_impala",
        norm=SpectralNorm(on="residual"),
        layers=Noisy(),
        stream=Dueling(hidden=(8,)),
        head=Iqn(num=3, cosines=4),
        sync=Polyak(tau=0.1),
    ),
    "bytes, by hadamax, normed": replace(
        SMALL, env=dots(10, 11, 3), conv="hadamax", norm=LayerNorm(), n=2, optimizer=Adam(lr=1e-4)
    ),
    "among others, masked": replace(SMALL, env=dots(10, 12, 3, among=True)),
    "among others, masked, stacked": replace(SMALL, env=dots(10, 12, 3, among=True, frame_stack=2), n=2),
}
CONVS = dict(zip(SEEN, ("small", "nature", "small", "impala", "impala", "hadamax", "small", "small"), strict=True))


@pytest.fixture(params=SEEN)
def config(request: pytest.FixtureRequest) -> Config:
    return SEEN[request.param]


@pytest.mark.parametrize("name", SEEN)
def test_what_looks_at_a_picture_follows_from_its_size_unless_said(name: str) -> None:
    spec = describe(SEEN[name].env)
    ((kind, _),) = settle.choose_convs(SEEN[name], spec.obs).values()
    assert kind == CONVS[name]
    network = build.make_network(SEEN[name], spec)
    assert network.chain() is None
    assert len(network.encode.extractors) == 1
    assert len(build.make_network(replace(SEEN[name], conv="none", norm=NoNorm()), spec).encode.extractors) == 0


def test_convolutions_that_are_found_by_themselves_leave_vectors_alone() -> None:
    assert settle.choose_convs(replace(SMALL, conv="auto_impala"), describe(Env()).obs) == {}
    assert settle.choose_convs(replace(SMALL, conv="auto_impala"), describe(dots(9, 12)).obs) == {}


@pytest.mark.parametrize(
    ("conv", "env", "what"),
    [
        (
            "small",
            Env(),
            r"conv = 'small' is for pictures of at least 3 pixels a side, and env 'CartPole-v1' shows \(4,\)",
        ),
        ("nature", dots(10, 10, 4), r"conv = 'nature' is for pictures of at least 36 .* shows \(10, 10, 4\): leave"),
        ("impala", dots(2, 2, among=True), r"at least 3 pixels .* shows \(2, 2\), \(2,\): leave conv out"),
    ],
    ids=["a vector", "too small", "parts"],
)
def test_convolutions_without_a_picture_are_refused_before_anything_is_made(
    conv: Any, env: Env, what: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=what):
        train(replace(SMALL, env=env, conv=conv), out=tmp_path / "run", trackers=("none",))
    assert not (tmp_path / "run").exists()


def test_three_side_by_side_learn_as_each_alone(
    config: Config, filled: Filled, tmp_path: Path, not_compiled: None
) -> None:
    together, alone = ([filled(replace(config, seed=i)) for i in range(3)] for _ in range(2))
    check_stack(together, alone, tmp_path, 4)


def test_a_run_resumes_exactly_is_judged_and_explained(config: Config, tmp_path: Path) -> None:
    config = replace(config, explain=True)
    whole, _ = check_resumes(config, tmp_path, Overrides(env=config.env))
    assert whole.failed_steps == {}
    assert "chooses the next action" in " ".join(step_text(whole.folder).split())
    assert dqnlab.report(whole, env=config.env).path.is_file()


def test_a_run_of_before_there_were_convolutions_keeps_its_network(tmp_path: Path) -> None:
    env = dots(10, 10)
    run = train(replace(SMALL, env=env, conv="none"), out=tmp_path / "run", trackers=("none",))
    text = (run.folder / CONFIG).read_text("utf-8")
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith("conv = ")]
    assert len(lines) == len(text.splitlines()) - 1
    (run.folder / CONFIG).write_text("".join(lines), "utf-8")
    agent = dqnlab.load(run.folder, env=env)
    assert agent.config.conv == "none"
    assert len(agent.network.encode.extractors) == 0


@pytest.mark.world
def test_convolutions_learn_where_the_bar_is(tmp_path: Path) -> None:
    """Eight steps, 1 for each right answer; whoever guesses gets 4."""
    config = replace(
        SMALL,
        env=dots(10, 10, 2, dtype="bool", num_envs=4),
        gamma=0.0,
        budget=Steps(num=6_000),
        torso=Mlp(hidden=(32,)),
    )
    config = replace(config, evaluate_every=Steps(num=2_000), score_episodes=50)
    run = train(config, out=tmp_path / "run", trackers=("none",))
    assert run.score is not None
    assert run.score.mean > 7.5
