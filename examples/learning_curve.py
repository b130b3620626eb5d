"""Draw what fresh and pre-trained runs of a game earned while they learned, read from their ledgers.

    python examples/learning_curve.py ppo breakout curve.svg

The first argument is the name of a published baseline, or a results folder of your own. The ending of the last
one, .svg or .png, chooses the format.
"""

import sys

import numpy as np
import pyarrow.compute as pc
from matplotlib.figure import Figure

import amtlb

COLOURS = {"fresh": "tab:gray", "transfer": "tab:blue"}
FRAMES_PER_STEP = amtlb.current_protocol().environment.frame_skip


def training_curve(results: amtlb.Results, run_id: amtlb.RunId) -> tuple[np.ndarray, np.ndarray]:
    """Frames played and points earned by the end of each training episode of a run, int (episodes,) each."""
    episodes = results.ledger(run_id, ["phase", "length_steps", "episode_return"])  # a pyarrow table
    training = episodes.filter(pc.equal(episodes["phase"], "training"))
    return np.cumsum(training["length_steps"]) * FRAMES_PER_STEP, np.cumsum(training["episode_return"])


def draw(results: amtlb.Results, game: str) -> Figure:
    """One line per run that plays this game alone."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for run_id in results.run_ids:
        if run_id.game == game:
            frames, points = training_curve(results, run_id)
            label = f"{run_id.arm}, seed {run_id.seed}"
            axes.plot(frames, points, color=COLOURS[run_id.arm], marker=".", label=label)
    axes.set(title=f"{results.folder.name} in {game}", xlabel="frames", ylabel="points earned so far")
    axes.legend()
    return figure


if __name__ == "__main__":
    source, game, picture = sys.argv[1:]
    draw(amtlb.open_results(source), game).savefig(picture)
    print(f"written to {picture}")
