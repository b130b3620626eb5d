"""The scores of the published baselines."""

from __future__ import annotations

import json

from protocol import Protocol
from suite.results.published import edition_folder, published_baselines
from suite.results.store import SCORES
from suite.scoring.scores import SCHEMA_VERSION, Scores


def published_scores(protocol: Protocol, edition: str) -> dict[str, Scores]:
    """The scores of the baselines that are published for an edition, by name.

    Scores with another format or other rules are left out, because they cannot be compared with scores of this
    release.
    """
    right = {"schema_version": SCHEMA_VERSION, "edition_digest": protocol.edition_digests[edition]}
    found = {}
    for name in published_baselines(edition):
        text = (edition_folder(edition) / name / SCORES).read_text(encoding="utf-8")
        said = json.loads(text)
        if all(said.get(field) == value for field, value in right.items()):
            found[name] = Scores.model_validate_json(text)
    return found
