"""`crl`, `insecureAddress` and `metricsAddress`, completed as step-ca does it."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.config.loading import load
from appliance.config.settings import CrlSettings, Settings
from appliance.model.errors import ConfigError

DAY = timedelta(hours=24)


def read(directory: Path, **changes: Any) -> Settings:
    whole = {
        "root": "root.crt",
        "crt": "issuer.crt",
        "key": "issuer.key",
        "address": "127.0.0.1:9443",
        "dnsNames": ["ca.example", "127.0.0.1"],
        "db": {"type": "leveldb", "dataSource": str(directory / "db")},
        **changes,
    }
    (directory / "ca.json").write_text(json.dumps(whole))
    return load(directory / "ca.json")


@pytest.mark.parametrize(
    ("written", "cache", "renew"),
    [
        ({}, DAY, DAY * 2 / 3),
        ({"cacheDuration": "3h"}, timedelta(hours=3), timedelta(hours=2)),
        ({"cacheDuration": "0s"}, DAY, DAY * 2 / 3),
        ({"renewPeriod": "1h"}, DAY, timedelta(hours=1)),
        ({"cacheDuration": "1h", "renewPeriod": "0s"}, timedelta(hours=1), timedelta(minutes=40)),
        ({"cacheDuration": "1h", "renewPeriod": "1h"}, timedelta(hours=1), timedelta(hours=1)),
    ],
)
def test_lists_are_good_for_a_day_and_renewed_after_two_thirds(
    tmp_path: Path, written: dict[str, Any], cache: timedelta, renew: timedelta
) -> None:
    assert read(tmp_path, crl={"enabled": True, **written}).crl == CrlSettings(
        generate_on_revoke=False,
        cache_duration=cache,
        renew_period=renew,
        url="https://ca.example/1.0/crl",
    )


def test_a_list_that_ends_at_once_is_not_made_without_pause(tmp_path: Path) -> None:
    settings = read(tmp_path, crl={"enabled": True, "cacheDuration": "1ms"})
    assert settings.crl is not None
    assert settings.crl.renew_period == timedelta(seconds=1)


@pytest.mark.parametrize(
    ("names", "written", "url"),
    [
        (["::1"], {}, "https://[::1]/1.0/crl"),
        (["10.0.0.1"], {}, "https://10.0.0.1/1.0/crl"),
        (["ca.example"], {"idpURL": "http://crl.example/a"}, "http://crl.example/a"),
    ],
)
def test_the_distribution_point_is_idp_url_or_the_first_name(
    tmp_path: Path, names: list[str], written: dict[str, Any], url: str
) -> None:
    settings = read(tmp_path, dnsNames=names, crl={"enabled": True, **written})
    assert settings.crl is not None
    assert settings.crl.url == url


def test_a_url_that_no_list_can_carry_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"crl\.idpURL: is not a URL"):
        read(tmp_path, crl={"enabled": True, "idpURL": "http://crl.exämple"})


def test_what_is_not_enabled_is_not_there(tmp_path: Path) -> None:
    settings = read(tmp_path, crl={"generateOnRevoke": True}, insecureAddress="")
    assert (settings.crl, settings.insecure, settings.metrics) == (None, None, None)


def test_addresses_of_plain_http_are_read(tmp_path: Path) -> None:
    settings = read(tmp_path, insecureAddress=":80", metricsAddress="[::1]:9090")
    assert settings.insecure == ("", 80)
    assert settings.metrics == ("::1", 9090)
