"""What extensions hold, read out of their octets (RFC 5280 section 4.2). Raise FormatError."""

import ipaddress

from appliance.formats import der, x509_fields
from appliance.model.errors import FormatError


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
            found.setdefault(der.read_oid(method), []).append(text_of(location))
    return found["1.3.6.1.5.5.7.48.1"], found["1.3.6.1.5.5.7.48.2"]


def distribution_points(value: bytes) -> list[str]:
    """Give the URIs of the lists of revoked certificates. Raises FormatError."""
    return [
        text_of(uri)
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
            _sort_subtree(der.first(subtree), found)
    return sides.get(0xA0, {}), sides.get(0xA1, {})


def step_provisioner(value: bytes) -> tuple[int, str, str, list[tuple[str, str]]]:
    """Give type, name, credential and further pairs. Raises FormatError."""
    parts = der.items(value)
    if len(parts) < 3:
        raise FormatError("a step provisioner extension without its three fields")
    kind, name, credential = parts[:3]
    more = pairs(parts[3]) if len(parts) > 3 else []
    return der.read_integer(kind), _octets(name), _octets(credential), more


def pairs(element: der.Element) -> list[tuple[str, str]]:
    """Read a list of strings as pairs; a last one alone has the value `-`. Raises FormatError."""
    texts = [x509_fields.string(each) or "" for each in der.children(element)]
    return [(key, value) for key, value in zip(texts[::2], [*texts[1::2], "-"], strict=False)]


def text_of(element: der.Element) -> str:
    """Give the content as text, whatever it is."""
    return element.value.decode("utf-8", "replace")


def _sort_subtree(base: der.Element, found: dict[str, list[str]]) -> None:
    kind = {0x81: "Email", 0x82: "DNS", 0x86: "URI"}.get(base.tag)
    if kind is not None:
        found[kind].append(text_of(base))
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


def _octets(element: der.Element) -> str:
    return text_of(der.expect(element, der.OCTET_STRING))
