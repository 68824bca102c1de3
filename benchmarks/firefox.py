"""The page in Firefox: it draws its values, plays, and says nothing on the console.

Firefox is driven by its own Marionette protocol (JSON over a local port): nothing else has to be installed:

    apt-get install firefox-esr
    make firefox                                  # a small run is trained, its page and that of two runs are opened
    python benchmarks/firefox.py PAGE.html …      # or pages that are there
"""

from __future__ import annotations

import argparse
import base64
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

PREFERENCES = {
    "marionette.port": 0,  # any that is free; Firefox writes which into its profile
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}
# Errors of scripts, refusals of the content policy, and what pages print; of pages on disk only.
CONSOLE = """
const said = Services.console.getMessageArray()
  .filter((each) => each instanceof Ci.nsIScriptError && each.sourceName.startsWith("file:"))
  .map((each) => each.errorMessage);
const printed = Cc["@mozilla.org/consoleAPI-storage;1"].getService(Ci.nsIConsoleAPIStorage).getEvents()
  .filter((each) => String(each.filename).startsWith("file:")).map((each) => each.arguments.join(" "));
return [...said, ...printed];
"""
VALUES = 'return [...document.querySelectorAll(".value-number, .bars .number")].map((each) => each.textContent)'
STEP = """
const slider = [...document.querySelectorAll("[role=slider][aria-valuenow]")].find((each) => each.offsetParent);
return Number(slider.getAttribute("aria-valuenow"));
"""
# The button that plays is known by what it says of itself; the page may be playing already.
PRESS = 'document.querySelector(".world-play").click(); return document.querySelector(".world-play").textContent'
INK = """
const canvas = [...document.querySelectorAll("canvas")].find((each) => each.offsetParent);
if (!canvas) return null;
const copy = document.createElement("canvas");
[copy.width, copy.height] = [canvas.width, canvas.height];
const context = copy.getContext("2d");
context.drawImage(canvas, 0, 0);
const { data } = context.getImageData(0, 0, copy.width, copy.height);
let count = 0;
for (let i = 3; i < data.length; i += 4) count += data[i] > 0;
return count / (data.length / 4);
"""


class Firefox:
    """A browser without a window, and the one connection to it."""

    def __init__(self, program: str, home: Path):
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items())
        (home / "user.js").write_text("".join(lines))
        words = [program, "--headless", "--marionette", "--remote-allow-system-access", "--no-remote"]
        self._process = subprocess.Popen(
            [*words, "--profile", str(home)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._socket = self._connect(home / "MarionetteActivePort")
        self._number = 0
        self._receive()  # who it is
        about = self.ask("WebDriver:NewSession", capabilities={"alwaysMatch": {}})["capabilities"]
        self.version = about["browserVersion"]

    def ask(self, command: str, **words: Any) -> Any:
        """What a command comes to. Raises RuntimeError with Firefox's own words."""
        self._number += 1
        text = json.dumps([0, self._number, command, words]).encode()
        self._socket.sendall(str(len(text)).encode() + b":" + text)
        _, _, error, result = self._receive()
        if error:
            raise RuntimeError(f"{command}: {error['message']}")
        return result

    def run(self, script: str, context: str = "content") -> Any:
        """What a script returns, in the page or in the browser itself (`chrome`)."""
        self.ask("Marionette:SetContext", value=context)
        return self.ask("WebDriver:ExecuteScript", script=script, args=[])["value"]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)

    def _connect(self, file: Path) -> socket.socket:
        for _ in range(600):
            if self._process.poll() is not None:
                raise RuntimeError(f"Firefox ended with code {self._process.returncode}")
            if file.is_file() and (text := file.read_text().strip()):
                return socket.create_connection(("127.0.0.1", int(text)), timeout=60)
            time.sleep(0.1)
        raise RuntimeError("Firefox did not open its port within a minute")

    def _receive(self) -> Any:
        length = b""
        while (byte := self._socket.recv(1)) != b":":
            length += byte
        text = b""
        while len(text) < int(length):
            text += self._socket.recv(int(length) - len(text))
        return json.loads(text)


def looked_at(firefox: Firefox, page: Path, pictures: Path | None) -> list[str]:
    """What is wrong with a page, in words."""
    firefox.ask("Marionette:SetContext", value="content")
    began = time.perf_counter()
    firefox.ask("WebDriver:Navigate", url=page.resolve().as_uri())
    seconds = time.perf_counter() - began
    values = firefox.run(VALUES)
    ink = firefox.run(INK)
    label = firefox.run(PRESS)
    first = firefox.run(STEP)
    time.sleep(1.0)
    second = firefox.run(STEP)
    firefox.run(PRESS)
    third = firefox.run(STEP)
    time.sleep(1.0)
    fourth = firefox.run(STEP)
    if pictures is not None:
        shot = firefox.ask("WebDriver:TakeScreenshot", full=False)["value"]
        (pictures / f"{page.stem}.png").write_bytes(base64.b64decode(shot))
    said = firefox.run(CONSOLE, "chrome")
    drawn = "no picture" if ink is None else f"{ink:.0%} of the picture drawn"
    print(f"{page.name}: open in {seconds:.2f} s, {len(values)} values ({', '.join(values[:4])}), {drawn}; "
          f"Play ({label}): steps {first}, {second}, then {third}, {fourth}; console: {said or 'nothing'}")  # fmt: skip
    wrong = [] if len(values) >= 2 and all(each.strip() for each in values) else ["no values"]
    wrong += [] if first != second or third != fourth else ["Play does not move"]
    wrong += [] if ink is None or ink > 0 else ["an empty picture"]
    return wrong + [f"console: {each}" for each in said]


def own_pages(home: Path) -> list[Path]:
    """The page of a small run, and that of it beside another."""
    import dqnlab
    from dqnlab.config import Film, Steps

    small = replace(dqnlab.presets.get("cartpole"), budget=Steps(num=6_000), film=Film(episodes=0))
    runs = [dqnlab.train(replace(small, seed=i), out=home / f"run-{i}", trackers=("none",)) for i in range(2)]
    return [dqnlab.report(runs[0]).path, dqnlab.report(runs[0], beside=runs[1]).path]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", type=Path, help="pages on disk; two of a small run's own if none")
    parser.add_argument("--pictures", type=Path, help="a folder for what each looked like")
    args = parser.parse_args()
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        print("there is no Firefox: apt-get install firefox-esr", file=sys.stderr)
        return 5
    with tempfile.TemporaryDirectory() as home:
        pages = args.pages or own_pages(Path(home))
        (profile := Path(home) / "profile").mkdir()
        if args.pictures is not None:
            args.pictures.mkdir(parents=True, exist_ok=True)
        firefox = Firefox(program, profile)
        try:
            print(f"Firefox {firefox.version}")
            wrong = {page.name: found for page in pages if (found := looked_at(firefox, page, args.pictures))}
        finally:
            firefox.close()
    for name, found in wrong.items():
        print(f"{name}: {'; '.join(found)}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
