"""Extensions as lines of text, in step's words; what has no words is shown as far as printable."""

import ipaddress
from collections.abc import Callable, Iterable, Mapping

from appliance.formats import der, general_names, x509_fields
from appliance.formats.inspect_names import (
    ENDORSEMENT,
    ENDPOINTS,
    KEY_USAGES,
    PROVISIONERS,
    PURPOSES,
    VENDOR_PURPOSES,
)
from appliance.formats.inspect_timestamps import timestamps
from appliance.formats.x509_fields import ExtensionField
from appliance.model.errors import FormatError

_Renderer = Callable[[bytes], list[str]]


def certificate_extension(extension: ExtensionField) -> list[str]:
    """Give the lines of one extension of a certificate."""
    if extension.oid in _IN_CERTIFICATES:
        return _shown(extension, *_IN_CERTIFICATES[extension.oid])
    if extension.oid.startswith("2.5.29."):
        return [f"Unknown extension {extension.oid}"]
    return _shown(extension, extension.oid, lambda value: [printable(value)])


def request_extension(extension: ExtensionField) -> list[str] | None:
    """Give the lines of one extension that a request asks for; None for those without words."""
    known = _IN_REQUESTS.get(extension.oid)
    return None if known is None else _shown(extension, *known)


def request_attribute(extension: ExtensionField) -> list[str]:
    """Give the lines of an extension without words, in octets where it is not all text."""

    def render(value: bytes) -> list[str]:
        text = printable(value)
        plain = text.encode("utf-8") == value
        return [text] if plain else [text, value.hex(":")]

    return _shown(extension, extension.oid, render)


def printable(octets: bytes) -> str:
    """Put a dot in the place of everything that a terminal should not get."""
    text = octets.decode("utf-8", "surrogateescape")
    return "".join(each if each.isprintable() and each != "\ufffd" else "." for each in text)


def key_usages(value: bytes) -> list[int]:
    """Give the numbers of the bits that are set, 0 to 8. Raises FormatError."""
    bits = der.expect(der.read(value), der.BIT_STRING).value
    if not bits or bits[0] > 7:
        raise FormatError("DER: a broken BIT STRING")
    return [n for n in range(9) if len(bits) > n // 8 + 1 and bits[n // 8 + 1] & 0x80 >> n % 8]


def identifiers(value: bytes) -> list[str]:
    """Read a SEQUENCE OF OBJECT IDENTIFIER. Raises FormatError."""
    return [der.read_oid(each) for each in der.items(value)]


def basic_constraints(value: bytes) -> tuple[bool, int | None]:
    """Give whether it is a CA, and how many may follow below. Raises FormatError."""
    parts = der.items(value)
    is_authority = bool(parts) and parts[0].raw == der.TRUE
    lengths = [der.read_integer(part) for part in parts if part.tag == der.INTEGER]
    return is_authority, lengths[0] if lengths else None


def authority_key_id(value: bytes) -> bytes:
    """Give the key identifier of an authority key identifier. Raises FormatError."""
    return next((part.value for part in der.items(value) if part.tag == 0x80), b"")


def key_id(value: bytes) -> bytes:
    """Give a subject key identifier. Raises FormatError."""
    return der.expect(der.read(value), der.OCTET_STRING).value


def access_locations(value: bytes) -> tuple[list[str], list[str]]:
    """Give the URIs of OCSP responders and of issuers' certificates. Raises FormatError."""
    found: dict[str, list[str]] = {"1.3.6.1.5.5.7.48.1": [], "1.3.6.1.5.5.7.48.2": []}
    for each in der.items(value):
        method, location = der.exactly(each, 2)
        if location.tag == 0x86:
            found.setdefault(der.read_oid(method), []).append(_text(location))
    return found["1.3.6.1.5.5.7.48.1"], found["1.3.6.1.5.5.7.48.2"]


def distribution_points(value: bytes) -> list[str]:
    """Give the URIs of the lists of revoked certificates. Raises FormatError."""
    return [
        _text(uri)
        for point in der.items(value)
        for where in der.children(point)
        if where.tag == 0xA0
        for full_name in der.children(where)
        if full_name.tag == 0xA0
        for uri in der.children(full_name)
        if uri.tag == 0x86
    ]


def subtrees(value: bytes) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Give the names that are permitted and excluded, by kind. Raises FormatError."""
    sides: dict[int, dict[str, list[str]]] = {}
    for side in der.items(value):
        found = sides.setdefault(side.tag, {"DNS": [], "Email": [], "URI": [], "IP Range": []})
        for subtree in der.children(side):
            base = der.children(subtree)[:1]
            for each in base:
                _sort_subtree(each, found)
    return sides.get(0xA0, {}), sides.get(0xA1, {})


def step_provisioner(value: bytes) -> tuple[int, str, str, list[tuple[str, str]]]:
    """Give type, name, credential and further pairs. Raises FormatError."""
    parts = der.items(value)
    if len(parts) < 3:
        raise FormatError("a step provisioner extension without its three fields")
    kind, name, credential = parts[:3]
    pairs = _pairs(parts[3]) if len(parts) > 3 else []
    return der.read_integer(kind), _octets(name), _octets(credential), pairs


def _shown(extension: ExtensionField, title: str, render: _Renderer) -> list[str]:
    try:
        body = render(extension.value)
    except FormatError:
        body = ["failed to decode"]
    mark = " critical" if extension.critical else ""
    return [f"{'':12}{title}:{mark}", *(f"{'':16}{line}" for line in body)]


def _sort_subtree(base: der.Element, found: dict[str, list[str]]) -> None:
    kind = {0x81: "Email", 0x82: "DNS", 0x86: "URI"}.get(base.tag)
    if kind is not None:
        found[kind].append(_text(base))
    elif base.tag == 0x87:
        half = len(base.value) // 2
        try:
            address, mask = (
                ipaddress.ip_address(each) for each in (base.value[:half], base.value[half:])
            )
            network = ipaddress.ip_network(f"{address}/{_ones(mask.packed)}", strict=False)
        except ValueError:
            raise FormatError("an IP range that is none") from None
        found["IP Range"].append(str(network))


def _ones(mask: bytes) -> int:
    bits = f"{int.from_bytes(mask):0{len(mask) * 8}b}"
    return len(bits.rstrip("0")) if "01" not in bits else -1


def _pairs(element: der.Element) -> list[tuple[str, str]]:
    texts = [x509_fields.string(each) or "" for each in der.children(element)]
    return [(key, value) for key, value in zip(texts[::2], [*texts[1::2], "-"], strict=False)]


def _text(element: der.Element) -> str:
    return element.value.decode("utf-8", "replace")


def _octets(element: der.Element) -> str:
    return _text(der.expect(element, der.OCTET_STRING))


def _joined(title: str, values: Iterable[str], separator: str = ", ") -> list[str]:
    found = list(values)
    return [title + separator.join(found)] if found else []


# ---- one function for each extension that has words


def _key_usage(value: bytes) -> list[str]:
    return [", ".join(KEY_USAGES[bit] for bit in key_usages(value)) or "None"]


def _basic_constraints(value: bytes) -> list[str]:
    is_authority, length = basic_constraints(value)
    limit = "" if length is None or length < 0 else f", pathlen:{length}"
    return [f"CA:{'TRUE' if is_authority else 'FALSE'}{limit}"]


def _purposes(value: bytes) -> list[str]:
    known, unknown = [], []
    for oid in identifiers(value):
        if oid in PURPOSES or oid in VENDOR_PURPOSES:
            known.append(PURPOSES.get(oid, "UNKNOWN"))
        else:
            unknown.append(ENDORSEMENT[1] if oid == ENDORSEMENT[0] else oid)
    return _joined("", known + unknown)


def _requested_purposes(value: bytes) -> list[str]:
    words = {**PURPOSES, **VENDOR_PURPOSES, ENDORSEMENT[0]: ENDORSEMENT[1]}
    return _joined("", (words.get(oid, f"UNKNOWN({oid})") for oid in identifiers(value)))


def _subject_alt_name(value: bytes) -> list[str]:
    found = general_names.read(value)
    groups = (
        ("DNS:", found.dns),
        ("email:", found.emails),
        ("IP Address:", found.addresses),
        ("URI:", found.uris),
    )
    lines = [line for kind, each in groups for line in _joined(kind, each, f", {kind}")]
    lines += [_other_name(oid, octets) for oid, octets in found.others]
    tpm = {"2.23.133.2.1": "Manufacturer", "2.23.133.2.2": "Model", "2.23.133.2.3": "Version"}
    return lines + [
        f"TPM {tpm[oid]}: {text}" for name in found.directory for oid, text in name if oid in tpm
    ]


def _other_name(oid: str, octets: bytes) -> str:
    try:
        value = der.read(octets)
        match oid:
            case "1.3.6.1.5.5.7.8.3":
                return _permanent_identifier(value)
            case "1.3.6.1.5.5.7.8.4":
                kind, number = der.exactly(value, 2)
                shown = printable(number.value)
                return f"Hardware Module Name: Type: {der.read_oid(kind)}, Serial Number: {shown}"
            case "1.3.6.1.4.1.311.20.2.3":
                return f"UPN: {_text(der.expect(value, der.UTF8_STRING))}"
            case "1.3.6.1.4.1.57264.1.7":
                return f"Sigstore Identity: {x509_fields.string(value)}"
            case _:
                pass
    except FormatError:
        pass
    return f"OtherName: Type: {oid}, Value: 0x{octets.hex()}"


def _permanent_identifier(value: der.Element) -> str:
    """RFC 4043: both parts are optional."""
    line = ""
    for part in der.children(value):
        if part.tag == der.UTF8_STRING:
            line = f"Permanent Identifier: {_text(part)}"
        elif part.tag == der.OBJECT_IDENTIFIER:
            line += f", Assigner: {der.read_oid(part)}"
    return line


def _name_constraints(value: bytes) -> list[str]:
    lines = []
    for title, side in zip(("Permitted:", "Excluded:"), subtrees(value), strict=True):
        shown = [line for kind, each in side.items() for line in _joined(f"  {kind}: ", each)]
        lines += [title, *shown] if shown else []
    return lines


def _requested_name_constraints(value: bytes) -> list[str]:
    permitted, _ = subtrees(value)
    return [
        line for shown in _joined("  ", permitted.get("DNS", [])) for line in ("Permitted:", shown)
    ]


def _distribution_points(value: bytes) -> list[str]:
    shown = _joined("  URI:", distribution_points(value), ", URI:")
    return ["Full Name:", *shown] if shown else []


def _policies(value: bytes) -> list[str]:
    return [f"Policy: {der.read_oid(der.first(each))}" for each in der.items(value)]


def _authority_access(value: bytes) -> list[str]:
    responders, issuers = access_locations(value)
    return [
        *_joined("OCSP - URI:", responders, ",URI:"),
        *_joined("CA Issuers - URI:", issuers, ",URI:"),
    ]


def _comment(value: bytes) -> list[str]:
    return [x509_fields.string(der.read(value)) or ""]


def _step_provisioner(value: bytes) -> list[str]:
    kind, name, credential, pairs = step_provisioner(value)
    known = PROVISIONERS[kind] if 0 <= kind < len(PROVISIONERS) else f"{kind} (unknown)"
    lines = [f"Type: {known}", f"Name: {name}"]
    if credential:
        lines.append(f"CredentialID: {credential}")
    return lines + [f"{key}: {text}" for key, text in pairs]


def _step_authority(value: bytes) -> list[str]:
    kind, rest = der.first(der.read(value)), der.items(value)[1:]
    lines = [f"Type: {x509_fields.string(kind)}"]
    for part in rest:
        if part.tag == der.SEQUENCE:
            lines += [f"{key}: {text}" for key, text in _pairs(part)]
        else:
            lines.append(f"CertificateID: {x509_fields.string(part)}")
    return lines


def _step_endpoint(value: bytes) -> list[str]:
    kind, endpoint = der.exactly(der.read(value), 2)
    number = der.read_integer(kind)
    known = ENDPOINTS[number] if 0 <= number < len(ENDPOINTS) else f"{number} (unknown)"
    return [f"Kind: {known}", f"EndpointID: {x509_fields.string(endpoint)}"]


def _step_device(value: bytes) -> list[str]:
    return [f"DeviceID: {x509_fields.string(der.first(der.read(value)))}"]


def _yubikey_policy(value: bytes) -> list[str]:
    words = (
        ("PIN", {1: "never", 2: "once per session", 3: "always"}),
        ("Touch", {1: "never", 2: "always", 3: "once per session"}),
    )
    return [
        f"{kind} policy: {known.get(octet, f'unknown (0x{octet:02x})')}"
        for (kind, known), octet in zip(words, value, strict=False)
    ] or ["unknown"]


def _yubikey_form(value: bytes) -> list[str]:
    forms = {
        1: "USB-A Keychain",
        2: "USB-A Nano",
        3: "USB-C Keychain",
        4: "USB-C Nano",
        5: "Lightning or USB-C",
    }
    if not value:
        return ["unknown"]
    fips = value[0] & 0x80  # set on keys with a FIPS certificate
    form = forms.get(value[0] & 0x7F, f"unknown (0x{value[0]:02x})")
    return [form + (" (FIPS)" if fips else "")]


_STEP, _YUBIKEY = "1.3.6.1.4.1.37476.9000.64", "1.3.6.1.4.1.41482.3"
_SIGSTORE = {
    1: "OIDC Issuer",
    2: "GitHub Workflow Trigger",
    3: "GitHub Workflow SHA Hash",
    4: "GitHub Workflow Name",
    5: "GitHub Workflow Repository",
    6: "GitHub Workflow Ref",
}
_SHARED: Mapping[str, tuple[str, _Renderer]] = {
    "2.5.29.14": (
        "X509v3 Subject Key Identifier",
        lambda value: [key_id(value).hex(":").upper()],
    ),
    "2.5.29.15": ("X509v3 Key Usage", _key_usage),
    "2.5.29.17": ("X509v3 Subject Alternative Name", _subject_alt_name),
    "2.5.29.19": ("X509v3 Basic Constraints", _basic_constraints),
}
_IN_REQUESTS: Mapping[str, tuple[str, _Renderer]] = {
    **_SHARED,
    "2.5.29.30": ("X509v3 Name Constraints", _requested_name_constraints),
    "2.5.29.37": ("X509v3 Extended Key Usage", _requested_purposes),
}
_IN_CERTIFICATES: Mapping[str, tuple[str, _Renderer]] = {
    **_SHARED,
    "2.5.29.30": ("X509v3 Name Constraints", _name_constraints),
    "2.5.29.31": ("X509v3 CRL Distribution Points", _distribution_points),
    "2.5.29.32": ("X509v3 Certificate Policies", _policies),
    "2.5.29.35": (
        "X509v3 Authority Key Identifier",
        lambda value: [authority_key_id(value).hex(":").upper()],
    ),
    "2.5.29.37": ("X509v3 Extended Key Usage", _purposes),
    "1.3.6.1.5.5.7.1.1": ("Authority Information Access", _authority_access),
    "2.16.840.1.113730.1.13": ("Netscape Comment", _comment),
    f"{_STEP}.1": ("X509v3 Step Provisioner", _step_provisioner),
    f"{_STEP}.2": ("X509v3 Step Registration Authority", _step_authority),
    f"{_STEP}.3": ("X509v3 Step Managed Endpoint", _step_endpoint),
    f"{_STEP}.4": ("X509v3 Step Managed Device", _step_device),
    "1.3.6.1.4.1.11129.2.4.2": ("RFC6962 Certificate Transparency SCT", timestamps),
    f"{_YUBIKEY}.3": (
        "X509v3 YubiKey Firmware Version",
        lambda value: [".".join(map(str, value)) or "unknown"],
    ),
    f"{_YUBIKEY}.7": (
        "X509v3 YubiKey Serial Number",
        lambda value: [str(der.read_integer(der.read(value)))],
    ),
    f"{_YUBIKEY}.8": ("X509v3 YubiKey Policy", _yubikey_policy),
    f"{_YUBIKEY}.9": ("X509v3 YubiKey Formfactor", _yubikey_form),
    f"{_YUBIKEY}.10": ("X509v3 YubiKey Certification", lambda _: ["FIPS Certified"]),
    f"{_YUBIKEY}.11": ("X509v3 YubiKey Certification", lambda _: ["CSPN Certified"]),
    **{
        f"1.3.6.1.4.1.57264.1.{number}": (f"Sigstore {title}", lambda value: [printable(value)])
        for number, title in _SIGSTORE.items()
    },
}
