"""The extensions of a templated certificate, in the order and the encoding of Go's crypto/x509.

An entry of `extensions` stands for the one that would be made of other keys (same identifier), and
comes after those that are made.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from appliance.formats import der
from appliance.issuance import certificate_names
from appliance.issuance import extensions as ext
from appliance.issuance.certificate_json import (
    BasicConstraints,
    CertificateJson,
    NameConstraints,
    Subtrees,
)
from appliance.issuance.extensions import Extension
from appliance.model.errors import FormatError

_ACCESS: Final = "1.3.6.1.5.5.7.1.1"
_OCSP, _ISSUERS = "1.3.6.1.5.5.7.48.1", "1.3.6.1.5.5.7.48.2"
_POLICIES, _NAME_CONSTRAINTS, _DISTRIBUTION_POINTS = "2.5.29.32", "2.5.29.30", "2.5.29.31"
_EMAIL, _DNS, _URI, _IP = 1, 2, 6, 7  # GeneralName (RFC 5280 4.2.1.6)


def encode(
    wanted: CertificateJson,
    *,
    public_key_info: bytes,
    authority_key_id: Extension | None,
    subject_empty: bool,
) -> tuple[Extension, ...]:
    """Encode all extensions. Raises FormatError."""
    extra = tuple(raw(wanted))
    replaced = {each.oid for each in extra}
    makers: tuple[tuple[str, Callable[[], Extension | None]], ...] = (
        (ext.KEY_USAGE, lambda: key_usage(wanted)),
        (ext.EXTENDED_KEY_USAGE, lambda: extended_key_usage(wanted)),
        (ext.BASIC_CONSTRAINTS, lambda: basic_constraints(wanted.basic_constraints)),
        (ext.SUBJECT_KEY_ID, lambda: _subject_key_id(wanted, public_key_info)),
        (ext.AUTHORITY_KEY_ID, lambda: authority_key_id),
        (_ACCESS, lambda: _access(wanted)),
        (ext.SUBJECT_ALT_NAME, lambda: _names(wanted, critical=subject_empty)),
        (_POLICIES, lambda: _policies(wanted.policy_identifiers)),
        (_NAME_CONSTRAINTS, lambda: _name_constraints(wanted.name_constraints)),
        (_DISTRIBUTION_POINTS, lambda: _points(wanted.crl_distribution_points)),
    )
    made = (make() for oid, make in makers if oid not in replaced)
    return (*(each for each in made if each is not None), *extra)


def raw(wanted: CertificateJson) -> Iterator[Extension]:
    """Give what is written raw, after the names where only step's form can carry them.

    They are critical when the template's subject is empty, whatever the subject comes to be.
    """
    if certificate_names.needs_step_form(wanted) and not wanted.has_extension(ext.SUBJECT_ALT_NAME):
        empty = certificate_names.encode_name(wanted.subject) == der.sequence()
        value = certificate_names.step_names(wanted)
        yield ext.extension(ext.SUBJECT_ALT_NAME, value, critical=empty)
    for each in wanted.extensions:
        if each.id:
            yield ext.extension(each.id, each.value, critical=each.critical)


def key_usage(wanted: CertificateJson) -> Extension | None:
    """Encode `keyUsage`, if there is any."""
    return ext.key_usage(*wanted.key_usage) if wanted.key_usage else None


def extended_key_usage(wanted: CertificateJson) -> Extension | None:
    """Encode the known and then the unknown purposes, if there are any."""
    usages = (*wanted.ext_key_usage, *wanted.unknown_ext_key_usage)
    if not usages:
        return None
    return ext.extension(ext.EXTENDED_KEY_USAGE, der.sequence(*map(der.oid, usages)))


def basic_constraints(constraints: BasicConstraints | None) -> Extension | None:
    """Encode RFC 5280 4.2.1.9; only a CA has a length, and a negative one is none."""
    if constraints is None:
        return None
    length = constraints.max_path_length
    parts = (der.TRUE, der.integer(length) if length >= 0 else b"") if constraints.is_ca else ()
    return ext.extension(ext.BASIC_CONSTRAINTS, der.sequence(*parts), critical=True)


def _subject_key_id(wanted: CertificateJson, public_key_info: bytes) -> Extension | None:
    """Take what is written, or the usual hash; an empty one leaves it out but for a CA.

    Go then hashes with SHA-256 (RFC 7093 section 2, method 1).
    """
    identifier, constraints = wanted.subject_key_id, wanted.basic_constraints
    if identifier is None:
        identifier = ext.key_id(public_key_info)
    elif not identifier and constraints is not None and constraints.is_ca:
        bits = der.read_bits(der.items(public_key_info)[1])
        identifier = hashlib.sha256(bits).digest()[:20]
    return ext.subject_key_id(identifier) if identifier else None


def _access(wanted: CertificateJson) -> Extension | None:
    located = (
        *((_OCSP, each) for each in wanted.ocsp_server),
        *((_ISSUERS, each) for each in wanted.issuing_certificate_url),
    )
    if not located:
        return None
    access = (der.sequence(der.oid(how), _uri(where)) for how, where in located)
    return ext.extension(_ACCESS, der.sequence(*access))


def _names(wanted: CertificateJson, *, critical: bool) -> Extension | None:
    names = certificate_names.usual_names(wanted)
    return ext.extension(ext.SUBJECT_ALT_NAME, names, critical=critical) if names else None


def _policies(identifiers: Iterable[str]) -> Extension | None:
    policies = [der.sequence(der.oid(oid)) for oid in identifiers]
    return ext.extension(_POLICIES, der.sequence(*policies)) if policies else None


def _points(urls: Iterable[str]) -> Extension | None:
    points = [der.sequence(der.context(0, der.context(0, _uri(url)))) for url in urls]
    return ext.extension(_DISTRIBUTION_POINTS, der.sequence(*points)) if points else None


def _uri(text: str) -> bytes:
    return der.context(_URI, text.encode(), constructed=False)


def _name_constraints(constraints: NameConstraints | None) -> Extension | None:
    """Encode RFC 5280 4.2.1.10, where anything is permitted or excluded."""
    sides = (constraints.permitted, constraints.excluded) if constraints else ()
    encoded = [der.context(number, *_subtrees(side)) for number, side in enumerate(sides) if side]
    if not encoded or constraints is None:
        return None
    return ext.extension(_NAME_CONSTRAINTS, der.sequence(*encoded), critical=constraints.critical)


def _subtrees(side: Subtrees) -> Iterator[bytes]:
    yield from _bases(_DNS, side.dns)
    for network in side.addresses:
        octets = network.network_address.packed + network.netmask.packed
        yield der.sequence(der.context(_IP, octets, constructed=False))
    yield from _bases(_EMAIL, side.emails)
    yield from _bases(_URI, side.uris)


def _bases(tag: int, texts: Sequence[str]) -> Iterator[bytes]:
    for text in texts:
        if not text.isascii():
            raise FormatError(f"name constraints cannot hold {text[:80]!r}: use its ASCII form")
        yield der.sequence(der.context(tag, text.encode(), constructed=False))
