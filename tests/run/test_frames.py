"""What an environment draws: whatever can be shown is, and of the rest a message says what is wrong."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dqnlab.envs.frames import Camera, frame_rate, render_modes
from dqnlab.errors import EnvironmentFault
from dqnlab.run.film import LARGEST, SMALLEST, playable

COLOURS = np.arange(60, dtype=np.uint8).reshape(4, 5, 3) * 4
GRAY = COLOURS[..., 0]


class Drawing:
    """An environment that draws one thing after the other."""

    def __init__(self, *drawn: Any, **metadata: Any):
        self.drawn, self.metadata = list(drawn), metadata

    def render(self) -> Any:
        return self.drawn.pop(0)


def taken(*drawn: Any) -> list[np.ndarray]:
    camera = Camera(Drawing(*drawn), "Drawing")  # type: ignore[arg-type]
    return [camera() for _ in drawn]


def rgb(gray: np.ndarray) -> np.ndarray:
    return np.repeat(gray[..., None], 3, 2)


SHOWN = {
    "usual": (COLOURS, COLOURS),
    "gray": (GRAY, rgb(GRAY)),
    "one channel": (GRAY[..., None], rgb(GRAY)),
    "channels first": (np.moveaxis(COLOURS, 2, 0), COLOURS),
    "a batch of one": (COLOURS[None], COLOURS),
    "opaque": (np.dstack([COLOURS, np.full((4, 5), 255, np.uint8)]), COLOURS),
    "transparent": (np.dstack([COLOURS, np.zeros((4, 5), np.uint8)]), np.full((4, 5, 3), 255)),
    "int64": (COLOURS.astype(np.int64), COLOURS),
    "uint16": (COLOURS.astype(np.uint16), COLOURS),
    "float of shares": (COLOURS / 255, COLOURS),
    "float32 to 255": (COLOURS.astype(np.float32), COLOURS),
    "bool": (GRAY > 100, rgb((GRAY > 100) * np.uint8(255))),
    "not contiguous": (COLOURS[:, ::-1][::2], COLOURS[:, ::-1][::2]),
    "lists": (COLOURS.tolist(), COLOURS),
    "a list of rows": (list(COLOURS), COLOURS),
    "frames so far": ([COLOURS * 0, COLOURS], COLOURS),
    "gray frames so far": ([GRAY * 0, GRAY], rgb(GRAY)),
    "PIL": (Image.fromarray(COLOURS), COLOURS),
    "PIL, gray": (Image.fromarray(GRAY), rgb(GRAY)),
    "one pixel": (np.full((1, 1, 3), 7, np.uint8), np.full((1, 1, 3), 7)),
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_is_rows_of_colours_however_it_was_drawn(name: str) -> None:
    drawn, wanted = SHOWN[name]
    (picture,) = taken(drawn)
    np.testing.assert_array_equal(picture, wanted)
    assert (picture.dtype, picture.flags.c_contiguous) == (np.uint8, True)


def test_a_palette_of_pil_gives_its_colours() -> None:
    image = Image.new("P", (2, 2), 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    np.testing.assert_array_equal(taken(image)[0], np.broadcast_to([200, 100, 50], (2, 2, 3)))


def test_dark_floats_after_bright_ones_keep_their_scale() -> None:
    bright, dark = taken(np.full((2, 2, 3), 200.0), np.full((2, 2, 3), 1.0))
    assert (bright.max(), dark.max()) == (200, 1)


def test_a_picture_is_a_copy() -> None:
    canvas = COLOURS.copy()
    (picture,) = taken(canvas)
    canvas[:] = 0
    np.testing.assert_array_equal(picture, COLOURS)


REFUSED = {
    "None": (None, "returned None"),
    "text": ("at 3", "returned 'at 3', of type str"),
    "a number": (3, "returned 3, of type int"),
    "an object": (object(), "of type object"),
    "an empty list": ([], "shape (0,)"),
    "an empty picture": (np.zeros((0, 4, 3), np.uint8), "shape (0, 4, 3)"),
    "one row": (np.zeros(4, np.uint8), "shape (4,)"),
    "two channels": (np.zeros((4, 4, 2), np.uint8), "shape (4, 4, 2)"),
    "too many axes": (np.zeros((2, 4, 4, 3), np.uint8), "shape (2, 4, 4, 3)"),
    "negative": (np.full((4, 4), -3), "values from -3 to -3"),
    "too bright": (np.full((4, 4), 256), "values from 256 to 256"),
    "negative float": (np.full((4, 4), -0.5), "values from -1 to -1"),
    "too bright float": (np.full((4, 4), 900.0), "values from 256 to 256"),
    "not finite": (np.full((4, 4), np.nan), "not finite"),
    "complex": (np.zeros((4, 4), complex), "of type complex128"),
    "ragged": ([[1, 2], [3]], "returned"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_picture_is_refused_in_one_line_that_says_what_it_is(name: str) -> None:
    drawn, words = REFUSED[name]
    with pytest.raises(EnvironmentFault) as caught:
        taken(drawn)
    assert words in str(caught.value)
    assert str(caught.value).startswith("env 'Drawing', picture 1: ")
    assert "\n" not in str(caught.value)


def test_pictures_of_two_sizes_are_refused() -> None:
    with pytest.raises(EnvironmentFault, match="picture 2: render returned 5 x 6 pixels after 5 x 4"):
        taken(COLOURS, np.zeros((6, 5, 3), np.uint8))


# ── Rate and modes ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("given", [None, 12, 12.5, np.float32(50), np.int64(4)])
def test_the_rate_is_the_one_of_the_metadata_or_thirty(given: Any) -> None:
    assert frame_rate(Drawing(render_fps=given), "Drawing") == (30 if given is None else given)  # type: ignore[arg-type]
    assert frame_rate(SimpleNamespace(metadata=None), "Drawing") == 30  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [0, -5, float("nan"), float("inf"), "fast", "30", 10**9, 10**400, True, [30]])
def test_a_rate_that_cannot_be_shown_is_refused(given: Any) -> None:
    with pytest.raises(EnvironmentFault, match="render_fps"):
        frame_rate(Drawing(render_fps=given), "Drawing")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "modes"), [(["human"], ("human",)), ("human", ("human",)), (None, ()), (3, ()), ({"human"}, ("human",))]
)
def test_render_modes_are_read_however_they_are_written(given: Any, modes: tuple[str, ...]) -> None:
    assert render_modes(Drawing(render_modes=given)) == modes  # type: ignore[arg-type]


# ── For players ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (1, 4000), (63, 65), (401, 601), (5000, 3001), (2161, 3840)])
def test_a_film_has_an_even_size_that_can_be_seen(size: tuple[int, int]) -> None:
    height, width = playable(np.zeros((*size, 3), np.uint8)).shape[:2]
    assert height % 2 == width % 2 == 0
    assert max(height, width) <= LARGEST
    assert min(height, width) >= SMALLEST or max(height, width) > LARGEST // 2


def test_a_usual_picture_is_filmed_as_it_is() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    np.testing.assert_array_equal(playable(picture), picture)
