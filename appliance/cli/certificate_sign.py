"""`hearth certificate sign`: a certificate for a request, signed here, without a CA running."""

import secrets
from dataclasses import dataclass
from typing import Any

import click
import trio

from appliance.cli.certificate_sources import certificates_of, request_of
from appliance.cli.certificate_times import read_times
from appliance.cli.clock import SystemClock
from appliance.cli.command import StepCommand, was_given
from appliance.cli.files import read_file
from appliance.cli.keys import kms_flag, read_private_key
from appliance.cli.provisioning import template_data
from appliance.cli.token_certificates import read_certificates
from appliance.formats import pem
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.issuance import (
    certificates,
    issuers,
    offline,
    offline_signing,
    offline_templates,
    requests,
)
from appliance.issuance.certificate_json import CertificateJson
from appliance.issuance.issuers import Issuer
from appliance.issuance.offline import Profile
from appliance.issuance.offline_signing import SigningProfile, SigningWish
from appliance.issuance.requests import SigningRequest
from appliance.issuance.templates import Template
from appliance.keys.file import FileSigner
from appliance.model.errors import BadRequest, FormatError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flags:
    """The flags as given."""

    profile: str
    template: str | None
    pairs: tuple[str, ...]
    set_file: str | None
    omit_cn_san: bool
    password_file: str | None
    not_before: str | None
    not_after: str | None
    path_len: int
    bundle: bool


@click.command("sign", cls=StepCommand)
@click.argument("csr_file", metavar="<csr-file>")
@click.argument("crt_file", metavar="<crt-file>")
@click.argument("key_file", metavar="<key-file>")
@click.option(
    "--profile", default="leaf", metavar="<profile>", help="leaf (default), intermediate-ca or csr."
)
@click.option("--template", metavar="<file>", help="A template that makes it, in Go's language.")
@click.option("--set", "pairs", multiple=True, metavar="<key=value>", help="Data for the template.")
@click.option("--set-file", metavar="<file>", help="Data for the template, as a JSON file.")
@click.option(
    "--omit-cn-san", is_flag=True, help="Do not make the common name a name where there is none."
)
@click.option("--password-file", metavar="<file>", help="The password of <key-file>.")
@click.option("--not-before", metavar="<time|duration>", help="When it begins: now.")
@click.option(
    "--not-after", metavar="<time|duration>", help="When it ends: in 24h, CAs in 10 years."
)
@click.option(
    "--path-len",
    type=int,
    default=0,
    metavar="<maximum>",
    help="How many CAs may follow below an intermediate-ca: 0; -1 sets no limit.",
)
@click.option("--bundle", is_flag=True, help="Put the issuer's certificate behind the new one.")
@kms_flag
def sign(*, csr_file: str, crt_file: str, key_file: str, **given: Any) -> None:
    """Sign a request with a CA's certificate and key, and print the certificate.

    The profile csr takes all that the request asks for as it is.

    \b
    Examples:
      $ hearth certificate sign leaf.csr intermediate_ca.crt intermediate_ca_key
      $ hearth certificate sign --profile intermediate-ca ca.csr root_ca.crt root_ca_key
      $ hearth certificate sign --kms yubikey: leaf.csr yubikey:slot-id=83 yubikey:slot-id=83
      $ hearth certificate sign --template leaf.tpl --set organization=House leaf.csr ca.crt ca.key
    """
    flags = _Flags(**given)
    request = _request(csr_file)
    chain, issuer = _issuer(crt_file)
    signer = FileSigner(read_private_key(key_file, password_file=flags.password_file))
    if signer.public_key != issuer.public_key:
        raise BadRequest(f"the private key in {key_file} is not that of {crt_file}")
    profile = _profile(flags)
    offline_signing.check_issuer(chain[0], profile, flags.path_len)
    times = read_times(flags.not_before, flags.not_after)
    wanted = _wanted(flags, profile, request)
    lives_like = (
        Profile.INTERMEDIATE_CA if profile is SigningProfile.INTERMEDIATE_CA else Profile.LEAF
    )
    prepared = offline_templates.prepare(
        wanted,
        request.public_key,
        offline.validity(lives_like, *times, SystemClock().now()),
        issuer,
        certificates.serial_number(secrets.token_bytes(certificates.SERIAL_OCTETS)),
    )
    signature = trio.run(signer.sign, prepared.to_be_signed, prepared.algorithm)
    made = [certificates.assemble(prepared, signature), *(chain if flags.bundle else ())]
    click.echo("".join(pem.encode("CERTIFICATE", each) for each in made), nl=False)


def _request(name: str) -> SigningRequest:
    try:
        return requests.read_der(request_of(read_file(name)))
    except (FormatError, BadRequest) as error:
        raise BadRequest(f"error parsing {name}: {error.public}") from error


def _issuer(name: str) -> tuple[list[bytes], Issuer]:
    try:
        chain = certificates_of(read_certificates(name))
        return chain, issuers.of_certificate(chain[0])
    except FormatError as error:
        raise BadRequest(f"error decoding {name}: {error.public}") from error


def _profile(flags: _Flags) -> SigningProfile:
    """Read --profile and --path-len, and check what goes with them. Raises BadRequest."""
    if flags.template and was_given("profile"):
        raise BadRequest("flag '--profile' is incompatible with '--template'")
    if flags.path_len < -1:
        raise BadRequest(
            f"invalid value '{flags.path_len}' for flag '--path-len': it must be -1 or greater"
        )
    try:
        return SigningProfile(flags.profile)
    except ValueError:
        raise BadRequest(
            f"invalid value '{flags.profile}' for flag '--profile'; "
            "options are leaf, intermediate-ca, csr"
        ) from None


def _wanted(flags: _Flags, profile: SigningProfile, request: SigningRequest) -> CertificateJson:
    """Say what the certificate has, by profile or template. Raises BadRequest."""
    wish = SigningWish(
        request=request,
        with_common_name=not flags.omit_cn_san,
        path_length=flags.path_len,
        user=template_data(flags.pairs, flags.set_file),
        context=FunctionContext(now=SystemClock().now(), entropy=secrets.token_bytes),
    )
    if not flags.template:
        return offline_signing.by_profile(profile, wish)
    template = Template(read_file(flags.template).decode("utf-8", "surrogateescape"))
    if template.problem:
        raise BadRequest(f"error parsing template {flags.template}: {template.problem}")
    return offline_signing.by_template(template, wish)
