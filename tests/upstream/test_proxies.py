"""Proxies are chosen as Go chooses them."""

import pytest

from appliance.model.errors import FormatError
from appliance.upstream.proxies import proxy_for

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("no_proxy", "host", "port", "used"),
    [
        ("", "idp.example", None, True),
        ("*", "idp.example", None, False),
        ("example", "idp.example", None, False),
        ("example", "example", None, False),
        ("example", "badexample", None, True),
        (".example", "idp.example", None, False),
        (".example", "example", None, True),
        ("*.example", "idp.example", None, False),
        ("IDP.example , other", "idp.EXAMPLE.", None, False),
        ("idp.example:443", "idp.example", None, False),
        ("idp.example:443", "idp.example", 8443, True),
        ("idp.example:8443", "idp.example", 8443, False),
        ("10.0.0.0/8", "10.1.2.3", None, False),
        ("10.0.0.0/8", "11.1.2.3", None, True),
        ("10.0.0.0/8", "idp.example", None, True),
        ("10.1.2.3", "10.1.2.3", 8443, False),
        ("10.1.2.3:443", "10.1.2.3", None, False),
        ("10.1.2.3:443", "10.1.2.3", 8443, True),
        ("2001:db8::1", "2001:db8::1", None, False),
        ("[2001:db8::1]:443", "2001:db8::1", None, False),
        ("2001:db8::/32", "2001:db8::1", None, False),
        ("nonsense/33,,:", "idp.example", None, True),
        ("", "localhost", None, False),
        ("", "127.1.2.3", None, False),
        ("", "::1", None, False),
        ("", "[::1]", None, False),
    ],
)
def test_who_is_asked_without_a_proxy(
    no_proxy: str, host: str, port: int | None, *, used: bool
) -> None:
    environment = {"HTTPS_PROXY": PROXY, "NO_PROXY": no_proxy}
    assert proxy_for("https", host, port, environment) == (PROXY if used else None)


@pytest.mark.parametrize(
    ("environment", "scheme", "proxy"),
    [
        ({}, "https", None),
        ({"https_proxy": PROXY}, "https", PROXY),
        ({"https_proxy": "http://a:1", "HTTPS_PROXY": PROXY}, "https", PROXY),
        ({"HTTPS_PROXY": PROXY}, "http", None),
        ({"HTTP_PROXY": PROXY}, "http", PROXY),
        ({"ALL_PROXY": PROXY}, "https", None),
        ({"HTTPS_PROXY": "proxy.example:3128"}, "https", PROXY),
        ({"HTTPS_PROXY": "https://p:1"}, "https", "https://p:1"),
        ({"HTTPS_PROXY": PROXY, "no_proxy": "idp.example"}, "https", None),
    ],
)
def test_which_variable_counts(environment: dict[str, str], scheme: str, proxy: str | None) -> None:
    assert proxy_for(scheme, "idp.example", None, environment) == proxy


def test_a_kind_that_is_not_supported_is_named() -> None:
    with pytest.raises(FormatError, match="socks5"):
        proxy_for("https", "idp.example", None, {"HTTPS_PROXY": "socks5://p:1"})
