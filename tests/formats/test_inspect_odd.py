"""What is broken or unknown in a certificate is shown as far as it goes."""

from datetime import UTC, datetime

import pytest

from appliance.formats import der, inspect_json, inspect_text, x509_fields
from appliance.model.errors import FormatError
from tests.formats.test_inspect import GOLDEN, certificate

STEP = "1.3.6.1.4.1.37476.9000.64"
ED25519 = der.sequence(der.oid("1.3.101.112"))
KEY = der.sequence(ED25519, der.bit_string(bytes(32)))
NAME = der.sequence(
    der.set_of(der.sequence(der.oid("2.5.4.3"), der.utf8_string("a\x1b[31m\nb"))),
    der.set_of(der.sequence(der.oid("2.5.4.10"), der.integer(1))),
)
EC = "1.2.840.10045.2.1"
P256 = der.oid("1.2.840.10045.3.1.7")


def made(
    *extensions: tuple[str, bytes],
    key: bytes = KEY,
    algorithm: bytes = ED25519,
    times: bytes | None = None,
    identifiers: bytes = b"",
    version: bytes = der.context(0, der.integer(2)),
) -> bytes:
    """Make a certificate with a signature that nobody checks."""
    moment = der.time(datetime(2030, 1, 1, tzinfo=UTC))
    listed = [der.sequence(der.oid(oid), der.octet_string(value)) for oid, value in extensions]
    body = der.sequence(
        version,
        der.integer(0),
        algorithm,
        NAME,
        times or der.sequence(moment, moment),
        NAME,
        key,
        identifiers,
        der.context(3, der.sequence(*listed)) if listed else b"",
    )
    return der.sequence(body, algorithm, der.bit_string(b"sign"))


def text(octets: bytes) -> str:
    return inspect_text.certificate_text(x509_fields.certificate(octets))


def test_names_cannot_move_the_cursor() -> None:
    shown = text(made())
    assert "Subject: CN=a.[31m.b,UnknownOID=2.5.4.10\n" in shown
    assert "\x1b" not in inspect_text.certificate_summary(x509_fields.certificate(made()))
    assert "Serial Number: 0 ()" in shown


@pytest.mark.parametrize(
    ("oid", "value", "shown"),
    [
        ("2.5.29.15", b"", "X509v3 Key Usage:\n                failed to decode"),
        ("2.5.29.15", der.tlv(3, b"\x08\0"), "failed to decode"),
        ("2.5.29.15", der.tlv(3, b"\0"), "None"),
        ("2.5.29.30", der.sequence(der.context(0, der.sequence())), "failed to decode"),
        (
            "2.5.29.30",
            der.sequence(der.context(0, der.sequence(der.tlv(0x87, bytes(7))))),
            "failed to decode",
        ),
        (
            "2.5.29.30",
            der.sequence(der.context(0, der.sequence(der.tlv(0x87, b"\x0a\0\0\0\xff\0\xff\0")))),
            "failed to decode",
        ),
        ("2.5.29.30", der.sequence(der.context(0, der.sequence(der.tlv(0xA4)))), "Constraints:\n"),
        ("2.5.29.17", der.sequence(der.tlv(0x87, b"123")), "IP Address:?313233"),
        ("2.5.29.17", b"", "failed to decode"),
        ("2.5.29.17", der.sequence(der.tlv(0xA3), der.tlv(0x82, b"x")), "DNS:x"),
        ("2.5.29.17", der.sequence(der.tlv(0x86, b"not a uri")), "URI:not a uri"),
        (
            "2.5.29.17",
            der.sequence(
                der.context(
                    0, der.oid("1.3.6.1.4.1.57264.1.7"), der.context(0, der.utf8_string("me"))
                )
            ),
            "Sigstore Identity: me",
        ),
        (
            "2.5.29.17",
            der.sequence(
                der.context(0, der.oid("1.3.6.1.4.1.311.20.2.3"), der.context(0, der.integer(5)))
            ),
            "OtherName: Type: 1.3.6.1.4.1.311.20.2.3, Value: 0x020105",
        ),
        (
            "2.5.29.17",
            der.sequence(
                der.context(
                    0,
                    der.oid("1.3.6.1.5.5.7.8.3"),
                    der.context(0, der.sequence(der.oid("1.2.3"), der.null())),
                )
            ),
            ", Assigner: 1.2.3",
        ),
        (
            "2.5.29.17",
            der.sequence(
                der.context(
                    4,
                    der.sequence(
                        der.set_of(der.sequence(der.oid("2.23.133.2.2"), der.utf8_string("T1")))
                    ),
                )
            ),
            "TPM Model: T1",
        ),
        (
            "1.3.6.1.5.5.7.1.1",
            der.sequence(der.sequence(der.oid("1.3.6.1.5.5.7.48.1"), der.tlv(0xA4))),
            "Authority Information Access:\n    Signature",
        ),
        (f"{STEP}.1", der.sequence(der.integer(1)), "failed to decode"),
        (
            f"{STEP}.1",
            der.sequence(der.integer(99), der.octet_string(b"p"), der.octet_string(b"")),
            "Type: 99 (unknown)\n                Name: p\n    Signature",
        ),
        (
            f"{STEP}.2",
            der.sequence(der.utf8_string("t"), der.sequence(der.utf8_string("k"))),
            "Type: t\n                k: -",
        ),
        (f"{STEP}.3", der.sequence(der.integer(9), der.utf8_string("e")), "Kind: 9 (unknown)"),
        ("1.3.6.1.4.1.41482.3.9", b"", "unknown"),
        ("1.3.6.1.4.1.41482.3.9", b"\x85", "Lightning or USB-C (FIPS)"),
        ("1.3.6.1.4.1.41482.3.9", b"\x09", "unknown (0x09)"),
        ("1.3.6.1.4.1.41482.3.8", b"\x09", "PIN policy: unknown (0x09)"),
        ("1.3.6.1.4.1.41482.3.8", b"", "unknown"),
        ("1.3.6.1.4.1.11129.2.4.2", der.octet_string(b"\0\1"), "failed to decode"),
        ("1.3.6.1.4.1.11129.2.4.2", der.octet_string(b"\0\4\0\2\0\0"), "failed to decode"),
        (
            "1.3.6.1.4.1.11129.2.4.2",
            der.octet_string(b"\0\x2f\0\x2d\0" + bytes(32) + b"\xff" * 8 + b"\0\0\0\0\0\0"[:4]),
            "failed to decode",
        ),
        (
            "1.3.6.1.4.1.11129.2.4.2",
            der.octet_string(b"\0\x31\0\x2f\0" + bytes(42) + b"\x09\x09\0\0"),
            "Algorithm: UNKNOWN(9)-UNKNOWN(9)",
        ),
        (
            "1.3.6.1.4.1.11129.2.4.2",
            der.octet_string(b"\0\x31\0\x2f\0" + bytes(32) + b"\xff" * 8 + b"\0\0\4\3\0\0"),
            "failed to decode",
        ),
    ],
)
def test_odd_extensions(oid: str, value: bytes, shown: str) -> None:
    octets = made((oid, value))
    assert shown in text(octets)
    inspect_json.certificate_object(x509_fields.certificate(octets))
    if "failed" in shown and oid == f"{STEP}.1":
        summary = inspect_text.certificate_summary(x509_fields.certificate(octets))
        assert "Provisioner" not in summary


def test_broken_policies_do_not_hide_the_rest() -> None:
    shown = inspect_json.certificate_object(x509_fields.certificate(made(("2.5.29.32", b"x"))))
    assert (shown["validation_level"], shown["extensions"]) == (
        "unknown",
        {"certificate_policies": None},
    )


def test_step_provisioners_of_later_types_in_json() -> None:
    value = der.sequence(der.integer(10), der.octet_string(b"p"), der.octet_string(b""))
    shown = inspect_json.certificate_object(x509_fields.certificate(made((f"{STEP}.1", value))))
    assert shown["extensions"]["step_provisioner"] == {"name": "p", "type": "Unknown (0xa)"}


def test_unknown_keys_are_shown_in_octets() -> None:
    unknown = der.sequence(der.sequence(der.oid("1.2.3.4")), der.bit_string(b"key"))
    shown = text(made(key=unknown))
    assert "Public Key Algorithm: 1.2.3.4\n                Public-Key:\n" in shown
    assert "                    6b:65:79\n" in shown
    fields = x509_fields.certificate(made(key=unknown))
    assert "Certificate (1.2.3.4)" in inspect_text.certificate_summary(fields)
    curve = der.sequence(der.sequence(der.oid(EC), der.oid("1.3.132.0.10")), der.bit_string(b"k"))
    assert "Public Key Algorithm: 1.2.840.10045.2.1" in text(made(key=curve))
    open_curve = der.sequence(der.sequence(der.oid(EC)), der.bit_string(b"k"))
    assert "Public Key Algorithm: 1.2.840.10045.2.1" in text(made(key=open_curve))


@pytest.mark.parametrize(
    "key",
    [
        der.sequence(der.sequence(der.oid(EC), P256), der.bit_string(b"\2" + bytes(32))),
        der.sequence(
            der.sequence(der.oid("1.2.840.113549.1.1.1"), der.null()),
            der.bit_string(der.sequence(der.integer(-3), der.integer(3))),
        ),
    ],
)
def test_broken_keys_are_refused(key: bytes) -> None:
    with pytest.raises(FormatError):
        text(made(key=key))


@pytest.mark.parametrize(
    "parameters",
    [
        b"",
        der.sequence(),
        der.sequence(
            der.context(0, der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))),
            der.context(
                1,
                der.sequence(der.oid("1.2.3"), der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))),
            ),
            der.context(2, der.integer(20)),
        ),
    ],
)
def test_unusual_parameters_of_pss_leave_the_identifier(parameters: bytes) -> None:
    algorithm = der.sequence(der.oid("1.2.840.113549.1.1.10"), parameters)
    assert "Signature Algorithm: 1.2.840.113549.1.1.10\n" in text(made(algorithm=algorithm))


def test_unique_identifiers_and_old_versions() -> None:
    identifiers = der.tlv(0x81, b"\0\1\2") + der.tlv(0x82, b"\0\3")
    shown = text(made(identifiers=identifiers, version=b""))
    assert "Version: 1 (0x0)" in shown
    assert "Issuer Unique ID: 01:02\n        Subject Unique ID: 03\n" in shown


@pytest.mark.parametrize(
    ("tag", "moment"),
    [(4, b"x"), (23, b"300101000000"), (23, b"300101000000+"), (24, b"20300230000000Z")]
    + [(24, b"20300101000000.5Z"), (23, "३00101000000Z".encode())],
)
def test_odd_times_are_refused(tag: int, moment: bytes) -> None:
    time = der.tlv(tag, moment)
    with pytest.raises(FormatError):
        x509_fields.certificate(made(times=der.sequence(time, time)))


@pytest.mark.parametrize(
    "octets",
    [
        der.sequence(),
        der.sequence(der.sequence(), ED25519, der.bit_string(b"")),
        der.sequence(der.sequence(), der.sequence(), der.bit_string(b"")),
        made(algorithm=der.sequence()),
        made(("2.5.29.15", b"")).replace(b"\x04\x00", b"\x05\x00"),
    ],
)
def test_what_is_no_certificate_is_refused(octets: bytes) -> None:
    with pytest.raises(FormatError):
        x509_fields.certificate(octets)


def test_an_extension_of_one_part_is_refused() -> None:
    part = der.sequence(der.oid("1.2.3"))
    body = der.children(der.read(made()))[0]
    tail = [each.raw for each in der.children(body)]
    octets = der.sequence(
        der.sequence(*tail, der.context(3, der.sequence(part))), ED25519, der.bit_string(b"s")
    )
    with pytest.raises(FormatError, match="two or three"):
        x509_fields.certificate(octets)


def test_a_broken_self_signature_is_none() -> None:
    fields = x509_fields.certificate(made())
    assert not inspect_text.is_self_signed(fields)
    assert inspect_text.is_self_signed(certificate(GOLDEN / "root-ec.pem"))


def test_requests_with_odd_parts() -> None:
    info = der.sequence(der.integer(0), der.sequence(), KEY, der.context(0))
    octets = der.sequence(info, ED25519, der.bit_string(b"s"))
    fields = x509_fields.request(octets)
    assert inspect_text.request_summary(fields).endswith("\n  Subject: \n")
    unknown = der.sequence(der.sequence(der.oid("1.2.3.4")), der.bit_string(b"key"))
    info = der.sequence(der.integer(0), der.sequence(), unknown, der.context(0))
    fields = x509_fields.request(der.sequence(info, ED25519, der.bit_string(b"s")))
    assert "1.2.3.4\n                Raw Bytes:\n" in inspect_text.request_text(fields)
    assert inspect_json.request_object(fields)["PublicKey"] is None


def test_go_escapes_what_browsers_read() -> None:
    assert (
        inspect_json.render({"a": "<&>\u2028"}) == '{\n  "a": "\\u003c\\u0026\\u003e\\u2028"\n}\n'
    )
