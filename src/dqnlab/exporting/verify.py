"""An exported program held against its network, each by a program that knows nothing of torch.

Shapes: N observations, A actions, C components of an action.
"""

from __future__ import annotations

import base64
import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from ..errors import DqnlabError, counted
from .about import About
from .onnx_program import inputs_of
from .states import CHUNK, States, as_given

PATIENCE = 1800.0  # seconds
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
MOST_IN_PAGE = 2**26  # bytes
_ALONE = ("headless", "disable-gpu", "disable-background-networking", "dump-dom")  # of a browser nobody looks at
TOLERANCE = 1e-4  # of the largest value, or of 1


class Missing(Exception):
    """The program that would verify is not on this machine."""


@dataclass(frozen=True)
class Equality:
    """How close an exported program comes to its network."""

    by: str
    """what computed it; nothing if there is no such program here"""
    missing: str
    """why it was not verified; nothing if it was"""
    states: int = 0
    difference: float = 0.0
    """the largest of two values"""
    largest: float = 0.0
    """the largest value, as its size"""
    equal: int = 0
    """how many actions are the same"""
    ties: int = 0
    """how many are not, but are worth the same up to twice the difference"""

    @property
    def holds(self) -> bool:
        """Whether it is the network, up to rounding."""
        allowed = TOLERANCE * max(1.0, self.largest)
        return bool(self.missing) or (self.difference <= allowed and self.equal + self.ties == self.states)

    def __str__(self) -> str:
        if self.missing:
            return f"not verified: {self.missing}"
        ties = f", and {counted(self.ties, 'tie')}" if self.ties else ""
        return (
            f"compared on {counted(self.states, 'state')} by {self.by}: values differ by at most {self.difference:.1e} "
            f"(the largest is {self.largest:.3g}), equal actions {self.equal:,} of {self.states:,}{ties}"
        )


Answers = tuple[np.ndarray, np.ndarray]
"""values [N, A] and the environment's own actions [N, C]"""


def verify(kind: str, folder: Path, about: About, states: States, aside: Path) -> Equality:
    """Computes all states by the program in `folder`; `aside` is for files that only this needs.

    Raises:
        DqnlabError: the program fails.
    """
    try:
        by, (values, actions) = _VERIFIERS[kind](folder, about, states, aside)
    except Missing as e:
        return Equality("", str(e))
    return compared(by, about, states, values, actions)


def compared(by: str, about: About, states: States, values: np.ndarray, actions: np.ndarray) -> Equality:
    """What the answers of a program have to do with the network's."""
    wanted, num = states.values, len(states.values)
    known = ~np.isneginf(wanted)  # what is -inf is an action that is forbidden; NaN equals nothing
    is_same_kind = values.shape == wanted.shape and np.array_equal(known, ~np.isneginf(values))
    if not is_same_kind or not (np.isfinite(values[known]).all() and np.isfinite(wanted[known]).all()):
        return Equality(by, "", num, math.inf, math.inf)
    apart = np.abs(np.where(known, values, 0) - np.where(known, wanted, 0))
    difference = float(apart.max())
    best = wanted.argmax(1)
    own = about.spec.actions(best).reshape(num, -1)
    equal = (actions.reshape(num, -1) == own).all(1)
    all_own = about.spec.actions(np.arange(about.spec.num_actions)).reshape(about.spec.num_actions, -1)
    chosen = (actions.reshape(num, 1, -1) == all_own).all(2).argmax(1)
    rows = np.arange(num)
    as_good = wanted[rows, best] - wanted[rows, chosen] <= 2 * difference
    largest = float(np.abs(wanted[known]).max(initial=0.0))
    return Equality(by, "", num, difference, largest, int(equal.sum()), int((~equal & as_good).sum()))


# ── Programs ─────────────────────────────────────────────────────────────────────────────────────


def _by_onnxruntime(folder: Path, about: About, states: States, aside: Path) -> tuple[str, Answers]:
    try:
        import onnxruntime
    except ImportError as e:
        raise Missing('onnxruntime is not installed: pip install "dqnlab[export]"') from e
    session = onnxruntime.InferenceSession(str(folder / "agent.onnx"), providers=["CPUExecutionProvider"])
    obs = as_given(about.spec, states.obs)
    values, actions = list[np.ndarray](), list[np.ndarray]()
    state = np.zeros((1, about.state), np.float32)
    size = 1 if about.state else CHUNK
    for at in range(0, len(obs), size):
        given = dict(zip((each.name for each in inputs_of(about)), _parts(about, obs[at : at + size]), strict=False))
        if about.state:
            given["state"] = state * (not states.first[at])
        found = session.run(["values", "action", *(["next_state"] if about.state else [])], given)
        values.append(np.asarray(found[0]))
        actions.append(np.asarray(found[1]))
        state = np.asarray(found[2]) if about.state else state
    return f"onnxruntime {onnxruntime.__version__}", (np.concatenate(values), np.concatenate(actions))


def _parts(about: About, obs: np.ndarray) -> list[np.ndarray]:
    """What goes into each input of a model, as the environment would give it."""
    spec, given = about.spec.obs, about.given
    if not spec.parts:
        return [obs.astype(given.types[0])]
    parts = zip(spec.parts, given.types, strict=True)
    found = [obs[:, part.place].reshape(-1, *part.shape).astype(dtype) for part, dtype in parts]
    return found if spec.mask is None else [*found, obs[:, spec.mask :].astype(given.mask)]


def _by_numpy(folder: Path, about: About, states: States, aside: Path) -> tuple[str, Answers]:
    _write(about, states, aside)
    _run([sys.executable, "-I", str(_harness("check_numpy.py", aside)), str(folder), str(aside)])
    return f"numpy {np.__version__}, without torch", _answers(about, states, aside)


def _by_javascript(folder: Path, about: About, states: States, aside: Path) -> tuple[str, Answers]:
    node = shutil.which("node")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if node is None and browser is None:
        raise Missing(f"there is neither Node.js nor {BROWSERS[0]} on the path: install one, or open it in a browser")
    _write(about, states, aside)
    if node is None:
        return _by_browser(str(browser), folder, about, states, aside)
    _run([node, str(_harness("check_js.js", aside)), str(folder), str(aside)])
    version = _run([node, "-v"]).strip()
    return f"Node.js {version}", _answers(about, states, aside)


def _by_browser(browser: str, folder: Path, about: About, states: States, aside: Path) -> tuple[str, Answers]:
    """In a page without a network, which holds the states and leaves the answers as its text."""
    bytes_of_states = (aside / "states.bin").read_bytes()
    if len(bytes_of_states) > MOST_IN_PAGE:
        raise Missing("there is no Node.js, and so many states do not fit into a page: compare fewer")
    scripts = [(folder / "agent.js").read_text("utf-8"), _harness("check_js.js", aside).read_text("utf-8")]
    scripts.append(
        f"const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));\n"
        f'const states = new Float32Array(bytes("{base64.b64encode(bytes_of_states).decode()}").buffer);\n'
        f"const answers = answersOf(agent, {(aside / 'states.json').read_text('utf-8')}, states);\n"
        f"document.body.textContent = `answers: ${{answers.join(' ')}} end`;"
    )
    page = aside / "check.html"
    shown = "".join(f"<script>{script}</script>" for script in scripts)
    page.write_text(f'<!doctype html><meta charset="utf-8"><body>{shown}</body>', encoding="utf-8")
    switches = [*_ALONE, f"user-data-dir={aside / 'profile'}"]
    if getattr(os, "geteuid", lambda: 1)() == 0:
        switches.append("no-sandbox")  # which it cannot have as root
    found = re.search(r"answers: ([^<]*) end", _run([browser, *(f"--{each}" for each in switches), page.as_uri()]))
    if found is None:
        raise DqnlabError(f"{Path(browser).name} has shown no answers of the exported program")
    numbers = [float(each.replace("Infinity", "inf")) for each in found[1].split()]
    (aside / "answers.bin").write_bytes(np.array(numbers, "<f4").tobytes())
    return Path(browser).name, _answers(about, states, aside)


def _by_gcc(folder: Path, about: About, states: States, aside: Path) -> tuple[str, Answers]:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise Missing("there is no C compiler: install gcc")
    _write(about, states, aside)
    program = aside / "check"
    sources = [str(_harness("check_c.c", aside)), str(folder / "agent.c")]
    strict = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-I", str(folder)]
    if about.state:
        strict.append("-DREMEMBERS")
    _run([compiler, *strict, "-o", str(program), *sources, "-lm"])
    _run([str(program), str(folder / "weights.bin"), str(aside / "states.bin"), str(aside / "answers.bin")])
    version = _run([compiler, "-dumpfullversion"]).strip()
    return f"a C program ({Path(compiler).name} {version})", _answers(about, states, aside)


def _write(about: About, states: States, aside: Path) -> None:
    """`states.bin`: for each state whether it begins an episode, and its numbers; `states.json` says what they are."""
    obs = as_given(about.spec, states.obs).reshape(len(states.obs), -1).astype("<f4")
    rows = np.concatenate([states.first[:, None].astype("<f4"), obs], 1)
    (aside / "states.bin").write_bytes(rows.tobytes())
    spec = about.spec.obs
    said = {
        "inputs": about.inputs,
        "parts": [[part.path, part.start, part.shape] for part in spec.parts],
        "shape": spec.shape,
        "mask": spec.mask,
        "remembers": about.state > 0,
        "chunk": 1 if about.state else CHUNK,
    }
    (aside / "states.json").write_text(json.dumps(said), encoding="utf-8")


def _answers(about: About, states: States, aside: Path) -> Answers:
    """`answers.bin`: for each state its values and the action's components."""
    num, components = about.spec.num_actions, 1 if about.spec.joint is None else len(about.spec.joint.sizes)
    found = np.frombuffer((aside / "answers.bin").read_bytes(), "<f4")
    if found.size != len(states.obs) * (num + components):
        given, asked = counted(found.size, "number"), counted(len(states.obs), "state")
        raise DqnlabError(f"the exported program gave {given} for {asked}")
    rows = found.reshape(len(states.obs), num + components)
    return rows[:, :num], rows[:, num:].astype(np.int64)


def _harness(name: str, aside: Path) -> Path:
    path = aside / name
    path.write_text((files("dqnlab.exporting") / "checks" / name).read_text("utf-8"), encoding="utf-8")
    return path


def _run(command: Sequence[str]) -> str:
    """What it prints. Raises DqnlabError if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, errors="replace", check=False)
    except subprocess.TimeoutExpired as e:
        raise DqnlabError(f"{Path(command[0]).name} has not ended after {PATIENCE:,.0f} s") from e
    except OSError as e:
        raise DqnlabError(f"{Path(command[0]).name} cannot be run: {e.strerror or e}") from e
    if code := done.returncode:
        said = " ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
        ended = f"exit code {code}" if code > 0 else f"signal {-code}"
        what = f"{Path(command[0]).name} failed on the exported program with {ended}"
        raise DqnlabError(f"{what}: {said}" if said else f"{what}, and said nothing")
    return done.stdout


Verifier = Callable[[Path, About, States, Path], tuple[str, Answers]]

_VERIFIERS: dict[str, Verifier] = {"onnx": _by_onnxruntime, "numpy": _by_numpy, "js": _by_javascript, "c": _by_gcc}
