"""Extensions as JSON, with the members that step prints."""

import base64
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from appliance.formats import der, general_names, x509_fields
from appliance.formats import extension_values as read
from appliance.formats.inspect_names import KEY_USAGES, PROVISIONERS, json_name
from appliance.formats.inspect_timestamps import read as read_timestamps
from appliance.formats.x509_fields import CertificateFields, ExtensionField, common_name
from appliance.model.errors import FormatError

_MICROSOFT, _PKIX = "1.3.6.1.4.1.311", "1.3.6.1.5.5.7.3"
_PURPOSES = {
    "ocsp_signing": f"{_PKIX}.9",
    "client_auth": f"{_PKIX}.2",
    "code_signing": f"{_PKIX}.3",
    "time_stamping": f"{_PKIX}.8",
    "microsoft_document_signing": f"{_MICROSOFT}.10.3.12",
    "microsoft_encrypted_file_system": f"{_MICROSOFT}.10.3.4",
    "netscape_server_gated_crypto": "2.16.840.1.113730.4.1",
    "microsoft_efs_recovery": f"{_MICROSOFT}.10.3.4.1",
    "microsoft_kernel_mode_code_signing": f"{_MICROSOFT}.61.1.1",
    "server_auth": f"{_PKIX}.1",
    "ipsec_end_system": f"{_PKIX}.5",
    "ipsec_user": f"{_PKIX}.7",
    "microsoft_smartcard_logon": f"{_MICROSOFT}.20.2.2",
    "email_protection": f"{_PKIX}.4",
    "microsoft_server_gated_crypto": f"{_MICROSOFT}.10.3.3",
    "microsoft_ca_exchange": f"{_MICROSOFT}.21.5",
    "dvcs": f"{_PKIX}.10",
    "any": "2.5.29.37.0",
    "ipsec_tunnel": f"{_PKIX}.6",
    "eap_over_lan": f"{_PKIX}.14",
    "microsoft_enrollment_agent": f"{_MICROSOFT}.20.2.1",
}
_VALIDATION = {  # of the CA/Browser Forum's object registry
    "2.23.140.1.1": "EV",
    "2.23.140.1.3": "EV",
    "2.23.140.1.31": "EV",
    "2.23.140.1.2.2": "OV",
    "2.23.140.1.2.3": "OV",
    "2.23.140.1.2.1": "DV",
    "1.3.6.1.4.1.44947.1.1.1": "DV",
}
_POLICIES, _CPS, _NOTICE = "2.5.29.32", "1.3.6.1.5.5.7.2.1", "1.3.6.1.5.5.7.2.2"
_HOST = r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\.)+[A-Za-z0-9\u00a1-\uffff]+\.?"
_PUBLIC = re.compile(rf"(?:(?:ftp|tcp|udp|wss?|https?)://)?{_HOST}(?::\d{{1,5}})?(?:[/?#]\S*)?")


def extensions(given: Iterable[ExtensionField]) -> dict[str, Any]:
    """Give the members of those that have some, in step's order."""
    found: dict[str, Any] = {}
    for each in given:
        if each.oid in _MEMBERS:
            member, render = _MEMBERS[each.oid]
            try:
                found[member] = render(each.value)
            except FormatError:
                found[member] = None
    return {member: found[member] for member, _ in _MEMBERS.values() if member in found}


def unknown_extension(extension: ExtensionField) -> dict[str, Any] | None:
    """Give one that has no member of its own."""
    return None if extension.oid in _MEMBERS else raw_extension(extension)


def raw_extension(extension: ExtensionField) -> dict[str, Any]:
    """Give an extension in octets."""
    shown: dict[str, Any] = {"id": extension.oid, "critical": extension.critical}
    return shown | ({"value": _base64(extension.value)} if extension.value else {})


def public_names(fields: CertificateFields) -> list[str]:
    """Give the names that look like addresses on a public network, each once."""
    names = general_names.of_extension(fields.extension("2.5.29.17"))
    found = [name for name in (common_name(fields.subject),) if _is_public(name)]
    found += [name for name in names.dns if _is_public(name) or "." not in name]
    found += [name for name in (*names.uris, *names.addresses) if _PUBLIC.fullmatch(name)]
    return list(dict.fromkeys(found))


def validation_level(fields: CertificateFields) -> str:
    """Say how carefully the subject was looked at, by the policies that are known for it."""
    extension = fields.extension(_POLICIES)
    try:
        parts = der.items(extension.value) if extension else []
        known = {_VALIDATION.get(der.read_oid(der.first(part))) for part in parts}
    except FormatError:
        return "unknown"
    return next((level for level in ("EV", "OV", "DV") if level in known), "unknown")


def _is_public(name: str) -> bool:
    return _PUBLIC.fullmatch(re.sub(r"^([?*]\.)+", "", name)) is not None


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _present(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value}


def _key_usage(value: bytes) -> dict[str, Any]:
    bits = read.key_usages(value)
    named: dict[str, Any] = {KEY_USAGES[bit].lower().replace(" ", "_"): True for bit in bits}
    return named | {"value": sum(1 << bit for bit in bits)}


def _basic_constraints(value: bytes) -> dict[str, Any]:
    is_authority, length = read.basic_constraints(value)
    limit = {} if length is None or length < 0 else {"max_path_len": length}
    return {"is_ca": is_authority, **limit}


def _general_names(value: bytes) -> dict[str, Any]:
    found = general_names.read(value)
    return _present(
        {
            "directory_names": [json_name(name) for name in found.directory],
            "dns_names": found.dns,
            "email_addresses": found.emails,
            "ip_addresses": found.addresses,
            "other_names": [{"id": oid, "value": _base64(der_)} for oid, der_ in found.others],
            "registered_ids": found.registered,
            "uniform_resource_identifiers": found.uris,
        }
    )


def _name_constraints(value: bytes) -> dict[str, Any]:
    shown: dict[str, Any] = {"critical": False}  # step leaves it so
    for side, subtrees in zip(("permitted", "excluded"), read.subtrees(value), strict=True):
        kinds = {
            "names": subtrees.get("DNS"),
            "email_addresses": subtrees.get("Email"),
            "ip_addresses": [_network(each) for each in subtrees.get("IP Range", [])],
        }
        shown |= {f"{side}_{kind}": names for kind, names in kinds.items() if names}
    return shown


def _network(text: str) -> dict[str, str]:
    network = ipaddress.ip_network(text)
    return {
        "cidr": text,
        "begin": str(network.network_address),
        "end": str(network.broadcast_address),
        "mask": str(network.netmask),
    }


def _purposes(value: bytes) -> dict[str, Any]:
    given = read.identifiers(value)
    known: dict[str, Any] = {name: True for name, oid in _PURPOSES.items() if oid in given}
    unknown = [oid for oid in given if oid not in _PURPOSES.values()]
    return known | _present({"unknown": unknown})


def _policies(value: bytes) -> list[dict[str, Any]]:
    shown = []
    for policy in der.items(value):
        identifier, more = der.first(policy), der.children(policy)[1:]
        qualifiers = [der.exactly(each, 2) for part in more for each in der.children(part)]
        cps = [x509_fields.string(body) for kind, body in qualifiers if der.read_oid(kind) == _CPS]
        notices = [
            {"explicit_text": x509_fields.string(part)}
            for kind, body in qualifiers
            if der.read_oid(kind) == _NOTICE
            for part in der.children(body)
            if part.tag != der.SEQUENCE
        ]
        shown.append(_present({"id": der.read_oid(identifier), "cps": cps, "user_notice": notices}))
    return shown


def _authority_access(value: bytes) -> dict[str, Any]:
    responders, issuers = read.access_locations(value)
    return _present({"ocsp_urls": responders, "issuer_urls": issuers})


def _timestamps(value: bytes) -> list[dict[str, Any]]:
    return [
        {
            "version": each.version,
            "log_id": _base64(each.log_id),
            "timestamp": each.milliseconds // 1000,
            "signature": _base64(each.signed),
        }
        for each in read_timestamps(value)
    ]


def _step_provisioner(value: bytes) -> dict[str, str]:
    kind, name, credential, pairs = read.step_provisioner(value)
    # step's JSON knows the first eight types only
    known = PROVISIONERS[kind] if 0 < kind <= PROVISIONERS.index("K8sSA") else None
    members = {"type": known or f"Unknown ({kind:#x})", "name": name}
    if credential:
        members["credentialID"] = credential
    members |= {key[:1].lower() + key[1:]: text for key, text in pairs}
    return dict(sorted(members.items()))


_MEMBERS: Mapping[str, tuple[str, Callable[[bytes], Any]]] = {
    "2.5.29.15": ("key_usage", _key_usage),
    "2.5.29.19": ("basic_constraints", _basic_constraints),
    "2.5.29.17": ("subject_alt_name", _general_names),
    "2.5.29.18": ("issuer_alt_name", _general_names),
    "2.5.29.30": ("name_constraints", _name_constraints),
    "2.5.29.31": ("crl_distribution_points", read.distribution_points),
    "2.5.29.35": ("authority_key_id", lambda value: read.authority_key_id(value).hex()),
    "2.5.29.14": ("subject_key_id", lambda value: read.key_id(value).hex()),
    "2.5.29.37": ("extended_key_usage", _purposes),
    _POLICIES: ("certificate_policies", _policies),
    "1.3.6.1.5.5.7.1.1": ("authority_info_access", _authority_access),
    "1.3.6.1.4.1.11129.2.4.3": ("ct_poison", lambda _: True),
    "1.3.6.1.4.1.11129.2.4.2": ("signed_certificate_timestamps", _timestamps),
    "1.3.6.1.4.1.37476.9000.64.1": ("step_provisioner", _step_provisioner),
}
