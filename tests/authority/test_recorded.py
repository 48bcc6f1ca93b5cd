"""The recorded answers are still those that step-ca gives."""

import json
from pathlib import Path

import pytest

from tests.authority import record


@pytest.mark.reference
async def test_every_outcome_is_as_recorded(tmp_path: Path) -> None:
    played = await record.record(tmp_path)
    recorded = json.loads(record.GOLDEN.read_text())
    assert {name: each["status"] for name, each in played.items()} == {
        name: each["status"] for name, each in recorded.items()
    }
