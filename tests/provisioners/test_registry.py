"""Provisioners are found and listed as step-ca finds and lists them."""

from datetime import timedelta
from pathlib import Path

import pytest

from appliance.config.settings import MemorySettings, Settings, TlsSettings
from appliance.model.errors import ConfigError, FormatError, NotFound, Unauthorized
from appliance.model.validity import Validity
from appliance.provisioners import registry as registries
from appliance.upstream.http import HttpOutbound
from tests.authority.scenarios import KID, provisioners
from tests.support.authority import START, SystemChance, provisioner_settings, registry

KEY = provisioners()[0]["key"]
MANY = [
    *({"type": "JWK", "name": f"p{i}", "key": KEY, "encryptedKey": f"key-{i}"} for i in range(23)),
    {"type": "ACME", "name": "acme"},
    {"type": "X5C", "name": "x"},
]
CURSORS = {  # as step-ca gave them for the same provisioners
    5: "52a0e6b3bc2ebc29c4ce5e6abe320e5a5",
    20: "148236930428e243b0f47401378660e440",
}
VALID = Validity(not_before=START - timedelta(hours=1), not_after=START + timedelta(hours=1))


def named(page: registries.Page) -> list[object]:
    return [entry["name"] for entry in page.entries]


@pytest.mark.parametrize(
    ("limit", "count", "cursor"),
    [(0, 20, CURSORS[20]), (-3, 20, CURSORS[20]), (5, 5, CURSORS[5]), (25, 25, ""), (200, 25, "")],
)
def test_first_page(limit: int, count: int, cursor: str) -> None:
    page = registry(MANY).page(limit=limit)
    assert (len(page.entries), page.next_cursor) == (count, cursor)


def test_the_cursor_goes_on_where_the_page_ended() -> None:
    page = registry(MANY).page(CURSORS[20])
    assert named(page) == ["p20", "p21", "p22", "acme", "x"]
    assert page.next_cursor == ""


def test_a_page_is_never_longer_than_a_hundred() -> None:
    entries = [{"type": "ACME", "name": f"a{i}"} for i in range(120)]
    assert len(registry(entries).page(limit=1000).entries) == 100


@pytest.mark.parametrize(("cursor", "count"), [("zzz", 20), ("f" * 41, 0), ("", 20)])
def test_any_text_is_a_cursor(cursor: str, count: int) -> None:
    assert len(registry(MANY).page(cursor).entries) == count


def test_entries_are_shown_as_written() -> None:
    assert registry(MANY).page().entries[0] == MANY[0]


def test_of_provisioners_that_share_a_key_the_last_gives_it() -> None:
    assert registry(MANY).encrypted_key(KID) == "key-22"


def test_an_unknown_key_is_not_found() -> None:
    with pytest.raises(NotFound):
        registry(MANY).encrypted_key("other")
    with pytest.raises(NotFound):
        registry([{"type": "JWK", "name": "bare", "key": KEY}]).encrypted_key(KID)


@pytest.mark.parametrize(
    "second",
    [{"type": "ACME", "name": "a"}, {"type": "JWK", "name": "a", "key": KEY}],
)
def test_names_are_unique(second: dict[str, object]) -> None:
    with pytest.raises(FormatError, match="'a'"):
        registry([{"type": "ACME", "name": "a"}, second])


@pytest.mark.parametrize(
    ("entry", "identifier"),
    [
        ({"type": "JWK", "name": "n", "key": KEY}, f"n:{KID}"),
        ({"type": "ACME", "name": "n"}, "acme/n"),
        ({"type": "SSHPOP", "name": "n"}, "sshpop/n"),
        ({"type": "X5C", "name": "n"}, "x5c/n"),
        ({"type": "K8sSA", "name": "n"}, "k8ssa/k8sSA-default"),
        ({"type": "OIDC", "name": "n", "clientID": "c"}, "c"),
        ({"type": "Azure", "name": "n", "tenantID": "t"}, "t"),
        ({"type": "GCP", "name": "n"}, "gcp/n"),
    ],
)
def test_ids_are_those_of_step_ca_rows(entry: dict[str, object], identifier: str) -> None:
    found = registry([entry]).by_id(identifier)
    assert found is not None
    assert found.ref.name == "n"
    assert registry([entry]).by_name("n") is not None


def test_other_types_let_their_certificates_be_renewed_but_not_sshpop() -> None:
    listed = registry([{"type": "ACME", "name": "a"}, {"type": "SSHPOP", "name": "s"}])
    acme, sshpop = listed.by_name("a"), listed.by_name("s")
    assert acme is not None
    assert sshpop is not None
    acme.authorize_renewal(VALID, START)
    with pytest.raises(Unauthorized):
        sshpop.authorize_renewal(VALID, START)


def settings(*entries: dict[str, object], check_issued_at: bool = True) -> Settings:
    return Settings(
        file=Path("/ca.json"),
        roots=(),
        federated_roots=(),
        certificate=Path("/crt"),
        key=Path("/key"),
        host="",
        port=443,
        dns_names=("ca.example",),
        common_name="",
        log_format="text",
        trace_header="",
        database=MemorySettings(),
        tls=TlsSettings(cipher_suites=(), min_version=1.2, max_version=1.3, renegotiation=False),
        password=None,
        provisioners=tuple(map(provisioner_settings, entries)),
        subject_defaults={},
        backdate=timedelta(minutes=1),
        check_issued_at=check_issued_at,
        policy=None,
        warnings=(),
    )


def build(given: Settings) -> registries.Registry:
    return registries.build(given, START, outbound=HttpOutbound(), chance=SystemChance())


@pytest.mark.parametrize(
    "key", [None, {}, {"kty": "oct", "k": "AAAA"}, {"kty": "EC", "crv": "P-256", "x": "A"}]
)
def test_a_provisioner_that_cannot_be_made_is_shown_with_the_reason(key: object) -> None:
    built = build(settings({"type": "JWK", "name": "broken", "key": key}))
    (entry,) = built.page().entries
    assert entry["state"] == "Uninitialized"
    assert entry["stateReason"]
    broken = built.by_name("broken")
    assert broken is not None
    with pytest.raises(Unauthorized, match="disabled"):
        broken.authorize_renewal(VALID, START)


def test_names_that_collide_are_a_fault_of_the_file() -> None:
    with pytest.raises(ConfigError, match=r"/ca.json: authority.provisioners: .*'a'"):
        build(settings({"type": "ACME", "name": "a"}, {"type": "ACME", "name": "a"}))


def test_names_are_listed_in_order() -> None:
    built = build(settings(*provisioners()))
    assert built.names == ("admin", "plain", "final", "brief", "late", "acme")
