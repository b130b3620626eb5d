"""A uniform learner that searches its own process for a secret, and writes down what it finds."""

import gc
import os
import sys
from pathlib import Path

from baselines.uniform import UniformLearner

NOTICED = {module for module in sys.modules if module.partition(".")[0] in ("sacred", "pymongo", "bson")}


class NosyLearner(UniformLearner):
    """Searches its environment, its command line, its memory and the modules of its process."""

    def write_notes(self, folder: Path) -> None:
        memory = [text for text in gc.get_objects() if isinstance(text, dict)]
        texts = {str(value)[:2000] for one in memory for value in list(one.values()) if isinstance(value, str)}
        seen = [*os.environ.values(), *texts, *sys.argv]
        seen += [
            Path("/proc/self", name).read_bytes().decode("utf-8", "replace") for name in ("environ", "cmdline")
        ]
        (folder / "seen.txt").write_text("\n".join(seen), encoding="utf-8")
        loaded = NOTICED | {module.partition(".")[0] for module in sys.modules} & {"sacred", "pymongo", "bson"}
        (folder / "modules.txt").write_text("\n".join(sorted(loaded)), encoding="utf-8")


def make(seed: int, lanes: int) -> NosyLearner:
    """A nosy learner."""
    return NosyLearner(seed, lanes)
