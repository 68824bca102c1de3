"""The pictures of the pages about tasks: trains what they say with `--run`, and draws what tasks.json holds.

python docs/pictures/tasks.py --run      # about a minute on two cores
python docs/pictures/tasks.py
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from draw import HERE, MUTED, RIGHT, STYLE, TRUTH, dress, page, save
from matplotlib import rc_context

import dqnlab

Curve = dict[str, list[float]]
COMMANDS = {
    "ball": "train rail:Rail-v0 --steps 20000 --seeds 3",
    "seeds": "train CartPole-v1 --seeds 10",
}


def main() -> None:
    kept = HERE / "tasks.json"
    if "--run" in sys.argv:
        kept.write_text(json.dumps({name: train(words) for name, words in COMMANDS.items()}) + "\n", "utf-8")
    runs: dict[str, list[Curve]] = json.loads(kept.read_text("utf-8"))
    with rc_context(STYLE):
        ball(runs["ball"])
        seeds(runs["seeds"])


def train(words: str) -> list[Curve]:
    """Each seed's evaluations, of the command of a page, in a folder with the page's file."""
    text = (HERE.parent / "own-environment.md").read_text("utf-8")
    found = re.search(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert found
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "rail.py").write_text(found[1], "utf-8")
        quick = ["--no-film", "--no-explain", "--tracker", "none", "--quiet", "--out", "group"]
        subprocess.run([sys.executable, "-m", "dqnlab", *words.split(), *quick], cwd=folder, check=True)
        paths = sorted((Path(folder) / "group").glob("seed-*"), key=lambda path: int(path.name[5:]))
        return [evaluations(dqnlab.read_metrics(path)) for path in paths]


def evaluations(columns: dict[str, Any]) -> Curve:
    rows = [row for row in zip(columns["step"], columns["eval/reward"], strict=True) if row[1] is not None]
    return {"step": [step for step, _ in rows], "return": [round(mean, 2) for _, mean in rows]}


def ball(curves: list[Curve]) -> None:
    """Three seeds, and the threshold."""
    figure, ((panel,),) = page(6.4, 2.9, 1, 1)
    for number, one in enumerate(curves):
        panel.plot(
            one["step"], one["return"], color=RIGHT, linewidth=1.4, alpha=1 - 0.25 * number, label=f"seed {number}"
        )
    panel.axhline(-5, color=MUTED, linewidth=0.9, linestyle=(0, (1, 2)))
    panel.text(150, -4.6, "threshold", color=MUTED, fontsize=8, va="bottom")
    dress(panel, "A ball on a rail: mean return of each evaluation")
    panel.legend(frameon=False, fontsize=8.5, loc="lower right")
    save(figure, "ball")


def seeds(curves: list[Curve]) -> None:
    """Ten seeds, each until it was confirmed."""
    figure, ((panel,),) = page(6.4, 2.9, 1, 1)
    for one in curves:
        panel.plot(one["step"], one["return"], color=RIGHT, linewidth=1, alpha=0.55)
        panel.plot(one["step"][-1:], one["return"][-1:], "o", color=TRUTH, markersize=4)
    panel.axhline(475, color=MUTED, linewidth=0.9, linestyle=(0, (1, 2)))
    panel.set_ylim(0, 520)
    dress(panel, "CartPole, ten seeds: mean return of each evaluation")
    save(figure, "seeds")


if __name__ == "__main__":
    main()
