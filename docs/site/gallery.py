"""Trains the runs of the gallery and puts their pages into build/gallery, from where `make docs` takes them.

python docs/site/gallery.py             # what was trained already is kept; about twenty minutes on two cores
python docs/site/gallery.py --dry-run   # prints the commands
"""

import argparse
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

RUNS = tomllib.loads((Path(__file__).parent / "gallery.toml").read_text("utf-8"))["run"]
GALLERY = Path(__file__).resolve().parents[2] / "build" / "gallery"
EXTRA = ["--no-film", "--no-explain", "--tracker", "none", "--quiet"]  # what no page needs; the page comes after it


def called(words: list[str]) -> bool:
    """Whether the command of `dqn` did what it should."""
    return subprocess.run([sys.executable, "-m", "dqnlab", *words]).returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dry-run", action="store_true", help="print the commands and stop")
    parser.add_argument("--only", default="", help="runs whose name contains this")
    args = parser.parse_args()
    failed = []
    for run in RUNS:
        if args.only not in run["name"]:
            continue
        folder, page = GALLERY / "runs" / run["name"], GALLERY / f"{run['name']}.html"
        train = [*shlex.split(run["command"])[1:], *EXTRA, "--out", str(folder)]
        print("dqn", shlex.join(train), flush=True)
        if args.dry_run:
            continue
        if not (folder / "result.json").exists():
            shutil.rmtree(folder, ignore_errors=True)  # of one that was cut off
            called(train)
        if not called(["explain", str(folder), "--out", str(page)]):
            failed.append(run["name"])
    if failed:
        sys.exit(f"without a page: {', '.join(failed)}")


if __name__ == "__main__":
    main()
