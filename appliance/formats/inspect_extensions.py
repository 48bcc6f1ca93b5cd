"""Extensions as lines of text, in step's words; what has no words is shown as far as printable."""

from collections.abc import Callable, Iterable, Mapping

from appliance.formats import der, general_names, x509_fields
from appliance.formats import extension_values as read
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


def _shown(extension: ExtensionField, title: str, render: _Renderer) -> list[str]:
    try:
        body = render(extension.value)
    except FormatError:
        body = ["failed to decode"]
    mark = " critical" if extension.critical else ""
    return [f"{'':12}{title}:{mark}", *(f"{'':16}{line}" for line in body)]


def _joined(title: str, values: Iterable[str], separator: str = ", ") -> list[str]:
    found = list(values)
    return [title + separator.join(found)] if found else []


# ---- one function for each extension that has words


def _key_usage(value: bytes) -> list[str]:
    return [", ".join(KEY_USAGES[bit] for bit in read.key_usages(value)) or "None"]


def _basic_constraints(value: bytes) -> list[str]:
    is_authority, length = read.basic_constraints(value)
    limit = "" if length is None or length < 0 else f", pathlen:{length}"
    return [f"CA:{'TRUE' if is_authority else 'FALSE'}{limit}"]


def _purposes(value: bytes) -> list[str]:
    known, unknown = [], []
    for oid in read.identifiers(value):
        if oid in PURPOSES or oid in VENDOR_PURPOSES:
            known.append(PURPOSES.get(oid, "UNKNOWN"))
        else:
            unknown.append(ENDORSEMENT[1] if oid == ENDORSEMENT[0] else oid)
    return _joined("", known + unknown)


def _requested_purposes(value: bytes) -> list[str]:
    words = {**PURPOSES, **VENDOR_PURPOSES, ENDORSEMENT[0]: ENDORSEMENT[1]}
    return _joined("", (words.get(oid, f"UNKNOWN({oid})") for oid in read.identifiers(value)))


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
                return f"UPN: {read.text_of(der.expect(value, der.UTF8_STRING))}"
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
            line = f"Permanent Identifier: {read.text_of(part)}"
        elif part.tag == der.OBJECT_IDENTIFIER:
            line += f", Assigner: {der.read_oid(part)}"
    return line


def _name_constraints(value: bytes) -> list[str]:
    lines = []
    for title, side in zip(("Permitted:", "Excluded:"), read.subtrees(value), strict=True):
        shown = [line for kind, each in side.items() for line in _joined(f"  {kind}: ", each)]
        lines += [title, *shown] if shown else []
    return lines


def _requested_name_constraints(value: bytes) -> list[str]:
    permitted, _ = read.subtrees(value)
    return [
        line for shown in _joined("  ", permitted.get("DNS", [])) for line in ("Permitted:", shown)
    ]


def _distribution_points(value: bytes) -> list[str]:
    shown = _joined("  URI:", read.distribution_points(value), ", URI:")
    return ["Full Name:", *shown] if shown else []


def _policies(value: bytes) -> list[str]:
    return [f"Policy: {der.read_oid(der.first(each))}" for each in der.items(value)]


def _authority_access(value: bytes) -> list[str]:
    responders, issuers = read.access_locations(value)
    return [
        *_joined("OCSP - URI:", responders, ",URI:"),
        *_joined("CA Issuers - URI:", issuers, ",URI:"),
    ]


def _comment(value: bytes) -> list[str]:
    return [x509_fields.string(der.read(value)) or ""]


def _step_provisioner(value: bytes) -> list[str]:
    kind, name, credential, pairs = read.step_provisioner(value)
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
            lines += [f"{key}: {text}" for key, text in read.pairs(part)]
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
        lambda value: [read.key_id(value).hex(":").upper()],
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
        lambda value: [read.authority_key_id(value).hex(":").upper()],
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
