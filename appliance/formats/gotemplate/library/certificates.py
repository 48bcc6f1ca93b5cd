"""sprig's functions that make key pairs and certificates, for templates of other files.

What they make has nothing to do with the authority that renders the template. Elliptic keys and
serial numbers come from the context's chance; the primes of RSA and DSA keys are cryptography's.
"""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.formats import pem
from appliance.formats.certificates import UNREADABLE
from appliance.formats.gotemplate import printing
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.formats.gotemplate.library.declaring import metered, plain
from appliance.formats.gotemplate.library.encoding import from_base64
from appliance.formats.gotemplate.signatures import (
    INT,
    INT64,
    LIST,
    STRING,
    Field,
    Function,
    FunctionError,
    Kind,
    Meter,
    Type,
)
from appliance.formats.gotemplate.values import Struct, octets, text, wrapped
from appliance.model.errors import FormatError

CERTIFICATE: Final = Type(
    name="sprig.certificate",
    kind=Kind.STRUCT,
    fields=(
        Field(name="Cert", type=STRING, json="Cert"),
        Field(name="Key", type=STRING, json="Key"),
    ),
    defined=True,
)
Key = rsa.RSAPrivateKey | dsa.DSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
_STEPS: Final = {2048: 60_000, 4096: 200_000}  # what making an RSA key takes, in microseconds
_DSA_STEPS: Final = 200_000
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_DAY: Final = 86_400_000_000_000  # nanoseconds
_LABELS: Final = {
    "PRIVATE KEY": "decoding PEM as PKCS#8",
    "RSA PRIVATE KEY": "parsing RSA private key from PEM",
    "EC PRIVATE KEY": "parsing EC private key from PEM",
    "DSA PRIVATE KEY": "parsing DSA private key from PEM",
}


def _pair(certificate: str, key: str) -> Struct:
    return Struct(CERTIFICATE, {"Cert": certificate, "Key": key})


def _rsa_key(meter: Meter, size: int) -> rsa.RSAPrivateKey:
    meter.spend(_STEPS[size])
    return rsa.generate_private_key(public_exponent=65537, key_size=size)


def _write_key(key: Key) -> str:
    traditional = not isinstance(key, ed25519.Ed25519PrivateKey)
    formats = serialization.PrivateFormat
    return key.private_bytes(
        serialization.Encoding.PEM,
        formats.TraditionalOpenSSL if traditional else formats.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _first_block(written: str, missing: str) -> pem.Block:
    try:
        found = pem.blocks(octets(written))
    except FormatError:
        found = []
    if not found:
        raise FunctionError(missing)
    return found[0]


def _read_key(written: str, problem: str) -> Key:
    """Read a key in one of the forms that genPrivateKey writes. Raises FunctionError."""
    block = _first_block(written, f"{problem}: no PEM data in input")
    if block.label not in _LABELS:
        raise FunctionError(f"{problem}: no private key data in PEM block of type {block.label}")
    try:
        key = serialization.load_der_private_key(block.der, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise FunctionError(f"{problem}: {_LABELS[block.label]}: malformed key") from None
    if not isinstance(key, Key):
        raise FunctionError(f"{problem}: {_LABELS[block.label]}: unknown key type")
    return key


def _read_certificate(written: str) -> x509.Certificate:
    block = _first_block(written, "unable to decode certificate")
    try:
        return x509.load_der_x509_certificate(block.der)
    except UNREADABLE:
        raise FunctionError(
            "error parsing certificate: decodedCert.Bytes: x509: malformed certificate"
        ) from None


def _custom(certificate: str, key: str) -> Struct:
    parts = []
    for what, encoded in (("certificate", certificate), ("private key", key)):
        try:
            parts.append(text(from_base64(encoded)))
        except FunctionError:
            raise FunctionError(f"unable to decode base64 {what}") from None
    _read_certificate(parts[0])
    _read_key(parts[1], "error parsing private key")
    return _pair(parts[0], parts[1])


def _addresses(meter: Meter, values: Sequence[Any]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for value in values:
        if not isinstance(value, str):
            shown = printing.sprint((value,), meter)
            raise FunctionError(f"error parsing ip: {shown} is not a string")
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(value)))
        except ValueError:
            raise FunctionError(f"error parsing ip: {value}") from None
    return names


def _names(meter: Meter, values: Sequence[Any]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for value in values:
        if not isinstance(value, str):
            shown = printing.sprint((value,), meter)
            raise FunctionError(f"error processing alternate dns name: {shown} is not a string")
        if not value.isascii():
            raise FunctionError(
                f'error creating certificate: x509: "{value}" cannot be encoded as an IA5String'
            )
        names.append(x509.DNSName(value))
    return names


class _Maker:
    """Makes certificates whose dates and serial numbers come from the context."""

    def __init__(self, context: FunctionContext) -> None:
        self._context = context

    def private_key(self, meter: Meter, kind: str) -> str:
        """Make a key and write it; what is no kind of key is said in the text."""
        match kind:
            case "" | "rsa":
                return _write_key(_rsa_key(meter, 4096))
            case "dsa":
                meter.spend(_DSA_STEPS)
                return _write_key(dsa.generate_private_key(2048))
            case "ecdsa":
                number = self._context.below(_P256_ORDER - 1) + 1
                return _write_key(ec.derive_private_key(number, ec.SECP256R1()))
            case "ed25519":
                seed = self._context.entropy(32)
                return _write_key(ed25519.Ed25519PrivateKey.from_private_bytes(seed))
            case _:
                return f"Unknown type {kind}"

    def authority(self, meter: Meter, name: str, days: int, *written: str) -> Struct:
        """Make a CA of its own; the key is a new one unless it is given."""
        key = self._key(meter, written)
        return self._certificate(name, [], days, key, authority=True)

    def self_signed(
        self, meter: Meter, name: str, ips: list[Any], dns: list[Any], days: int, *written: str
    ) -> Struct:
        """Make a server's certificate that is its own issuer."""
        key = self._key(meter, written)
        names = _names(meter, dns) + _addresses(meter, ips)
        return self._certificate(name, names, days, key)

    def signed(
        self,
        meter: Meter,
        name: str,
        ips: list[Any],
        dns: list[Any],
        days: int,
        issuer: Struct,
        *written: str,
    ) -> Struct:
        """Make a server's certificate of a CA that one of these functions made."""
        key = self._key(meter, written)
        certificate = _read_certificate(issuer.field("Cert"))
        issuer_key = _read_key(issuer.field("Key"), "error parsing private key")
        names = _names(meter, dns) + _addresses(meter, ips)
        return self._certificate(name, names, days, key, issuer=(certificate, issuer_key))

    def _key(self, meter: Meter, written: tuple[str, ...]) -> Key:
        return _read_key(written[0], "parsing private key") if written else _rsa_key(meter, 2048)

    def _certificate(
        self,
        name: str,
        names: list[x509.GeneralName],
        days: int,
        key: Key,
        *,
        issuer: tuple[x509.Certificate, Key] | None = None,
        authority: bool = False,
    ) -> Struct:
        signer = issuer[1] if issuer else key
        if isinstance(key, dsa.DSAPrivateKey) or isinstance(signer, dsa.DSAPrivateKey):
            raise FunctionError("error creating certificate: x509: DSA keys cannot be in it")
        try:
            builder = self._drafted(name, names, days, key, authority=authority)
            builder = builder.issuer_name(issuer[0].subject if issuer else _subject(name))
            builder = _linked(builder, issuer[0] if issuer else None)
            digest = None if isinstance(signer, ed25519.Ed25519PrivateKey) else _digest(signer)
            made = builder.sign(signer, digest)
        except (ValueError, OverflowError, UnsupportedAlgorithm) as error:
            raise FunctionError(f"error creating certificate: {error}") from None
        return _pair(made.public_bytes(serialization.Encoding.PEM).decode(), _write_key(key))

    def _drafted(
        self, name: str, names: list[x509.GeneralName], days: int, key: Key, *, authority: bool
    ) -> x509.CertificateBuilder:
        begin = self._context.now.astimezone(UTC).replace(microsecond=0)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_subject(name))
            .serial_number(self._context.below((1 << 128) - 1) + 1)
            .not_valid_before(begin)
            .not_valid_after(_end(begin, days))
            .public_key(key.public_key())
            .add_extension(_usage(authority=authority), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage(
                    [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
                ),
                critical=False,
            )
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if authority:
            identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
            builder = builder.add_extension(identifier, critical=False)
        if names:
            alternative = x509.SubjectAlternativeName(names)
            builder = builder.add_extension(alternative, critical=not name)
        return builder


def _linked(
    builder: x509.CertificateBuilder, issuer: x509.Certificate | None
) -> x509.CertificateBuilder:
    """Name the issuer's key, where its certificate does."""
    if issuer is None:
        return builder
    try:
        known = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except (x509.ExtensionNotFound, ValueError):
        return builder
    return builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(known.value), critical=False
    )


def _end(begin: datetime, days: int) -> datetime:
    nanoseconds = int(wrapped(INT64, days * _DAY))  # Go's durations overflow silently
    return begin + timedelta(microseconds=nanoseconds // 1_000)


def _digest(key: Key) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512:
    """Choose the digest that goes with the key, as Go does."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        if key.key_size == 384:
            return hashes.SHA384()
        if key.key_size == 521:
            return hashes.SHA512()
    return hashes.SHA256()


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=True,
        key_cert_sign=authority,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


FUNCTIONS: Final[Mapping[str, Function]] = {"buildCustomCert": plain(_custom, STRING, STRING)}


def making_functions(context: FunctionContext) -> Mapping[str, Function]:
    """Give the functions that make something new."""
    maker = _Maker(context)

    def both(name: str, call: Callable[..., object], *parameters: Type) -> dict[str, Function]:
        return {
            name: metered(call, *parameters),
            f"{name}WithKey": metered(call, *parameters, STRING),
        }

    return {
        "genPrivateKey": metered(maker.private_key, STRING),
        **both("genCA", maker.authority, STRING, INT),
        **both("genSelfSignedCert", maker.self_signed, STRING, LIST, LIST, INT),
        **both("genSignedCert", maker.signed, STRING, LIST, LIST, INT, CERTIFICATE),
    }
