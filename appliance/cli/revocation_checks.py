"""What `hearth certificate verify` asks revocation lists and OCSP responders."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import click

from appliance.cli.clock import SystemClock
from appliance.cli.files import read_file
from appliance.client import downloads
from appliance.formats import crl, extension_values, ocsp, pem, x509_fields
from appliance.formats.ocsp import Status
from appliance.issuance import revocation_checks
from appliance.issuance.pointers import AUTHORITY_INFO_ACCESS, CRL_DISTRIBUTION_POINTS
from appliance.model.errors import BadRequest, FormatError, Unauthorized, Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A certificate, who issued it (both DER), and how to ask. `roots` None: the system's."""

    certificate: bytes
    issuer: bytes
    roots: list[bytes] | None
    verbose: bool
    check_signature: bool = True


def issuing_certificate(file: str) -> bytes:
    """Read the file of `--issuing-ca`. Raises BadRequest."""
    try:
        return pem.certificates(read_file(file))[0]
    except FormatError as error:
        raise BadRequest(f"failed to decode the issuing CA certificate: {file}") from error


def check_lists(question: Question, endpoint: str | None) -> str:
    """Look for the certificate on its list; give what to tell. Raises BadRequest, also if it is."""
    places = [endpoint] if endpoint else _lists(question.certificate)
    if not places:
        raise BadRequest("CRL distribution endpoint not found in certificate")
    return _first_answer(
        question,
        places,
        _look_up,
        otherwise="could not verify certificate against CRL distribution point(s)",
    )


def check_responders(question: Question, endpoint: str | None) -> str:
    """Ask the responder; give what to tell. Raises BadRequest, also unless the answer is good."""
    places = [endpoint] if endpoint else _responders(question.certificate)
    if not places:
        raise BadRequest("no OCSP AIA extension found")
    return _first_answer(
        question, places, _ask, otherwise="could not verify certificate against OCSP server(s)"
    )


def _first_answer(
    question: Question,
    places: Iterable[str],
    look: Callable[[Question, str], str],
    *,
    otherwise: str,
) -> str:
    """Try one place after the other, until one says something that counts."""
    failed = []
    for place in places:
        try:
            return look(question, place)
        except (Unavailable, Unauthorized, FormatError) as error:
            failed.append(f"{place}: {error}")
            if question.verbose:
                click.echo(failed[-1])
    raise BadRequest("\n".join((otherwise, *(() if question.verbose else failed))))


def _look_up(question: Question, place: str) -> str:
    content = crl.decode(downloads.fetch(place, roots=question.roots))
    found = revocation_checks.listed(
        content,
        question.certificate,
        question.issuer if question.check_signature else None,
        SystemClock().now(),
    )
    if found is not None:
        raise BadRequest(f"certificate marked as revoked in CRL {place}")
    return f"certificate not revoked in CRL {place}"


def _ask(question: Question, place: str) -> str:
    asked = revocation_checks.ask_about(question.certificate, question.issuer)
    answer = downloads.post(
        place,
        ocsp.write_request([asked]),
        content_type="application/ocsp-request",
        roots=question.roots,
    )
    state = revocation_checks.answered(answer, asked, question.issuer, SystemClock().now())
    if state.status is Status.REVOKED:
        raise BadRequest(f"certificate has been revoked according to OCSP {place}")
    if state.status is Status.UNKNOWN:
        raise BadRequest(f"certificate status is unknown according to OCSP {place}")
    return f"certificate status is good according OCSP {place}"


def _lists(certificate: bytes) -> list[str]:
    found = x509_fields.certificate(certificate).extension(CRL_DISTRIBUTION_POINTS)
    return extension_values.distribution_points(found.value) if found else []


def _responders(certificate: bytes) -> list[str]:
    found = x509_fields.certificate(certificate).extension(AUTHORITY_INFO_ACCESS)
    return extension_values.access_locations(found.value)[0] if found else []
