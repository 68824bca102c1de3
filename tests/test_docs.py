"""The README says what is so: its code runs, its tables and its tree agree with the source, in both languages."""

import ast
import re
import shlex
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import dqnlab
from dqnlab import presets
from dqnlab.app.cli import COMMANDS
from dqnlab.app.parse import parse_train
from dqnlab.config import Config, Film, Steps
from dqnlab.config.fields import choices

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src" / "dqnlab"
PAGES = [
    *("README.md", "README.zh-Hant.md", "CONTRIBUTING.md", "CHANGELOG.md"),
    *("docs/dqn.md", "docs/dqn.zh-Hant.md", "docs/variants.md", "docs/variants.zh-Hant.md"),
]
README, CHINESE = ((ROOT / page).read_text("utf-8") for page in PAGES[:2])
READMES = pytest.mark.parametrize("readme", [README, CHINESE], ids=["English", "Chinese"])


def blocks(language: str, page: str = README) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
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


@pytest.mark.world
@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_each_python_block_of_the_readme_runs_alone(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a folder of its own, with nothing that another block has made; whatever trains is cut short."""
    train, events, many = dqnlab.train, dqnlab.events, dqnlab.train_many
    made: list[Config] = []

    def shortened(config: Config) -> Config:
        made.append(config)
        return tiny(config)

    def few_seeds(config: Config, seeds: Sequence[int]) -> Any:
        return many(shortened(config), seeds[:2], trackers=())

    def train_a_little(config: Config, **settings: Any) -> Any:
        return train(shortened(config), **{**settings, "trackers": ("none",)})

    monkeypatch.setattr(dqnlab, "train", train_a_little)
    monkeypatch.setattr(dqnlab, "events", lambda config: events(shortened(config)))
    monkeypatch.setattr(dqnlab, "train_many", few_seeds)
    block = blocks("python")[number]
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(block, f"README.md, python block {number + 1}", "exec"), names)
    assert len(made) == 1
    assert ("print(" in block) == bool(capsys.readouterr().out)
    assert "agent" not in names or names["agent"].config.batch_size == made[0].batch_size


def test_each_command_of_the_readme_needs_nothing_that_another_block_has_made() -> None:
    """A file that a command reads is made in the same block; a run that it names is one of the reader's."""
    for block in blocks("sh"):
        made = set(re.findall(r"> (\S+)", block))
        assert set(re.findall(r"--config (\S+)", block)) <= made


def test_the_period_of_checkpoints_in_the_readme_is_that_of_the_presets() -> None:
    for readme in (README, CHINESE):
        said = re.search(r"([\d,]+) \D*?\D*`cartpole`\D*?([\d,]+)|([\d,]+) env steps \(([\d,]+) in the preset", readme)
        assert said
        numbers = [int(each.replace(",", "")) for each in said.groups() if each]
        assert numbers == [presets.get(name).checkpoint_every for name in ("default", "cartpole")]


def test_the_extras_in_the_readme_are_those_that_there_are() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    for readme in (README, CHINESE):
        listed = re.findall(r"^\| `(\w+)` \| `pip install \"dqnlab\[(\w+)\]\"`", readme, flags=re.MULTILINE)
        assert sorted(listed) == sorted((name, name) for name in extras)


@READMES
def test_readme_lists_exactly_the_commands_there_are(readme: str) -> None:
    assert re.findall(r"^\| `dqn (\w+)", readme, flags=re.MULTILINE) == list(COMMANDS)


def test_training_commands_in_the_readme_are_understood(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("gamma = 0.9\n", encoding="utf-8")
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("dqn train ")]
    assert len(lines) == 10
    parsed = [parse_train(shlex.split(line, comments=True)[2:])[0] for line in lines]
    assert [args.seeds for args in parsed] == [1, 1, 1, 1, 1, 1, 10, 1, 1, 1]
    configs = [args.config for args in parsed]
    assert [config.preset for config in configs] == [
        "textbook",
        "mountaincar",
        "default",
        *["cartpole"] * 5,
        "default",
        "acrobot",
    ]
    assert configs[2].budget == Steps(num=100_000)
    assert (configs[5].gamma, configs[5].seed) == (0.9, 1)


@pytest.mark.parametrize("page", ["docs/variants.md", "docs/variants.zh-Hant.md"])
def test_every_kind_of_the_family_has_its_place(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    plain = {"scalar", "plain", "mlp", "none", "replay", "greedy", "uniform", "constant", "own"}
    network = ("head", "stream", "torso", "layers", "norm")
    for axis in (*network, "rule", "memory", "sampler", "optimizer", "lr_schedule", "experience", "regularizer"):
        for kind in choices(axis).keys() - plain:
            assert f"`{axis}:{kind}`" in text or f"`{kind}`" in text, f"{axis}:{kind}"


def test_make_targets_in_the_pages_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    used = {name for page in PAGES for name in re.findall(r"make (\w+)  ", (ROOT / page).read_text("utf-8"))}
    assert {"train", "test", "setup", "check"} <= used
    for name in used:
        assert re.search(rf"^{name}:", makefile, flags=re.MULTILINE), name


@READMES
def test_reading_order_in_the_readme_is_that_of_the_files(readme: str) -> None:
    order = re.findall(r"^\| ([①-⑧]) \| `([\w/]+\.py)` \|", readme, flags=re.MULTILINE)
    assert [number for number, _ in order] == list("①②③④⑤⑥⑦⑧")
    for number, path in order:
        assert (SRC / path).read_text("utf-8").startswith(f'"""{number}'), path


@READMES
def test_tree_in_the_readme_is_the_tree_on_disk(readme: str) -> None:
    (tree,) = [block for block in blocks("", readme) if block.startswith("src/dqnlab/")]
    drawn = set(re.findall(r"[├└]── (\w+(?:\.py|/))", tree))
    named = drawn | set(re.findall(r"\b(\w+\.py)\b", tree, flags=re.ASCII))
    folders = {f"{path.parent.name}/" for path in SRC.glob("*/__init__.py")}
    files = {path.name for path in SRC.glob("*.py") if not path.name.startswith("_")}
    assert named == folders | files


def test_both_readmes_show_the_same_code() -> None:
    code, twin = ([ast.dump(ast.parse(block)) for block in blocks("python", page)] for page in (README, CHINESE))
    assert code == twin  # comments are no part of it
    code, twin = ([shlex.split(block, comments=True) for block in blocks("sh", page)] for page in (README, CHINESE))
    assert code == twin


def test_both_readmes_name_the_same_things_in_the_same_sections() -> None:
    english, chinese = (re.split(r"^## .*$", page, flags=re.MULTILINE) for page in (README, CHINESE))
    assert len(english) == len(chinese)
    for section, twin in zip(english, chinese, strict=True):
        assert sorted(named(section)) == sorted(named(twin))


def named(text: str) -> list[str]:
    """What stands in backticks outside blocks of code, and the number of rows and points."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^(\||-|\d\.) ", text, flags=re.MULTILINE)
    return [*re.findall(r"`([^`]+)`", text), *rows]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", (ROOT / page).read_text("utf-8"))
    broken = []
    for link in links:
        file, _, heading = link.partition("#")
        target = (ROOT / page).parent / file if file else ROOT / page
        if not target.exists() or (heading and heading not in anchors(target)):
            broken.append(link)
    assert broken == []


def anchors(page: Path) -> list[str]:
    """Where a link into a page may lead, by the rule that GitHub has for headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), flags=re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
