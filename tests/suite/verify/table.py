"""The verifier's own table: valid submissions that pass, forgeries that do not; ``make verifier-table``."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from suite.machine import available_cores
from suite.results.published import published_baselines, published_folder
from suite.verify.findings import RULES
from suite.verify.verification import Levels, verify
from tests.suite.verify.corpus import FORGERIES, Forged

BASE = "ppo"


class Tried(NamedTuple):
    """One forgery and what the verifier made of it."""

    name: str
    rule: str
    also: tuple[str, ...]
    found: frozenset[str]

    @property
    def killed(self) -> bool:
        """The rule found it, and no rule spoke that had no business to."""
        return self.rule in self.found and self.found <= {self.rule, *self.also}


def try_valid(name: str, finished: Path) -> bool:
    """True if a published baseline passes with every episode replayed; a folder keeps the finished replays."""
    return not verify(published_folder(name, "smoke"), Levels(replay=True, finished=finished)).findings


def try_forgery(place: int, finished: Path | None) -> Tried:
    """Make one forgery and verify it; ledgers whose replay is finished already are not replayed again."""
    forgery = FORGERIES[place]
    with tempfile.TemporaryDirectory() as scratch:
        folder, kept = Path(scratch) / "submission", Path(scratch) / "finished"
        shutil.copytree(published_folder(BASE, "smoke"), folder)
        forgery.forge(Forged(folder))
        if finished:
            shutil.copytree(finished, kept)
        levels = Levels(
            replay=forgery.replay, retrain=forgery.retrain, finished=kept if forgery.replay else None
        )
        found = verify(folder, levels, workers=1)
    errors = frozenset(finding.rule for finding in found.findings if finding.severity == "error")
    return Tried(forgery.name, forgery.rule, forgery.also, errors)


def try_all(names: Sequence[str] = (), finished: Path | None = None) -> Iterator[Tried]:
    """Make and verify every forgery, or the named ones, a core each; in their order, as they end."""
    places = [place for place, forgery in enumerate(FORGERIES) if not names or forgery.name in names]
    with ProcessPoolExecutor(available_cores(), mp_context=get_context("spawn")) as pool:
        yield from pool.map(partial(try_forgery, finished=finished), places)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; the exit status is 1 where anything valid fails or any forgery passes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="forgeries to try; all, unless some are named")
    options = parser.parse_args(arguments)
    passed, tried = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for name in [] if options.names else published_baselines("smoke"):
            passed.append(try_valid(name, Path(scratch) / name))
            print(f"{'passed' if passed[-1] else 'FAILED'}  {name}, replayed", flush=True)
        for one in try_all(options.names, Path(scratch) / BASE if passed else None):
            tried.append(one)
            status, rules = "found" if one.killed else "ALIVE", ", ".join(sorted(one.found)) or "none"
            print(f"{status:7} {one.rule}: {one.name} (found by {rules})", flush=True)
    print("\nrule  forgeries  found  found by it alone")
    for rule in RULES:
        own = [one for one in tried if one.rule == rule]
        alone = sum(one.found == {rule} for one in own)
        print(f"{rule:5} {len(own):9} {sum(one.killed for one in own):7} {alone:18}")
    killed = sum(one.killed for one in tried)
    print(f"\nvalid passed: {sum(passed)} of {len(passed)}; forgeries found: {killed} of {len(tried)}")
    return 0 if killed == len(tried) and all(passed) else 1


if __name__ == "__main__":
    raise SystemExit(main())
