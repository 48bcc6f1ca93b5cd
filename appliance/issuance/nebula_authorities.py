"""Does a Nebula certificate come from one of our Nebula CAs, and within what that may grant?"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from appliance.formats.nebula import NebulaCertificate, Network
from appliance.model.errors import FormatError, Unauthorized


class NebulaAuthorities:
    """CA certificates, found by their fingerprints."""

    def __init__(self, certificates: Iterable[NebulaCertificate]) -> None:
        """Take them. Raises FormatError for one that is no CA's or not signed by itself."""
        self._by_fingerprint: dict[str, NebulaCertificate] = {}
        for each in certificates:
            if not each.is_ca:
                raise FormatError(f"'{each.name}' is not the certificate of a Nebula CA")
            if not each.is_signed_by(each):
                raise FormatError(f"'{each.name}' is not signed by itself")
            self._by_fingerprint[each.fingerprint] = each

    def verify(self, certificate: NebulaCertificate, now: datetime) -> None:
        """Let a certificate pass that one of them issued. Raises Unauthorized."""
        authority = self._by_fingerprint.get(certificate.issuer)
        if authority is None:
            raise Unauthorized("the nebula certificate is of another CA")
        for each in (authority, certificate):
            if not each.not_before <= now <= each.not_after:
                raise Unauthorized(
                    "a nebula certificate has expired, or is not valid yet",
                    detail=f"'{each.name}': {each.not_before:%FT%TZ} to {each.not_after:%FT%TZ}",
                )
        if not certificate.is_signed_by(authority):
            raise Unauthorized("the nebula certificate is not signed by its CA")
        if problem := _excess(certificate, authority):
            raise Unauthorized("the nebula CA may not issue such a certificate", detail=problem)


def _excess(certificate: NebulaCertificate, authority: NebulaCertificate) -> str:
    """Say in what a certificate goes beyond its CA's; what a CA does not name it leaves open."""
    if certificate.not_after > authority.not_after or certificate.not_before < authority.not_before:
        return "its dates are outside of those of the CA"
    if authority.groups and not set(certificate.groups) <= set(authority.groups):
        return "it has a group that the CA does not have"
    if not _are_within(certificate.networks, authority.networks):
        return "it has an address outside of the CA's networks"
    if not _are_within(certificate.unsafe_networks, authority.unsafe_networks):
        return "it routes a network outside of the CA's"
    return ""


def _are_within(inner: Sequence[Network], outer: Sequence[Network]) -> bool:
    return not outer or all(any(_is_within(each, other) for other in outer) for each in inner)


def _is_within(inner: Network, outer: Network) -> bool:
    return (
        inner.version == outer.version
        and inner.network.prefixlen >= outer.network.prefixlen
        and inner.ip in outer.network
    )
