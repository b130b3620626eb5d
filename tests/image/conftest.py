"""An engine, a base and builds of the image, shared by all tests that need a container."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT
from tests.disks import debootstrap
from tests.image.engine import DOCKER, Engine, running_engine

STAND_IN = "amtlb-base"
BASE_ARCHIVE = ROOT / "build" / "image-base.tar"


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """An engine of the tests' own, for all of them."""
    with running_engine() as engine:
        yield engine


@pytest.fixture(scope="session")
def base(engine) -> list[str]:
    """The variables of ``make image`` that choose the base, which the engine has."""
    return make_base(engine)


@pytest.fixture(scope="session")
def first_build(engine, base) -> str:
    """The id of the image as ``make image`` builds it."""
    return make_image(engine, base)


@pytest.fixture(scope="session")
def image(first_build) -> str:
    """The name of the built image."""
    return str(json.loads((ROOT / "build/image-cpu.json").read_text())["image"])


def make_image(engine: Engine, base: list[str]) -> str:
    """Run ``make image``; the id of what it built."""
    begun = time.monotonic()
    done = subprocess.run(
        ["make", "image", f"DOCKER={DOCKER}", "VARIANT=cpu", *base],
        cwd=ROOT,
        env=engine.environment,
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
    print(f"make image took {time.monotonic() - begun:.0f} s")
    return (ROOT / "build/image-cpu.id").read_text().strip()


def bases() -> tuple[str, str]:
    """The names of the Dockerfile's two bases: the builder's and the image's."""
    text = (ROOT / "Dockerfile").read_text()
    builder, base = re.findall(r"^ARG (?:BUILDER|BASE)=(\S+)$", text, re.MULTILINE)
    return builder, base


def make_base(engine: Engine) -> list[str]:
    """The variables of ``make image`` that choose the base: none where the Dockerfile's own can be pulled.

    Elsewhere Debian 12 stands in, made of its packages, with Python 3.11 and make.
    """
    if all(engine.docker("pull", "--quiet", name, timeout=900).returncode == 0 for name in bases()):
        return []
    if not BASE_ARCHIVE.exists():
        write_base(BASE_ARCHIVE)
    engine.answer("import", BASE_ARCHIVE, STAND_IN)
    return [f"IMAGE_BASE={STAND_IN}"]


def write_base(archive: Path) -> None:
    """Write Debian 12 with what the Dockerfile asks of a base, from Debian's packages, as one file."""
    archive.parent.mkdir(exist_ok=True)
    folder, partial = archive.with_suffix(".folder"), archive.with_suffix(".partial")
    shutil.rmtree(folder, ignore_errors=True)
    debootstrap(folder, "bookworm", ("ca-certificates", "python3", "python3-venv", "make"))
    left_out = "--exclude=./var/cache/apt/archives/*.deb"
    subprocess.run(["tar", "-C", folder, left_out, "-cf", partial, "."], check=True)
    shutil.rmtree(folder)
    partial.rename(archive)
