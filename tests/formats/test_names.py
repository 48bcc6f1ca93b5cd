"""A bare name is classified as step does it."""

import pytest

from appliance.formats import names
from appliance.model.errors import FormatError
from appliance.model.names import SanKind


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("example.com", "dns", "example.com"),
        ("*.Example.com", "dns", "*.Example.com"),
        ("", "dns", ""),
        ("10.0.0.1", "ip", "10.0.0.1"),
        ("10.0.0.01", "dns", "10.0.0.01"),
        ("::1", "ip", "::1"),
        ("2001:DB8:0:0::1", "ip", "2001:db8::1"),
        ("::ffff:10.0.0.1", "ip", "10.0.0.1"),
        ("fe80::1%eth0", "uri", "fe80::1%eth0"),
        ("joe@example.com", "email", "joe@example.com"),
        ("https://ca.example.com/x?y#z", "uri", "https://ca.example.com/x?y#z"),
        ("HTTPS://Ca.Example.com", "uri", "https://Ca.Example.com"),
        ("https://u:p@ca/ä b", "uri", "https://u:p@ca/%C3%A4%20b"),
        ("https://ca/%zz", "dns", "https://ca/%zz"),
        ("https://ca:port/", "dns", "https://ca:port/"),
        ("https://[::1]:8443/", "uri", "https://[::1]:8443/"),
        ("spiffe:///path", "uri", "spiffe:///path"),
        ("urn:uuid:ddfe62ba-7e99-4bc1-83b3-8f6fe6308c67", "uri", None),
        ("mailto:joe@example.com", "uri", None),
        ("localhost:8443", "uri", None),
        ("10.0.0.1:8443", "dns", None),
        ("a b:c", "dns", None),
        ("x\x7f:y", "dns", None),
    ],
)
def test_kinds_of_names(text: str, kind: str, value: str | None) -> None:
    san = names.classify(text)
    assert (san.kind, san.value) == (SanKind(kind), text if value is None else value)


def test_names_of_a_known_kind_are_checked() -> None:
    assert names.canonical(SanKind.IP, "2001:DB8::0:1").value == "2001:db8::1"
    assert names.canonical(SanKind.URI, "HTTPS://x").value == "https://x"
    assert names.canonical(SanKind.DNS, "x.example").value == "x.example"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("ip", "x"),
        ("uri", "x"),
        ("dns", ""),
        ("dns", "bücher.example"),
        ("email", "jö@example.com"),
    ],
)
def test_names_that_no_certificate_can_carry_are_refused(kind: str, value: str) -> None:
    with pytest.raises(FormatError):
        names.canonical(SanKind(kind), value)
