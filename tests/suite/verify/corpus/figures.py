"""Forgeries of what is claimed of the runs: figures, and the learner itself (rules C and T)."""

from __future__ import annotations

import json
from typing import Any

from tests.suite.verify.cheater import Bend
from tests.suite.verify.corpus.forging import (
    OTHER_FRESH,
    Forged,
    Forgery,
    named,
)

_NULL = ("transfer", "contrast", "null")


def _figure(forged: Forged, **fields: Any) -> None:
    path = forged.folder / "scores.json"
    scores = json.loads(path.read_text())
    scores["multitask"][0] |= fields
    path.write_text(json.dumps(scores, indent=2) + "\n")
    forged.sums()


def _contrast(forged: Forged) -> None:
    path = forged.folder / "scores.json"
    scores = json.loads(path.read_text())
    scores["transfer"]["contrast"]["value"] += 0.1
    path.write_text(json.dumps(scores, indent=2) + "\n")
    forged.sums()


def _in_scores(forged: Forged, *place: str, value: Any) -> None:
    """One value of the scores, wherever it is."""
    path = forged.folder / "scores.json"
    scores = json.loads(path.read_text())
    inner = scores
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    path.write_text(json.dumps(scores, indent=2) + "\n")
    forged.sums()


def _scoring_version(forged: Forged) -> None:
    path = forged.folder / "scores.json"
    scores = json.loads(path.read_text()) | {"scoring_version": 99}
    path.write_text(json.dumps(scores, indent=2) + "\n")
    forged.sums()


FIGURES = (
    named("a better top score", "C1", _figure, generalist_top=1e6),
    named("a better contrast", "C1", _contrast),
    named("a better p-value", "C1", lambda f: _in_scores(f, *_NULL, "p_value", value=0.001)),
    named("another learner's scores", "C1", lambda f: _in_scores(f, "learner", value="baselines.dqn:make")),
    named("fewer resamples", "C1", lambda f: _in_scores(f, "resamples", value=10)),
    named("a figure left out", "C1", lambda f: _in_scores(f, "transfer", "ratio", "value", value=None)),
    named("scores of a version that nobody knows", "C1", _scoring_version),
    Forgery(
        "actions of another learner than the declared one",
        "T1",
        lambda forged: forged.play(OTHER_FRESH, Bend(only_action=0)),
        retrain=(f"smoke/{OTHER_FRESH}",),
    ),
    Forgery(
        "other hyper-parameters than the declared ones",
        "T1",
        lambda forged: forged.train(OTHER_FRESH, "tests.suite.verify.tuned:make"),
        retrain=(f"smoke/{OTHER_FRESH}",),
    ),
)
