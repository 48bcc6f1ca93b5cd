"""Requests and certificates as step writes them in JSON to webhooks.

Keys stand in step's order. What is not there is null, but for the parts of a name, which are left
out; octets are in base64, times in RFC 3339.
"""

import base64
from collections.abc import Iterable
from typing import Final

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)
from msgspec import Raw

from appliance.formats import timeorduration
from appliance.formats.keys import PublicKey, algorithm_name, checked_public
from appliance.issuance import certificate_names, request_form
from appliance.issuance import extensions as ext
from appliance.issuance.certificate_json import (
    EXTENDED_KEY_USAGES,
    KEY_USAGES,
    BasicConstraints,
    CertificateJson,
    Name,
    NameConstraints,
    RawExtension,
    Subtrees,
    TypedName,
)
from appliance.issuance.parsed import ParsedCertificate
from appliance.issuance.requests import SigningRequest
from appliance.issuance.subjects import EMPTY
from appliance.model.validity import Validity

_USAGES_BY_BIT: Final = {bit: usage for usage, bit in KEY_USAGES.items()}
_USAGES_BY_OID: Final = {oid: usage for usage, oid in EXTENDED_KEY_USAGES.items()}


def request(asked: SigningRequest) -> dict[str, object]:
    """Write a certificate request."""
    form = request_form.of(asked)
    return {
        "version": form.version,
        "subject": name(form.subject),
        "rawSubject": octets(form.raw_subject),
        "dnsNames": _listed(form.dns_names),
        "emailAddresses": _listed(form.email_addresses),
        "ipAddresses": _listed(form.ip_addresses),
        "uris": _listed(form.uris),
        "sans": None,
        "extensions": _extensions(form.extensions),
        "keyUsage": _key_usage(form.key_usage),
        "extKeyUsage": [_USAGES_BY_OID[oid] for oid in form.ext_key_usage],
        "unknownExtKeyUsage": _listed(form.unknown_ext_key_usage),
        "basicConstraints": _basic_constraints(form.basic_constraints),
        "signatureAlgorithm": "",
        **_key(asked.public_key),
        "raw": octets(asked.der),
    }


def certificate(wanted: CertificateJson, key: PublicKey, validity: Validity) -> dict[str, object]:
    """Write what a template asked for, with the key and the dates that the certificate will have.

    Raises FormatError for names that cannot be in a certificate.
    """
    return {
        "version": wanted.version,
        "subject": name(wanted.subject),
        "rawSubject": octets(wanted.raw_subject) if wanted.raw_subject else None,
        "issuer": name(wanted.issuer),
        "serialNumber": _number(wanted.serial_number),
        "dnsNames": _listed(wanted.dns_names),
        "emailAddresses": _listed(wanted.email_addresses),
        "ipAddresses": _listed(map(str, wanted.ip_addresses)),
        "uris": _listed(each.text for each in wanted.uris),
        "sans": _listed(map(_typed_name, wanted.sans)),
        "extensions": _extensions((*_own_names(wanted), *wanted.extensions)),
        "keyUsage": _key_usage(wanted.key_usage),
        "extKeyUsage": [_USAGES_BY_OID[oid] for oid in wanted.ext_key_usage],
        "unknownExtKeyUsage": _listed(wanted.unknown_ext_key_usage),
        "subjectKeyId": None if wanted.subject_key_id is None else octets(wanted.subject_key_id),
        "authorityKeyId": octets(wanted.authority_key_id) if wanted.authority_key_id else None,
        "ocspServer": _listed(wanted.ocsp_server),
        "issuingCertificateURL": _listed(wanted.issuing_certificate_url),
        "crlDistributionPoints": _listed(wanted.crl_distribution_points),
        "policyIdentifiers": _listed(wanted.policy_identifiers),
        "basicConstraints": _basic_constraints(wanted.basic_constraints),
        "nameConstraints": _name_constraints(wanted.name_constraints),
        "signatureAlgorithm": wanted.signature_algorithm,
        **_key(key),
        **_dates(validity),
        "raw": None,
    }


def credential(shown: ParsedCertificate) -> dict[str, object]:
    """Write the certificate behind a token of type X5C, whose key was used already."""
    key = checked_public(load_der_public_key(shown.public_key_info))
    return {"raw": octets(shown.der), **_key(key), **_dates(shown.validity)}


def name(written: Name) -> dict[str, object]:
    """Write a name, only with the parts that it has."""
    parts: dict[str, object] = {
        "country": written.country,
        "organization": written.organization,
        "organizationalUnit": written.organizational_unit,
        "locality": written.locality,
        "province": written.province,
        "streetAddress": written.street_address,
        "postalCode": written.postal_code,
        "serialNumber": written.serial_number,
        "commonName": written.common_name,
        "extraNames": [{"type": each.type, "value": each.value} for each in written.extra_names],
    }
    return {key: value for key, value in parts.items() if value}


def octets(value: bytes) -> str:
    """Write octets."""
    return base64.b64encode(value).decode("ascii")


def _key(key: PublicKey) -> dict[str, object]:
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {"publicKey": octets(info), "publicKeyAlgorithm": algorithm_name(key)}


def _dates(validity: Validity) -> dict[str, object]:
    return {
        "notBefore": timeorduration.format_time(validity.not_before),
        "notAfter": timeorduration.format_time(validity.not_after),
    }


def _listed(values: Iterable[object]) -> list[object] | None:
    return list(values) or None


def _number(number: int | None) -> Raw | None:
    """Write a number of any size."""
    return None if number is None else Raw(str(number).encode())


def _extensions(listed: tuple[RawExtension, ...]) -> list[object] | None:
    return _listed(
        {"id": each.id, "critical": each.critical, "value": octets(each.value)} for each in listed
    )


def _own_names(wanted: CertificateJson) -> tuple[RawExtension, ...]:
    """Give the names that are beyond Go's four kinds: step makes their extension itself."""
    if wanted.has_extension(ext.SUBJECT_ALT_NAME) or not certificate_names.needs_step_form(wanted):
        return ()
    return (
        RawExtension(
            id=ext.SUBJECT_ALT_NAME,
            critical=certificate_names.encode_name(wanted.subject) == EMPTY,
            value=certificate_names.step_names(wanted),
        ),
    )


def _typed_name(san: TypedName) -> dict[str, object]:
    form: dict[str, object] = {"type": san.type, "value": san.value}
    return {**form, "asn1Value": san.asn1} if san.has_asn1 else form


def _key_usage(bits: frozenset[int]) -> list[object] | None:
    return _listed(_USAGES_BY_BIT[bit] for bit in sorted(bits))


def _basic_constraints(constraints: BasicConstraints | None) -> dict[str, object] | None:
    if constraints is None:
        return None
    return {"isCA": constraints.is_ca, "maxPathLen": constraints.max_path_length}


def _name_constraints(constraints: NameConstraints | None) -> dict[str, object] | None:
    if constraints is None:
        return None
    permitted, excluded = map(_subtrees, (constraints.permitted, constraints.excluded))
    found: dict[str, object] = {"critical": constraints.critical}
    for kind in permitted:
        found[f"permitted{kind}"] = permitted[kind]
        found[f"excluded{kind}"] = excluded[kind]
    return found


def _subtrees(names: Subtrees) -> dict[str, list[object] | None]:
    return {
        "DNSDomains": _listed(names.dns),
        "IPRanges": _listed(map(str, names.addresses)),
        "EmailAddresses": _listed(names.emails),
        "URIDomains": _listed(names.uris),
    }
