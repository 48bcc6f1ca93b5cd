"""What step-ca would do and this version would not: named at start, never silently skipped."""

from collections.abc import Iterator
from typing import Final

from appliance.config.document import Document, is_off
from appliance.config.schema import Authority, CaJson

_LATER: Final = "is not supported by this version"
_RA: Final = ("", "softcas")


def check(written: CaJson, document: Document) -> None:
    """Raise ConfigError for the first thing that is asked for and not there."""
    for place, problem in _found(written):
        raise document.wrong(problem, place)


def _found(written: CaJson) -> Iterator[tuple[str, str]]:
    if not is_off(written.monitoring):
        yield "monitoring", f"monitoring by New Relic {_LATER}: remove the key"
    if written.authority is not None:
        yield from _authority(written.authority)


def _authority(authority: Authority) -> Iterator[tuple[str, str]]:
    if authority.type.lower() not in _RA:
        yield (
            "authority.type",
            f"being a registration authority ('{authority.type}') {_LATER}: "
            "only issuing with an own intermediate (softcas) is",
        )
    if authority.deployment_type.lower() not in ("", "standalone"):
        yield (
            "authority.deploymentType",
            f"'{authority.deployment_type}' belongs to smallstep's hosted service; "
            "this is a standalone certificate authority: remove the key",
        )
    if authority.enable_admin:
        yield (
            "authority.enableAdmin",
            f"the admin API {_LATER}: set it to false and list the provisioners in ca.json",
        )
