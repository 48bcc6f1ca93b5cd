"""How a virtual YubiKey vouches for its keys: certificates by its own attestation key, slot F9."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from tests.support.yubikey.algorithms import Private, Public
from tests.support.yubikey.memory import GENERATED, IMPORTED, Memory
from tests.support.yubikey.tlv import BAD_DATA, Status, elements, tlv

SLOT, OBJECT = 0xF9, "5fff01"
_ARC = "1.3.6.1.4.1.41482.3"  # Yubico's extensions: .3 firmware .7 serial .8 policies .9 form
_BEGIN = datetime.datetime(2016, 3, 14, tzinfo=datetime.UTC)


def prepare(memory: Memory, version: tuple[int, int, int]) -> None:
    """Make the attestation key and its certificate, as the factory does."""
    key = ec.generate_private_key(ec.SECP256R1())
    memory.keep(SLOT, 0x11, key, (1, 1), IMPORTED)
    name = "Virtual PIV Attestation"
    der = _certificate(name, name, key.public_key(), key, {"3": bytes(version)}, ca=True)
    memory.objects[OBJECT] = (tlv(0x70, der) + tlv(0x71, b"\0") + tlv(0xFE)).hex()
    memory.write()


def attested(memory: Memory, slot: int, serial: int, version: tuple[int, int, int]) -> bytes:
    """Give a certificate (DER) of the key in a slot, made on the card."""
    stored = memory.key(slot)
    if stored.origin != GENERATED:
        raise Status(BAD_DATA)
    own = x509.load_der_x509_certificate(elements(bytes.fromhex(memory.objects[OBJECT]))[0][1])
    issuer = own.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    number = serial.to_bytes(5).lstrip(b"\0") or b"\0"
    number = (b"\0" if number[0] & 0x80 else b"") + number
    extensions = {
        "3": bytes(version),
        "7": tlv(2, number),
        "8": bytes([stored.pin_policy, stored.touch_policy]),
        "9": b"\1",
    }
    subject = f"YubiKey PIV Attestation {slot:02x}"
    public = stored.private.public_key()
    return _certificate(subject, str(issuer), public, memory.key(SLOT).private, extensions)


def _certificate(
    subject: str,
    issuer: str,
    public: Public,
    key: Private,
    extensions: dict[str, bytes],
    *,
    ca: bool = False,
) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEGIN)
        .not_valid_after(_BEGIN.replace(year=2052))
    )
    if ca:
        builder = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
    for arc, value in extensions.items():
        extension = x509.UnrecognizedExtension(ObjectIdentifier(f"{_ARC}.{arc}"), value)
        builder = builder.add_extension(extension, critical=False)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Status(BAD_DATA)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
