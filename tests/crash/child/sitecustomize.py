"""Sends this process a signal at a moment that FAULT names: `SIGTERM 1 import torch`, `SIGINT 20 during decide`.

Python imports it before anything else. A moment is an import, a file that is opened, a program that is started, or a
call of the environment below while a function of some name is on the stack.
"""

import os
import signal
import sys

NAME, TIMES, KIND, WHAT = (os.environ.get("FAULT") or "SIGINT 0 never never").split()
left = int(TIMES)


def send():
    global left
    times, left = left, 0
    for _ in range(times):
        os.kill(os.getpid(), getattr(signal, NAME))


def look(event, args):
    if not left:
        return
    seen = {"import": ("import", 0), "open": ("open", 0), "start": ("subprocess.Popen", 0)}.get(KIND)
    if seen is not None and event == seen[0] and str(args[0]).endswith(WHAT):
        send()


def called():
    """To be called by an environment."""
    frame = sys._getframe(1) if left and KIND == "during" else None
    while frame is not None:
        if frame.f_code.co_name == WHAT:
            return send()
        frame = frame.f_back


if KIND in ("import", "open", "start"):
    sys.addaudithook(look)
