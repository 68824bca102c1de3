"""Sends this process a signal at a moment that FAULT names: `SIGTERM 1 import torch`, `SIGINT 20 during decide`.

Python imports it before anything else. A moment is an import, a file that takes its name, a program that is started,
a function that is called, a file that exists, or a call of the environment beside this while a function of some name
is on the stack. It is in this process, not in one that this starts; once it has come, there is a file of the name in
FAULT_CAME. Where FAULT_TO is `all` those that it has started get the signal too, as from a terminal.
"""

import os
import signal
import sys

NAME, TIMES, KIND, WHAT = os.environ.pop("FAULT", "SIGINT 0 never never").split()
TO = os.environ.pop("FAULT_TO", "this")
EVENTS = {"import": ("import", 0), "rename": ("os.rename", 1), "start": ("subprocess.Popen", 0)}
left = int(TIMES)
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests in the background ignores it


def send():
    global left
    times, left = left, 0
    with open(os.environ["FAULT_CAME"], "w"):
        pass
    for _ in range(times):
        if TO == "all":
            os.killpg(os.getpgrp(), getattr(signal, NAME))
        else:
            os.kill(os.getpid(), getattr(signal, NAME))


def look(event, args):
    if not left:
        return
    name, at = EVENTS[KIND]
    if event == name and os.fsdecode(args[at]).endswith(WHAT):
        send()


def profile(frame, event, arg):
    if event == "call" and (frame.f_code.co_name == WHAT if KIND == "call" else os.path.exists(WHAT)):
        sys.setprofile(None)
        send()


def called():
    """To be called by an environment."""
    frame = sys._getframe(1) if left and KIND == "during" else None
    while frame is not None:
        if frame.f_code.co_name == WHAT:
            return send()
        frame = frame.f_back


if KIND in EVENTS:
    sys.addaudithook(look)
elif KIND in ("call", "file"):
    sys.setprofile(profile)
