"""`options.acme.profiles` of a provisioner of type ACME, and which is taken where none is asked."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from appliance.config import certificate_templates, claims
from appliance.config.claims import Span
from appliance.config.document import Document
from appliance.config.schema import AcmeOptions, AcmeProfile, Options
from appliance.formats import goduration
from appliance.issuance.acme.profiles import NO_PROFILES, Profile, Profiles, Purpose

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHORT: Final = timedelta(hours=144)

_PURPOSES: Final = {"server": Purpose.SERVER, "device": Purpose.CLIENT}
_DESCRIPTIONS: Final = {
    "short-lived": "certificates that end soon, and are renewed often",
    "server": "certificates for servers alone",
    "device": "certificates for clients alone",
}
"""Names of which we know what they should be, where the configuration does not say it."""


def read(given: Any, allowed: Span, document: Document, place: str) -> Profiles:
    """Read the profiles among the options at `place`; `allowed` is what the claims allow.

    Raises ConfigError, for keys that nobody knows too.
    """
    written = None if given is None else document.read(Options, given, place).acme
    if written is None or not written.profiles:
        if written is not None and written.default_profile:
            raise document.wrong("there are no profiles", f"{place}.acme.defaultProfile")
        return NO_PROFILES
    return _profiles(written, written.profiles, allowed, document, f"{place}.acme")


def _profiles(
    written: AcmeOptions,
    profiles: Mapping[str, Any],
    allowed: Span,
    document: Document,
    place: str,
) -> Profiles:
    found = {}
    for name, each in profiles.items():
        where = f"{place}.profiles.{name}"
        if not _NAME.fullmatch(name):
            raise document.wrong("a name must be of letters, digits, '.', '_' and '-'", where)
        if not isinstance(each, Mapping):
            raise document.wrong("must be an object in braces", where)
        found[name] = _profile(name, _read(each, document, where), allowed, document, where)
    if written.default_profile and written.default_profile not in found:
        raise document.wrong(
            f"'{written.default_profile}' is none of the profiles {', '.join(found)}",
            f"{place}.defaultProfile",
        )
    return Profiles(listed=found, default=written.default_profile)


def _read(given: Mapping[str, Any], document: Document, place: str) -> AcmeProfile:
    before = len(document.unknown)
    written = document.read(AcmeProfile, dict(given), place)
    if len(document.unknown) > before:
        known = ", ".join(AcmeProfile.__struct_encode_fields__)
        raise document.wrong(f"nobody knows this key: use {known}", document.unknown[before])
    return written


def _profile(
    name: str, written: AcmeProfile, allowed: Span, document: Document, place: str
) -> Profile:
    template, data = certificate_templates.read(written)
    if template is not None and template.problem:
        raise document.wrong(template.problem, f"{place}.template")
    return Profile(
        description=written.description or _DESCRIPTIONS.get(name, name),
        purpose=_purpose(name, written, document, place),
        template=template,
        template_data=data,
        lifetime=_lifetime(name, written, allowed, document, place),
        issuer=written.issuer,
    )


def _purpose(name: str, written: AcmeProfile, document: Document, place: str) -> Purpose | None:
    has_template = bool(written.template or written.template_file)
    if not written.purpose:
        return None if has_template else _PURPOSES.get(name)
    if has_template:
        raise document.wrong("cannot be beside a template, which says it", f"{place}.purpose")
    try:
        return Purpose(written.purpose.lower())
    except ValueError:
        raise document.wrong(
            f"must be one of {', '.join(Purpose)}, not '{written.purpose}'", f"{place}.purpose"
        ) from None


def _lifetime(
    name: str, written: AcmeProfile, allowed: Span, document: Document, place: str
) -> timedelta | None:
    if not written.lifetime:
        short = max(allowed.shortest, min(_SHORT, allowed.longest))
        return short if name == "short-lived" else None
    lifetime = claims.duration(written.lifetime, document, f"{place}.lifetime")
    if not allowed.shortest <= lifetime <= allowed.longest:
        least, most = map(goduration.format_duration, (allowed.shortest, allowed.longest))
        raise document.wrong(
            f"{written.lifetime} is not within minTLSCertDuration ({least}) and "
            f"maxTLSCertDuration ({most}) of the provisioner",
            f"{place}.lifetime",
        )
    return lifetime
