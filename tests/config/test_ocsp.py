"""`ocsp`, and what certificates are to say: nothing unless asked, and what works when asked."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.config.settings import MemorySettings, OcspSettings, PointerSettings
from appliance.model.errors import ConfigError
from tests.config.test_publishing import read

ON = {"enabled": True, "includeInCertificates": True}


@pytest.mark.parametrize("written", [{}, {"ocsp": None}, {"ocsp": {}}, {"ocsp": {"url": ""}}])
def test_nothing_is_answered_and_nothing_told_unless_asked(
    tmp_path: Path, written: dict[str, Any]
) -> None:
    settings = read(tmp_path, **written)
    assert settings.ocsp is None
    assert settings.pointers == PointerSettings()
    enabled = read(tmp_path, ocsp={"enabled": True}, crl={"enabled": True})
    assert enabled.pointers == PointerSettings()
    assert enabled.crl is not None
    assert enabled.crl.url == "https://ca.example/1.0/crl", "as step-ca has it"


@pytest.mark.parametrize(
    ("written", "validity"),
    [({}, 4 * 3600), ({"validity": "1m"}, 60), ({"validity": "7h30m"}, 27000)],
)
def test_answers_hold_for_four_hours_or_what_is_written(
    tmp_path: Path, written: dict[str, Any], validity: int
) -> None:
    settings = read(tmp_path, ocsp={"enabled": True, **written})
    assert settings.ocsp == OcspSettings(validity=timedelta(seconds=validity))


@pytest.mark.parametrize(
    ("where", "base"),
    [
        ({"insecureAddress": ":8080"}, "http://ca.example:8080"),
        ({"insecureAddress": "10.0.0.1:80"}, "http://ca.example"),
        ({"insecureAddress": ":80", "dnsNames": ["fd00::1"]}, "http://[fd00::1]"),
        ({}, "https://ca.example:9443"),
        ({"address": ":443"}, "https://ca.example"),
    ],
)
def test_urls_are_those_of_the_first_name_by_plain_http_where_it_is_spoken(
    tmp_path: Path, where: dict[str, Any], base: str
) -> None:
    settings = read(tmp_path, ocsp=ON, crl=ON, **where)
    assert settings.pointers == PointerSettings(
        crl=f"{base}/1.0/crl/{{key}}", ocsp=f"{base}/ocsp", issuer=f"{base}/intermediates"
    )
    assert settings.crl is not None
    assert settings.crl.url == settings.pointers.crl, "or relying parties refuse the list"
    warned = any("plain http" in line for line in settings.warnings)
    assert warned is base.startswith("https:")


def test_each_is_told_alone(tmp_path: Path) -> None:
    crl = read(tmp_path, crl=ON, ocsp={"enabled": True}, insecureAddress=":80").pointers
    assert (crl.crl, crl.ocsp) == ("http://ca.example/1.0/crl/{key}", "")
    ocsp = read(tmp_path, ocsp=ON, crl={"enabled": True}, insecureAddress=":80")
    assert (ocsp.pointers.crl, ocsp.pointers.ocsp) == ("", "http://ca.example/ocsp")
    assert crl.issuer == ocsp.pointers.issuer == "http://ca.example/intermediates"
    assert ocsp.crl is not None
    assert ocsp.crl.url == "https://ca.example/1.0/crl"


def test_urls_that_are_written_are_taken(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        ocsp={**ON, "url": "http://pki.example/o", "issuerURL": "http://pki.example/i/"},
        crl={**ON, "idpURL": "http://pki.example/c.crl"},
    )
    assert settings.pointers == PointerSettings(
        crl="http://pki.example/c.crl", ocsp="http://pki.example/o", issuer="http://pki.example/i"
    )
    assert settings.crl is not None
    assert settings.crl.url == "http://pki.example/c.crl"
    assert settings.warnings == ()


@pytest.mark.parametrize(
    ("written", "place", "problem"),
    [
        ({"ocsp": {"enabled": True}, "db": None}, "ocsp.enabled", "needs a database"),
        ({"ocsp": {"includeInCertificates": True}}, "ocsp.includeInCertificates", "not there"),
        ({"crl": {"includeInCertificates": True}}, "crl.includeInCertificates", "not there"),
        ({"ocsp": {"validity": "30s"}}, "ocsp.validity", "from 1m to 720h"),
        ({"ocsp": {"validity": "721h"}}, "ocsp.validity", "from 1m to 720h"),
        ({"ocsp": {"validity": "soon"}}, "ocsp.validity", "soon"),
        ({"ocsp": {"url": "ca.example/ocsp"}}, "ocsp.url", "not an http or https URL"),
        ({"ocsp": {"url": "ldap://ca.example"}}, "ocsp.url", "not an http or https URL"),
        ({"ocsp": {"url": "http://[::1"}}, "ocsp.url", "not an http or https URL"),
        ({"ocsp": {"issuerURL": "http://ö.example"}}, "ocsp.issuerURL", "not an http or https"),
        ({"ocsp": ON, "address": ":0"}, "address", "chosen at each start"),
        ({"ocsp": ON, "dnsNames": ["ö.example"]}, "dnsNames", "xn--"),
        ({"ocsp": ON, "insecureAddress": ":0"}, "insecureAddress", "chosen at each start"),
    ],
)
def test_what_cannot_work_is_refused_by_its_place(
    tmp_path: Path, written: dict[str, Any], place: str, problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        read(tmp_path, **written)
    assert caught.value.place == place


def test_a_database_is_not_needed_while_it_is_off(tmp_path: Path) -> None:
    assert isinstance(read(tmp_path, db=None, ocsp={"enabled": False}).database, MemorySettings)
