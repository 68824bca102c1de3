"""The bugs that `make mutants` plants still have their place in the source, and the tests that see them exist."""

import ast
import re
from pathlib import Path

import pytest

from .mutants.bugs import BUGS
from .mutants.impossible import IMPOSSIBLE
from .mutants.kinds import Bug

TESTS = Path(__file__).resolve().parent
SRC = TESTS.parent / "src" / "dqnlab"


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.says)
def test_a_bug_has_one_place_and_makes_another_program_of_it(bug: Bug) -> None:
    text = (SRC / bug.path).read_text("utf-8")
    assert text.count(bug.old) == 1
    mutant = text.replace(bug.old, bug.new)
    assert ast.dump(ast.parse(mutant)) != ast.dump(ast.parse(text))
    assert all((TESTS / name).is_file() for name in bug.red)


def test_what_cannot_occur_names_tests_that_exist() -> None:
    for each in IMPOSSIBLE:
        assert all((TESTS / name).is_file() for name in re.findall(r"\((?:[^()]*?)(\w[\w/]*test_\w+\.py)", each.why))


def test_there_are_many_and_each_is_told_once() -> None:
    assert len(BUGS) >= 30
    said = [each.says for each in (*BUGS, *IMPOSSIBLE)]
    assert len(set(said)) == len(said)
