"""`hearth crl inspect`: what a revocation list says, and whether it is valid."""

from collections.abc import Iterable
from datetime import datetime

import click

from appliance.cli.certificate_sources import certificates_of, read_roots, server
from appliance.cli.clock import SystemClock
from appliance.cli.command import StepCommand
from appliance.cli.files import read_file
from appliance.cli.online import required
from appliance.client import downloads
from appliance.formats import crl, extension_values, inspect_crl, inspect_json, pem, x509_fields
from appliance.formats.crl import CrlFields
from appliance.formats.inspect_crl import Verdict
from appliance.formats.x509_fields import CertificateFields
from appliance.issuance import revocation_checks
from appliance.issuance.pointers import CRL_DISTRIBUTION_POINTS
from appliance.model.errors import BadRequest, FormatError, Unauthorized, Unavailable

_FORMS = ("text", "json", "pem", "der")
_KEY_USAGE, _SUBJECT_KEY_ID, _CRL_SIGN = "2.5.29.15", "2.5.29.14", 6


@click.command("inspect", cls=StepCommand)
@click.argument("crl_file", metavar="[<file|url>]", default="-")
@click.option(
    "--format", "form", default="text", metavar="<format>", help="text, json, pem or der."
)
@click.option("--ca", metavar="<file>", help="The certificate of the CA that signed the list.")
@click.option(
    "--from",
    "is_from",
    is_flag=True,
    help="Take the list's URL, and the CA, from this certificate or server.",
)
@click.option(
    "--roots",
    metavar="<roots>",
    help="The roots to trust servers by: a file, files separated by commas, or a directory.",
)
@click.option("--insecure", is_flag=True, help="Show the list without checking its signature.")
def inspect(
    *, crl_file: str, form: str, ca: str | None, is_from: bool, roots: str | None, insecure: bool
) -> None:
    """Show what a revocation list says, and check it against the certificate of its CA.

    <file|url> is a file in PEM or DER, `-` for standard input, or a URL. A list is valid when its
    signature is that of the CA, and neither the list nor the CA has expired.

    \b
    Examples:
      $ hearth crl inspect --insecure http://ca.example.com/crl
      $ hearth crl inspect --ca intermediate_ca.crt ca.crl
      $ hearth crl inspect --insecure --format json ca.crl
      $ hearth crl inspect --from --roots root_ca.crt https://www.example.com
    """
    if form not in _FORMS:
        raise BadRequest(f"invalid value '{form}' for flag '--format'; options are text, json, pem")
    if not (is_from or ca or insecure):
        raise required("insecure")
    trusted = read_roots(roots) if roots else None
    authorities = _read_bundle(ca) if ca else []
    if is_from:
        crl_file, above = _pointed_to(crl_file, roots)
        authorities += above
        if not authorities and not insecure:
            raise required("insecure")
    octets = crl.decode(_content(crl_file, trusted))
    try:
        fields = crl.parse(octets)
        verdict = judged(fields, map(x509_fields.certificate, authorities), SystemClock().now())
        click.echo(_shown(fields, verdict, form), nl=False)
    except FormatError as error:
        raise BadRequest(f"error parsing crl: {error.public}") from error


def _shown(fields: CrlFields, verdict: Verdict, form: str) -> str | bytes:
    match form:
        case "json":
            return inspect_json.render(inspect_crl.list_object(fields, verdict))
        case "pem":
            return pem.encode(crl.LABEL, fields.raw)
        case "der":
            return fields.raw
        case _:
            return inspect_crl.list_text(fields, verdict)


def _content(place: str, roots: list[bytes] | None) -> bytes:
    if not place.lower().startswith(("http://", "https://")):
        return read_file(place)
    try:
        return downloads.fetch(place, roots=roots)
    except Unavailable as error:
        raise BadRequest(f"error downloading crl: {error.public}") from error


def _pointed_to(name: str, roots: str | None) -> tuple[str, list[bytes]]:
    """Give the URL in a certificate, of a file or a server, and what came behind it."""
    if asked := server(name, servername=None, roots=roots):
        leaf, *above = asked.certificates()
    else:
        leaf, *above = _read_bundle(name)
    found = x509_fields.certificate(leaf).extension(CRL_DISTRIBUTION_POINTS)
    urls = extension_values.distribution_points(found.value) if found else []
    if not urls:
        raise BadRequest(f"failed to get CRL distribution points from {name}")
    return urls[0], above


def _read_bundle(name: str) -> list[bytes]:
    try:
        return certificates_of(read_file(name))
    except FormatError as error:
        raise BadRequest(f"error decoding {name}: {error.public}") from error


def judged(fields: CrlFields, authorities: Iterable[CertificateFields], now: datetime) -> Verdict:
    """Check the list against each certificate that may have signed it; one is enough."""
    verdict = Verdict(valid=False)
    for each in authorities:
        if not _may_sign(each, fields.authority_key_id):
            continue
        reason = _fault(fields, each, now)
        if not reason:
            return Verdict(valid=True)
        verdict = Verdict(valid=False, reason=reason)
    return verdict


def _may_sign(authority: CertificateFields, key_id: bytes | None) -> bool:
    usage, own = authority.extension(_KEY_USAGE), authority.extension(_SUBJECT_KEY_ID)
    if usage is None or own is None or _CRL_SIGN not in extension_values.key_usages(usage.value):
        return False
    return key_id is None or extension_values.key_id(own.value) == key_id


def _fault(fields: CrlFields, authority: CertificateFields, now: datetime) -> str:
    if fields.next_update is None or now > fields.next_update:
        return "CRL has expired"
    if now > authority.not_after:
        return "CA certificate has expired"
    try:
        revocation_checks.check_list_signature(fields, authority)
    except Unauthorized:
        return "Signature does not match"
    return ""
