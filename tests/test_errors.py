"""A message is one line, whatever those say whom it quotes."""

import pickle

import pytest

from dqnlab.errors import DqnlabError, EnvironmentFault, ObservationError, named, one_line


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
