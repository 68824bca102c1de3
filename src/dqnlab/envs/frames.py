"""What an environment draws, as a picture that can be shown: the one contract of film, page and doctor."""

from collections.abc import Collection, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import load_env_creator

from ..config import Env
from ..config.checks import as_float, quoted
from ..errors import DqnlabError, EnvironmentFault, one_line
from .guard import EnvironmentHangs, Guard
from .make import AnyEnv
from .modules import import_named
from .pools import registered_id

DEFAULT_FPS = 30.0  # Gymnasium's own, for environments that name no speed
SLOWEST, FASTEST = 0.1, 1_000.0  # pictures per second
CHANNELS = (1, 3, 4)  # gray, colours, colours with their opacity


class Camera:
    """Takes pictures of one environment, which stands behind its guard, all of one size."""

    def __init__(self, env: AnyEnv, label: str):
        self._env, self._label = env, label
        self._shape: tuple[int, ...] | None = None
        self.taken = 0
        """pictures so far, one that is being taken included"""
        self._whole = 1.0  # full brightness of frames that are floats

    def __call__(self) -> np.ndarray:
        """A picture of the environment as it stands, [H, W, 3] uint8, a copy.

        Raises:
            EnvironmentFault: it raised, draws nothing that can be shown, or another size than before.
        """
        where = f"env {self._label!r}, picture {self.taken + 1}"
        self.taken += 1
        drawn = self._env.render()
        try:
            picture = self._picture(drawn)
        except ValueError as e:
            raise EnvironmentFault(f"{where}: {e}; return an array [height, width, 3] of uint8") from e
        if self._shape not in (None, picture.shape):
            before, now = (f"{shape[1]} x {shape[0]}" for shape in (self._shape or (0, 0), picture.shape))
            raise EnvironmentFault(
                f"{where}: render returned {now} pixels after {before}: draw all pictures in one size"
            )
        self._shape = picture.shape
        return picture

    def _picture(self, drawn: Any) -> np.ndarray:
        """[H, W, 3] uint8 of whatever render returned. Raises ValueError if it is no picture."""
        array = _array(drawn)
        if array.dtype == np.bool_:
            array = array * np.uint8(255)
        elif array.dtype.kind == "f":
            array = self._scaled(array)
        elif array.dtype.kind not in "iu":
            raise ValueError(f"render returned values of type {array.dtype}")
        low, high = int(array.min()), int(array.max())
        if low < 0 or high > 255:
            raise ValueError(f"render returned values from {low} to {high}, not 0 to 255")
        return np.array(_colours(array.astype(np.uint8)), order="C")

    def _scaled(self, array: np.ndarray) -> np.ndarray:
        """Floats as whole numbers from 0 to 255: shares of full brightness, until one is larger than 1."""
        if not np.isfinite(array).all():
            raise ValueError("render returned values that are not finite")
        if array.max() > 1:
            self._whole = 255.0
        return np.rint(array * (255.0 / self._whole)).clip(-1, 256).astype(int)


def frame_rate(env: AnyEnv, label: str) -> float:
    """Pictures per second that the environment asks for; 30 if it names none.

    Raises:
        EnvironmentFault: it names a rate that cannot be shown.
    """
    given = metadata(env).get("render_fps")
    if given is None:
        return DEFAULT_FPS
    rate = as_float(given)
    if not SLOWEST <= rate <= FASTEST:  # NaN is in no range
        raise EnvironmentFault(
            f"env {label!r}: metadata['render_fps'] is {quoted(given)}; it must be a number of pictures per second, "
            f"from {SLOWEST:g} to {FASTEST:,.0f}"
        )
    return rate


def metadata(env: Any) -> dict[str, Any]:
    """What an environment says about itself; empty if that is not a dict."""
    said = getattr(env, "metadata", None)
    return said if isinstance(said, dict) else {}


def render_modes(env: Any) -> tuple[str, ...]:
    """The render modes that an environment, or its class, promises."""
    said = metadata(env).get("render_modes")
    if isinstance(said, str):
        return (said,)
    return tuple(map(str, said)) if isinstance(said, Collection) else ()


def announced(env: Env) -> tuple[str, ...]:
    """The render modes that an environment's class promises before one is made; none where only one made can say."""
    try:
        return render_modes(Guard(env.label).call("importing it", _maker, env))
    except EnvironmentHangs:
        raise
    except DqnlabError:  # whoever makes it will say what is wrong
        return ()


def _maker(env: Env) -> Any:
    """The class or function that makes an environment."""
    if not isinstance(env.id, str):
        return env.id
    import_named(env.id)
    entry = gym.spec(registered_id(env.id).rpartition(":")[2]).entry_point
    return load_env_creator(entry) if isinstance(entry, str) else entry


def shrink(image: np.ndarray, width: int) -> np.ndarray:
    """An image [H, W, 3] at most so wide, by means over squares."""
    return reduced(image, -(-image.shape[1] // width))


def reduced(image: np.ndarray, factor: int) -> np.ndarray:
    """An image [H, W, 3] in which squares of `factor` pixels a side have become one."""
    if factor == 1:
        return image.copy()
    from PIL import Image

    return np.asarray(Image.fromarray(image).reduce(factor))


def _array(drawn: Any) -> np.ndarray:
    """One frame as it was drawn, [H, W] or [H, W, C]. Raises ValueError."""
    if drawn is None:
        raise ValueError("render returned None")
    if hasattr(drawn, "convert") and hasattr(drawn, "getbands"):  # of PIL, whose numbers may name colours of a palette
        drawn = drawn.convert("RGBA" if "A" in drawn.getbands() else "RGB")
    if isinstance(drawn, Sequence) and _are_frames(drawn):
        drawn = drawn[-1]  # as the mode `rgb_array_list` returns them, the newest last
    try:
        array = np.asarray(drawn)
    except Exception as e:  # lists of unequal lengths, and whatever an object raises that is asked for its numbers
        raise ValueError(f"render returned {_kind(drawn)}: {one_line(str(e))[:100]}") from e
    while array.ndim > 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 3 and array.shape[2] not in CHANNELS and array.shape[0] in (1, 3):
        array = np.moveaxis(array, 0, 2)
    if array.ndim not in (2, 3) or 0 in array.shape or (array.ndim == 3 and array.shape[2] not in CHANNELS):
        kind = f"an array of shape {array.shape}" if array.ndim else _kind(drawn)
        raise ValueError(f"render returned {kind}")
    return array


def _are_frames(drawn: Sequence[Any]) -> bool:
    """Whether a list holds frames, and is not itself one that is written as lists of rows."""
    shapes = [np.shape(each) for each in drawn if isinstance(each, np.ndarray)]
    if not drawn or len(shapes) < len(drawn):
        return bool(drawn) and all(hasattr(each, "getbands") for each in drawn)
    return len(shapes[-1]) == 3 or (len(shapes[-1]) == 2 and shapes[-1][1] not in CHANNELS)


def _colours(array: np.ndarray) -> np.ndarray:
    """[H, W, 3] of uint8 [H, W], [H, W, 1], [H, W, 3] or [H, W, 4], the last on white."""
    if array.ndim == 2:
        array = array[..., None]
    if array.shape[2] == 4:
        share = array[..., 3:].astype(np.uint16)
        array = ((array[..., :3] * share + 255 * (255 - share) + 127) // 255).astype(np.uint8)
    return np.broadcast_to(array, (*array.shape[:2], 3))


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return f"{_quoted(value)}, of type {type(value).__name__}"


def _quoted(value: object) -> str:
    text = one_line(repr(value))
    return text if len(text) <= 60 else text[:59] + "…"
