"""The JSON Schema of every file of a submission and of a verification, exported from the models.

`make pages` writes them into docs/schemas; a test holds these equal.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from protocol import RunRecord
from suite.results.published import ARTIFACTS
from suite.results.schema import LEDGER_SCHEMA
from suite.scoring.scores import Scores
from suite.submission.description import Submission
from suite.verify.findings import Verification

FOLDER = ARTIFACTS.parent / "docs" / "schemas"
_MODELS: dict[str, type[BaseModel]] = {
    "record": RunRecord,
    "scores": Scores,
    "submission": Submission,
    "verification": Verification,
}


def schemas() -> dict[str, dict[str, Any]]:
    """By name, JSON Schemas; of a ledger, the schema of one row, with each column's Arrow type."""
    found = {name: model.model_json_schema() for name, model in _MODELS.items()}
    columns = {
        field.name: {"arrowType": str(field.type), "nullable": field.nullable} for field in LEDGER_SCHEMA
    }
    found["ledger"] = {
        "title": "Ledger",
        "description": "One row of ledger.parquet: one episode, in the order in which episodes ended.",
        "fileMetadata": {key.decode(): value.decode() for key, value in LEDGER_SCHEMA.metadata.items()},
        "type": "object",
        "properties": columns,
        "required": list(columns),
        "additionalProperties": False,
    }
    return found


def write_schemas(folder: Path) -> None:
    """Write every schema into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        text = json.dumps(schema, indent=2) + "\n"
        (folder / f"{name}.schema.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_schemas(FOLDER)
    print(f"written to {FOLDER.relative_to(ARTIFACTS.parent)}")
