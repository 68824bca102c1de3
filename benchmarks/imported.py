"""Are agents of other programs the same here? Q-values of 1,000 observations by their own program and by dqnlab.

    make imported

Trains short agents with Stable-Baselines3 (DQN, three seeds; QR-DQN; a DQN for pictures) and with the networks and
files of CleanRL (DQN, C51, a DQN for pictures), each in an environment of its own, which the command makes; brings them
in and compares what both say. Those for pictures have their first weights. Writes results/imported.json; leaves with 1
if an action differs or a Q-value by more than 1e-4 of the largest.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from machine import describe_machine, write_results

import dqnlab
from dqnlab.config import Env

HERE = Path(__file__).resolve().parent
TOLERANCE = 1e-4
sys.path.insert(0, str(HERE / "peers"))
from asked import FRAMES, Pixels  # noqa: E402


def bring(file: Path, runs: Path) -> dqnlab.Run:
    env = Env(id=Pixels, frame_stack=FRAMES) if "pictures" in file.name else "CartPole-v1"
    few = {"score_episodes": 5} if "pictures" in file.name else {}
    return dqnlab.import_agent(file, env, out=runs / file.stem, film=0, explain=False, **few)


def beside(file: Path, runs: Path) -> dict[str, Any]:
    """What both say of the same observations."""
    run = bring(file, runs)
    theirs = np.load(file.with_suffix(".npz"))
    agent = dqnlab.load(run.folder)
    q = agent.q_values(theirs["obs"])
    assert run.score is not None
    return {
        "agent": file.stem,
        "program": run.imported.partition(", ")[2],
        "observations": len(q),
        "equal_actions": int((agent.act(theirs["obs"]) == theirs["actions"]).sum()),
        "largest_difference": float(np.abs(q - theirs["q"]).max()),
        "largest_q": float(np.abs(theirs["q"]).max()),
        "score": round(run.score.mean, 2),
        "interval": None if run.score.low is None else [round(run.score.low, 2), round(run.score.high or 0.0, 2)],
        "episodes": run.score.episodes,
        "env_steps": None if "env_steps" in run.unknown else run.env_steps,
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--venvs", type=Path, default=HERE / ".venvs", help="folder with the environments of the peers")
    parser.add_argument("--agents", type=Path, help="folder to keep the agents in; a peer that has some is not trained")
    args = parser.parse_args()
    rows = []
    with TemporaryDirectory() as temporary:
        folder = args.agents or Path(temporary)
        for peer in ("sb3", "cleanrl"):
            if not any(folder.glob(f"{peer}_*.npz")):
                program = [args.venvs / peer / "bin" / "python", HERE / "peers" / f"train_{peer}.py"]
                subprocess.run([*program, folder], check=True)
        for file in sorted([*folder.glob("*.zip"), *folder.glob("*.cleanrl_model")]):
            rows.append(beside(file, Path(temporary) / "runs"))
            print(rows[-1], flush=True)
    write_results("imported", {"machine": describe_machine(), "agents": rows})
    wrong = [
        row["agent"]
        for row in rows
        if row["equal_actions"] < row["observations"] or row["largest_difference"] > TOLERANCE * row["largest_q"]
    ]
    print(f"differ: {', '.join(wrong)}" if wrong else "all agree")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
