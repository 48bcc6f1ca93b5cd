"""GET /provisioners shows every entry as step-ca does: keys, order, defaults, what is hidden."""

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.config.loading import load
from appliance.config.settings import ProvisionerSettings, Settings
from appliance.formats import gojson
from appliance.model.errors import ConfigError
from appliance.provisioners import registry
from appliance.upstream.http import HttpOutbound
from tests.config.record import GOLDEN, record
from tests.support.authority import START, SystemChance

RECORDED = json.loads(GOLDEN.read_text())
LISTED = {each["name"]: each for each in RECORDED["listed"]}
SECRETS = ("challenge", "decrypterCertificate", "decrypterKeyPEM", "decrypterKey")


def loaded(tmp_path: Path, entries: list[dict[str, Any]]) -> Settings:
    file = tmp_path / "ca.json"
    written = {
        "root": "r", "crt": "c", "key": "k", "address": ":443", "dnsNames": ["ca.example"],
        "authority": {"provisioners": entries},
    }  # fmt: skip
    file.write_text(json.dumps(written))
    return load(file)


def shown(settings: Settings) -> dict[str, dict[str, Any]]:
    """What is listed, as clients get it; the reason of a failure is in words of our own."""
    made = registry.build(settings, START, outbound=HttpOutbound(), chance=SystemChance())
    found = {}
    for entry in made.page(limit=100).entries:
        text = gojson.encode(dict(entry))
        found[str(entry["name"])] = json.loads(text)
    return found


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return shown(loaded(tmp_path_factory.mktemp("ca"), RECORDED["entries"]))


@pytest.mark.parametrize("name", [name for name in LISTED if "scep-" not in name])
def test_an_entry_is_listed_as_step_ca_does(ours: dict[str, dict[str, Any]], name: str) -> None:
    found, expected = ours[name], LISTED[name]
    assert list(found) == list(expected)
    assert json.dumps({**found, "stateReason": ""}) == json.dumps({**expected, "stateReason": ""})
    assert bool(found.get("stateReason")) == ("state" in expected)


def test_scep_entries_are_listed_as_step_ca_does(ours: dict[str, dict[str, Any]]) -> None:
    assert json.dumps(ours["scep-all"]) == json.dumps(LISTED["scep-all"])


@pytest.mark.parametrize("name", [name for name in LISTED if "state" in LISTED[name]])
def test_what_cannot_be_used_says_so(ours: dict[str, dict[str, Any]], name: str) -> None:
    assert ours[name]["state"] == "Uninitialized"
    assert ours[name]["stateReason"]


@pytest.mark.parametrize("name", [name for name in LISTED if name.startswith("scep")])
def test_no_secret_of_scep_is_listed(ours: dict[str, dict[str, Any]], name: str) -> None:
    """step-ca shows the private key of an entry that it could not initialize."""
    for key in SECRETS:
        assert ours[name][key] == LISTED["scep"][key]
    assert not ours[name].get("state") or "state" in LISTED[name]


def test_an_unknown_type_is_skipped_with_a_warning(tmp_path: Path) -> None:
    settings = loaded(tmp_path, RECORDED["entries"])
    assert len(settings.provisioners) == len(RECORDED["entries"]) - 1
    assert any("'Oracle' are not known" in line for line in settings.warnings)


def test_routes_that_are_configured_and_not_served_are_told(tmp_path: Path) -> None:
    settings = loaded(tmp_path, RECORDED["entries"])
    assert any("does not serve /scep/…" in line for line in settings.warnings)


def test_the_secrets_of_scep_are_not_in_settings(tmp_path: Path) -> None:
    found: tuple[ProvisionerSettings, ...] = loaded(tmp_path, RECORDED["entries"]).provisioners
    secret = next(each for each in RECORDED["entries"] if each["name"] == "scep-key-alone")
    assert secret["decrypterKeyPEM"] not in repr(found)


@pytest.mark.parametrize("kind", ["AWS", "gcp", "AZURE"])
def test_clouds_are_refused_by_name(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ConfigError, match=f"(?i)type {kind} are not supported") as raised:
        loaded(tmp_path, [{"type": kind, "name": "cloud"}])
    assert raised.value.place == "authority.provisioners[0]"


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ({"type": "X5C", "name": "x", "roots": "%%%"}, "roots"),
        ({"type": "Nebula", "name": "x", "roots": 5}, "roots"),
        ({"type": "K8sSA", "name": "x", "publicKeys": "AAA"}, "publicKeys"),
        ({"type": "OIDC", "name": "x", "admins": "a"}, "admins"),
        ({"type": "SCEP", "name": "x", "minimumPublicKeyLength": "2048"}, "minimumPublicKeyLength"),
        ({"type": "ACME", "name": "x", "options": {"ssh": 5}}, "options.ssh"),
    ],
)
def test_a_wrong_type_stops_the_start_and_is_named(
    tmp_path: Path, entry: dict[str, Any], place: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        loaded(tmp_path, [entry])
    assert raised.value.place == f"authority.provisioners[0].{place}"


def test_there_is_one_kubernetes_cluster(tmp_path: Path) -> None:
    entries = [{"type": "K8sSA", "name": name, "publicKeys": "AA=="} for name in "ab"]
    with pytest.raises(ConfigError, match="one provisioner of type K8sSA"):
        loaded(tmp_path, entries)


@pytest.mark.reference
def test_the_list_is_as_recorded(tmp_path: Path) -> None:
    listed = record(tmp_path)["listed"]
    assert [(each["name"], list(each)) for each in listed] == [
        (each["name"], list(each)) for each in RECORDED["listed"]
    ]
