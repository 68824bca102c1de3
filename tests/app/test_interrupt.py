"""Signals that come while something is made as a whole, and while a process is started."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from dqnlab.lab.interrupt import Interrupted, signals_end, signals_held, signals_wait
from dqnlab.processes import signals_blocked

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
@pytest.mark.parametrize("times", [1, 20])
def test_signals_that_come_while_a_process_starts_are_obeyed_afterwards(signum: int, times: int) -> None:
    made = []

    def start() -> None:
        with signals_held(), signals_blocked():
            for _ in range(times):  # to this thread: another one of the process could take them after the test
                signal.pthread_kill(threading.get_ident(), signum)
            made.append(True)

    with signals_end(), pytest.raises(Interrupted) as raised:
        start()
    assert made
    assert raised.value.signum == signum


def test_a_first_signal_that_is_only_noted_is_no_reason_to_raise_afterwards() -> None:
    with signals_wait() as interrupt:
        with signals_held():
            os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.asked


def test_a_scripts_own_use_of_a_signal_without_a_meaning_stays() -> None:
    def own(signum: int, frame: object) -> None:
        got.append(signum)

    got: list[int] = []
    before = signal.signal(signal.SIGUSR1, own)
    try:
        with signals_wait() as interrupt:
            signal.raise_signal(signal.SIGUSR1)
            assert not interrupt.asked
        assert got == [signal.SIGUSR1]
    finally:
        signal.signal(signal.SIGUSR1, before)


LISTENS = """
import signal
from dqnlab.processes import ignore_signals

print("there", flush=True)
input()
ignore_signals()
print(signal.pthread_sigmask(signal.SIG_BLOCK, []) == set(), flush=True)
"""


@pytest.mark.world
def test_a_process_that_starts_meanwhile_is_deaf_from_its_first_moment_on() -> None:
    words = [sys.executable, "-c", LISTENS]
    with signals_blocked():
        child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with child:
        assert child.stdout is not None
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            child.send_signal(each)
        assert child.stdout.readline() == "there\n"
        assert child.communicate("go on\n")[0] == "True\n"
    assert child.returncode == 0
