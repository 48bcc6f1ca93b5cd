"""Names of what certificates are made of, as step shows them."""

from datetime import datetime

from appliance.formats import der
from appliance.formats.x509_fields import Algorithm, Attribute, PublicKeyField
from appliance.model.errors import FormatError

RSA, EC, ED25519 = "1.2.840.113549.1.1.1", "1.2.840.10045.2.1", "1.3.101.112"
_PSS = "1.2.840.113549.1.1.10"
_SIGNATURES = {
    "1.2.840.113549.1.1.2": "MD2-RSA",
    "1.2.840.113549.1.1.4": "MD5-RSA",
    "1.2.840.113549.1.1.5": "SHA1-RSA",
    "1.3.14.3.2.29": "SHA1-RSA",
    "1.2.840.113549.1.1.11": "SHA256-RSA",
    "1.2.840.113549.1.1.12": "SHA384-RSA",
    "1.2.840.113549.1.1.13": "SHA512-RSA",
    "1.2.840.10040.4.3": "DSA-SHA1",
    "2.16.840.1.101.3.4.3.2": "DSA-SHA256",
    "1.2.840.10045.4.1": "ECDSA-SHA1",
    "1.2.840.10045.4.3.2": "ECDSA-SHA256",
    "1.2.840.10045.4.3.3": "ECDSA-SHA384",
    "1.2.840.10045.4.3.4": "ECDSA-SHA512",
    ED25519: "Ed25519",
    "2.16.840.1.101.3.4.3.17": "ML-DSA-44",
    "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
    "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
}
_PSS_DIGESTS = {
    "2.16.840.1.101.3.4.2.1": "SHA256-RSAPSS",
    "2.16.840.1.101.3.4.2.2": "SHA384-RSAPSS",
    "2.16.840.1.101.3.4.2.3": "SHA512-RSAPSS",
}
_CURVES = {
    "1.3.132.0.33": ("P-224", 224),
    "1.2.840.10045.3.1.7": ("P-256", 256),
    "1.3.132.0.34": ("P-384", 384),
    "1.3.132.0.35": ("P-521", 521),
}
_ATTRIBUTES = {
    "2.5.4.3": "CN",
    "2.5.4.5": "SERIALNUMBER",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.17": "POSTALCODE",
    "1.2.840.113549.1.9.1": "emailAddress",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
}
_ONE_LINE = _ATTRIBUTES | {
    "2.5.4.4": "SN",
    "2.5.4.5": "serialNumber",
    "2.5.4.9": "street",
    "2.5.4.12": "title",
    "2.5.4.17": "postalCode",
    "2.5.4.42": "GN",
    "2.5.4.43": "initials",
}
_MEMBERS = {
    "2.5.4.3": "common_name",
    "2.5.4.5": "serial_number",
    "2.5.4.6": "country",
    "2.5.4.7": "locality",
    "2.5.4.8": "province",
    "2.5.4.9": "street_address",
    "2.5.4.10": "organization",
    "2.5.4.11": "organizational_unit",
    "2.5.4.17": "postal_code",
    "0.9.2342.19200300.100.1.25": "domain_component",
    "1.2.840.113549.1.9.1": "email_address",
    "2.5.4.42": "given_name",
    "2.5.4.4": "surname",
    "1.3.6.1.4.1.311.60.2.1.3": "jurisdiction_country",
    "1.3.6.1.4.1.311.60.2.1.1": "jurisdiction_locality",
    "1.3.6.1.4.1.311.60.2.1.2": "jurisdiction_province",
}
KEY_USAGES = (
    "Digital Signature",
    "Content Commitment",
    "Key Encipherment",
    "Data Encipherment",
    "Key Agreement",
    "Certificate Sign",
    "CRL Sign",
    "Encipher Only",
    "Decipher Only",
)
PURPOSES = {
    "2.5.29.37.0": "Any Usage",
    "1.3.6.1.5.5.7.3.1": "Server Authentication",
    "1.3.6.1.5.5.7.3.2": "Client Authentication",
    "1.3.6.1.5.5.7.3.3": "Code Signing",
    "1.3.6.1.5.5.7.3.4": "E-mail Protection",
    "1.3.6.1.5.5.7.3.5": "IPSec End System",
    "1.3.6.1.5.5.7.3.6": "IPSec Tunnel",
    "1.3.6.1.5.5.7.3.7": "IPSec User",
    "1.3.6.1.5.5.7.3.8": "Time Stamping",
    "1.3.6.1.5.5.7.3.9": "OCSP Signing",
}
VENDOR_PURPOSES = {  # Go knows these four, and step has words for them in requests only
    "1.3.6.1.4.1.311.10.3.3": "Microsoft Server Gated Crypto",
    "2.16.840.1.113730.4.1": "Netscape Server Gated Crypto",
    "1.3.6.1.4.1.311.2.1.22": "Microsoft Commercial Code Signing",
    "1.3.6.1.4.1.311.61.1.1": "Microsoft Kernel Code Signing",
}
ENDORSEMENT = ("2.23.133.8.1", "EK Certificate")
PROVISIONERS = (
    "NOOP", "JWK", "OIDC", "GCP", "AWS", "Azure", "ACME", "X5C", "K8sSA", "SSHPOP", "SCEP",
    "Nebula",
)  # fmt: skip
ENDPOINTS = ("Unknown", "Device", "Workload", "People", "Agent", "Account")


def day(moment: datetime) -> str:
    """Write a day without its year; strftime's names would depend on the locale."""
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{months[moment.month - 1]} {moment.day}"


def signature_algorithm(algorithm: Algorithm) -> str:
    """Name a signature algorithm; one that has no name is its identifier."""
    if algorithm.oid == _PSS:
        return _pss(algorithm.parameters) or algorithm.oid
    return _SIGNATURES.get(algorithm.oid, algorithm.oid)


def public_key_algorithm(key: PublicKeyField) -> str:
    """Name the kind of key; one that has no name is its identifier."""
    oid = key.algorithm.oid
    if oid == EC:
        return "ECDSA" if curve(key) else oid
    return {RSA: "RSA", ED25519: "Ed25519"}.get(oid, _SIGNATURES.get(oid, oid))


def curve(key: PublicKeyField) -> tuple[str, int] | None:
    """Name the curve of an EC key, with its size in bits."""
    try:
        return _CURVES.get(der.read_oid(der.read(key.algorithm.parameters)))
    except FormatError:
        return None


def point(key: PublicKeyField) -> tuple[bytes, bytes]:
    """Give the coordinates of an EC key without leading zeros. Raises FormatError."""
    half = len(key.bits) // 2
    if len(key.bits) < 3 or key.bits[0] != 4 or len(key.bits) % 2 == 0:
        raise FormatError("an EC public key that is not an uncompressed point")
    return key.bits[1 : half + 1].lstrip(b"\0"), key.bits[half + 1 :].lstrip(b"\0")


def rsa_numbers(key: PublicKeyField) -> tuple[int, int]:
    """Give modulus and exponent of an RSA key. Raises FormatError."""
    numbers = [der.read_integer(each) for each in der.items(key.bits)]
    if len(numbers) != 2 or min(numbers) < 1:
        raise FormatError("an RSA public key that is not two positive numbers")
    return numbers[0], numbers[1]


def short_key(key: PublicKeyField) -> str:
    """Name a key with its size, as `ECDSA P-256` or `RSA 2048`. Raises FormatError."""
    kind = public_key_algorithm(key)
    match kind:
        case "ECDSA":
            found = curve(key)
            return f"ECDSA {found[0]}" if found else kind
        case "RSA":
            return f"RSA {(rsa_numbers(key)[0].bit_length() + 7) // 8 * 8}"
        case "Ed25519":
            return f"Ed25519 {len(key.bits) * 8}"
        case _:
            return kind


def distinguished_name(attributes: tuple[Attribute, ...]) -> str:
    """Write a name on one line, in its own order."""
    shown = []
    for oid, text in attributes:
        known = _ATTRIBUTES.get(oid)
        if text is None or (known is None and oid.startswith("2.5.4.")):
            shown.append(f"UnknownOID={oid}")
        else:
            shown.append(f"{known or oid}={text}")
    return ",".join(shown)


def one_line(attributes: tuple[Attribute, ...]) -> str:
    """Write a name on one line as the JSON form has it."""
    return ", ".join(f"{_ONE_LINE.get(oid, oid)}={text}" for oid, text in attributes if text)


def json_name(attributes: tuple[Attribute, ...]) -> dict[str, list[str]]:
    """Group a name's attributes under their members; those without one are left out."""
    return {
        member: [text for oid, text in attributes if oid == wanted and text is not None]
        for wanted, member in _MEMBERS.items()
        if any(oid == wanted and text is not None for oid, text in attributes)
    }


def _pss(parameters: bytes) -> str | None:
    """Name RSASSA-PSS when digest, mask and salt agree as they usually do (RFC 4055 3.1)."""
    try:
        tags = {part.tag: der.first(part) for part in der.items(parameters)}
        digest = der.read_oid(der.first(tags[0xA0]))
        mask = der.exactly(tags[0xA1], 2)[1]
        salt = der.read_integer(tags[0xA2])
        name = _PSS_DIGESTS.get(digest)
        agreed = der.read_oid(der.first(mask)) == digest
        if name is None or not agreed or f"SHA{salt * 8}-" not in name:
            return None
    except (FormatError, KeyError):
        return None
    return name
