"""`options.acme.profiles`: what cannot be is refused by name, with its place."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.config import acme_profiles, issuers, provisioners
from appliance.config.claims import BUILT_IN
from appliance.config.document import Document
from appliance.config.settings import IssuerSettings, IssuerState
from appliance.issuance.acme.profiles import Profiles, Purpose
from appliance.issuance.grants import DefaultTemplate
from appliance.model.errors import ConfigError
from appliance.provisioners.acme import AcmeProvisioner

BACKDATE = timedelta(minutes=1)


def document() -> Document:
    return Document(file=Path("ca.json"), members={})


def read(profiles: object, **acme: Any) -> Profiles:
    options = {"acme": {"profiles": profiles, **acme}}
    return acme_profiles.read(options, BUILT_IN.tls, document(), "options")


def provisioner(**profile: Any) -> AcmeProvisioner:
    profiles = {"it": profile, "plain": {}}
    options = {"x509": {"issuer": "first"}, "acme": {"profiles": profiles}}
    entry = {"type": "ACME", "name": "acme", "options": options}
    (settings,) = provisioners.read([entry], BUILT_IN, BACKDATE, document(), [])
    return AcmeProvisioner(settings)


def test_there_are_none_unless_they_are_configured() -> None:
    absent: list[Any] = [None, {}, {"acme": {}}, {"acme": {"profiles": {}}}]
    for options in absent:
        found = acme_profiles.read(options, BUILT_IN.tls, document(), "options")
        assert (found.listed, found.default) == ({}, "")


@pytest.mark.parametrize(
    ("profiles", "told"),
    [
        (
            {"a": {"colour": "red"}},
            "options.acme.profiles.a.colour: nobody knows this key: use desc",
        ),
        ({"a": {"Lifetime": 5}}, "options.acme.profiles.a.lifetime: must be a text"),
        ({"a": {"lifetime": "soon"}}, "options.acme.profiles.a.lifetime"),
        ({"a": {"lifetime": "25h"}}, r"25h is not within minTLSCertDuration \(5m0s\) and maxTLS"),
        ({"a": {"lifetime": "1m"}}, "1m is not within"),
        ({"a": {"purpose": "email"}}, "must be one of server, client, not 'email'"),
        ({"a": {"template": "{}", "purpose": "server"}}, "cannot be beside a template"),
        ({"a": {"template": "{{ nonsense"}}, "options.acme.profiles.a.template: "),
        ({"a": {"templateData": 5, "template": "{}"}}, "templateData must be an object"),
        ({"a b": {}}, "a name must be of letters"),
        ({"a": 5}, "options.acme.profiles.a: must be an object in braces"),
        ([], "must be an object"),
    ],
)
def test_what_cannot_be_is_refused_by_name(profiles: object, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        read(profiles or 5)


def test_the_default_must_be_one_of_them() -> None:
    with pytest.raises(ConfigError, match="'b' is none of the profiles a"):
        read({"a": {}}, defaultProfile="b")
    with pytest.raises(ConfigError, match="there are no profiles"):
        read({}, defaultProfile="b")


def test_known_names_say_what_they_are_unless_told_otherwise() -> None:
    found = read({"server": {}, "device": {"purpose": "server"}, "short-lived": {"lifetime": "1h"}})
    assert [each.purpose for each in found.listed.values()] == [Purpose.SERVER] * 2 + [None]
    assert found.listed["short-lived"].lifetime == timedelta(hours=1)
    assert read({"server": {"template": "{}"}}).listed["server"].purpose is None


def test_an_issuer_must_be_one_that_issues() -> None:
    settings = provisioner(issuer="second")._settings
    first, second = (
        IssuerSettings(name=name, certificate=Path("x"), key=Path("y"), state=IssuerState.ACTIVE)
        for name in ("first", "second")
    )
    issuers.check_named([settings], [first, second], document())
    with pytest.raises(ConfigError, match="names the issuer 'second', which is none of those"):
        issuers.check_named([settings], [first], document())


def test_a_profile_lays_itself_over_what_the_provisioner_grants() -> None:
    it = provisioner(issuer="second", lifetime="1h", purpose="server")
    granted, plain = it.grant("a", (), profile="it"), it.grant("a", (), profile="plain")
    assert (granted.profile.issuer, plain.profile.issuer) == ("second", "first")
    assert (granted.lifetimes.longest, plain.lifetimes.longest) == (
        timedelta(hours=1),
        timedelta(hours=24),
    )
    assert granted.default is DefaultTemplate.SERVER_LEAF
    attested = it.grant("a", (), device="A1", profile="it")
    assert attested.default is DefaultTemplate.ATTESTED_LEAF


def test_others_are_not_shown_what_is_ours_alone() -> None:
    """GET /provisioners is as step-ca's."""
    assert "acme" not in str(provisioner(issuer="second").entry["options"])
