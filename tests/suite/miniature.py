"""A miniature edition of flavours, added to a copy of the project as a new edition is added to the project."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from protocol import load_vectors, make_stratified_folds
from suite.emulator.conformance import play_vector
from tests import ROOT
from tests.suite.helpers import V1

COPIED = ("protocol", "suite", "baselines", "amtlb", "tests")
GROUPS = (
    ("breakout", "breakout_mode28_difficulty0"),
    ("space_invaders_mode5_difficulty1", "space_invaders_mode15_difficulty1"),
)
GAMES = tuple(game for group in GROUPS for game in group)
SEEDS = 2
FOLDS = make_stratified_folds(GROUPS, 2, V1.seed)

Done = subprocess.CompletedProcess[str]


class Miniature:
    """A copy of the project whose protocol has one more edition, ``flavours``: 4 in 2 folds, with 2 seeds.

    Args:
        folder: where the copy is made; it must not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in COPIED:
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        with (folder / "protocol/v1.toml").open("a", encoding="utf-8") as file:
            file.write(_EDITION.format(games=json.dumps(GAMES), folds=json.dumps(FOLDS), seeds=SEEDS))
        with (folder / "protocol/v1_conformance.toml").open("a", encoding="utf-8") as file:
            for game in GAMES[1:]:
                vector = play_vector(V1, game, load_vectors("v1").steps)
                file.write(f'\n[games.{game}]\nconformance = "{vector.conformance}"\n')
                file.write(f'pictures = "{vector.pictures}"\n')

    def amtlb(self, *arguments: object) -> Done:
        """Call the copy's command line."""
        return self.python("from suite.cli import main; main()", *arguments)

    def python(self, code: str, *arguments: object) -> Done:
        """Run Python in the copy."""
        command = [sys.executable, "-c", code, *map(str, arguments)]
        environment = os.environ | {"PYTHONPATH": str(self.folder)}
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=900
        )


_EDITION = """
[[editions]]
name = "flavours"
games = {games}
folds = {folds}
budget_frames = 3_200
seeds = {seeds}
evaluation_episodes = 8
evaluation_max_frames = 400
"""
