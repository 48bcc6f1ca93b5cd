"""Claims come from the provisioner, else from the authority, else from step-ca."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.config.loading import load
from appliance.config.settings import ProvisionerSettings
from appliance.model.errors import ConfigError
from tests.support.load import Provisioner

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
KEY = Provisioner.generate("p").entry()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ca.json"


def provisioner(
    file: Path, own: object = None, above: object = None, **entry: Any
) -> ProvisionerSettings:
    """Load one provisioner with its own claims and those of the authority."""
    whole = {
        "root": "r", "crt": "c", "key": "k", "address": ":1",
        "authority": {"claims": above, "provisioners": [KEY | {"claims": own} | entry]},
    }  # fmt: skip
    file.write_text(json.dumps(whole))
    (found,) = load(file).provisioners
    return found


def bounds(found: ProvisionerSettings) -> tuple[timedelta, timedelta, timedelta]:
    lifetimes = found.claims.lifetimes
    return lifetimes.shortest, lifetimes.longest, lifetimes.default


def claims(
    shortest: str | None = None, longest: str | None = None, default: str | None = None
) -> dict[str, str]:
    written = {
        "minTLSCertDuration": shortest,
        "maxTLSCertDuration": longest,
        "defaultTLSCertDuration": default,
    }
    return {name: value for name, value in written.items() if value is not None}


@pytest.mark.parametrize(
    ("own", "above", "expected"),
    [
        (None, None, (5 * MINUTE, 24 * HOUR, 24 * HOUR)),
        ({}, claims("1m", "48h", "12h"), (MINUTE, 48 * HOUR, 12 * HOUR)),
        (claims(longest="30h"), claims(default="12h"), (5 * MINUTE, 30 * HOUR, 12 * HOUR)),
        (claims(default="2m"), None, (2 * MINUTE, 24 * HOUR, 2 * MINUTE)),
        (claims(default="72h"), None, (5 * MINUTE, 72 * HOUR, 72 * HOUR)),
        (claims(default="72h"), claims(longest="96h"), (5 * MINUTE, 96 * HOUR, 72 * HOUR)),
        (None, claims(default="72h"), (5 * MINUTE, 72 * HOUR, 72 * HOUR)),
        (claims(shortest="1m", default="2m"), None, (MINUTE, 24 * HOUR, 2 * MINUTE)),
    ],
)
def test_durations_inherit_and_a_default_alone_stretches_the_bounds(
    file: Path, own: object, above: object, expected: tuple[timedelta, ...]
) -> None:
    assert bounds(provisioner(file, own, above)) == expected


@pytest.mark.parametrize(
    ("own", "text"),
    [
        (claims("25h"), "maxTLSCertDuration (24h0m0s) is less than minTLSCertDuration (25h0m0s)"),
        (claims(longest="1h"), "maxTLSCertDuration (1h0m0s) is less than default"),
        (claims(shortest="2h", default="1h"), "defaultTLSCertDuration (1h0m0s) is less than min"),
        (claims(shortest="0s"), "minTLSCertDuration must be more than nothing"),
        (claims(default="-1h"), "must be more than nothing"),
    ],
)
def test_claims_that_contradict_each_other_put_the_provisioner_out_of_use(
    file: Path, own: object, text: str
) -> None:
    """The CA starts, as step-ca does, and lists it with the reason."""
    assert text in provisioner(file, own).problem


def test_switches_inherit(file: Path) -> None:
    above = {"disableRenewal": True, "allowRenewalAfterExpiry": True}
    own = {"disableRenewal": False, "disableSmallstepExtensions": True}
    found = provisioner(file, own, above).claims
    assert not found.disable_renewal
    assert found.allow_renewal_after_expiry
    assert found.disable_step_extension


@pytest.mark.parametrize(
    ("own", "place", "text"),
    [
        ({"minTLSCertDuration": 5}, "minTLSCertDuration", "must be a text in quotes, not a number"),
        ({"minTLSCertDuration": "1d"}, "minTLSCertDuration", "write it like 24h"),
        ({"maxUserSSHCertDuration": "x"}, "maxUserSSHCertDuration", "invalid duration"),
        ({"disableRenewal": "yes"}, "disableRenewal", "must be true or false"),
    ],
)
def test_what_is_no_claim_is_told_with_its_place(
    file: Path, own: object, place: str, text: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        provisioner(file, own)
    assert raised.value.place == f"authority.provisioners[0].claims.{place}"
    assert text in raised.value.problem


def test_an_entry_is_shown_as_step_ca_writes_it(file: Path) -> None:
    """Keys in its order and spelling, durations in full, nothing empty, nothing unknown."""
    shown = provisioner(
        file, {"enableSSHCA": None, "MAXTLSCertDuration": "36h"}, None,
        ENCRYPTEDKEY="e.e.e.e.e", options={}, extra=1,
    ).entry  # fmt: skip
    assert list(shown) == ["type", "name", "key", "encryptedKey", "claims", "options"]
    assert shown["claims"] == {"maxTLSCertDuration": "36h0m0s"}
    assert shown["key"] == KEY["key"]


def test_a_private_key_in_an_entry_is_refused_since_everybody_could_read_it(file: Path) -> None:
    secret = KEY | {"key": KEY["key"] | {"d": "c2VjcmV0"}}  # type: ignore[operator]
    with pytest.raises(ConfigError) as raised:
        provisioner(file, **secret)
    assert raised.value.place == "authority.provisioners[0].key"
    assert "c2VjcmV0" not in str(raised.value)


@pytest.mark.parametrize(
    ("entry", "place", "text"),
    [
        ({"key": {"kty": "EC"}}, ".key", "JWK"),
        ({"key": "x"}, ".key", "must be an object in braces"),
        ({"name": 7}, ".name", "must be a text in quotes"),
        ({"type": 7}, ".type", "must be a text in quotes"),
        ({"options": {"webhooks": [{"name": 7}]}}, ".options.webhooks[0].name", "must be a text"),
        ({"options": {"x509": {"template": 7}}}, ".options.x509.template", "must be a text"),
        ({"type": "gcp"}, "", "type GCP are not supported"),
    ],
)
def test_an_entry_that_cannot_be_used_is_told_with_its_place(
    file: Path, entry: dict[str, Any], place: str, text: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        provisioner(file, **entry)
    assert raised.value.place == f"authority.provisioners[0]{place}"
    assert text in raised.value.problem


def test_an_entry_of_a_type_that_nobody_knows_is_skipped_with_a_warning(file: Path) -> None:
    whole = {
        "root": "r", "crt": "c", "key": "k", "address": ":1",
        "authority": {"provisioners": [{"type": "Oracle", "name": "o"}, KEY]},
    }  # fmt: skip
    file.write_text(json.dumps(whole))
    settings = load(file)
    assert [each.name for each in settings.provisioners] == ["p"]
    assert any("'Oracle' are not known" in line for line in settings.warnings)


def test_types_are_known_in_any_case_and_shown_as_written(file: Path) -> None:
    found = provisioner(file, type="jwk")
    assert found.type == "JWK"
    assert found.entry["type"] == "jwk"
