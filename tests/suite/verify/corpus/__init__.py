"""Forged submissions: a valid one, changed in one way, with every digest made right again as a cheat would.

Each forgery says which rule must find it, and which others may as well. ``make verifier-table`` makes and
verifies them all.
"""

from __future__ import annotations

from suite.verify.findings import RULES
from tests.suite.verify.corpus.figures import FIGURES
from tests.suite.verify.corpus.files import FILES
from tests.suite.verify.corpus.forging import FRESH, OTHER_FRESH, TRANSFER, Forged
from tests.suite.verify.corpus.origins import ORIGINS
from tests.suite.verify.corpus.play import PLAY

__all__ = ["FORGERIES", "FRESH", "OTHER_FRESH", "TRANSFER", "Forged"]

_ALL = (*FILES, *ORIGINS, *PLAY, *FIGURES)
FORGERIES = tuple(sorted(_ALL, key=lambda forgery: list(RULES).index(forgery.rule)))
"""In the order of the rules."""
