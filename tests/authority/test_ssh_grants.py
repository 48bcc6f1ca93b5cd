"""Our authority gives whom step-ca gives, and the same certificates; webhooks are told alike."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from appliance.config import policy
from appliance.config.document import Document
from tests.authority import record_ssh_grants
from tests.authority.ssh_cases import Case, provisioners, request
from tests.authority.ssh_grant_cases import GROUPS
from tests.authority.test_ssh_scenarios import alike
from tests.support.idp import Idp, idp
from tests.support.ssh import SshAppliance
from tests.support.webhooks import Outside, Reply

RECORDED = json.loads(record_ssh_grants.GOLDEN.read_text())
URL = "https://hooks.example"
_DOCUMENT = Document(file=Path("ca.json"), members={})

DIFFERENT: Mapping[tuple[str, str], int] = {("templates", "template, principals with null"): 403}
"""What we answer otherwise than step-ca; the handbook says why."""

LONGEST_IDENTITY = 24 * 3600 + 60
"""How long identity certificates last at most, which in step-ca are as long as a host's."""


@pytest.fixture(scope="module")
def provider() -> Iterator[Idp]:
    with idp() as running:
        yield running


def outside(number: int, case: Case) -> Outside:
    return Outside(
        {
            f"{URL}/{number}{path}": [
                each if isinstance(each, Reply) else Reply(body=json.dumps(each).encode())
                for each in replies
            ]
            for path, replies in case.replies.items()
        }
    )


@pytest.mark.parametrize(
    ("group", "name"), [(group, name) for group, given in GROUPS.items() for name in given.cases]
)
async def test_outcome(group: str, name: str, provider: Idp) -> None:
    given, recorded = GROUPS[group], RECORDED["groups"][group][name]
    case, number = given.cases[name], list(given.cases).index(name)
    out = outside(number, case)
    entries = provisioners(given, provider, URL)
    appliance = SshAppliance(
        entries=[each for each in entries if each["name"] in (f"p{number}", "k8s")],
        outbound=out,
        policy=policy.read_ssh({"ssh": given.policy}, _DOCUMENT) if given.policy else None,
    )
    now = int(appliance.clock.now().timestamp())
    answer = await appliance.ask(
        "POST", "/ssh/sign", request(case, number, now, provider, RECORDED["keys"])
    )
    found = record_ssh_grants.outcome(answer.status, json.loads(answer.body), now)
    expected = DIFFERENT.get((group, name), recorded["status"])
    if given.policy and expected == 500:
        expected = 403  # it is the name that is not allowed, not the authority that failed
    assert found["status"] == expected, found["message"]
    if expected != recorded["status"]:
        return
    assert set(found) | {"asked"} == set(recorded) | {"asked"}
    if (identity := recorded.get("identityCrt")) is not None:
        identity["lasts"] = min(identity["lasts"], LONGEST_IDENTITY)
    for key in {"crt", "addUserCrt", "identityCrt"} & set(recorded):
        assert alike(found[key], recorded[key]), (found[key], recorded[key])
    _compare(out, recorded.get("asked", ()), number)


def _compare(out: Outside, asked: Sequence[Mapping[str, Any]], number: int) -> None:
    """Hold what webhooks were told against what step-ca tells them."""
    assert [each.url.removeprefix(f"{URL}/{number}") for each in out.sent] == [
        each["path"] for each in asked
    ]
    for sent, recorded in zip(out.sent, asked, strict=True):
        ours, theirs = json.loads(sent.body), json.loads(recorded["body"])
        assert list(ours) == list(theirs)
        for about in ("sshCertificateRequest", "sshCertificate"):
            told, wanted = ours.get(about, {}), theirs.get(about, {})
            assert list(told) == list(wanted)
            for key in set(wanted) - {"validAfter", "validBefore"}:
                assert told[key] == wanted[key], key
            if about == "sshCertificate" and wanted:
                lasting = [each["validBefore"] - each["validAfter"] for each in (told, wanted)]
                assert abs(lasting[0] - lasting[1]) <= 3
        assert ours.get("authorizationPrincipal") == theirs.get("authorizationPrincipal")


def test_nothing_else_is_recorded() -> None:
    assert {name: set(found) for name, found in RECORDED["groups"].items()} == {
        name: set(group.cases) for name, group in GROUPS.items()
    }


@pytest.mark.reference
def test_every_outcome_is_as_recorded(tmp_path: Path) -> None:
    """The recording is what the reference on PATH does; keys and times are new each time."""
    again = record_ssh_grants.record(tmp_path)["groups"]
    for group, cases in RECORDED["groups"].items():
        for name, recorded in cases.items():
            played = again[group][name]
            assert played["status"] == recorded["status"], (group, name)
            for key in ("crt", "addUserCrt"):
                if key in recorded:
                    assert played[key]["principals"] == recorded[key]["principals"], (group, name)
