"""The machine and software of a run: versions, commit, CPU type, and settings that make a run repeatable."""

from __future__ import annotations

import errno
import math
import os
import platform
import re
import resource
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from protocol import WorkerDied

RECORDED_PACKAGES = (
    "ale-py",
    "amtlb",
    "gymnasium",
    "numpy",
    "opencv-python-headless",
    "pyarrow",
    "stable-baselines3",
    "torch",
)
"""The libraries whose versions can change the results of a run."""

_LACKING = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.ENOMEM,
        errno.EIO,
        errno.ESTALE,
        errno.EMFILE,
        errno.ENFILE,
        errno.EAGAIN,
    }
)
_COMMIT = re.compile(r"[0-9a-f]{7,64}(-dirty)?")

RUN_SETTINGS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_CBWR": "COMPATIBLE",
    "OPENBLAS_CORETYPE": "Haswell",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "PYTHONHASHSEED": "0",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
}
"""Environment variables of every run's process: one thread, and arithmetic that is meant to be the same on
all x86 types with AVX2. They must be set before torch and numpy are imported. The last two let glibc keep
freed memory. Without them each batch is mapped and zeroed again, which takes 8 % of a PPO run's time
(docs/performance.md)."""


CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""The quota and the period of a container's CPU time, in microseconds, as version 2 of cgroups has them."""


def available_cores() -> int:
    """The number of cores that this process may use: by its affinity, and by the quota of its container."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = CPU_QUOTA.read_text(encoding="ascii").split()
        return max(1, min(cores, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # no such file, or "max"
        return cores


def is_lack(error: BaseException) -> bool:
    """True if an error says that the machine lacks or loses something, which is no fault of a learner's.

    A GPU's lack of memory is told by its class's name, since torch is not imported for it.
    """
    if isinstance(error, OSError) and error.errno in _LACKING:
        return True
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, MemoryError | WorkerDied) or "OutOfMemoryError" in kinds:
        return True
    return error.__cause__ is not None and is_lack(error.__cause__)


def library_versions() -> dict[str, str]:
    """The installed versions of Python and of the libraries in RECORDED_PACKAGES."""
    versions = {"python": platform.python_version()}
    for package in RECORDED_PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def code_commit() -> str | None:
    """The commit of the code that runs, with ``-dirty`` if tracked files differ from it.

    ``AMTLB_COMMIT`` gives it if there is no repository, as in an image; None: not known.
    """
    return _commit_or_reason()[0]


def why_no_commit() -> str:
    """Why the commit is not known where there is a repository, and the way out; empty: no such reason."""
    return _commit_or_reason()[1]


def _commit_or_reason() -> tuple[str | None, str]:
    if stated := os.environ.get("AMTLB_COMMIT", "").strip():
        if _COMMIT.fullmatch(stated):
            return stated, ""
        return None, f"AMTLB_COMMIT={stated[:80]!r} is no commit; give its hexadecimal digits, or unset it"
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None, ""
    command = ["git", "-C", str(root), "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        return None, f"git cannot be run ({error}); install it, or say the commit in AMTLB_COMMIT"
    if done.returncode == 0 and done.stdout.strip():
        return done.stdout.strip(), ""
    reason = (done.stderr.strip().splitlines() or ["git names none"])[0].removeprefix("fatal: ")
    way_out = (
        f"`git config --global --add safe.directory {root}` if you trust what lies there"
        if "dubious ownership" in reason
        else "repair the repository, or name the commit in AMTLB_COMMIT"
    )
    return None, f"{reason}; {way_out}"


def has_gpu() -> bool:
    """True if this machine shows a GPU that torch calls ``cuda``: NVIDIA's driver, WSL's, or AMD's."""
    return any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists() or Path("/dev/kfd").exists()


def peak_memory_bytes() -> int:
    """The peak memory of this process, without the processes that it started."""
    try:
        # getrusage would include the memory that the parent had when it started this process.
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def cpu_type() -> str:
    """The CPU's name, with family, model and stepping if the system reports them."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0]
    except OSError:
        return platform.processor() or platform.machine()
    pairs = (line.partition(":") for line in text.splitlines())
    facts = {name.strip(): value.strip() for name, _, value in pairs}
    if "model name" not in facts:
        return platform.processor() or platform.machine()
    numbers = [f"{name} {facts[name]}" for name in ("cpu family", "model", "stepping") if name in facts]
    return ", ".join([facts["model name"], *numbers])
