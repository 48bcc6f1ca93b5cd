"""Every request gets the status that step-ca gives it, but for the choices listed here."""

import json
from pathlib import Path

import pytest

from appliance.model.events import EventKind
from tests.authority.ours import OurTarget
from tests.authority.scenarios import SCENARIOS, provisioners
from tests.support.authority import START, Appliance

RECORDED = json.loads((Path(__file__).parent / "golden" / "outcomes.json").read_text())

CHOSEN = {
    # where the reference leaves a hole
    "a forged token with the jti of a good one": 201,  # it burns the good one
    "reused with its other signature": 401,  # it issues twice
    "rekey with a small RSA key": 403,  # it certifies 1024 bits
    # where it fails
    "name that no certificate can carry": 400,  # 500
    "renew by token: wrong audience": 401,  # 500
    "renew by token: wrong key": 401,  # 500
    "renew by token: no certificate": 401,  # it panics and drops the connection
    # where we certify less
    "P-224 key": 400,
}
PROMISED_WORDS = [
    "too long",
    "too short",
    "ends in the past",
    "ends before it begins",
    "wrong common name",
    "wrong DNS name",
    "one DNS name more",
    "an address more",
    "RSA-1024 key",
    "revoke: twice",
]


@pytest.fixture
def appliance() -> Appliance:
    return Appliance(entries=provisioners())


@pytest.mark.parametrize("name", SCENARIOS)
async def test_status(name: str, appliance: Appliance) -> None:
    outcome = await SCENARIOS[name](OurTarget(appliance))
    assert outcome.status == CHOSEN.get(name, RECORDED[name]["status"]), outcome.message
    last = appliance.events[-1]
    assert (last.kind is EventKind.REFUSED) == (outcome.status >= 400)
    if outcome.status >= 400:
        assert last.reason == outcome.message


def test_every_scenario_is_recorded() -> None:
    assert set(SCENARIOS) == set(RECORDED)


@pytest.mark.parametrize("name", PROMISED_WORDS)
async def test_the_facts_are_worded_alike(name: str, appliance: Appliance) -> None:
    """Durations, names and limits, after the reference's fixed beginning of the sentence."""
    outcome = await SCENARIOS[name](OurTarget(appliance))
    theirs = RECORDED[name]["message"].partition(": ")[2].rstrip(".")
    if "past" in name or "before" in name:  # the times of the recording differ
        theirs, ours = theirs.partition(" na=")[0], outcome.message.partition(" na=")[0]
        assert ours == theirs
    elif name != "revoke: twice":
        assert outcome.message == theirs
    else:
        assert "is already revoked" in outcome.message
        assert "is already revoked" in theirs


def test_the_clock_of_the_tests_has_fractions() -> None:
    """As a real one has, so that rounding shows."""
    assert START.microsecond
