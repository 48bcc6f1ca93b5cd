"""Software devices that attest keys: a PIV token, an Apple device, a TPM with its own CA."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ObjectIdentifier

from appliance.formats import base64url, der

APPLE_UDID = "1.2.840.113635.100.8.9.2"
APPLE_NONCE = "1.2.840.113635.100.8.11.1"
YUBICO_SERIAL = "1.3.6.1.4.1.41482.3.7"
_TPM_GENERATED = 0xFF544347
_NAMELESS = x509.Name([])
_ROOT = x509.Name.from_rfc4514_string("CN=Attestation Root")


def cbor(value: object) -> bytes:
    """Write CBOR."""

    def head(kind: int, argument: int) -> bytes:
        if argument < 24:
            return bytes([kind << 5 | argument])
        return bytes([kind << 5 | 25]) + argument.to_bytes(2)

    match value:
        case int():
            return head(0, value) if value >= 0 else head(1, -1 - value)
        case bytes():
            return head(2, len(value)) + value
        case str():
            return head(3, len(value.encode())) + value.encode()
        case list():
            return head(4, len(value)) + b"".join(map(cbor, value))
        case dict():
            pairs = (cbor(key) + cbor(each) for key, each in value.items())
            return head(5, len(value)) + b"".join(pairs)
        case _:
            raise TypeError(value)


def payload(name: str, statement: dict[str, object]) -> bytes:
    """Write what a client answers a device-attest-01 challenge with."""
    octets = cbor({"fmt": name, "attStmt": statement})
    return json.dumps({"attObj": base64url.encode(octets)}).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """A root that vouches for devices."""

    now: datetime
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def certificate(
        self,
        public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
        *extensions: tuple[x509.ExtensionType, bool],
        subject: x509.Name = _NAMELESS,
    ) -> bytes:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(_ROOT)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now - timedelta(hours=1))
            .not_valid_after(self.now + timedelta(days=1))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)

    @property
    def root(self) -> bytes:
        return self.certificate(
            self.key.public_key(), (x509.BasicConstraints(ca=True, path_length=None), True),
            subject=_ROOT,
        )  # fmt: skip


def piv(
    vendor: Vendor,
    key: ec.EllipticCurvePrivateKey,
    key_authorization: str,
    serial: int = 12345678,
) -> dict[str, object]:
    """Attest as `step` has it: YubiKey's certificate, and a signature."""
    named = x509.UnrecognizedExtension(ObjectIdentifier(YUBICO_SERIAL), der.integer(serial))
    signature = key.sign(key_authorization.encode(), ec.ECDSA(hashes.SHA256()))
    chain = [vendor.certificate(key.public_key(), (named, False))]
    return {"alg": -7, "sig": cbor(signature), "x5c": chain}


def apple(
    vendor: Vendor, key: ec.EllipticCurvePrivateKey, token: str, udid: str
) -> dict[str, object]:
    """Attest as Managed Device Attestation does."""
    nonce = hashlib.sha256(token.encode()).digest()
    extensions = [
        (x509.UnrecognizedExtension(ObjectIdentifier(APPLE_UDID), udid.encode()), False),
        (x509.UnrecognizedExtension(ObjectIdentifier(APPLE_NONCE), nonce), False),
    ]
    return {"x5c": [vendor.certificate(key.public_key(), *extensions)]}


def _sized(octets: bytes) -> bytes:
    return len(octets).to_bytes(2) + octets


def tpm_public(key: ec.EllipticCurvePublicKey, attributes: int = 0x00040072) -> bytes:
    """Write the TPMT_PUBLIC of a P-256 key; by default one that cannot leave and only signs."""
    numbers = key.public_numbers()
    head = 0x0023.to_bytes(2) + 0x000B.to_bytes(2) + attributes.to_bytes(4) + _sized(b"")
    parameters = b"\x00\x10" + b"\x00\x10" + b"\x00\x03" + b"\x00\x10"
    return head + parameters + _sized(numbers.x.to_bytes(32)) + _sized(numbers.y.to_bytes(32))


def tpm_attest(public: bytes, extra: bytes, magic: int = _TPM_GENERATED) -> bytes:
    """Write the TPMS_ATTEST of TPM2_Certify."""
    name = b"\x00\x0b" + hashlib.sha256(public).digest()
    head = magic.to_bytes(4) + b"\x80\x17" + _sized(name) + _sized(extra)
    return head + bytes(17) + bytes(8) + _sized(name) + _sized(name)


def tpm(
    vendor: Vendor,
    key: ec.EllipticCurvePublicKey,
    key_authorization: str,
    device: str = "",
    *,
    attributes: int = 0x00040072,
    magic: int = _TPM_GENERATED,
    purpose: str = "2.23.133.8.3",
) -> dict[str, object]:
    """Attest as a TPM does whose attestation key a CA has vouched for."""
    attestation_key = rsa.generate_private_key(65537, 2048)
    details = x509.Name(
        [
            x509.NameAttribute(ObjectIdentifier(f"2.23.133.2.{number}"), f"id:{number}")
            for number in (1, 2, 3)
        ]
    )
    names: list[x509.GeneralName] = [x509.DirectoryName(details)]
    if device:
        identifier = der.sequence(der.utf8_string(device))
        names.append(x509.OtherName(ObjectIdentifier("1.3.6.1.5.5.7.8.3"), identifier))
    certificate = vendor.certificate(
        attestation_key.public_key(),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.ExtendedKeyUsage([ObjectIdentifier(purpose)]), False),
        (x509.SubjectAlternativeName(names), True),
    )
    public = tpm_public(key, attributes)
    information = tpm_attest(public, hashlib.sha256(key_authorization.encode()).digest(), magic)
    signature = attestation_key.sign(information, padding.PKCS1v15(), hashes.SHA256())
    return {
        "ver": "2.0",
        "alg": -257,
        "x5c": [certificate],
        "sig": b"\x00\x14\x00\x0b" + _sized(signature),
        "certInfo": information,
        "pubArea": public,
    }
