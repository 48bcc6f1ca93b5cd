"""`hearth doctor` says what a start or a reload would fail on, and disturbs nothing."""

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.server.doctor import Level, examine
from tests.support.appliance import Appliance

Document = dict[str, Any]


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    made = Appliance(tmp_path_factory.mktemp("doctor") / "ca")
    yield made
    made.stop()


def diagnosis(ca: Appliance, *flags: str) -> tuple[int, list[tuple[str, str, str]]]:
    ended = ca.run("doctor", "--format", "json", *flags)
    rows = json.loads(ended.stdout)
    return ended.returncode, [(row["level"], row["topic"], row["text"]) for row in rows]


def test_a_new_authority_is_well(ca: Appliance) -> None:
    code, found = diagnosis(ca, "--password-file", str(ca.password_file))
    assert code == 0
    assert {level for level, _, _ in found} == {"ok"}
    assert not (ca.steppath / "db" / "CURRENT").exists(), "nothing is made"


def test_without_the_password_the_key_is_not_tried_and_that_is_said(ca: Appliance) -> None:
    code, found = diagnosis(ca)
    assert code == 0
    assert any(level == "warning" and topic == "keys" for level, topic, _ in found)


def test_a_wrong_password_is_a_failure(ca: Appliance, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("wrong")
    code, found = diagnosis(ca, "--password-file", str(tmp_path / "wrong"))
    assert code == 1
    assert ("failure", "certificates and keys") in {each[:2] for each in found}


def without_root(document: Document) -> None:
    document["root"] = "/nowhere/root_ca.crt"


def other_key(document: Document) -> None:
    document["key"] = document["key"].replace("intermediate_ca_key", "root_ca_key")


def wrong_claim(document: Document) -> None:
    document["authority"]["claims"] = {"minTLSCertDuration": "1 day"}


def wrong_suite(document: Document) -> None:
    document["tls"]["cipherSuites"] = ["TLS_NONE"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (without_root, "/nowhere/root_ca.crt"),
        (other_key, "must name a pair"),
        (wrong_claim, "authority.claims.minTLSCertDuration"),
        (wrong_suite, "TLS_NONE"),
    ],
)
def test_what_a_reload_would_refuse_is_found(
    ca: Appliance, tmp_path: Path, change: Callable[[Document], None], told: str
) -> None:
    document = json.loads(ca.ca_json.read_text())
    change(document)
    changed = tmp_path / "ca.json"
    changed.write_text(json.dumps(document))
    code, found = diagnosis(
        ca, "--ca-config", str(changed), "--password-file", str(ca.password_file)
    )
    assert code == 1
    assert any(level == "failure" and told in text for level, _, text in found), found


async def test_more_workers_than_processors_are_looked_at(ca: Appliance, tmp_path: Path) -> None:
    document = json.loads(ca.ca_json.read_text())
    changed = tmp_path / "ca.json"
    found = []
    for count in (1, 64, 65):
        changed.write_text(json.dumps({**document, "workers": count}))
        findings = [each async for each in examine(changed, None)]
        found.append([each for each in findings if each.topic in ("configuration", "workers")][-1])
    few, many, wrong = found
    assert (few.level, few.text) == (Level.OK, "one more process serves HTTPS")
    assert (many.level, many.topic) == (Level.WARNING, "workers")
    assert (wrong.level, wrong.text) == (
        Level.FAILURE,
        f"{changed}: workers: must be from 0 to 64",
    )


def test_an_address_in_use_by_others_is_a_failure_and_by_the_server_is_not(ca: Appliance) -> None:
    flags = ("--password-file", str(ca.password_file))
    with socket.socket() as other:
        other.bind(("127.0.0.1", ca.port))
        other.listen()
        code, found = diagnosis(ca, *flags)
        assert code == 1
        assert "address" in {topic for level, topic, _ in found if level == "failure"}
    ca.start()
    code, found = diagnosis(ca, *flags)
    assert code == 0, found
    assert ca.healthy()
    texts = {topic: text for _, topic, text in found}
    assert "is served" in texts["address"]
    assert "the server runs" in texts["database"]
