"""Certificates and requests as text for people, in the form that step prints."""

import warnings
from datetime import datetime

from cryptography import x509

from appliance.formats import extension_values, general_names, inspect_extensions
from appliance.formats.inspect_names import (
    curve,
    day,
    distinguished_name,
    point,
    public_key_algorithm,
    rsa_numbers,
    short_key,
    signature_algorithm,
)
from appliance.formats.x509_fields import (
    Algorithm,
    CertificateFields,
    PublicKeyField,
    RequestFields,
    common_name,
)
from appliance.model.errors import FormatError

_SUBJECT_ALT_NAME, _STEP_PROVISIONER = "2.5.29.17", "1.3.6.1.4.1.37476.9000.64.1"


def certificate_text(fields: CertificateFields) -> str:
    """Show everything that a certificate says. Raises FormatError for a broken key."""
    octets = abs(fields.serial).to_bytes((abs(fields.serial).bit_length() + 7) // 8)
    lines = [
        "Certificate:",
        "    Data:",
        f"        Version: {fields.version} ({fields.version - 1:#x})",
        f"        Serial Number: {fields.serial} ({'0x' if octets else ''}{octets.hex()})",
        f"        Signature Algorithm: {signature_algorithm(fields.algorithm)}",
        f"        Issuer: {distinguished_name(fields.issuer)}",
        "        Validity",
        f"            Not Before: {_moment(fields.not_before)}",
        f"            Not After : {_moment(fields.not_after)}",
        *_subject(fields),
    ]
    for title, identifier in (
        ("Issuer Unique ID", fields.issuer_unique_id),
        ("Subject Unique ID", fields.subject_unique_id),
    ):
        lines += [f"        {title}: {identifier.hex(':')}"] if identifier else []
    if fields.extensions:
        lines.append("        X509v3 extensions:")
        for extension in fields.extensions:
            lines += inspect_extensions.certificate_extension(extension)
    return _text([*lines, *_signature(fields.algorithm, fields.signature)])


def request_text(fields: RequestFields) -> str:
    """Show everything that a request asks for. Raises FormatError for a broken key."""
    lines = [
        "Certificate Request:",
        "    Data:",
        f"        Version: {fields.version} ({max(fields.version - 1, 0):#x})",
        *_subject(fields),
    ]
    attributes = []
    if fields.extensions:
        lines.append("        Requested Extensions:")
    for extension in fields.extensions:
        shown = inspect_extensions.request_extension(extension)
        if shown is None:
            attributes += inspect_extensions.request_attribute(extension)
        else:
            lines += shown
    if attributes:
        lines += ["        Attributes:", *attributes]
    return _text([*lines, *_signature(fields.algorithm, fields.signature)])


def certificate_summary(fields: CertificateFields) -> str:
    """Show in a few lines what matters of a certificate. Raises FormatError."""
    kind = "TLS"
    constraints = fields.extension("2.5.29.19")
    if constraints and extension_values.basic_constraints(constraints.value)[0]:
        kind = "Root CA" if is_self_signed(fields) else "Intermediate CA"
    serial = _abbreviated(str(fields.serial))
    lines = [
        f"X.509v3 {kind} Certificate ({short_key(fields.public_key)}) [Serial: {serial}]",
        *_names(fields),
        f"  Issuer:      {common_name(fields.issuer)}",
        *_provisioner(fields),
        f"  Valid from:  {fields.not_before:%Y-%m-%dT%H:%M:%SZ}",
        f"          to:  {fields.not_after:%Y-%m-%dT%H:%M:%SZ}",
    ]
    return _text(lines)


def request_summary(fields: RequestFields) -> str:
    """Show in a few lines what matters of a request. Raises FormatError."""
    title = f"X.509v3 Certificate Signing Request ({short_key(fields.public_key)})"
    return _text([title, *_names(fields)])


def is_self_signed(fields: CertificateFields) -> bool:
    """Say whether the certificate's own key signed it."""
    if fields.issuer_raw != fields.subject_raw:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of cryptography, about what RFC 5280 forbids
        return _verifies_itself(fields.raw)


def _verifies_itself(octets: bytes) -> bool:
    try:
        loaded = x509.load_der_x509_certificate(octets)
        loaded.verify_directly_issued_by(loaded)
    except Exception:  # noqa: BLE001 - whatever cannot be verified is not verified
        return False
    return True


def _text(lines: list[str]) -> str:
    """Join lines, with a dot for what would let a name move the terminal's cursor."""
    safe = ("".join(each if each.isprintable() else "." for each in line) for line in lines)
    return "\n".join([*safe, ""])


def _moment(moment: datetime) -> str:
    return f"{day(moment)} {moment:%H:%M:%S} {moment.year:04} UTC"


def _hex(octets: bytes, width: int, indent: int) -> list[str]:
    """Write octets in lines of `width`, each but the last ending in a colon."""
    text = octets.hex(":")
    return [f"{'':{indent}}{text[i : i + width * 3]}" for i in range(0, len(text), width * 3)]


def _subject(fields: CertificateFields | RequestFields) -> list[str]:
    name = distinguished_name(fields.subject)
    return [
        f"        Subject: {name}".rstrip(),
        "        Subject Public Key Info:",
        f"            Public Key Algorithm: {public_key_algorithm(fields.public_key)}",
        *_public_key(fields.public_key, is_request=isinstance(fields, RequestFields)),
    ]


def _public_key(key: PublicKeyField, *, is_request: bool) -> list[str]:
    match public_key_algorithm(key):
        case "RSA":
            modulus, exponent = rsa_numbers(key)
            return [
                f"{'':16}Public-Key: ({modulus.bit_length()} bit)",
                f"{'':16}Modulus:",
                *_hex(modulus.to_bytes((modulus.bit_length() + 7) // 8), 15, 20),
                f"{'':16}Exponent: {exponent} ({exponent:#x})",
            ]
        case "ECDSA" if (known := curve(key)) is not None:
            x, y = point(key)
            return [
                f"{'':16}Public-Key: ({known[1]} bit)",
                f"{'':16}X:",
                *_hex(x, 15, 20),
                f"{'':16}Y:",
                *_hex(y, 15, 20),
                f"{'':16}Curve: {known[0]}",
            ]
        case "Ed25519":
            return [f"{'':16}Public-Key: ({len(key.bits)} bit)", *_hex(key.bits, 15, 20)]
        case _:
            title = [] if is_request else [f"{'':16}Public-Key:"]
            return [*title, f"{'':16}Raw Bytes:", *_hex(key.bits, 15, 20)]


def _signature(algorithm: Algorithm, signature: bytes) -> list[str]:
    return [f"    Signature Algorithm: {signature_algorithm(algorithm)}", *_hex(signature, 18, 9)]


def _names(fields: CertificateFields | RequestFields) -> list[str]:
    subject = common_name(fields.subject)
    sans = general_names.of_extension(fields.extension(_SUBJECT_ALT_NAME)).plain()
    shown = [subject] if subject else []
    shown += [san for san in sans if san != subject]
    if not shown:
        return ["  Subject: "]
    return [f"  {'Subject:' if number == 0 else '':12} {each}" for number, each in enumerate(shown)]


def _provisioner(fields: CertificateFields) -> list[str]:
    extension = fields.extension(_STEP_PROVISIONER)
    try:
        if extension is None:
            return []
        _, name, credential, _ = extension_values.step_provisioner(extension.value)
    except FormatError:
        return []
    identifier = f" [ID: {_abbreviated(credential)}]" if credential else ""
    return [f"  Provisioner: {name}{identifier}"]


def _abbreviated(text: str) -> str:
    return text if len(text) <= 8 else f"{text[:4]}...{text[-4:]}"
