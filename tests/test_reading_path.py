"""The way of one transition, from `env.step` to the optimiser: the files that README lists, and no others."""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import dqnlab
from dqnlab.config import Steps, presets
from dqnlab.envs.vector import SerialEnvs
from dqnlab.learn.types import Sample
from dqnlab.run.system import assemble

SOURCE = Path(dqnlab.__file__).parent
README = Path(__file__).parents[1] / "README.md"
MOST = 1_350  # code lines that a reader follows


@contextmanager
def followed() -> Iterator[list[str]]:
    """The files of dqnlab whose functions are called meanwhile, in the order of their first call.

    What goes on inside of `Envs.step` is the environment's business.
    """
    files: list[str] = []
    within: list[FrameType] = []

    def hear(frame: FrameType, event: str, argument: Any) -> None:
        if event == "return" and within and frame is within[-1]:
            within.pop()
        if event != "call" or within:
            return
        if frame.f_code is SerialEnvs.step.__code__:
            within.append(frame)
            return
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(SOURCE) and (name := path.relative_to(SOURCE).as_posix()) not in files:
            files.append(name)

    sys.setprofile(hear)
    try:
        yield files
    finally:
        sys.setprofile(None)


def path_of_a_transition() -> list[str]:
    """What is called from one block of the textbook's run to the end of its update."""
    brief = {"learning_starts": 64, "budget": Steps(num=100), "evaluate_every": Steps(num=1000)}
    system = assemble(replace(presets.get("textbook"), **brief))
    try:
        loop = system.loop()
        said = next(loop)
        while not isinstance(said, Sample):
            said = next(loop)
        said = loop.send(system.learner.update(system.memory.batch(said)))
        with followed() as files:
            while not isinstance(said, Sample):
                said = next(loop)
            loop.send(system.learner.update(system.memory.batch(said)))
        return files
    finally:
        system.close()


def code_lines(path: Path) -> int:
    """Lines with a token of code: no blank ones, comments or docstrings, counted by `ast` and `tokenize`."""
    text = path.read_text("utf-8")
    docs = {
        number
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    silent = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    tokens = [token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type not in silent]
    return len({number for token in tokens for number in range(token.start[0], token.end[0] + 1)} - docs)


def test_readme_lists_the_files_that_a_transition_passes() -> None:
    files = path_of_a_transition()
    lines = {name: code_lines(SOURCE / name) for name in files}
    print(*(f"{lines[name]:5} {name}" for name in files), f"{sum(lines.values()):5} code lines", sep="\n")
    (listed,) = re.findall(r"```\n(run/train\.py.*?)```", README.read_text("utf-8"), re.S)
    assert re.split(r"\s*→\s*", listed.strip()) == files
    assert sum(lines.values()) <= MOST
