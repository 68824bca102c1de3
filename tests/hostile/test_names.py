"""Names, links and groups from elsewhere: nothing leaves the folder of runs, nothing steers the terminal."""

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import pytest

import dqnlab
from dqnlab.app.cli import main
from dqnlab.config import AnyEnvironment, Config, Env
from dqnlab.config.toml import to_toml
from dqnlab.errors import ConfigError, EnvironmentFault, FolderError
from dqnlab.store.agent import load
from dqnlab.store.find import find_run
from dqnlab.store.folder import BEST, CONFIG, META, RESULT, SUMMARY, create_folder, safe_name

NAMES = [
    "../x", "../../etc/passwd", "..", ".", "/", "/etc/passwd", "..\\x", "C:x", "C:\\x", "\\\\host\\share",
    "%2e%2e/", "%2e%2e%2fx", "....//", "a/../../b", "con", "CON.txt", "nul", "com1", "LPT9.log", "a\0b", "\0",
    "a\nb", "\x1b[2J", "\u202egnp.exe", "\u2066x", "‥/x", "／etc", ".hidden", "~", "~root", "$HOME", "`id`", "-rf",
    "x" * 300, "<script>", "a:b", "*", "?", "x.", "x ", " ",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_run_lies_two_levels_below_the_runs_whatever_its_names(name: str) -> None:
    runs = Path("runs")
    made = create_folder(Config(preset=name, env=Env(id=name)), None, runs)
    assert made.parent.parent == runs.resolve()
    for part in (made.name, made.parent.name, safe_name(name)):
        assert part.isascii()
        assert part.isprintable()
        assert not set(part) & set("/\\:*?\"<>| '$`")
        assert part[0] not in ".-~"


@pytest.mark.parametrize("name", ["../outside", "../runs/../outside", "x\0y", "y" * 5_000, "loop"])
def test_no_name_leads_out_of_the_folder_of_runs(name: str, run: Path) -> None:
    shutil.copytree(run, "outside")
    Path("runs/loop").symlink_to("loop")
    Path("else/where").mkdir(parents=True)
    os.chdir("else/where")
    with pytest.raises(FolderError):
        find_run(name, Path("../../runs"))


@pytest.mark.parametrize("name", ["x\0y", "y" * 5_000, "../" * 2_000])
def test_a_name_that_no_file_can_have_is_refused_by_every_command(
    name: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [main([command, name]) for command in ("evaluate", "watch", "record")] == [2, 2, 2]
    assert capsys.readouterr().err.count("error: ") == 3


def test_a_table_of_runs_survives_links_that_go_in_circles(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("runs/loop").symlink_to("loop")
    Path("runs/CartPole-v1/up").symlink_to("../..")
    Path("runs/CartPole-v1/20260102T000000Z-p-s0").mkdir()
    Path("runs/CartPole-v1/20260102T000000Z-p-s0", CONFIG).symlink_to(CONFIG)
    assert main(["runs"]) == 0
    assert capsys.readouterr().out.count("20260101T000000Z-p-s0") == 1


@pytest.mark.parametrize(("file", "code"), [(CONFIG, 2), (META, 2), (BEST, 4), (RESULT, 0)])
def test_a_link_out_of_the_folder_is_not_followed(
    file: str, code: int, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.move(run / file, "private")
    (run / file).symlink_to(Path("private").resolve())
    assert main(["evaluate", str(run), "--episodes", "1"]) == code
    assert main(["runs"]) == 0
    assert ("damaged" in capsys.readouterr().out) == (file == RESULT)


def test_a_film_is_not_written_through_a_link(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "videos").symlink_to(Path.cwd())
    assert main(["record", str(run)]) == 2
    assert "use --out" in capsys.readouterr().err
    assert main(["record", str(run), "--out", "films"]) == 0


def test_a_pipe_in_place_of_a_file_makes_nobody_wait(run: Path) -> None:
    (run / META).unlink()
    os.mkfifo(run / META)
    assert main(["evaluate", str(run)]) == 2


# ── Groups ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("best", ["../../x", -1, True, 2**70, [0], None, 1e300])
def test_the_best_of_a_group_is_one_of_its_seeds(best: object, run: Path) -> None:
    group = Path("runs/CartPole-v1/group")
    shutil.copytree(run, group / "seed-0")
    (group / SUMMARY).write_text(json.dumps({"schema": 1, "best": best}), "utf-8")
    with pytest.raises(FolderError, match="none of which has a score"):
        find_run("group", Path("runs"))
    (group / SUMMARY).write_text(json.dumps({"schema": 1, "best": 0}), "utf-8")
    assert find_run("group", Path("runs")) == (group / "seed-0").resolve()


@pytest.mark.parametrize("content", ["[" * 100_000, "", "[]", '{"schema": 1}', '{"schema": ' + "9" * 5_000 + "}"])
def test_a_damaged_summary_is_refused_and_its_seeds_stay_usable(
    content: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    group = Path("runs/CartPole-v1/group")
    shutil.copytree(run, group / "seed-0")
    (group / SUMMARY).write_text(content, "utf-8")
    assert main(["evaluate", str(group)]) == 2
    assert capsys.readouterr().err.count("error: ") == 1
    assert main(["evaluate", str(group / "seed-0"), "--episodes", "1"]) == 0
    assert main(["runs"]) == 0


# ── The terminal ─────────────────────────────────────────────────────────────────────────────────


def test_no_name_steers_the_terminal(run: Path, escapes: str, capsys: pytest.CaptureFixture[str]) -> None:
    steering = escapes.replace("/", "")
    renamed = run.rename(run.with_name(f"20260109T000000Z-{steering}"))
    config = to_toml(replace(load(renamed).config, preset=steering, env=Env(id=steering)))
    (renamed / CONFIG).write_text(config, "utf-8")
    words = [["runs"], ["evaluate", str(renamed)], ["evaluate", "latest"], ["evaluate", escapes], ["runs", escapes]]
    Path(steering).mkdir()
    words += [["runs", steering], ["train", escapes, "--dry-run"], ["train", escapes, "--dry-run", "--reward-scale=1"]]
    words += [["train", escapes], ["train", "--config", str(renamed / CONFIG)]]
    codes = [main(each) for each in words]
    assert codes == [0, 2, 2, 2, 2, 0, 2, 0, 2, 2]  # only a dry run that measures nothing needs no environment
    out, err = capsys.readouterr()
    assert "<script>" in out
    assert all(each == "\n" or each.isprintable() for each in out + err)


# ── Modules ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def trained_on_evil(run: Path) -> Path:
    """A run whose configuration names an environment of a module."""
    text = (run / CONFIG).read_text("utf-8").replace('"CartPole-v1"', '"evil:Evil-v0"')
    (run / CONFIG).write_text(text, "utf-8")
    return run


def test_a_module_is_imported_once_the_caller_names_it(trained_on_evil: Path) -> None:
    with pytest.raises(ConfigError, match=r"import the Python module 'evil'.*--trust-env-module evil"):
        load(trained_on_evil)
    for wrong in (["devil"], ["Evil"], ["evil.x"], [*"evil"], "devil"):
        with pytest.raises(ConfigError, match="--trust-env-module"):
            load(trained_on_evil, trust_env_modules=wrong)
    assert "evil" not in sys.modules
    assert load(trained_on_evil, trust_env_modules="evil").config.env.id == "evil:Evil-v0"
    words = [
        "evaluate",
        str(trained_on_evil),
        "--episodes",
        "1",
        "--trust-env-module",
        "x",
        "--trust-env-module",
        "evil",
    ]
    assert main(words) == 0
    assert Path("executed").exists()


@pytest.mark.parametrize("env", ["evil:Evil-v0", Env(id="evil:Evil-v0")])
def test_an_environment_of_this_very_call_is_trusted(trained_on_evil: Path, env: str | Env) -> None:
    assert load(trained_on_evil, env=env).config.env.id == "evil:Evil-v0"


@pytest.mark.parametrize("env", ["CartPole-v1", Env(id="CartPole-v1"), lambda: gym.make("CartPole-v1")])
def test_with_another_environment_of_this_call_nothing_asks_for_the_files_module(
    trained_on_evil: Path, env: AnyEnvironment
) -> None:
    """The file decides nothing then, so nothing need be trusted; and nothing of it is left that could import later."""
    text = (trained_on_evil / CONFIG).read_text("utf-8")
    (trained_on_evil / CONFIG).write_text(text.replace("kwargs = {}", 'kwargs = { path = "/" }'), "utf-8")
    agent = load(trained_on_evil, env=env)
    assert agent.config.env.id == (env.id if isinstance(env, Env) else env)
    assert agent.config.env.kwargs == {}
    assert "evil" not in to_toml(agent.config)
    assert dqnlab.evaluate(agent, episodes=1).episodes == 1
    with pytest.raises(ConfigError, match=r"import the Python module 'evil'.*--trust-env-module evil"):
        load(trained_on_evil)
    with pytest.raises(EnvironmentFault, match="no module 'other'"):  # of which the caller has named the module
        load(trained_on_evil, env="other:Evil-v0").check_fits(Env(id="other:Evil-v0"))
    assert "evil" not in sys.modules
    assert not Path("executed").exists()


@pytest.mark.parametrize(("command", "code"), [("evaluate", 0), ("record", 0), ("watch", 0), ("explain", 4)])
def test_every_command_that_takes_an_environment_leaves_the_files_own_alone(
    command: str, code: int, trained_on_evil: Path, dummy_display: None
) -> None:
    words = [command, str(trained_on_evil)] + ["--episodes", "1"] * (command != "explain")
    assert main(words) == 2
    assert main([*words, "--env", "CartPole-v1"]) == code  # of what this run has no page can be made
    assert "evil" not in sys.modules
    assert not Path("executed").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 2),
        (["--trust-env-module", "devil"], 2),
        (["--trust-env-module", "evil"], 0),
        (["--trust-env-module=evil"], 0),
        (["evil:Evil-v0"], 0),
        (["--env.id", "evil:Other-v0"], 0),
        (["CartPole-v1"], 0),  # nothing of the module is left
    ],
)
def test_a_config_file_may_not_choose_a_module_either(trained_on_evil: Path, words: list[str], code: int) -> None:
    assert (
        main(["train", "--config", str(trained_on_evil / CONFIG), "--dry-run", "--reward-scale", "1", *words]) == code
    )


def test_a_weights_file_is_read_with_the_folders_own_distrust(trained_on_evil: Path) -> None:
    assert main(["evaluate", str(trained_on_evil / BEST)]) == 2
