"""The folder of a learner that is not installed: it travels to the workers, so that they can import it, too."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from protocol import LearnerError
from suite.benchmark.cluster.packed_run import Files
from suite.learners.contract import lies_here
from suite.shadows import OURS, ROOT

MOST_BYTES = 20_000_000
"""A folder of code and small data; more is most likely not meant."""
_NOT_TAKEN = ("__pycache__", "results", "node_modules")
_EVERY_WORKER_HAS = {Path(ROOT, name) for name in (*OURS, "artifacts")}


def learner_files(learner: str) -> Files:
    """The files of the working folder, if the learner's module lies there, too; otherwise none.

    Hidden files, results, environments, what Python has compiled, what git ignores, what cannot be read, what
    links to folders lead to and, in a clone of the suite, the suite itself stay.

    Raises:
        LearnerError: that is more than MOST_BYTES.
    """
    module, here = learner.partition(":")[0], Path.cwd()
    if module.partition(".")[0] in OURS or not lies_here(module):
        return {}
    files, size = {}, 0
    for path in _files(here):
        size += path.stat().st_size
        if size > MOST_BYTES:
            raise LearnerError(
                f"learner {learner!r} lies in {here}, which goes to the workers and has more than "
                f"{MOST_BYTES / 1e6:,.0f} MB; put it into a folder of its own, or install it on every worker"
            )
        files[path.relative_to(here).as_posix()] = path.read_bytes()
    return files


def _files(folder: Path) -> Iterator[Path]:
    """Those that go. Folders that stay are not entered: they may be large, or refuse it."""
    ignored = _ignored(folder)
    for name, folders, files in os.walk(folder):
        here = Path(name)
        folders[:] = sorted(entry for entry in folders if _goes(here / entry) and here / entry not in ignored)
        for path in (here / entry for entry in sorted(files)):
            if _goes(path) and path not in ignored and os.path.isfile(path) and os.access(path, os.R_OK):
                yield path


def _goes(path: Path) -> bool:
    if path.name.startswith(".") or path.name in _NOT_TAKEN or path in _EVERY_WORKER_HAS:
        return False
    return path.is_symlink() or not os.path.isfile(path / "pyvenv.cfg")


def _ignored(folder: Path) -> set[Path]:
    """The files and folders in it that git ignores; none without git or a repository."""
    command = ["git", "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True)
    except OSError:
        return set()
    return {folder / os.fsdecode(name) for name in done.stdout.split(b"\0") if name and not done.returncode}
