"""Certificate extensions, encoded (RFC 5280 section 4.2)."""

import hashlib
import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from msgspec import Struct

from appliance.formats import addresses, der
from appliance.model.errors import BadRequest, FormatError
from appliance.model.grants import ProvisionerRef
from appliance.model.names import San, SanKind

SUBJECT_KEY_ID, KEY_USAGE, SUBJECT_ALT_NAME = "2.5.29.14", "2.5.29.15", "2.5.29.17"
BASIC_CONSTRAINTS, AUTHORITY_KEY_ID, EXTENDED_KEY_USAGE = "2.5.29.19", "2.5.29.35", "2.5.29.37"
STEP_PROVISIONER = "1.3.6.1.4.1.37476.9000.64.1"

_STEP_TYPES = {
    "JWK": 1, "OIDC": 2, "GCP": 3, "AWS": 4, "Azure": 5, "ACME": 6,
    "X5C": 7, "K8sSA": 8, "SSHPOP": 9, "SCEP": 10, "Nebula": 11,
}  # fmt: skip


class Extension(Struct, frozen=True, kw_only=True):
    """One extension. `value` is what the OCTET STRING holds, `der` the whole Extension."""

    oid: str
    critical: bool
    value: bytes
    der: bytes


def extension(oid: str, value: bytes, *, critical: bool = False) -> Extension:
    """Put an encoded value into an extension; `critical` is left out when false, its default."""
    flag = der.TRUE if critical else b""
    encoded = der.sequence(der.oid(oid), flag, der.octet_string(value))
    return Extension(oid=oid, critical=critical, value=value, der=encoded)


def key_usage(*bits: int) -> Extension:
    """Name the usages by their bit numbers (RFC 5280 4.2.1.3), 0 to 8."""
    last = max(bits)
    octets = sum(0x8000 >> bit for bit in bits).to_bytes(2)[: last // 8 + 1]
    value = der.tlv(der.BIT_STRING, bytes((7 - last % 8,)), octets)
    return extension(KEY_USAGE, value, critical=True)


def basic_constraints(path_length: int) -> Extension:
    """Mark a CA below which so many more may follow (RFC 5280 4.2.1.9)."""
    value = der.sequence(der.TRUE, der.integer(path_length))
    return extension(BASIC_CONSTRAINTS, value, critical=True)


SIGNATURE_ONLY = key_usage(0)
SIGNATURE_AND_KEY_ENCIPHERMENT = key_usage(0, 2)
CERTIFICATE_AND_CRL_SIGN = key_usage(5, 6)
SERVER_AND_CLIENT = extension(
    EXTENDED_KEY_USAGE,
    der.sequence(der.oid("1.3.6.1.5.5.7.3.1"), der.oid("1.3.6.1.5.5.7.3.2")),
)


_P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
"""What comes before the point in a SubjectPublicKeyInfo of P-256 (RFC 5480 section 2)."""


def key_id(public_key_info: bytes) -> bytes:
    """Hash the key bits with SHA-1 (RFC 5280 4.2.1.2): a name for finding, it protects nothing."""
    if public_key_info.startswith(_P256):  # as nearly all are
        bits = public_key_info[len(_P256) :]
    else:
        bits = der.read_bits(der.items(public_key_info)[1])
    return hashlib.sha1(bits, usedforsecurity=False).digest()


_HASHED = 20  # octets of `key_id`
_KEY_ID = extension(SUBJECT_KEY_ID, der.octet_string(bytes(_HASHED)))


def subject_key_id(identifier: bytes) -> Extension:
    """Say which key is certified."""
    if len(identifier) != _HASHED:
        return extension(SUBJECT_KEY_ID, der.octet_string(identifier))
    return Extension(
        oid=SUBJECT_KEY_ID,
        critical=False,
        value=_KEY_ID.value[:-_HASHED] + identifier,
        der=_KEY_ID.der[:-_HASHED] + identifier,
    )


def authority_key_id(identifier: bytes) -> Extension:
    """Say which key signed."""
    return extension(AUTHORITY_KEY_ID, der.sequence(der.context(0, identifier, constructed=False)))


_ORDER = (SanKind.DNS, SanKind.EMAIL, SanKind.IP, SanKind.URI)
_TAGS = {SanKind.EMAIL: 0x81, SanKind.DNS: 0x82, SanKind.URI: 0x86, SanKind.IP: 0x87}
_KINDS = {tag: kind for kind, tag in _TAGS.items()}


def subject_alt_name(sans: Iterable[San], *, critical: bool) -> Extension:
    """List the names: DNS names, emails, addresses, URIs, in this order, each kind as given.

    Raises BadRequest for a name that no certificate can carry.
    """
    given = tuple(sans)
    encoded = [_general_name(san) for kind in _ORDER for san in given if san.kind is kind]
    return extension(SUBJECT_ALT_NAME, der.sequence(*encoded), critical=critical)


def _general_name(san: San) -> bytes:
    if san.kind is SanKind.IP:
        return der.tlv(_TAGS[san.kind], addresses.parse(san.value).packed)
    if not san.value.isascii():
        raise BadRequest(
            f"{san.kind} name {san.value!r} has characters that certificates cannot carry; "
            "use its ASCII (xn--…) form"
        )
    return der.tlv(_TAGS[san.kind], san.value.encode())


@lru_cache(maxsize=256)
def step_provisioner(provisioner: ProvisionerRef) -> Extension:
    """Name the provisioner in step's own extension, which renewal reads back."""
    value = der.sequence(
        der.integer(_STEP_TYPES[provisioner.type]),
        der.octet_string(provisioner.name.encode()),
        der.octet_string(provisioner.credential_id.encode()),
    )
    return extension(STEP_PROVISIONER, value)


def step_provisioner_name(value: bytes) -> str:
    """Read the provisioner's name out of a step provisioner extension. Raises FormatError."""
    fields = der.items(value)
    if len(fields) < 3:
        raise FormatError("a step provisioner extension without a name")
    return der.expect(fields[1], der.OCTET_STRING).value.decode(errors="replace")


@lru_cache(maxsize=256)  # several ask for those of one certificate
def read_names(value: bytes) -> tuple[San, ...]:
    """Read the names of the four kinds out of a subject alternative name. Raises FormatError."""
    return tuple(
        _read_name(_KINDS[element.tag], element.value)
        for element in der.items(value)
        if element.tag in _KINDS
    )


def _read_name(kind: SanKind, octets: bytes) -> San:
    if kind is not SanKind.IP:
        return San(kind=kind, value=octets.decode("ascii", "replace"))
    try:
        return San(kind=kind, value=str(ipaddress.ip_address(octets)))
    except ValueError:
        raise FormatError("an IP address that is neither of 4 nor of 16 octets") from None
