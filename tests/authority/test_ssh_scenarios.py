"""To SSH requests our authority answers what step-ca does, and issues the same."""

import base64
import json
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.authority import record_ssh
from tests.authority.ssh_scenarios import DIFFERENT, SCENARIOS, Outcome, provisioners, view
from tests.support.ssh import HOST_KEY, USER_KEY, SshAppliance

RECORDED = json.loads(record_ssh.GOLDEN.read_text())


@dataclass(slots=True)
class OurTarget:
    """Our authority, behind its routes."""

    appliance: SshAppliance
    host_key: ec.EllipticCurvePrivateKey = HOST_KEY
    user_key: ec.EllipticCurvePrivateKey = USER_KEY

    def now(self) -> int:
        return int(self.appliance.clock.now().timestamp())

    async def post(self, path: str, body: object) -> Outcome:
        answer = await self.appliance.ask("POST", path, body)
        found = json.loads(answer.body)
        return Outcome(
            status=answer.status,
            message=found.get("message", ""),
            certificate=base64.b64decode(found.get("crt", "")),
        )


@pytest.mark.parametrize("name", SCENARIOS)
async def test_outcome(name: str) -> None:
    target, recorded = OurTarget(SshAppliance(entries=provisioners())), RECORDED[name]
    outcome = await SCENARIOS[name](target)
    assert outcome.status == DIFFERENT.get(name, recorded["status"]), outcome.message
    if "certificate" in recorded and name not in DIFFERENT:
        found = view(outcome, record_ssh.AUTHORITIES, target.now())
        assert alike(found, recorded["certificate"]), (found, recorded["certificate"])


def alike(ours: dict[str, Any], recorded: dict[str, Any]) -> bool:
    """Compare; the reference's clock went on for a second or so while it was asked."""
    times = ("from", "to")
    return all(
        abs(ours[name] - recorded[name]) <= 3 if name in times else ours[name] == recorded[name]
        for name in recorded
    )


def test_nothing_else_is_recorded() -> None:
    assert set(RECORDED) == set(SCENARIOS)
    assert all(RECORDED[name]["status"] != status for name, status in DIFFERENT.items())


@pytest.mark.reference
async def test_every_outcome_is_as_recorded(tmp_path: Any) -> None:
    played = await record_ssh.record(tmp_path)
    assert {name: each["status"] for name, each in played.items()} == {
        name: each["status"] for name, each in RECORDED.items()
    }
