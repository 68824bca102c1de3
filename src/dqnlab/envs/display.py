"""Whether a window could be opened here. Needs nothing."""

import os
import sys


def has_display() -> bool:
    """Whether a window could be opened; only Linux can be without one."""
    names = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    return not sys.platform.startswith("linux") or any(os.environ.get(name) for name in names)
