"""IP addresses are read as Python reads them, however often and of whatever length."""

import ipaddress

import pytest

from appliance.formats import addresses


@pytest.mark.parametrize("text", ["192.0.2.7", "2001:DB8::7", "::ffff:192.0.2.7", "fe80::1%lan"])
def test_an_address_is_read_the_same_again_and_again(text: str) -> None:
    assert {addresses.parse(text) for _ in range(3)} == {ipaddress.ip_address(text)}


@pytest.mark.parametrize("text", ["", "ca.example", "192.0.2", "192.0.2.07"])
def test_what_is_none_is_refused_each_time(text: str) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="does not appear"):
            addresses.parse(text)


def test_a_zone_as_long_as_a_request_is_not_kept() -> None:
    before = addresses._parse.cache_info()
    assert str(addresses.parse("fe80::1%" + "z" * 1000)).endswith("z")
    assert addresses._parse.cache_info() == before
