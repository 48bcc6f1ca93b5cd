"""To the credentials of others our authority answers what step-ca does, and issues the same."""

import json
from pathlib import Path

import pytest

from tests.authority import record_credentials
from tests.authority.credential_scenarios import (
    CREDENTIAL_SCENARIOS,
    DIFFERENT,
    credential_provisioners,
)
from tests.authority.ours import OurTarget
from tests.authority.scenarios import provisioners
from tests.support.authority import Appliance
from tests.support.certificate_view import alike, view

RECORDED = json.loads(record_credentials.GOLDEN.read_text())


@pytest.mark.parametrize("name", CREDENTIAL_SCENARIOS)
async def test_outcome(name: str) -> None:
    appliance = Appliance(entries=[*provisioners(), *credential_provisioners()])
    target, recorded = OurTarget(appliance), RECORDED[name]
    now = target.now()
    outcome = await CREDENTIAL_SCENARIOS[name](target)
    assert outcome.status == DIFFERENT.get(name, recorded["status"]), outcome.message
    if "certificate" in recorded and name not in DIFFERENT:
        found = view(outcome.chain[0], now)
        assert alike(found, recorded["certificate"]), (found, recorded["certificate"])


def test_nothing_else_is_recorded() -> None:
    assert set(RECORDED) == set(CREDENTIAL_SCENARIOS)
    assert all(RECORDED[name]["status"] != status for name, status in DIFFERENT.items())


@pytest.mark.reference
async def test_every_outcome_is_as_recorded(tmp_path: Path) -> None:
    played = await record_credentials.record(tmp_path)
    assert {name: each["status"] for name, each in played.items()} == {
        name: each["status"] for name, each in RECORDED.items()
    }
