"""`hearth template check`: the certificate that a template would make of a signing request."""

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from appliance.cli.clock import SystemClock
from appliance.cli.command import StepCommand, location
from appliance.cli.files import read_file
from appliance.cli.provisioning import template_data
from appliance.config import loading
from appliance.formats import inspect_json, inspect_text, timeorduration, x509_fields
from appliance.issuance import requests
from appliance.issuance.drafting import AskedDates
from appliance.issuance.requests import SigningRequest
from appliance.issuance.templates import Template
from appliance.model.errors import BadRequest, FormatError
from appliance.server import trial
from appliance.server.trial import Trial

_FORMS: Final = ("text", "short", "json", "rendered")


@click.command("check", cls=StepCommand)
@click.argument("csr_file", metavar="<csr-file>")
@click.option("--provisioner", "--issuer", metavar="<name>", help="Whose template; the only one's.")
@click.option("--template", metavar="<file>", help="Try this template instead of its own.")
@click.option("--subject", metavar="<subject>", help="The token's subject; the request's own name.")
@click.option("--san", multiple=True, metavar="<name>", help="The token's names; the request's.")
@click.option("--token-data", metavar="<file>", help="More claims of the token, as a JSON file.")
@click.option(
    "--webhook-data", metavar="<file>", help="What webhooks answered, by their names, as JSON."
)
@click.option("--set", "pairs", multiple=True, metavar="<key=value>", help="Data of the request.")
@click.option("--set-file", metavar="<file>", help="Data of the request, as a JSON file.")
@click.option("--not-before", metavar="<time|duration>", help="When it shall begin to be valid.")
@click.option("--not-after", metavar="<time|duration>", help="When it shall end to be valid.")
@click.option(
    "--format",
    "form",
    default="text",
    metavar="<format>",
    help="text, short or json: the certificate; rendered: what the template makes.",
)
@click.option(
    "--ca-config", metavar="<file>", help="The CA's ca.json; that of the context by default."
)
def check(*, csr_file: str, form: str, ca_config: str | None, **given: Any) -> None:
    """Show the certificate that a provisioner's template would make of a signing request.

    Nothing is signed: no key, no password and no running server is needed, and the serial number is
    none that will be issued. Dates, policies and the name constraints of the CA are judged as the
    server judges them; what would be refused is told after the certificate, with exit code 1.
    Webhooks are not asked: give what they would answer with --webhook-data.

    \b
    Examples:
      $ hearth template check --provisioner admin internal.csr
      $ hearth template check --provisioner admin --template new.tpl --set team=ops internal.csr
      $ hearth template check --provisioner Google --token-data claims.json joe.csr --format short
    """
    if form not in _FORMS:
        raise BadRequest(
            f"invalid value '{form}' for flag '--format'; options are {', '.join(_FORMS)}"
        )
    settings = loading.load(Path(ca_config) if ca_config else location().ca_json)
    chosen = _provisioner(given["provisioner"], [each.name for each in settings.provisioners])
    tried = _trial(requests.read(read_file(csr_file)), chosen, given)
    if form == "rendered":
        click.echo(trial.render(settings, tried))
        return
    outcome = trial.attempt(settings, tried)
    click.echo(_shown(outcome.certificate, form), nl=False)
    if outcome.refusal is not None:
        raise outcome.refusal


def _provisioner(name: str | None, known: Sequence[str]) -> str:
    if name is not None:
        return name
    if len(known) != 1:
        raise BadRequest(f"name one with --provisioner: {', '.join(known) or 'there is none'}")
    return known[0]


def _trial(request: SigningRequest, provisioner: str, given: dict[str, Any]) -> Trial:
    sans = list(given["san"]) or [san.value for san in request.sans]
    subject = given["subject"] or request.common_name or next(iter(sans), "")
    claims = {"iss": provisioner, "sub": subject, "sans": sans}
    user = template_data(given["pairs"], given["set_file"])
    return Trial(
        provisioner=provisioner,
        request=request,
        claims={**claims, **_object(given["token_data"])},
        user=user or None,
        webhooks=_object(given["webhook_data"]),
        dates=AskedDates(
            not_before=_time("not-before", given["not_before"]),
            not_after=_time("not-after", given["not_after"]),
        ),
        template=_template(given["template"]),
        now=SystemClock().now(),
        entropy=secrets.token_bytes,
    )


def _object(file: str | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        content = json.loads(read_file(file))
    except ValueError as error:
        raise BadRequest(f"{file} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise BadRequest(f"{file} is not a JSON object")
    return content


def _time(flag: str, text: str | None) -> Any:
    try:
        return timeorduration.parse(text or "")
    except FormatError as error:
        raise BadRequest(f"invalid value '{text}' for flag '--{flag}': {error.public}") from error


def _template(file: str | None) -> Template | None:
    if file is None:
        return None
    return Template(read_file(file).decode("utf-8", "surrogateescape"))


def _shown(certificate: bytes, form: str) -> str:
    fields = x509_fields.certificate(certificate)
    if form == "json":
        return inspect_json.render(inspect_json.certificate_object(fields))
    if form == "short":
        return inspect_text.certificate_summary(fields)
    return inspect_text.certificate_text(fields)
