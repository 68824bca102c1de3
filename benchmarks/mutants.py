"""Does the suite see what it is for? Plants well-known bugs, one at a time, and runs the tests that should turn red.

    make mutants
    python benchmarks/mutants.py double beta    # those whose words hold one of these

The bugs, and the tests of each, are in tests/mutants/bugs.py. They are planted in a copy of the source, never in the
source itself. Prints each with how many tests it turned red; leaves with 1 if one was not seen.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from machine import describe_machine, write_results

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.mutants.bugs import BUGS  # noqa: E402
from tests.mutants.kinds import Bug  # noqa: E402


def copied(folder: Path) -> Path:
    """The repository without what was built or trained."""
    for name in ("src", "tests", "examples", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "CHANGELOG.md"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def planted(bug: Bug, repository: Path) -> tuple[int, str]:
    """How many tests fail with the bug, and the last line that was said."""
    path = repository / "src" / "dqnlab" / bug.path
    text = path.read_text("utf-8")
    assert text.count(bug.old) == 1, (bug.says, text.count(bug.old))
    path.write_text(text.replace(bug.old, bug.new), "utf-8")
    try:
        return tests(bug.red, repository)
    finally:
        path.write_text(text, "utf-8")


def tests(files: tuple[str, ...], repository: Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not world", "--maxfail=5"]
    own = {"PYTHONPATH": str(repository / "src"), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        [*command, *(f"tests/{name}" for name in files)],
        cwd=repository,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
    )
    last = ran.stdout.strip().splitlines()[-1] if ran.stdout.strip() else ran.stderr[-200:]
    failed = sum(int(number) for number in re.findall(r"(\d+) (?:failed|error)", last))
    return failed, last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="of the bugs that are planted; all if none")
    words = parser.parse_args().words
    chosen = [bug for bug in BUGS if not words or any(word in bug.says for word in words)]
    begun, unseen = time.perf_counter(), list[str]()
    with TemporaryDirectory() as folder:
        repository = copied(Path(folder))
        healthy, last = tests(tuple(dict.fromkeys(name for bug in chosen for name in bug.red)), repository)
        if healthy:
            raise SystemExit(f"tests fail without any bug: {last}")
        for bug in chosen:
            failed, last = planted(bug, repository)
            if not failed:
                unseen.append(bug.says)
            print(
                f"{failed or 'NOT SEEN':>8}  {bug.path:<24} {bug.says}" + ("" if failed else f"  ({last})"), flush=True
            )
    seconds = time.perf_counter() - begun
    print(f"{len(chosen) - len(unseen)} of {len(chosen)} bugs turn tests red; {seconds:.0f} s")
    if not words:
        content = {"bugs": len(chosen), "unseen": unseen, "seconds": round(seconds)}
        write_results("mutants", {"machine": describe_machine(), **content})
    raise SystemExit(1 if unseen else 0)


if __name__ == "__main__":
    main()
