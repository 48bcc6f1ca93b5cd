"""Nebula certificates are read as Nebula's own library wrote them, and signatures hold as there."""

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from appliance.formats import der, nebula_pem, nebula_v1, nebula_v2, protobuf, xeddsa
from appliance.formats.nebula import NebulaCertificate
from appliance.model.errors import FormatError

GOLDEN = json.loads((Path(__file__).parent / "golden" / "nebula.json").read_text())
KINDS = sorted(GOLDEN)
EDWARDS = [kind for kind in KINDS if "CURVE25519" in kind]


def certificate(kind: str, who: str) -> NebulaCertificate:
    (found,) = nebula_pem.read_pem(GOLDEN[kind][who]["pem"].encode())
    return found


def shown(found: NebulaCertificate) -> dict[str, Any]:
    """Show it as Nebula does: version 2 has key and curve outside of the details."""
    details: dict[str, Any] = {
        "name": found.name,
        "networks": [str(each) for each in found.networks],
        "unsafeNetworks": [str(each) for each in found.unsafe_networks],
        "groups": list(found.groups),
        "notBefore": stamp(found.not_before),
        "notAfter": stamp(found.not_after),
        "isCa": found.is_ca,
        "issuer": found.issuer,
    }
    key = {"publicKey": found.public_key.hex(), "curve": found.curve.name}
    whole = {"version": found.version, "fingerprint": found.fingerprint}
    whole["signature"] = found.signature.hex()
    if found.version == 1:
        return {"details": {**details, **key}, **whole}
    return {"details": details, **key, **whole}


def stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize("who", ["ca", "host"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_member_is_read(kind: str, who: str) -> None:
    assert shown(certificate(kind, who)) == GOLDEN[kind][who]["json"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_version_is_recognised_without_its_label(kind: str) -> None:
    """Tokens carry the octets alone."""
    for who in ("ca", "host"):
        found = certificate(kind, who)
        assert nebula_pem.read(found.raw) == found


@pytest.mark.parametrize("kind", KINDS)
def test_signatures_hold_for_the_ca_that_made_them_only(kind: str) -> None:
    ca, host = certificate(kind, "ca"), certificate(kind, "host")
    assert ca.is_signed_by(ca)
    assert host.is_signed_by(ca)
    assert host.issuer == ca.fingerprint
    assert not host.is_signed_by(host)
    assert not ca.is_signed_by(host)
    for other in KINDS:
        assert host.is_signed_by(certificate(other, "ca")) == (other == kind)
    broken = replace(host, signature=bytes(len(host.signature)))
    assert not broken.is_signed_by(ca)


@pytest.mark.parametrize("kind", KINDS)
def test_keys_are_of_the_kind_that_signs_tokens(kind: str) -> None:
    of_hosts = X25519PublicKey if kind in EDWARDS else EllipticCurvePublicKey
    of_cas = Ed25519PublicKey if kind in EDWARDS else EllipticCurvePublicKey
    assert isinstance(certificate(kind, "host").key(), of_hosts)
    assert isinstance(certificate(kind, "ca").key(), of_cas)


@pytest.mark.parametrize("key", [b"x", bytes(65)])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_key_is_not_taken_for_one(kind: str, key: bytes) -> None:
    with pytest.raises(FormatError):
        replace(certificate(kind, "host"), public_key=key).key()


def test_a_bundle_may_mix_versions() -> None:
    text = "".join(GOLDEN[kind]["ca"]["pem"] for kind in KINDS)
    found = nebula_pem.read_pem(text.encode())
    assert [each.version for each in found] == [1, 1, 2, 2]


@pytest.mark.parametrize("text", ["", "no PEM", "-----BEGIN X-----\nAA==\n-----END X-----\n"])
def test_a_bundle_holds_nebula_certificates_and_nothing_else(text: str) -> None:
    with pytest.raises(FormatError):
        nebula_pem.read_pem(text.encode())


# ---- what is not a certificate


def message(**changes: Any) -> bytes:
    """Write the details of a version 1 certificate."""
    values: dict[str, Any] = {
        "ips": [0x0A010203, 0xFFFFFF00], "key": bytes(32), "after": 1, "curve": 0, "tail": b"",
        **changes,
    }  # fmt: skip
    return b"".join(
        (
            protobuf.packed_field(2, values["ips"]),
            protobuf.varint_field(6, values["after"]),
            protobuf.octets_field(7, values["key"]),
            protobuf.varint_field(100, values["curve"]),
            values["tail"],
        )
    )


def v1(details: bytes) -> bytes:
    return protobuf.octets_field(1, details, always=True) + protobuf.octets_field(2, b"signature")


def test_a_network_mask_with_gaps_counts_as_none() -> None:
    found = nebula_v1.read(v1(message(ips=[0x0A010203, 0xFF00FF00])))
    assert str(found.networks[0]) == "10.1.2.3/0"


def test_addresses_may_stand_one_by_one_and_details_in_parts() -> None:
    """As protobuf has it: the parts of a message that comes twice are merged."""
    single = b"\x10" + bytes([0x83, 0x84, 0x84, 0x50]) + b"\x10\x80\xfe\xff\xff\x0f"
    parts = [single, message(ips=[])]
    whole = b"".join(protobuf.octets_field(1, each, always=True) for each in parts)
    assert nebula_v1.read(whole + protobuf.octets_field(2, b"s")).addresses == ("10.1.2.3",)


@pytest.mark.parametrize(
    "details",
    [
        message(ips=[1]),
        message(ips=[]),
        message(ips=[0, 0xFFFFFFFF]),
        message(key=b""),
        message(curve=2),
        message(after=2**62),
        message(tail=protobuf.octets_field(1, b"\xff")),
        message(tail=protobuf.varint_field(1, 1)),
        message(tail=protobuf.octets_field(8, b"x")),
        message(tail=b"\x0b"),
        message(tail=b"\x00\x00"),
        message(tail=b"\x08" + b"\xff" * 11),
        message(tail=b"\x0a\x05x"),
        b"",
    ],
)
def test_broken_details_of_version_1(details: bytes) -> None:
    with pytest.raises(FormatError):
        nebula_v1.read(v1(details))


def test_a_certificate_of_version_1_has_details() -> None:
    with pytest.raises(FormatError):
        nebula_v1.read(protobuf.octets_field(2, b"signature"))


def test_what_is_not_known_is_passed_over() -> None:
    extra = protobuf.octets_field(50, b"later") + b"\x99\x03" + bytes(8) + b"\x9d\x03" + bytes(4)
    plain, later = (nebula_v1.read(v1(message(tail=tail))) for tail in (b"", extra))
    assert plain.signed == later.signed


def network(address: bytes, length: int) -> bytes:
    return der.octet_string(address + bytes((length,)))


HOME = network(bytes((10, 1, 2, 3)), 24)


def v2(**changes: Any) -> bytes:
    """Write a certificate of version 2; None leaves an element out."""
    values: dict[str, Any] = {
        "name": b"host",
        "networks": HOME,
        "unsafe": None,
        "groups": None,
        "before": b"\x00",
        "after": b"\x7f",
        "key": bytes(32),
        "curve": None,
        "signature": b"s",
        "later": b"",
        **changes,
    }

    def element(tag: int, name: str) -> bytes:
        return b"" if values[name] is None else der.tlv(tag, values[name])

    details = b"".join(
        element(tag, name)
        for tag, name in (
            (0x80, "name"),
            (0xA1, "networks"),
            (0xA2, "unsafe"),
            (0xA3, "groups"),
            (0x85, "before"),
            (0x86, "after"),
        )
    )
    return der.sequence(
        der.tlv(0xA0, details, values["later"]),
        element(0x81, "curve"),
        element(0x82, "key"),
        element(0x83, "signature"),
        values["later"],
    )


def test_elements_of_later_versions_are_passed_over() -> None:
    assert nebula_v2.read(v2(later=der.tlv(0x9E, b"later"))).name == "host"


def test_networks_are_in_order() -> None:
    many = network(bytes(15) + b"\x07", 64) + network(bytes((10, 2, 0, 1)), 8) + HOME
    assert nebula_v2.read(v2(networks=many)).addresses == ("10.1.2.3", "10.2.0.1", "::7")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": b""},
        {"name": None},
        {"name": b"x" * 254},
        {"name": b"\xff"},
        {"networks": None},
        {"networks": HOME + HOME},
        {"networks": network(bytes((10, 1, 2, 3)), 33)},
        {"networks": network(b"", 0)},
        {"networks": network(bytes(4), 0)},
        {"networks": network(bytes(10) + b"\xff\xff" + bytes((10, 1, 2, 3)), 120)},
        {"networks": der.octet_string(b"")},
        {"networks": der.null()},
        {"unsafe": network(bytes(16), 0)},
        {"groups": der.octet_string(b"g")},
        {"before": None},
        {"after": bytes(9)},
        {"after": bytes(2)},
        {"after": b"\x7f" + bytes(7)},
        {"key": None},
        {"key": b""},
        {"curve": b"\x02"},
        {"curve": b"\x00\x00"},
        {"signature": None},
    ],
)
def test_broken_certificates_of_version_2(changes: dict[str, Any]) -> None:
    nebula_v2.read(v2())
    with pytest.raises(FormatError):
        nebula_v2.read(v2(**changes))


def test_a_certificate_of_version_2_is_not_too_long() -> None:
    with pytest.raises(FormatError, match="too long"):
        nebula_v2.read(v2(later=der.tlv(0x9E, bytes(2**16))))


# ---- XEdDSA


@pytest.mark.parametrize("kind", EDWARDS)
def test_a_signature_of_steps_library_holds(kind: str) -> None:
    key = certificate(kind, "host").key()
    signature = bytes.fromhex(GOLDEN[kind]["xeddsa"])
    assert isinstance(key, X25519PublicKey)
    assert xeddsa.verify(key, b"message", signature)
    assert not xeddsa.verify(key, b"massage", signature)
    assert not xeddsa.verify(X25519PrivateKey.generate().public_key(), b"message", signature)
    for place in (0, 31, 32, 63):
        changed = bytearray(signature)
        changed[place] ^= 1 if place < 63 else 0x80
        assert not xeddsa.verify(key, b"message", bytes(changed))
    assert not xeddsa.verify(key, b"message", signature[:-1])


@pytest.mark.parametrize("octet", range(16))
def test_our_signatures_hold(octet: int) -> None:
    """About half of all keys are negated on the way."""
    key = X25519PrivateKey.from_private_bytes(bytes([octet]) * 32)
    signature = xeddsa.sign(key, b"message", bytes([octet + 1]) * 64)
    assert xeddsa.verify(key.public_key(), b"message", signature)
    assert not xeddsa.verify(key.public_key(), b"other", signature)
    assert signature != xeddsa.sign(key, b"message", bytes([octet + 2]) * 64)


def test_signing_takes_all_of_its_entropy() -> None:
    with pytest.raises(ValueError, match="64"):
        xeddsa.sign(X25519PrivateKey.generate(), b"", bytes(63))


@pytest.mark.parametrize("value", [2**255 - 19, 2**255 - 1, 2**256 - 1])
def test_what_is_no_point_verifies_nothing(value: int) -> None:
    key = X25519PublicKey.from_public_bytes(value.to_bytes(32, "little"))
    with pytest.raises(FormatError):
        xeddsa.verify(key, b"", bytes(64))


@pytest.mark.parametrize(
    "value",
    [
        0,
        1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
        2**255 - 20,
    ],
)
def test_a_point_of_small_order_verifies_nothing(value: int) -> None:
    """All secrets agreed with such a key are the same, and all may sign for it."""
    key = X25519PublicKey.from_public_bytes(value.to_bytes(32, "little"))
    with pytest.raises(ValueError, match="shared key"):
        X25519PrivateKey.generate().exchange(key)
    with pytest.raises(FormatError):
        xeddsa.verify(key, b"", bytes(64))
