"""The house rules that a machine can see. They read the source as text and trees; nothing of it is run."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src" / "dqnlab"

TREES = {path.relative_to(SRC).as_posix(): ast.parse(path.read_text("utf-8")) for path in sorted(SRC.rglob("*.py"))}
EXAMPLES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8")) for path in ROOT.glob("examples/*.py")
}

# Each folder is a floor, each file at the top stands on one. A file imports from its own folder and from lower floors.
FLOORS = (
    {
        "errors",
        "trust",
        "importing",
        "memory",
        "device",
        "encoding",
        "processes",
        "streams",
        "oslock",
        "cluster",
        "lifeline",
        "mounts",
        "_version",
    },
    {"learn"},
    {"config"},
    {"envs"},
    {"settle", "custom"},
    {"build"},
    {"store"},
    {"run"},
    {"track", "terminal", "explain", "check"},
    {"comparing", "exporting"},
    {"lab", "live"},
    {"app"},
)
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}
DOORS = {"__init__.py", "__main__.py"}  # on no floor: they fetch what is asked for
# What these import of dqnlab they import when it is asked for: a name, a command, the work of a worker's process.
LATE_DOORS = {"__init__.py", "app/cli.py", "lab/many/process.py"}
LAZY = {"swanlab", "moviepy", "matplotlib", "tensorboard", "pygame", "imageio", "PIL", "scipy", "optuna", "ray"}
LAZY |= {"onnx", "onnxruntime"}
HEAVY = LAZY | {"safetensors", "torch", "numpy", "gymnasium", "rich"}
CHOICES = ("choices", "config", "experience", "optimizers", "parts")  # files of `config` that say what can be chosen
MAY_TELL_KINDS_APART = {
    *(f"config/{name}.py" for name in CHOICES),
    "config/fields.py",
    "config/toml.py",
    "config/presets.py",
    "build.py",
    "settle.py",
}


def bindings(tree: ast.AST, path: str) -> Iterator[tuple[str, str]]:
    """Local name and dotted name of every module or member that a file imports, wherever in the file."""
    package = ["dqnlab", *Path(path).parts[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.asname or alias.name, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            base = [*base, *([node.module] if node.module else [])]
            yield from ((alias.asname or alias.name, ".".join([*base, alias.name])) for alias in node.names)


def imports(tree: ast.AST, path: str) -> set[str]:
    return {dotted for _, dotted in bindings(tree, path)}


def top_level(tree: ast.Module) -> ast.Module:
    """The statements that run when a file is imported: no function bodies, nothing under TYPE_CHECKING."""

    class Strip(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
            return None

        def visit_If(self, node: ast.If) -> ast.AST | None:
            return None if "TYPE_CHECKING" in ast.unparse(node.test) else self.generic_visit(node)

    return Strip().visit(ast.parse(ast.unparse(tree)))


def part(dotted: str) -> str | None:
    """dqnlab.run.train -> run; None for whatever is not ours."""
    names = dotted.replace("dqnlab.__version__", "dqnlab._version").split(".")
    return names[1] if names[0] == "dqnlab" and len(names) > 1 else None


# ── Who imports whom ─────────────────────────────────────────────────────────────────────────────


def modules_of(path: str) -> set[str]:
    """The files of ours that a file imports, wherever in it; a package stands for its `__init__`."""
    found = set()
    for dotted in imports(TREES[path], path):
        for name in (dotted, dotted.rpartition(".")[0]):
            file = "/".join(name.split(".")[1:])
            found |= {each for each in (f"{file}.py", f"{file}/__init__.py") if each in TREES}
    return found - {path}


def test_imports_go_down() -> None:
    wrong = []
    for path in TREES.keys() - DOORS:
        home = part("dqnlab." + path.removesuffix(".py").replace("/", "."))
        for other in {part(name) for name in imports(TREES[path], path)} - {None, home}:
            lower = FLOOR[str(other)] < FLOOR[str(home)]
            if not lower and not FLOOR[str(other)] == FLOOR[str(home)] == 0:  # the ground has no folders
                wrong.append(f"{path} imports {other}")
    assert wrong == []


def test_no_files_import_each_other_in_a_circle() -> None:
    needs = {path: modules_of(path) - DOORS for path in TREES.keys() - DOORS}
    needs = {path: wanted for path, wanted in needs.items() if not path.endswith("__init__.py")}
    while leaves := {path for path in needs if not needs[path] & needs.keys()}:
        needs = {path: wanted for path, wanted in needs.items() if path not in leaves}
    assert needs == {}


def inside(tree: ast.Module, path: str) -> Counter[str]:
    """What a file imports elsewhere than at its top, under TYPE_CHECKING too."""
    at_top = Counter(dotted for _, dotted in bindings(top_level(tree), path))
    return Counter(dotted for _, dotted in bindings(tree, path)) - at_top


def test_dqnlabs_own_modules_are_imported_at_the_top_but_for_three_doors() -> None:
    late = {path: [name for name in inside(tree, path) if name.startswith("dqnlab")] for path, tree in TREES.items()}
    assert {path for path, names in late.items() if names} == LATE_DOORS


def test_the_search_for_late_imports_sees_those_in_functions_and_those_for_types() -> None:
    code = "from .a import b\nif TYPE_CHECKING:\n    from .a import c\ndef f():\n    from .a import b\n    import d"
    assert set(inside(ast.parse(code), "lab/x.py")) == {"dqnlab.lab.a.c", "dqnlab.lab.a.b", "d"}


def test_learning_needs_only_numpy_and_torch() -> None:
    found = {p: {name.split(".")[0] for name in imports(TREES[p], p)} for p in TREES if p.startswith("learn/")}
    others = {path: names - sys.stdlib_module_names - {"numpy", "torch", "dqnlab"} for path, names in found.items()}
    assert {path: names for path, names in others.items() if names} == {}


def test_packages_that_a_command_may_not_need_are_imported_inside_functions() -> None:
    found = [(path, name) for path, tree in TREES.items() for name in imports(top_level(tree), path)]
    assert [(p, n) for p, n in found if n.split(".")[0] in LAZY or n.startswith("torch.utils.tensorboard")] == []


def loaded_after(code: str) -> set[str]:
    """The heavy packages that a fresh Python has loaded after `code`."""
    report = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\nprint('\\n', *sys.modules)"
    out = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return HEAVY & set(out.stdout.split("\n")[-2].split())


@pytest.mark.world
@pytest.mark.parametrize("module", ["dqnlab", "dqnlab.config", "dqnlab.errors"])
def test_importing_what_can_be_chosen_loads_nothing_heavy(module: str) -> None:
    assert loaded_after(f"import {module}") == set()


@pytest.mark.world
def test_help_loads_neither_torch_nor_trackers_nor_environments() -> None:
    code = "sys.argv = ['dqn', '--help']; import dqnlab.app.cli as cli; cli.main()"
    assert loaded_after(code) == set()


@pytest.mark.world
@pytest.mark.parametrize(
    "words",
    [
        *("train --help", "train --seeds x", "evaluate nowhere", "explain nowhere", "resume nowhere"),
        *("compare --help", "compare CartPole-v1 --presets nope"),
    ],
)
def test_help_and_what_is_asked_wrongly_load_nothing_heavy(words: str) -> None:
    code = f"sys.argv = ['dqn', *{words.split()}]; import dqnlab.app.cli as cli; cli.main()"
    assert loaded_after(code) == set()


@pytest.mark.world
@pytest.mark.parametrize("words", ["presets", "runs", "train --dry-run --preset cartpole", "tune --dry-run"])
def test_commands_that_need_no_torch_load_none(words: str) -> None:
    code = f"sys.argv = ['dqn', *{words.split()}]; import dqnlab.app.cli as cli; cli.main()"
    assert not loaded_after(code) & {"torch", "gymnasium"}


# ── Where variants are told apart ────────────────────────────────────────────────────────────────


def config_classes() -> dict[str, ast.ClassDef]:
    bodies = [TREES[f"config/{name}.py"].body for name in CHOICES]
    classes = [node for body in bodies for node in body if isinstance(node, ast.ClassDef)]
    return {node.name: node for node in classes if "dataclass" in ast.unparse(node.decorator_list[0])}


def members() -> list[tuple[str, ast.AnnAssign]]:
    """Every annotated name in the config classes, with its class."""
    found = [(name, node) for name, body in config_classes().items() for node in body.body]
    return [(name, node) for name, node in found if isinstance(node, ast.AnnAssign)]


def kinds() -> dict[str, str]:
    """Class -> kind, of every config class that is one of several choices."""
    tags = [(name, node.value) for name, node in members() if ast.unparse(node.target) == "kind"]
    return {name: ast.literal_eval(value) for name, value in tags if value is not None}


def asks_for_kind(tree: ast.AST, path: str) -> list[str]:
    """Every place that asks which of several config classes, or which `kind`, a value is."""
    homes = {"dqnlab.config", *(f"dqnlab.config.{name}" for name in CHOICES)}
    tags = kinds()
    known = {f"{home}.{name}" for home in homes for name in tags}
    names = {local for local, dotted in bindings(tree, path) if dotted in known}
    modules = [local for local, dotted in bindings(tree, path) if dotted in homes]
    names |= {f"{module}.{name}" for module in modules for name in tags}
    found = []
    for node in ast.walk(tree):
        asked: list[ast.AST] = []
        if isinstance(node, ast.MatchClass):
            asked = [node.cls]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"isinstance", "issubclass"}:
            asked = list(ast.walk(node.args[1]))
        elif isinstance(node, ast.Compare) and any(f"{kind!r}" in ast.unparse(node) for kind in tags.values()):
            asked = [node] if ".kind" in ast.unparse(node) else []
        found += [ast.unparse(a) for a in asked if a is node or (isinstance(a, ast.expr) and ast.unparse(a) in names)]
    return found


def test_only_the_switchboard_tells_config_types_apart() -> None:
    found = {path: asks_for_kind(TREES[path], path) for path in TREES.keys() - MAY_TELL_KINDS_APART}
    assert {path: asks for path, asks in found.items() if asks} == {}


def test_the_search_for_kinds_sees_the_switchboard() -> None:
    assert len(asks_for_kind(TREES["build.py"], "build.py")) >= 10


def reads(tree: ast.AST) -> set[str]:
    """Names read as attributes of something other than `self`, or taken apart by a class pattern."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and ast.unparse(node.value) != "self":
            found.add(node.attr)
        elif isinstance(node, ast.MatchClass):
            found |= set(node.kwd_attrs)
    return found


def config_fields() -> list[tuple[str, str]]:
    return [(name, ast.unparse(node.target)) for name, node in members() if "ClassVar" not in ast.unparse(node)]


def test_every_setting_is_read_by_somebody() -> None:
    read = {path: reads(tree) for path, tree in TREES.items() if not path.startswith("learn/")}  # it sees no setting
    others = read.keys() - MAY_TELL_KINDS_APART | {"build.py", "settle.py"}
    unread = []
    for owner, name in config_fields():
        readers = {"build.py", "settle.py"} if owner in kinds() else others
        if not any(name in read[path] for path in readers):
            unread.append(f"{owner}.{name}")
    assert unread == []


# ── Randomness ───────────────────────────────────────────────────────────────────────────────────

OWN_GENERATORS = {"default_rng", "Generator", "SeedSequence", "BitGenerator", "PCG64"}
TORCH_DRAWS = {"rand", "randn", "randint", "randperm", "normal", "multinomial", "bernoulli", "rand_like", "randn_like"}
TENSOR_DRAWS = {"uniform_", "normal_", "random_", "bernoulli_", "exponential_"}
GLOBAL = r"torch\.((cuda\.)?\w*seed\w*|set_rng_state|default_generator|random\.\w+)|(nn|F)\.(dropout|Dropout)"


def global_draws(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        text = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
        if re.fullmatch(r"(np|numpy)\.random\.\w+", text) and text.rpartition(".")[2] not in OWN_GENERATORS:
            found.append(text)
        if re.fullmatch(GLOBAL, text) or (text.startswith("random.") and text != "random.Random"):
            found.append(text)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            draws = node.func.attr in TENSOR_DRAWS
            draws |= ast.unparse(node.func.value) == "torch" and node.func.attr in TORCH_DRAWS
            initialises = re.fullmatch(r"(torch\.)?nn\.(init\.\w+|Linear|Conv\dd|Embedding)", ast.unparse(node.func))
            if (draws or initialises) and "generator" not in {k.arg for k in node.keywords}:
                found.append(ast.unparse(node))
    return found


def test_global_random_generators_are_left_alone() -> None:
    found = {path: global_draws(tree) for path, tree in TREES.items()}
    # Parts of one's own may draw from it: it is seeded for them, and put back.
    seeded = {"custom.py": ["torch.default_generator"]}
    assert {path: draws for path, draws in found.items() if draws} == seeded


def test_the_search_for_global_generators_sees_each_kind() -> None:
    bad = "np.random.seed(0); np.random.rand(); random.random(); torch.manual_seed(0); torch.rand(3); w.normal_()"
    bad += "; nn.Linear(1, 2); torch.default_generator.seed()"
    good = "np.random.default_rng(0); random.Random(0); torch.rand(3, generator=g); w.normal_(generator=g)"
    assert len(global_draws(ast.parse(bad))) == 8
    assert global_draws(ast.parse(good)) == []


# ── Size and order ───────────────────────────────────────────────────────────────────────────────


def lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def test_files_are_short() -> None:
    files = [path for folder in ("src", "tests", "examples") for path in (ROOT / folder).rglob("*.py")]
    assert {path.name: lines(path) for path in files if lines(path) > 400} == {}  # two topics?


def test_functions_are_short() -> None:
    found = []
    for path, tree in (TREES | EXAMPLES).items():
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        found += [f"{path}: {f.name}" for f in functions if (f.end_lineno or f.lineno) - f.lineno >= 70]
    assert found == []


def test_no_statement_assigns_three_things() -> None:
    found = []
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple) and len(node.value.elts) > 2:
                found += [f"{path}:{node.lineno}" for target in node.targets if isinstance(target, ast.Tuple)]
    assert found == []


SHARED = {
    "Adam",
    "AdamW",
    "Mlp",
    "Prioritized",
    "RAdam",
    "Replay",
    "RmsProp",
    "Rollout",
    "Uniform",
    "train",
    "describe",
    "main",
}
"""a choice and the object it makes; to train, whole or as a loop; of presets and of environments; how programs begin"""


def test_a_public_name_has_one_meaning() -> None:
    """Of classes and functions; what each command's file calls `run` is its own part of one table."""
    places: dict[str, list[str]] = {}
    for path, tree in TREES.items():
        defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        for name in defined:
            if not name.startswith("_") and not path.startswith("app/commands/"):
                places.setdefault(name, []).append(path)
    assert {name: paths for name, paths in places.items() if len(paths) > 1 and name not in SHARED} == {}


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(TO" r"DO|FIX" r"ME|HA" r"CK|XX" r"X)\b")
    for folder in ("src", "examples", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            assert not marks.search(path.read_text("utf-8")), path


def reading_path() -> dict[str, str]:
    """① -> learn/types.py …, as the first letter of each file's docstring says."""
    firsts = {path: (ast.get_docstring(tree) or " ")[0] for path, tree in TREES.items()}
    return {first: path for path, first in firsts.items() if first in "①②③④⑤⑥⑦⑧"}


def test_the_whole_algorithm_reads_in_one_sitting() -> None:
    path = reading_path()
    names = ["types", "losses", "heads", "targets", "networks", "replay", "learner", "train"]
    assert [Path(path[number]).stem for number in "①②③④⑤⑥⑦⑧"] == names
    assert sum(lines(SRC / p) for p in path.values()) <= 1_200


def test_a_decision_fits_on_a_page() -> None:
    pages = sorted((ROOT / "docs" / "design").glob("*"))
    assert pages
    for page in pages:
        assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", page.name)
        assert lines(page) <= 70, page.name
