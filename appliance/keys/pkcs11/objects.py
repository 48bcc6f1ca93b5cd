"""Keys on a token as PKCS#11's attributes have them, and as the rest of the program does."""

from contextlib import suppress
from typing import Any, Final

import pkcs11
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)
from pkcs11 import Attribute, KeyType
from pkcs11 import exceptions as errors

from appliance.formats import der
from appliance.formats.keys import PublicKey, checked_public
from appliance.model.errors import FormatError
from appliance.model.tokens import KeyKind

_OCTET_STRING: Final = 0x04
CURVES: Final = {
    KeyKind.EC_P256: (SECP256R1(), der.oid("1.2.840.10045.3.1.7")),
    KeyKind.EC_P384: (SECP384R1(), der.oid("1.3.132.0.34")),
    KeyKind.EC_P521: (SECP521R1(), der.oid("1.3.132.0.35")),
}
EDWARDS: Final = der.tlv(0x13, b"edwards25519")  # PKCS #11 3.0 section 2.3.10: a PrintableString
RSA_BITS: Final = {
    KeyKind.RSA_2048: 2048,
    KeyKind.RSA_3072: 3072,
    KeyKind.RSA_4096: 4096,
}

_NOT_GIVEN: Final = (
    errors.AttributeTypeInvalid, errors.AttributeSensitive, errors.AttributeValueInvalid,
)  # fmt: skip


def public_key(key: pkcs11.Object) -> PublicKey | None:
    """Read a key's public half from its attributes; None when they do not have it."""
    kind = attribute(key, Attribute.KEY_TYPE)
    with suppress(ValueError, UnsupportedAlgorithm, FormatError):
        if kind == KeyType.RSA:
            modulus = attribute(key, Attribute.MODULUS)
            exponent = attribute(key, Attribute.PUBLIC_EXPONENT) or b"\x01\x00\x01"
            if not modulus:
                return None
            numbers = RSAPublicNumbers(int.from_bytes(exponent), int.from_bytes(modulus))
            return numbers.public_key()
        point = attribute(key, Attribute.EC_POINT)
        if not point:
            return None
        if kind == KeyType.EC_EDWARDS:
            return Ed25519PublicKey.from_public_bytes(_unwrapped(point, (32,)))
        parameters = attribute(key, Attribute.EC_PARAMS)
        for curve, oid in CURVES.values():
            if parameters == oid:
                size = 1 + 2 * ((curve.key_size + 7) // 8)
                return EllipticCurvePublicKey.from_encoded_point(
                    curve, _unwrapped(point, (size, size // 2 + 1))
                )
    return None


def order_octets(key: pkcs11.Object) -> int:
    """Give how long the order of an ECDSA key's curve is; 0 for other keys and unknown curves."""
    parameters = attribute(key, Attribute.EC_PARAMS)
    sizes = (curve.key_size for curve, oid in CURVES.values() if oid == parameters)
    return (next(sizes, 0) + 7) // 8


def kind_of(key: PublicKey) -> KeyKind | None:
    """Name a key's kind; None for one that a token cannot be asked to make."""
    match key:
        case Ed25519PublicKey():
            return KeyKind.ED25519
        case RSAPublicKey():
            return next((kind for kind, bits in RSA_BITS.items() if bits == key.key_size), None)
        case EllipticCurvePublicKey():
            names = (kind for kind, (curve, _) in CURVES.items() if curve.name == key.curve.name)
            return next(names, None)


def kind_of_encoded(public: bytes) -> KeyKind | None:
    """Name the kind of a key in SubjectPublicKeyInfo; None for none and for unknown ones."""
    if not public:
        return None
    try:
        return kind_of(checked_public(load_der_public_key(public)))
    except (ValueError, UnsupportedAlgorithm, FormatError):
        return None


def encoded(key: PublicKey) -> bytes:
    """Write it as SubjectPublicKeyInfo in DER."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def attribute(item: pkcs11.Object, name: Attribute) -> Any:
    """Read an attribute; None when the token does not give it."""
    try:
        return item[name]
    except (*_NOT_GIVEN, NotImplementedError, ValueError):
        return None


def _unwrapped(point: bytes, sizes: tuple[int, ...]) -> bytes:
    """Take a point out of its OCTET STRING; some modules give it bare."""
    if len(point) in sizes:
        return point
    return der.expect(der.read(point), _OCTET_STRING).value
