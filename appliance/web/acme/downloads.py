"""Certificates as clients fetch them: with their chain, or another one (RFC 8555 7.4.2)."""

from collections.abc import Sequence
from typing import Final

from appliance.authority.acme.problems import not_found
from appliance.authority.acme.records import CertificateRow
from appliance.web.acme.answering import Headers, link
from appliance.web.acme.links import Links
from appliance.web.http import Response

CHAIN: Final = "application/pem-certificate-chain"


def chain(
    row: CertificateRow,
    alternates: Sequence[bytes],
    number: str | None,
    links: Links,
    headers: Headers,
) -> Response:
    """Give a certificate by its usual chain, or by the alternate of a number, linked to the others.

    Raises AcmeError for a number without a chain.
    """
    chains = (row.intermediates, *alternates)
    urls = [
        links.certificate(row.id),
        *(links.alternate(row.id, each + 1) for each in range(len(alternates))),
    ]
    chosen = 0 if number is None else _index(number, len(chains))
    others = (link(url, "alternate") for place, url in enumerate(urls) if place != chosen)
    return Response(body=row.leaf + chains[chosen], content_type=CHAIN, headers=(*headers, *others))


def _index(number: str, count: int) -> int:
    known = {str(each): each for each in range(1, count)}
    if number not in known:
        raise not_found("chain of the certificate")
    return known[number]
