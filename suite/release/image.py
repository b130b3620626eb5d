"""The account of a built image that a release publishes: its id, its sources, every locked file in it.

``python -m suite.release.image VARIANT NAME`` prints it, from what ``make image`` left in ``build/``.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from protocol import current_protocol
from suite.digests import file_digest
from suite.machine import code_commit


def describe(root: Path, variant: str, name: str) -> dict[str, Any]:
    """The published facts of an image that was built in this folder; hashes are SHA-256 in hexadecimal."""
    wheelhouse = root / "build" / "wheelhouse" / variant
    files = sorted(path for path in wheelhouse.iterdir() if not path.name.startswith("."))
    return {
        "image": name,
        "id": (root / "build" / f"image-{variant}.id").read_text(encoding="utf-8").strip(),
        "variant": variant,
        "version": version("amtlb"),
        "commit": code_commit(),
        "edition_digests": dict(current_protocol().edition_digests),
        "lock_sha256": file_digest(root / f"requirements-{variant}.txt"),
        "locked_files": {path.name: file_digest(path) for path in files},
    }


if __name__ == "__main__":
    print(json.dumps(describe(Path.cwd(), *sys.argv[1:]), indent=2))
