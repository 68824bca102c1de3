"""The README says what is so: its code runs, its tables and its tree agree with the source."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import dqnlab
from dqnlab.app.cli import COMMANDS
from dqnlab.app.parse import parse_train
from dqnlab.config import Config, Film, Steps
from dqnlab.run.events import Event

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src" / "dqnlab"
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    return [text for name, text in found if name == language]


def tiny(config: Config) -> Config:
    """The same with so little of everything that it takes a moment."""
    return replace(
        config,
        learning_starts=config.batch_size,
        budget=Steps(num=400),
        evaluate_every=Steps(num=200),
        select_episodes=2,
        confirm_episodes=2,
        score_episodes=3,
        film=Film(episodes=0),
        explain=False,
    )


@pytest.mark.slow
def test_python_in_the_readme_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    train, events = dqnlab.train, dqnlab.events
    made: list[Any] = []

    def train_a_little(config: Config, **settings: Any) -> Any:
        made.append(train(tiny(config), **{**settings, "trackers": ("none",)}))
        return made[-1]

    def events_of_a_little(config: Config) -> Iterator[Event]:
        made.append(config)
        return events(tiny(config))

    monkeypatch.setattr(dqnlab, "train", train_a_little)
    monkeypatch.setattr(dqnlab, "events", events_of_a_little)
    names: dict[str, Any] = {"__name__": "readme"}  # not __main__: many seeds are not trained
    for number, block in enumerate(blocks("python"), 1):
        exec(compile(block, f"README.md, python block {number}", "exec"), names)
    assert len(made) == 3  # whatever trains was cut short, and nothing escaped
    assert names["agent"].act(0) in range(4)
    assert "Score(" in capsys.readouterr().out


def test_readme_lists_exactly_the_commands_there_are() -> None:
    assert re.findall(r"^\| `dqn (\w+)", README, flags=re.MULTILINE) == list(COMMANDS)


def test_training_commands_in_the_readme_are_understood(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("gamma = 0.9\n", encoding="utf-8")
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("dqn train ")]
    assert len(lines) == 5
    parsed = [parse_train(shlex.split(line, comments=True)[2:])[0] for line in lines]
    assert [args.seeds for args in parsed] == [1, 1, 1, 1, 10]
    configs = [args.config for args in parsed]
    assert [config.preset for config in configs] == ["textbook", "default", "cartpole", "cartpole", "cartpole"]
    assert configs[1].budget == Steps(num=100_000)
    assert (configs[3].gamma, configs[3].seed) == (0.9, 1)


def test_make_targets_in_the_pages_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    used = {name for page in PAGES for name in re.findall(r"make (\w+)  ", (ROOT / page).read_text("utf-8"))}
    assert {"train", "test", "setup", "check"} <= used
    for name in used:
        assert re.search(rf"^{name}:", makefile, flags=re.MULTILINE), name


def test_reading_order_in_the_readme_is_that_of_the_files() -> None:
    order = re.findall(r"^\| ([①-⑧]) \| `([\w/]+\.py)` \|", README, flags=re.MULTILINE)
    assert [number for number, _ in order] == list("①②③④⑤⑥⑦⑧")
    for number, path in order:
        assert (SRC / path).read_text("utf-8").startswith(f'"""{number}'), path


def test_tree_in_the_readme_is_the_tree_on_disk() -> None:
    (tree,) = [block for block in blocks("") if block.startswith("src/dqnlab/")]
    drawn = set(re.findall(r"[├└]── (\w+(?:\.py|/))", tree))
    named = drawn | set(re.findall(r"\b(\w+\.py)\b", tree))
    folders = {f"{path.parent.name}/" for path in SRC.glob("*/__init__.py")}
    files = {path.name for path in SRC.glob("*.py") if not path.name.startswith("_")}
    assert named == folders | files


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text("utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []
