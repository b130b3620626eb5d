"""The image holds the locked files and what git tracks, twice the same, and is described as it is."""

import hashlib
import json
import re
import subprocess
import tarfile
import tomllib

import pytest

from protocol import load
from suite.machine import code_commit
from tests.image.conftest import ROOT, make_image
from tests.image.engine import DOCKER, Engine

pytestmark = pytest.mark.image
Files = dict[str, tuple[object, ...]]


def files(engine: Engine, image: str) -> Files:
    """Type, mode, owner, size or target, and SHA-256 of every file of an image, by path."""
    held: Files = {}
    container = engine.answer("create", image)
    command = [DOCKER, "export", container]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, env=engine.environment) as export,
        tarfile.open(fileobj=export.stdout, mode="r|") as archive,
    ):
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            digest = hashlib.file_digest(content, "sha256").hexdigest() if content else ""
            about = (member.type, member.mode, member.uid, member.gid, member.size, member.linkname, digest)
            held[member.name] = about
    assert export.returncode == 0
    engine.answer("rm", container)
    return held


def versions(listed: list[dict]) -> dict[str, str]:
    """The versions of packages by the names that locks give them."""
    return {re.sub("[-_.]+", "-", one["name"].lower()): one["version"] for one in listed}


@pytest.fixture(scope="module")
def held(engine, image) -> Files:
    """The files of the image."""
    return files(engine, image)


@pytest.fixture(scope="module")
def facts(image) -> dict:
    """The description that ``make image`` writes of the image that it built."""
    return json.loads((ROOT / "build/image-cpu.json").read_text())


@pytest.mark.long
def test_two_builds_hold_the_same_files(engine, base, first_build):
    """Built again from nothing, every file has the same content, mode and owner, compiled modules included."""
    engine.answer("builder", "prune", "--all", "--force")
    second_build = make_image(engine, base)
    assert first_build != second_build
    first, second = files(engine, first_build), files(engine, second_build)
    differing = sorted(path for path in first.keys() | second.keys() if first.get(path) != second.get(path))
    assert differing == []


def test_it_holds_what_git_tracks(held):
    """Every tracked file is in it as it is here, modules compiled, and nothing of git, builds or results."""
    if not (ROOT / ".git").exists():
        pytest.skip("a copy without git has nothing to ask")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for path in listed.splitlines():
        *_, target, digest = held[f"amtlb/{path}"]
        if (ROOT / path).is_symlink():
            assert target == str((ROOT / path).readlink()), path
        else:
            assert digest == hashlib.sha256((ROOT / path).read_bytes()).hexdigest(), path
    for path in (".git", "build", "results"):
        assert f"amtlb/{path}" not in held
    assert sum(path.endswith(".pyc") for path in held) > 5000


def test_its_labels_are_true(engine, image, facts):
    """Labels and the published file name version, commit, protocol, base and licences, of the ROMs, too."""
    inspected = json.loads(engine.answer("image", "inspect", image))[0]
    labels = inspected["Config"]["Labels"]
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert image == f"amtlb:{version}-cpu"
    assert facts["id"] == inspected["Id"]
    assert labels["org.opencontainers.image.version"] == facts["version"] == version
    assert labels["org.opencontainers.image.revision"] == facts["commit"] == (code_commit() or "unknown")
    assert facts["edition_digests"] == load("v1").edition_digests
    digests = ",".join(f"{edition}={digest}" for edition, digest in facts["edition_digests"].items())
    assert labels["amtlb.edition.digests"] == digests
    assert labels["org.opencontainers.image.base.name"]
    assert "GPL-2.0-only" in labels["org.opencontainers.image.licenses"]
    assert "ROMs" in labels["amtlb.licences"]
    assert inspected["Config"]["User"] == "1000"
    print(f"{image}: {inspected['Size'] / 1e9:.2f} GB")


def test_it_holds_the_locked_packages(engine, image, facts):
    """The packages in it are those of the lock, of the published file and of the bill of materials."""
    pip = ("run", "--rm", "--network", "none", "--entrypoint", "pip", image)
    packages = versions(json.loads(engine.answer(*pip, "list", "--format", "json")))
    packages.pop("amtlb")
    lines = (ROOT / "requirements-cpu.txt").read_text().splitlines()
    locked = dict(line.removesuffix(" \\").split("==") for line in lines if "==" in line)
    assert packages == locked
    assert len(facts["locked_files"]) == len(locked)
    hashes = {line.strip().removesuffix(" \\").removeprefix("--hash=sha256:") for line in lines}
    assert set(facts["locked_files"].values()) <= hashes

    command = ["make", "sbom", f"DOCKER={DOCKER}", "VARIANT=cpu"]
    done = subprocess.run(command, cwd=ROOT, env=engine.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    bill = json.loads((ROOT / "build/sbom-cpu.cdx.json").read_text())
    assert versions(bill["components"]) == locked
    emulator = next(one for one in bill["components"] if one["name"] == "ale-py")
    assert emulator["licenses"][0]["license"]["id"] == "GPL-2.0-only"
