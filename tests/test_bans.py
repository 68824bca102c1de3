"""What no line of dqnlab may do: turn stored bytes or text into code, or text into a shell's command."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = [
    path.relative_to(ROOT).as_posix() for top in ("src", "examples") for path in sorted((ROOT / top).rglob("*.py"))
]

MODULES = {"pickle", "_pickle", "cPickle", "pickle5", "cloudpickle", "dill", "joblib", "marshal", "shelve", "copyreg"}
MODULES |= {"runpy", "code", "codeop", "yaml", "pty", "multiprocessing.reduction", "torch.package", "pandas"}
BUILTINS = {"eval", "exec", "compile", "__import__"}
CALLS = {
    "os.system",
    "os.popen",
    "torch.hub.load",
    "torch.jit.load",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
}
METHODS = {"read_pickle", "to_pickle", "extractall", "unpack_archive"}
MUST_SAY = {
    "torch.load": ("weights_only", True),
    "numpy.load": ("allow_pickle", False),
    "numpy.save": ("allow_pickle", False),
}

# File and finding, with the reason.
ALLOWED = {
    (
        "src/dqnlab/importing.py",
        "importlib.import_module",
    ): "imports the module of an environment or of a part, which `trust` has passed if a file named it",
    (
        "src/dqnlab/processes.py",
        "multiprocessing.reduction",
    ): "asks whether a config can be handed to our own processes",
    (
        "src/dqnlab/__init__.py",
        "importlib.import_module",
    ): "fetches dqnlab's own public names, which are literals there",
    (
        "src/dqnlab/app/cli.py",
        "importlib.import_module",
    ): "imports the file of a command; `calls` has their names, which are literals there",
}


def names(tree: ast.AST) -> dict[str, str]:
    """Local name -> dotted name of whatever is imported, wherever in the file."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {
                a.asname or a.name.split(".")[0]: a.name if a.asname else a.name.split(".")[0] for a in node.names
            }
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def banned(source: str) -> list[str]:
    """Everything in a source text that is forbidden, by its dotted name."""
    tree = ast.parse(source)
    local = names(tree)
    return [what for node in ast.walk(tree) for what in (*_imports(node), *_uses(node, local), *_calls(node, local))]


def _imports(node: ast.AST) -> Iterator[str]:
    imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    if isinstance(node, ast.ImportFrom) and not node.level:
        imported = (
            [str(node.module)] if _forbidden(str(node.module)) else [f"{node.module}.{a.name}" for a in node.names]
        )
    for name in imported:
        if found := _forbidden(name):
            yield found
        elif _is_call(name):
            yield name


def _is_call(name: str) -> bool:
    return name in CALLS or name.removeprefix("builtins.") in BUILTINS


def _forbidden(module: str) -> str | None:
    return next((name for name in MODULES if module == name or module.startswith(f"{name}.")), None)


def _uses(node: ast.AST, local: dict[str, str]) -> Iterator[str]:
    """Names that are forbidden even where they are not called: `run = eval`."""
    name = _dotted(node, local) if isinstance(getattr(node, "ctx", None), ast.Load) else ""
    if _is_call(name) or (isinstance(node, ast.Attribute) and name in MODULES):
        yield name
    if isinstance(node, ast.Attribute) and node.attr in METHODS:
        yield node.attr


def _calls(node: ast.AST, local: dict[str, str]) -> Iterator[str]:
    if not isinstance(node, ast.Call):
        return
    name, said = _dotted(node.func, local), {each.arg: each.value for each in node.keywords}
    if name in MUST_SAY:
        argument, wanted = MUST_SAY[name]
        value = said.get(argument)
        if not (isinstance(value, ast.Constant) and value.value is wanted):
            yield name
    shell = said.get("shell")
    if shell is not None and not (isinstance(shell, ast.Constant) and shell.value is False):
        yield "shell=True"
    if name == "importlib.import_module" and not isinstance(node.args[0], ast.Constant):
        yield name


def _dotted(node: ast.AST, local: dict[str, str]) -> str:
    """`t.load` after `import torch as t` as torch.load; empty for what has no such name."""
    if isinstance(node, ast.Name):
        return local.get(node.id, node.id)
    if isinstance(node, ast.Attribute) and (left := _dotted(node.value, local)):
        return f"{left}.{node.attr}"
    return ""


def test_reading_a_file_can_never_run_code_and_every_exception_is_still_needed() -> None:
    assert {(path, what) for path in FILES for what in banned((ROOT / path).read_text("utf-8"))} == ALLOWED.keys()


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import pickle as p",
        "from pickle import loads",
        "def f():\n    import _pickle",
        "import dill.source",
        "import cloudpickle",
        "import joblib",
        "import marshal",
        "from shelve import open",
        "import yaml",
        "import runpy",
        "import multiprocessing.reduction",
        "from multiprocessing import reduction",
        "import pandas",
        "from multiprocessing.reduction import ForkingPickler",
        "import multiprocessing as m\nm.reduction.loads(b'')",
        "eval('1')",
        "exec('1')",
        "compile('1', '', 'eval')",
        "__import__('os')",
        "run = eval",
        "map(exec, texts)",
        "import builtins\nbuiltins.eval('1')",
        "from builtins import exec as run",
        "import os\nos.system('x')",
        "from os import system",
        "import os as o\no.popen('x')",
        "import subprocess as s\ns.getoutput('x')",
        "import subprocess\nsubprocess.run('x', shell=True)",
        "from subprocess import Popen\nPopen('x', shell=yes)",
        "import torch\ntorch.load(f)",
        "import torch as t\nt.load(f, weights_only=False)",
        "from torch import load\nload(f)",
        "import torch\ntorch.load(f, weights_only=safe)",
        "import torch\ntorch.hub.load('a', 'b')",
        "import torch.jit\ntorch.jit.load(f)",
        "import numpy as np\nnp.load(f)",
        "import numpy\nnumpy.load(f, allow_pickle=True)",
        "from numpy import load\nload(f)",
        "import numpy as np\nnp.save(f, x)",
        "archive.extractall()",
        "import shutil\nshutil.unpack_archive(f)",
        "import importlib\nimportlib.import_module(name)",
        "from importlib import import_module as get\nget(name)",
    ],
)
def test_each_forbidden_thing_is_seen(source: str) -> None:
    assert banned(source) != []


@pytest.mark.parametrize(
    "source",
    [
        "import torch\ntorch.load(f, weights_only=True)",
        "import numpy as np\nnp.load(f, allow_pickle=False)",
        "import re\nre.compile('x')",
        "import torch\ntorch.compile(f)",
        "import json\njson.load(f)",
        "model.eval()",
        "import subprocess\nsubprocess.run(['x'])",
        "import importlib\nimportlib.import_module('torch')",
        "from .pickle import x",
        "import multiprocessing\nmultiprocessing.get_context('spawn')",
    ],
)
def test_harmless_neighbours_are_left_alone(source: str) -> None:
    assert banned(source) == []
