"""A CA's URL is understood however people write it."""

import pytest

from appliance.client.address import ca_url, host_name
from appliance.model.errors import BadRequest


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("ca.example.com", "https://ca.example.com"),
        ("ca.example.com:9000", "https://ca.example.com:9000"),
        ("https://ca.example.com:9000/", "https://ca.example.com:9000"),
        ("HTTPS://ca.example.com/1.0/sign?x#y", "https://ca.example.com"),
        ("https://user@ca.example.com", "https://ca.example.com"),
        ("10.0.0.1:9000", "https://10.0.0.1:9000"),
        ("::1", "https://[::1]"),
        ("[::1]:9000", "https://[::1]:9000"),
        ("2001:db8:85a3:0:0:8a2e:370:7334", "https://[2001:db8:85a3:0:0:8a2e:370:7334]"),
        ("2001:db8:85a3:0:0:8a2e:370:7334:8443", "https://[2001:db8:85a3:0:0:8a2e:370:7334]:8443"),
    ],
)
def test_https_is_the_default_and_only_the_host_is_kept(text: str, url: str) -> None:
    assert ca_url(text) == url


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http://ca.example.com", "must have https scheme"),
        ("ftp://x", "must have https scheme"),
        ("https://", "invalid URL"),
        ("https://a b", "invalid URL"),
        ("ca:port", "invalid URL"),
        ("a:b:c", "invalid URL"),
    ],
)
def test_what_is_no_url_of_a_ca_is_refused(text: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        ca_url(text)


def test_the_host_comes_without_port_and_brackets() -> None:
    assert host_name("https://ca.example.com:9000") == "ca.example.com"
    assert host_name("https://[::1]:9000") == "::1"
