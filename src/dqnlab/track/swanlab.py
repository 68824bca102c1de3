"""SwanLab as a tracker: rows go to a child process, which alone imports it (see `swanlab_child.py`)."""

from __future__ import annotations

import contextlib
import json
import queue
import shlex
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ResourceError
from ..store.door import drop_empty, fresh_folder
from ..store.folder import LABELS, REPORT, Run
from .tracker import MOST_TAGS, Swanlab, TrackedRun

PROJECT = "RL-All-In-One"
CHILD = Path(__file__).with_name("swanlab_child.py")
# Starting SwanLab takes a second of processor time. A run that is over within seconds should not share
# its processors with that, so rows are kept until a run has shown that it is a long one, or has ended.
START_AFTER = 10.0
FINISH_WITHIN = 5.0
_PLAIN = Swanlab()


class SwanlabTracker:
    """Never prompts, blocks or prints: all but `close` only queue, and that takes `finish_within` seconds at most."""

    def __init__(
        self,
        about: TrackedRun,
        settings: Swanlab = _PLAIN,
        start_after: float = START_AFTER,
        finish_within: float = FINISH_WITHIN,
    ) -> None:
        self._settings = init_words(about, settings)
        self._start_after = start_after
        self._finish_within = finish_within
        self._rows: queue.SimpleQueue[tuple[int, dict[str, float]] | tuple[int, str] | None] = queue.SimpleQueue()
        self._step = 0
        self._closing = threading.Event()
        self._child: subprocess.Popen[str] | None = None
        self._reports: dict[str, str] = {}
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._feed, name="dqnlab-swanlab", daemon=True)
        self._thread.start()

    def log(self, step: int, row: Mapping[str, float]) -> None:
        """Queues a row. Raises ResourceError once the child has failed."""
        self._raise_error()
        self._step = step
        self._rows.put((step, dict(row)))

    def end(self) -> None:
        """Lets a child begin that has not begun yet: what it takes to start it is then spent while others work."""
        self._closing.set()

    def finish(self, run: Run) -> None:
        """Queues the run's page, if it has one."""
        if (page := run.files.get(LABELS[REPORT])) is not None:
            self._rows.put((self._step, str(page.resolve())))

    def close(self) -> str | None:
        self._rows.put(None)
        self._closing.set()
        self._thread.join(self._finish_within)
        if not self._thread.is_alive():
            self._raise_error()
        elif self._child is not None and self._reports.get("mode") == "online":
            self._child.kill()  # it has closed its record and waits for the network
        # A child that has not even started is left to itself: it ends soon, see LINGER_SECONDS.
        return self._line()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _feed(self) -> None:
        """The thread: waits, starts the child, hands it the rows, hears it out."""
        self._closing.wait(self._start_after)
        try:
            # SwanLab writes by names of its own, so it gets a folder that nobody has put anything into.
            self._settings["log_dir"] = str(fresh_folder(Path(self._settings["log_dir"])))
            self._child = child = _start()
            with child:
                self._send(child)
                self._listen(child)
        except Exception as error:  # told by the next `log` or by `close`, in the thread of the caller
            self._error = error
        finally:
            drop_empty(Path(self._settings["log_dir"]))  # it may have been switched off

    def _send(self, child: subprocess.Popen[str]) -> None:
        assert child.stdin is not None
        try:
            child.stdin.write(json.dumps(self._settings) + "\n")
            while (found := self._rows.get()) is not None:
                child.stdin.write(json.dumps(found) + "\n")
                child.stdin.flush()
            child.stdin.close()
        except OSError:  # the child has ended; `_listen` hears why
            with contextlib.suppress(OSError):  # what is still in the buffer has nowhere to go
                child.stdin.close()

    def _listen(self, child: subprocess.Popen[str]) -> None:
        assert child.stdout is not None
        for line in child.stdout:
            self._reports |= json.loads(line)
        code = child.wait()
        if "error" in self._reports:
            raise ResourceError(self._reports["error"])
        if "finished" not in self._reports:
            raise ResourceError(f"its process ended with code {code}")

    def _line(self) -> str | None:
        """What the user should know at the end."""
        line = self._where()
        why = self._reports.get("no_page")
        return line if line is None or why is None else f"{line} (without the run's page: {why})"

    def _where(self) -> str | None:
        """Where the record is, or how to send it."""
        heard = self._reports
        folder, place = shlex.quote(self._settings["log_dir"]), shlex.quote(heard.get("dir", ""))
        match heard.get("mode"), "finished" in heard:
            case None, _:
                return f"SwanLab is slow to start: its offline record will be in {folder} shortly"
            case "online", True:
                return f"SwanLab: {heard['url']}"
            case "online", False:
                return f"SwanLab: not everything was uploaded in time; to upload the rest: swanlab sync {place}"
            case "local", _:
                return f"SwanLab: to see it: swanlab watch {folder}"
            case "disabled", _:
                return None
            case _:
                why = f" ({heard['why']})" if heard.get("why") else ""
                return f"SwanLab: recorded offline{why}; to upload it: swanlab sync {place}"


def init_words(about: TrackedRun, settings: Swanlab) -> dict[str, Any]:
    """What the child hands to `swanlab.init`; `otherwise` counts where SwanLab's own settings say nothing."""
    name = about.name or about.run_folder.name
    asked = {"project": settings.project, "workspace": settings.workspace, "name": settings.name}
    asked |= {"group": settings.group, "id": settings.id}
    tags = list(dict.fromkeys([*about.tags, *settings.tags]))[:MOST_TAGS]
    usual = {"project": PROJECT, "name": name[:512], "group": None if about.group is None else about.group[:512]}
    return {
        "description": f"{about.env}, {about.description}".removesuffix(", ")[:1024],  # longer ones are refused
        "config": spelled(about.config),
        "log_dir": str(about.run_folder / "swanlab"),
        **{key: value for key, value in asked.items() if value is not None},
        **({"tags": tags} if tags else {}),
        "otherwise": {key: value for key, value in usual.items() if value is not None},
    }


def _start() -> subprocess.Popen[str]:
    """Starts the child, out of reach of the terminal's Ctrl-C: it has to finish its record."""
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    return subprocess.Popen(
        # -P: the folder of the script holds files of the same names as the packages they wrap
        [sys.executable, "-P", str(CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        start_new_session=True,
        creationflags=flags,
    )


def spelled(value: Any) -> Any:
    """Plain values for SwanLab's config, which shows None as an empty dict: it becomes "none"."""
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return {str(name): spelled(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [spelled(one) for one in value]
    return value if isinstance(value, (bool, int, float, str)) else str(value)
