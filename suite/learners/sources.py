"""The code of a learner, as far as this process has loaded it: what it is, so that a change of it is seen."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from protocol import canonical_digest
from suite.digests import file_digest
from suite.shadows import OURS, ROOT

_LIBRARIES = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib"))


def code_digest(learner: str) -> str | None:
    """The digest of the files of a learner's module, and of the modules next to it that are loaded, too.

    Of a learner that is installed, or is ours, only its own package counts: versions and commit say the rest.

    Args:
        learner: ``module:function``.

    Returns:
        SHA-256 in hexadecimal over the files' names and digests; None: the module is not loaded here.
    """
    module = learner.partition(":")[0]
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        return None
    top = module.partition(".")[0]
    is_package = Path(file).stem == "__init__"
    folder = Path(file).resolve().parents[module.count(".") + is_package]
    alone = top in OURS or _is_library(folder)
    paths = {path.relative_to(folder).as_posix() for path in _loaded(folder)}
    names = {path: path.partition("/")[0].partition(".")[0] for path in paths}
    counted = (path for path, name in names.items() if name == top or not (alone or name in OURS))
    return canonical_digest({path: file_digest(folder / path) for path in counted})


def suite_digest() -> str:
    """The digest of the suite's own code and protocol, which a commit does not name while files are changed."""
    paths = (path for name in OURS for path in Path(ROOT, name).rglob("*") if path.suffix in (".py", ".toml"))
    return canonical_digest({path.relative_to(ROOT).as_posix(): file_digest(path) for path in paths})


def _loaded(folder: Path) -> Iterator[Path]:
    """The files in a folder that modules were loaded from; those of libraries in it do not count."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if not file or not Path(file).is_file():
            continue
        path = Path(file).resolve()
        if path.is_relative_to(folder) and (_is_library(folder) or not _is_library(path)):
            yield path


def _is_library(path: Path) -> bool:
    return any(path.is_relative_to(library) for library in _LIBRARIES)
