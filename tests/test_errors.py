"""A message is one line, whatever those say whom it quotes."""

import ast
import pickle
import re
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeGuard

import pytest

import dqnlab
from dqnlab.errors import DqnlabError, EnvironmentFault, ObservationError, all_of, counted, named, one_line
from dqnlab.explain.page import words

from .plurals import PLURALS


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one line", "one line"),
        ("two\nlines", "two lines"),
        ("\n  Traceback:\r\n    deep\x0b down\u2028here \n\n", "Traceback: deep down here"),
        ("a path  with 'two  spaces' stays", "a path  with 'two  spaces' stays"),
        ("", ""),
    ],
)
def test_a_message_is_one_line(text: str, line: str) -> None:
    assert one_line(text) == line
    for kind in (DqnlabError, EnvironmentFault, ObservationError):
        assert str(kind(text)) == line
        assert str(pickle.loads(pickle.dumps(kind(text)))) == line  # as it comes from another process
    assert named(ValueError(text)) == (f"ValueError: {line}" if line else "ValueError")


def test_an_error_whose_own_text_raises_is_still_named() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    assert named(Mute()) == "Mute: (its text raised RuntimeError)"


@pytest.mark.parametrize(
    ("num", "noun", "said"),
    [
        (0, "step", "0 steps"),
        (1, "fresh episode", "1 fresh episode"),
        (1200, "copy", "1,200 copies"),
        (1, "copy", "1 copy"),
    ],
)
def test_what_is_counted_agrees_with_its_number(num: int, noun: str, said: str) -> None:
    assert counted(num, noun) == said
    assert all_of(num, noun) == (f"the only {noun}" if num == 1 else f"all {said}")


# Always several, or a speed.
ALWAYS_MANY = {"MOST_TRIES", "ATTEMPTS", "height", "size", "wrong", "rows"}


def test_a_number_before_its_noun_is_written_by_one_function() -> None:
    root = Path(dqnlab.__file__).parent
    plural = re.compile(rf" (?:(?:fresh|random|env|greedy|stored|other) )*(?:{PLURALS})\b(?!/)")
    found = []
    for path in sorted(root.rglob("*.py")):
        for text in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts = text.values if isinstance(text, ast.JoinedStr) else []
            for number, noun in pairwise(parts):
                if not isinstance(number, ast.FormattedValue) or not isinstance(noun, ast.Constant):
                    continue
                said = ast.unparse(number.value)
                if plural.match(str(noun.value)) and said not in ALWAYS_MANY and "label" not in said:
                    found.append(f"{path.relative_to(root)}:{text.lineno}: {said}{noun.value}")
    assert found == [], "write counted(number, 'noun')"


# What only the command line can say: its own words, the row of a printed step.
ONLY_TYPED = ("app/arguments", "app/cli", "app/words", "app/flags", "app/help", "app/calls", "app/parse", "app/aliases")
ONLY_TYPED += (
    "app/alert",
    "app/commands",
    "app/complete",
    "app/confirm",
    "app/places",
    "app/shells",
    "app/summary",
    "live/serve",
)
ONLY_TYPED += ("lab/again", "store/own", "explain/trace_text", "explain/report", "track/tensorboard")


def test_a_message_that_names_a_flag_names_what_python_has_instead() -> None:
    root = Path(dqnlab.__file__).parent
    missing = []
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if name.startswith(ONLY_TYPED):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for statement in ast.walk(tree):
            if isinstance(statement, ast.stmt) and not isinstance(statement, ast.FunctionDef | ast.ClassDef):
                said = "".join(each.value for each in ast.walk(statement) if _is_text(each) and not _is_doc(statement))
                calls = {each.func.id for each in ast.walk(statement) if _is_plain_call(each)}
                both = "either" in calls or "in Python" in said or "commands on this run" in said
                if re.search(r"(?<![\w-])--[a-z]", said) and not both and not re.search(r"dqn (train|\w+ with)", said):
                    missing.append(f"{name}:{statement.lineno}: {said}")
    assert missing == []


def test_advice_of_the_page_that_names_a_flag_names_what_python_has_instead() -> None:
    texts = [(key, text) for key, each in words().items() for text in each.values()]
    assert [key for key, text in texts if re.search(r"(?<![\w-])--[a-z]", text) and "Python " not in text] == []


def _is_text(node: ast.AST) -> TypeGuard[Any]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_plain_call(node: ast.AST) -> TypeGuard[Any]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


def _is_doc(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and _is_text(statement.value)
