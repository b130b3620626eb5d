"""Strangers on the module path: what would be imported in place of our packages or of Python's own modules.

It imports only what Python itself has loaded already, so that nothing of a stranger runs before it is found.
"""

import os
import sys

OURS = ("protocol", "suite", "baselines", "amtlb")
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def shadow() -> str | None:
    """The first file that hides a module, and the way out, in one line; None: there is none."""
    return _hides_python() or _hides_ours() or _merged()


def hidden(folder: str) -> str | None:
    """A file in a folder behind all others on the module path that could not be imported there, and why not."""
    for name in OURS:
        if (found := _named(folder, (name,))) and not _is_ours(found, name):
            return f"{found} has the name of a package of AMTLB, which hides it; rename it"
    found = _named(folder, sys.stdlib_module_names)
    return f"{found} has the name of a module of Python, which hides it; rename it" if found else None


def _is_ours(path: str, name: str) -> bool:
    return os.path.realpath(path) == os.path.realpath(os.path.join(ROOT, name))


def _named(folder: str, names: frozenset[str] | tuple[str, ...]) -> str | None:
    """A module or package in a folder that has one of the names: its path."""
    try:
        entries = sorted(os.listdir(folder or "."))
    except OSError:
        return None
    for entry in entries:
        path = os.path.join(folder, entry)
        stem = entry.partition(".")[0]
        if stem in names and (
            entry.endswith((".py", ".so")) or os.path.exists(os.path.join(path, "__init__.py"))
        ):
            return path
    return None


def _hides_python() -> str | None:
    library = os.path.realpath(os.path.dirname(os.__file__))
    for folder in sys.path:
        if os.path.realpath(folder) == library:
            return None
        if found := _named(folder, sys.stdlib_module_names):
            return (
                f"{found} hides Python's own module of that name; rename it, or take its folder off PYTHONPATH"
            )
    return None


def _hides_ours() -> str | None:
    for name in OURS:
        for folder in sys.path:
            found = _named(folder, (name,))
            if found is None:
                continue
            if _is_ours(found, name):
                break
            return (
                f"{found} hides the package {name} of AMTLB; rename it, take its folder off PYTHONPATH, or "
                "uninstall the package that brought it"
            )
    return None


def _merged() -> str | None:
    """Of an installation from a wheel: what another project's package has put into the folder of ours."""
    record = _record()
    for name in OURS if record else ():
        first = os.path.join(name, "__init__.py")
        known = {path.split("/")[1] for path in record if path.startswith(f"{name}/")} | {"__pycache__"}
        strangers = sorted(set(os.listdir(os.path.join(ROOT, name))) - known)
        if not strangers and _digest(os.path.join(ROOT, first)) != record[first]:
            strangers = ["__init__.py"]
        if strangers:
            return (
                f"{os.path.join(ROOT, name, strangers[0])} is not of AMTLB: another package called {name} was "
                f"installed into the same folder; uninstall both, `pip uninstall {name} amtlb`, and install "
                "amtlb into a virtual environment without the other"
            )
    return None


def _record() -> dict[str, str]:
    """The digests that the wheel's installer wrote down, by path; empty: this is no such installation."""
    for entry in os.listdir(ROOT):
        if entry.startswith("amtlb-") and entry.endswith(".dist-info"):
            with open(os.path.join(ROOT, entry, "RECORD"), encoding="utf-8") as file:
                rows = [line.split(",") for line in file]
            found = {path: digest for path, digest, *_ in rows}
            return found if "suite/__init__.py" in found else {}
    return {}


def _digest(path: str) -> str:
    from base64 import urlsafe_b64encode
    from hashlib import sha256

    with open(path, "rb") as file:
        return "sha256=" + urlsafe_b64encode(sha256(file.read()).digest()).decode().rstrip("=")
