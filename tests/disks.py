"""Folders with a disk of their own, and Debian systems in folders, for tests that run as root."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

DISK = "40G"
"""The most that a disk may hold; it takes no more room than is written on it."""
DEBOOTSTRAP_SECONDS = 900


def mount_disk(folder: Path, image: Path) -> None:
    """Put an empty file system into an empty folder, where there is a loop device for it.

    Removing that is removing one file; to remove the files of a few systems takes minutes on some disks.
    """
    for command in (
        ["truncate", "--size", DISK, image],
        ["mkfs.ext4", "-q", "-O", "^has_journal", "-E", "nodiscard", image],
        ["mount", "-o", "loop", image, folder],
    ):
        if not shutil.which(command[0]) or subprocess.run(command, capture_output=True).returncode != 0:
            image.unlink(missing_ok=True)
            return


def mounts(folder: Path) -> list[str]:
    """Mount points below a folder, the innermost first."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return sorted((point for point in points if point.startswith(f"{folder}/")), reverse=True)


def remove(folder: Path) -> None:
    """Remove a folder and what is mounted in it."""
    for point in mounts(folder):
        subprocess.run(["umount", point], check=True)
    shutil.rmtree(folder)


def debootstrap(folder: Path, release: str, packages: Sequence[str]) -> None:
    """Put a Debian into a folder, from Debian's packages: no more than it needs and these."""
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", release, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEBOOTSTRAP_SECONDS)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
