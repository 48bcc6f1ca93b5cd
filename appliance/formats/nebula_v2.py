"""Nebula certificates of version 2: DER with tags of its own.

The signature covers the very octets of the details, the curve and the key.
"""

import hashlib
import ipaddress
from collections.abc import Iterable, Sequence

from msgspec import structs

from appliance.formats import der
from appliance.formats.der import Element
from appliance.formats.nebula import NebulaCertificate, Network, checked, curve, moment
from appliance.model.errors import FormatError

_LONGEST, _LONGEST_NAME = 65536, 253  # octets
_DETAILS, _CURVE, _PUBLIC_KEY, _SIGNATURE = 0xA0, 0x81, 0x82, 0x83
_NAME, _NETWORKS, _UNSAFE_NETWORKS, _GROUPS = 0x80, 0xA1, 0xA2, 0xA3
_IS_CA, _NOT_BEFORE, _NOT_AFTER, _ISSUER = 0x84, 0x85, 0x86, 0x87


def read(raw: bytes) -> NebulaCertificate:
    """Read a certificate of version 2. Raises FormatError."""
    if len(raw) > _LONGEST:
        raise FormatError("a nebula certificate that is too long")
    envelope = _ordered(der.items(raw), (_DETAILS, _CURVE, _PUBLIC_KEY, _SIGNATURE))
    if not {_DETAILS, _PUBLIC_KEY, _SIGNATURE} <= envelope.keys():
        raise FormatError("a nebula certificate without details, key or signature")
    details = envelope[_DETAILS]
    order = (
        _NAME, _NETWORKS, _UNSAFE_NETWORKS, _GROUPS, _IS_CA, _NOT_BEFORE, _NOT_AFTER, _ISSUER,
    )  # fmt: skip
    fields = _ordered(der.children(details), order)
    kind, public_key = _octet(envelope.get(_CURVE)), envelope[_PUBLIC_KEY].value
    signature = envelope[_SIGNATURE].value
    signed = b"".join((details.raw, bytes((kind,)), public_key))
    return checked(
        NebulaCertificate(
            version=2,
            name=_name(fields.get(_NAME)),
            networks=_networks(fields.get(_NETWORKS)),
            unsafe_networks=_networks(fields.get(_UNSAFE_NETWORKS)),
            groups=_groups(fields.get(_GROUPS)),
            is_ca=_octet(fields.get(_IS_CA)) != 0,
            not_before=moment(_integer(fields.get(_NOT_BEFORE))),
            not_after=moment(_integer(fields.get(_NOT_AFTER))),
            issuer=fields[_ISSUER].value.hex() if _ISSUER in fields else "",
            curve=curve(kind),
            public_key=public_key,
            signature=signature,
            fingerprint=hashlib.sha256(signed + signature).hexdigest(),
            signed=signed,
            raw=raw,
        )
    )


def _ordered(elements: Iterable[Element], order: Sequence[int]) -> dict[int, Element]:
    """Take each tag once and in order; what comes behind the known ones is for later versions."""
    found: dict[int, Element] = {}
    left = list(order)
    for element in elements:
        if element.tag not in left:
            break
        del left[: left.index(element.tag) + 1]
        found[element.tag] = element
    return found


def _name(element: Element | None) -> str:
    if element is None or not 0 < len(element.value) <= _LONGEST_NAME:
        raise FormatError("a nebula certificate without a name, or with one that is too long")
    return _text(element)


def _groups(element: Element | None) -> tuple[str, ...]:
    groups = der.children(element) if element else ()
    return tuple(_text(der.expect(each, der.UTF8_STRING)) for each in groups)


def _text(element: Element) -> str:
    try:
        return element.value.decode()
    except UnicodeDecodeError:
        raise FormatError("a nebula certificate with a text that is not UTF-8") from None


def _networks(element: Element | None) -> tuple[Network, ...]:
    found = [_network(each) for each in (der.children(element) if element else ())]
    if len(set(found)) != len(found):
        raise FormatError("a nebula certificate with the same network twice")
    return tuple(sorted(found, key=_place))


def _network(element: Element) -> Network:
    """Read an address of 4 or 16 octets, and one for the length of its network."""
    value = der.expect(element, der.OCTET_STRING).value
    try:
        return ipaddress.ip_interface((value[:-1], value[-1]))
    except (ValueError, IndexError):
        raise FormatError("a nebula certificate with a network that is none") from None


def _place(network: Network) -> tuple[int, int, int]:
    return network.version, int(network.ip), network.network.prefixlen


def _octet(element: Element | None) -> int:
    if element is None:
        return 0
    if len(element.value) != 1:
        raise FormatError("a nebula certificate with a flag or curve that is not one octet")
    return element.value[0]


def _integer(element: Element | None) -> int:
    if element is None or not 0 < len(element.value) <= 8:
        raise FormatError("a nebula certificate without its dates")
    return der.read_integer(structs.replace(element, tag=der.INTEGER))
