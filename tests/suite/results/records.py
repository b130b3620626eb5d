"""A published record, and parts of its run for tests of resumed runs."""

from protocol import RunPart, RunRecord
from tests.test_published_formats import DATA

RECORD = RunRecord.model_validate_json((DATA / "v1/record.json").read_bytes())


def part(device: str) -> RunPart:
    """The first part of a run that was resumed, played as RECORD was, on this device."""
    return RunPart(
        until_steps=8,
        device=device,
        cpu=RECORD.cpu,
        code_commit=RECORD.code_commit,
        versions=RECORD.versions,
        wall_seconds=1,
    )
