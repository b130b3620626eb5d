"""The folder of a learner that is not installed: it travels to the workers, so that they can import it, too."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from protocol import LearnerError
from suite.benchmark.cluster.parcel import Files
from suite.learners.contract import lies_here
from suite.shadows import OURS, ROOT

MOST_BYTES = 20_000_000
"""A folder of code and small data; more is most likely not meant."""
_NOT_TAKEN = ("__pycache__", "results", "node_modules")
_EVERY_WORKER_HAS = {Path(ROOT, name) for name in (*OURS, "artifacts")}


def learner_files(learner: str) -> Files:
    """The files of the working folder, if the learner's module lies there, too; otherwise none.

    Hidden files, results, environments, what Python has compiled, what git ignores and, in a clone of the
    suite, the suite itself stay.

    Raises:
        LearnerError: that is more than MOST_BYTES.
    """
    module, here = learner.partition(":")[0], Path.cwd()
    if module.partition(".")[0] in OURS or not lies_here(module):
        return {}
    files, size = {}, 0
    for path in _not_ignored(here, list(_files(here))):
        size += path.stat().st_size
        if size > MOST_BYTES:
            raise LearnerError(
                f"learner {learner!r} lies in {here}, which goes to the workers and has more than "
                f"{MOST_BYTES / 1e6:,.0f} MB; put it into a folder of its own, or install it on every worker"
            )
        files[path.relative_to(here).as_posix()] = path.read_bytes()
    return files


def _files(folder: Path) -> Iterator[Path]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = Path(entry.path)
        if entry.name.startswith(".") or entry.name in _NOT_TAKEN or (path / "pyvenv.cfg").exists():
            continue
        if path in _EVERY_WORKER_HAS:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files(path)
        elif entry.is_file():
            yield path


def _not_ignored(folder: Path, paths: Sequence[Path]) -> list[Path]:
    """Those that git does not ignore; all where the folder lies in no repository, or git is not there."""
    command = ["git", "-C", str(folder), "check-ignore", "-z", "--stdin"]
    try:
        done = subprocess.run(command, input=b"\0".join(map(os.fsencode, paths)), capture_output=True)
    except OSError:
        return list(paths)
    ignored = set(done.stdout.split(b"\0"))
    return [path for path in paths if os.fsencode(path) not in ignored]
