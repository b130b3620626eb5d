"""The ceiling of transfer: learners that start a game as themselves, after a fresh run on that very game.

No submission may do so. ``make self-transfer`` takes the fresh runs of the published baselines of ``lite`` in
two of its games, lets each train on its own game once more, for the edition's budget and with other episodes,
and adds a line per play to the file that ``suite.release.self_transfer`` describes. A play that is in the file
is not played again. Published runs come without their checkpoints; those are played again first, in
``build/self_transfer``, to the digest of the published one. Nothing that is played a second time has a run id.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from protocol import RunId, current_protocol
from suite.digests import folder_digest
from suite.learners.contract import find_learner
from suite.machine import available_cores, cpu_type
from suite.release.self_transfer import FILE, SelfTransfer, control_games, read_self_transfer
from suite.results.published import edition_folder, published_baselines
from suite.results.results import open_results
from suite.results.store import CHECKPOINT, Store
from tests.bench.learning import play_in_process, practise
from tests.starter import AMTLB

EDITION = "lite"
OTHER_SEEDS = 1_000
"""Is added to the seed of a fresh run: the second time the learner meets other episodes."""
FOLDER = Path("build/self_transfer")


class Case(NamedTuple):
    """One training.

    Attributes:
        learner: ``module:function``.
        game: that it plays.
        seed: of the learner and of its episodes.
        frames: its budget, in emulator frames.
        start: the folder that it is loaded from; empty: it begins untrained.
        end: the folder that it is saved into; empty: it is not saved.
    """

    learner: str
    game: str
    seed: int
    frames: int
    start: str = ""
    end: str = ""


def play(case: Case) -> dict[str, Any]:
    """Train in this process; the rewards of each tenth of its frames, in game points."""
    learner = find_learner(case.learner)(case.seed, current_protocol().lanes)
    if case.start:
        learner.load(Path(case.start))
    points = practise(learner, (case.game,), case.seed, case.frames)
    if case.end:
        learner.save(Path(case.end))
    return {"tenths": points.tenths}


def earned(cases: Sequence[Case]) -> list[int]:
    """The game points that each training earned; the trainings are played side by side."""
    with ThreadPoolExecutor(available_cores()) as pool:
        played = pool.map(partial(play_in_process, "tests.bench.self_transfer"), cases)
        return [sum(found["tenths"]) for found in played]


def checkpoint(learner: str, run_id: RunId, folder: Path) -> tuple[Path, str]:
    """The checkpoint of a published fresh run and its digest; it is played again where the folder lacks it.

    Args:
        learner: a published baseline's name.
        run_id: of the fresh run.
        folder: a results folder for runs with their checkpoints.
    """
    record = open_results(learner, EDITION).record(run_id)
    found = Store(folder, current_protocol()).run_folder(run_id) / CHECKPOINT
    if not found.is_dir():
        command = [AMTLB, "run", str(run_id), "--learner", record.learner, "--out", str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    if folder_digest(found) != record.checkpoint_out:
        raise SystemExit(
            f"{found} is not the checkpoint that {learner} has published; delete its run and play it with code "
            f"and on a type of CPU that give the same bits, such as {record.cpu}"
        )
    return found, record.checkpoint_out


def again(task: tuple[str, str, int], folder: Path) -> SelfTransfer:
    """Let a learner train on the game of one of its fresh runs once more.

    Args:
        task: the learner's name, the game and the seed of the fresh run.
        folder: as for ``checkpoint``.
    """
    learner, game, seed = task
    edition = current_protocol().edition(EDITION)
    start, digest = checkpoint(learner, RunId(EDITION, "fresh", None, game, seed), folder)
    case = Case(f"baselines.{learner}:make", game, OTHER_SEEDS + seed, edition.budget_frames, str(start))
    found = play_in_process("tests.bench.self_transfer", case)
    return SelfTransfer(
        learner=learner,
        game=game,
        seed=seed,
        checkpoint_sha256=digest,
        tenths=tuple(found["tenths"]),
        cpu=cpu_type(),
    )


def play_missing(learners: Sequence[str], folder: Path | None, processes: int) -> Iterator[SelfTransfer]:
    """Play what the file lacks of these learners, and add each play to it as it ends."""
    edition = current_protocol().edition(EDITION)
    played = {(one.learner, one.game, one.seed) for one in read_self_transfer(EDITION)}
    tasks = [*product(learners, control_games(edition), range(edition.seeds))]
    with ThreadPoolExecutor(processes) as pool:
        waited = [pool.submit(again, task, folder or FOLDER / task[0]) for task in tasks if task not in played]
        for one in waited:
            line = one.result()
            with (edition_folder(EDITION) / FILE).open("a", encoding="utf-8") as file:
                file.write(line.model_dump_json() + "\n")
            yield line


def main(arguments: Sequence[str] | None = None) -> None:
    """Play what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "learners", nargs="*", default=[*published_baselines(EDITION)], help="default: all that are published"
    )
    parser.add_argument("--runs", type=Path, help="a results folder with the fresh runs' checkpoints")
    parser.add_argument("--processes", type=int, default=available_cores(), help="default: %(default)s")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(play(Case(*json.loads(options.one)))))
        return
    for one in play_missing(options.learners, options.runs, options.processes):
        print(f"{one.learner} {one.game} seed {one.seed}: {sum(one.tenths):,} points", flush=True)


if __name__ == "__main__":
    main()
