"""`authority.provisioners`: each entry read by its type, with its claims completed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from msgspec.structs import fields

from appliance.config import acme_options, acme_profiles, entry_checks, listing, options
from appliance.config.claims import Inherited, inherit
from appliance.config.document import Document
from appliance.config.entries import NOT_YET, SHAPES, Entry, Kind, SshPop
from appliance.config.settings import ProvisionerSettings
from appliance.issuance.profiles import DEFAULT_PROFILE
from appliance.issuance.ssh.profiles import DEFAULT_SSH_PROFILE
from appliance.model.errors import FormatError

_PLACE: Final = "authority.provisioners"
_LINE_ENDS: Final = str.maketrans("", "", "\r\n")  # which Go's base64 passes over


def read(
    entries: list[Any] | None,
    above: Inherited,
    backdate: timedelta,
    document: Document,
    warnings: list[str],
) -> tuple[ProvisionerSettings, ...]:
    """Read all entries. Raises ConfigError for wrong types and for what is not honoured yet."""
    found = []
    for index, entry in enumerate(entries or []):
        place = f"{_PLACE}[{index}]"
        if not isinstance(entry, Mapping):
            raise document.wrong("must be an object in braces", place)
        kind, disabled = _kind(entry, document, place)
        if kind not in SHAPES:
            if not disabled:
                _refuse(kind, document, place)
            warnings.append(f"{place}: provisioners of type '{kind}' are not known; it is skipped")
            continue
        rest = {key: value for key, value in entry.items() if key.lower() != "disabled"}
        settings = _settings(kind, rest, above, backdate, document, place)
        settings = replace(settings, disabled=disabled)
        found.append(settings)
        warnings += acme_options.warnings(settings.type, settings.entry, place)
        for name, template in (
            ("x509", settings.profile.template),
            ("ssh", settings.ssh_profile.template),
        ):
            if template is not None and template.problem:
                problem = f"{place}.options.{name}: {template.problem}"
                warnings.append(f"{problem}; it issues no certificates")
    if sum(each.type == "K8sSA" for each in found) > 1:
        raise document.wrong("there can be one provisioner of type K8sSA only", _PLACE)
    return tuple(found)


def _kind(entry: Mapping[str, Any], document: Document, place: str) -> tuple[str, bool]:
    """Give the type in step-ca's spelling, or as written when nobody knows it, and if it is off."""
    only = {key: value for key, value in entry.items() if key.lower() in ("type", "disabled")}
    written = document.read(Kind, only, place)
    spelling = {each.lower(): each for each in (*SHAPES, *NOT_YET)}
    return spelling.get(written.type.lower(), written.type), written.disabled


def _refuse(kind: str, document: Document, place: str) -> None:
    if kind in NOT_YET:
        raise document.wrong(
            f"provisioners of type {kind} are not supported by this version: remove "
            f"the entry, or keep this configuration on step-ca (supported: {', '.join(SHAPES)})",
            place,
        )


def _settings(
    kind: str,
    entry: Mapping[str, Any],
    above: Inherited,
    backdate: timedelta,
    document: Document,
    place: str,
) -> ProvisionerSettings:
    written = document.read(SHAPES[kind], _unfolded(entry, SHAPES[kind]), place)
    given = None if isinstance(written, SshPop) else written.options
    profile, ssh_profile, unusable = DEFAULT_PROFILE, DEFAULT_SSH_PROFILE, ""
    try:
        profile = options.read(given, document, f"{place}.options")
        ssh_profile = options.read_ssh(given, document, f"{place}.options")
    except FormatError as error:
        unusable = error.public
    claims = inherit(above, written.claims, document, f"{place}.claims")
    contradiction = claims.problem()
    allowed = above.tls if contradiction else claims.tls
    return ProvisionerSettings(
        type=kind,
        name=written.name,
        claims=(above if contradiction else claims).settings(backdate),
        entry=listing.entry(written, document, place),
        profile=profile,
        ssh_profile=ssh_profile,
        checks=acme_options.read(given, document, f"{place}.options"),
        acme_profiles=acme_profiles.read(given, allowed, document, f"{place}.options"),
        problem=_problem(written, contradiction) or unusable,
    )


def _problem(written: Entry, contradiction: str) -> str:
    """Say what is wrong with it, in the order in which step-ca looks."""
    if not written.name:
        return "its name is missing"
    return entry_checks.problem(written) or (contradiction and f"claims: {contradiction}")


def _unfolded(entry: Mapping[str, Any], shape: type[Entry]) -> Mapping[str, Any]:
    """Take the line ends out of base64."""
    encoded = {each.encode_name.lower() for each in fields(shape) if "bytes" in str(each.type)}
    return {
        name: value.translate(_LINE_ENDS)
        if name.lower() in encoded and isinstance(value, str)
        else value
        for name, value in entry.items()
    }
