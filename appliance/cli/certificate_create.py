"""`hearth certificate create`: certificates and requests made here, without a CA running."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import click
import trio

from appliance.cli.certificate_sources import certificates_of
from appliance.cli.certificate_times import read_times
from appliance.cli.clock import SystemClock
from appliance.cli.command import StepCommand, was_given
from appliance.cli.files import may_write, read_file, write_file
from appliance.cli.keys import asked_kms, kms_flag, read_private_key
from appliance.cli.new_keys import Protection, asked_kind, kind_flags, protected, save_key
from appliance.cli.prompts import say
from appliance.cli.provisioning import template_data
from appliance.cli.token_keys import is_on_token
from appliance.cli.token_places import file_of, on_token
from appliance.client.csr import generate_key, signing_request
from appliance.formats import keyfile, pem
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.formats.keys import PrivateKey, PublicKey
from appliance.issuance import certificates, issuers, offline, offline_templates, requests
from appliance.issuance.certificates import Prepared
from appliance.issuance.issuers import Issuer
from appliance.issuance.offline import Profile, Wish
from appliance.issuance.offline_templates import TemplateWish
from appliance.issuance.templates import Template
from appliance.keys.file import FileSigner
from appliance.model.errors import BadRequest, FormatError

_NOT_WITH_REQUESTS: Final = (
    "ca",
    "ca_key",
    "ca_password_file",
    "not_before",
    "not_after",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flags:
    """The flags as given."""

    csr: bool
    profile: str
    template: str | None
    pairs: tuple[str, ...]
    set_file: str | None
    san: tuple[str, ...]
    not_before: str | None
    not_after: str | None
    ca: str | None
    ca_key: str | None
    ca_kms: str | None
    ca_password_file: str | None
    key: str | None
    kty: str | None
    curve: str | None
    size: int | None
    password_file: str | None
    no_password: bool
    bundle: bool
    skip_csr_signature: bool
    force: bool
    subtle: bool
    insecure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """Whom it is for, with which key; `private` is None when only a public key was given."""

    name: str
    public: PublicKey
    private: PrivateKey | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What a certificate becomes. A template counts more than the profile."""

    profile: Profile
    times: tuple[datetime | None, datetime | None]
    template: Template | None


@click.command("create", cls=StepCommand)
@click.argument("subject", metavar="<subject>")
@click.argument("crt_file", metavar="<crt-file>")
@click.argument("key_file", metavar="[<key-file>]", required=False)
@click.option("--csr", is_flag=True, help="Make a signing request, not a certificate.")
@click.option(
    "--profile",
    default="leaf",
    metavar="<profile>",
    help="leaf (default), intermediate-ca, root-ca, or self-signed (with --subtle).",
)
@click.option("--template", metavar="<file>", help="A template that makes it, in Go's language.")
@click.option("--set", "pairs", multiple=True, metavar="<key=value>", help="Data for the template.")
@click.option("--set-file", metavar="<file>", help="Data for the template, as a JSON file.")
@click.option("--san", multiple=True, metavar="<name>", help="A name (DNS, IP, email, URI) for it.")
@click.option("--not-before", metavar="<time|duration>", help="When it begins: now.")
@click.option(
    "--not-after", metavar="<time|duration>", help="When it ends: in 24h, CAs in 10 years."
)
@click.option("--ca", metavar="<file>", help="The certificate of the CA that is to sign it.")
@click.option("--ca-key", metavar="<file>", help="The private key of that CA.")
@click.option("--ca-password-file", metavar="<file>", help="The password of that key.")
@click.option("--key", metavar="<file>", help="Use this key, do not make one.")
@kind_flags
@click.option("--password-file", metavar="<file>", help="The password to encrypt the key with.")
@click.option("--no-password", is_flag=True, help="Write the key as it is; needs --insecure.")
@click.option("--bundle", is_flag=True, help="Put the CA's certificate behind the new one.")
@click.option("--skip-csr-signature", is_flag=True, help="Allow --key to be a public key.")
@click.option("-f", "--force", is_flag=True, help="Overwrite files without asking.")
@click.option("--subtle", is_flag=True, help="Allow --profile self-signed.")
@click.option("--insecure", is_flag=True, help="Allow --no-password, and RSA keys that are short.")
@kms_flag
@click.option("--ca-kms", metavar="<uri>", help="The token that --ca-key is on, as --kms.")
def create(*, subject: str, crt_file: str, key_file: str | None, **given: Any) -> None:
    """Make a key, and a certificate for it, signed by a CA whose key is at hand.

    A template sees .Subject, .SANs, .Insecure.CR and, of --set and --set-file, .Insecure.User.
    Without --ca what it makes signs itself.

    \b
    Examples:
      $ hearth certificate create --csr foo.example.com foo.csr foo.key
      $ hearth certificate create 'My Root' root.crt root.key --profile root-ca
      $ hearth certificate create 'My CA' ca.crt ca.key --profile intermediate-ca \\
          --ca root.crt --ca-key root.key
      $ hearth certificate create foo.example.com foo.crt foo.key --ca ca.crt --ca-key ca.key
      $ hearth certificate create --profile root-ca --kms 'yubikey:serial=112233' \\
          --key 'yubikey:slot-id=82' 'My Root' root.crt
      $ hearth certificate create --template root.tpl --set maxPathLen=2 'My Root' root.crt root.key
    """
    flags = _Flags(**given)
    protection = Protection(
        password_file=flags.password_file,
        no_password=flags.no_password,
        insecure=flags.insecure,
    )
    _check_files(flags, crt_file, key_file)
    profile = _profile(flags)
    times = read_times(flags.not_before, flags.not_after)
    template = _template(flags)
    asked = _subject(subject, flags)
    for file in filter(None, (crt_file, key_file)):
        may_write(file, force=flags.force)
    content = (
        _request(asked, flags, template)
        if flags.csr
        else _certificate(asked, flags, _Plan(profile=profile, times=times, template=template))
    )
    if key_file and asked.private is not None and not is_on_token(asked.private):
        save_key(key_file, protected(asked.private, protection))
    write_file(crt_file, content.encode(), 0o600, force=True)
    what = "certificate signing request" if flags.csr else "certificate"
    say(f"Your {what} has been saved in {crt_file}.")
    if key_file and not is_on_token(asked.private):
        say(f"Your private key has been saved in {key_file}.")


def _check_files(flags: _Flags, crt_file: str, key_file: str | None) -> None:
    if key_file is None and not flags.key:
        raise BadRequest("missing positional argument <key-file>: name it, or a key with --key")
    if crt_file == key_file:
        raise BadRequest("positional arguments <crt-file> and <key-file> cannot be equal")
    if flags.no_password and not flags.insecure:
        raise BadRequest("flag '--no-password' requires the '--insecure' flag")


def _profile(flags: _Flags) -> Profile:
    """Read --profile, and check what goes with it. Raises BadRequest."""
    try:
        profile = Profile(flags.profile)
    except ValueError:
        raise BadRequest(
            f"invalid value '{flags.profile}' for flag '--profile'; "
            "options are leaf, intermediate-ca, root-ca, self-signed"
        ) from None
    if flags.template and was_given("profile"):
        raise BadRequest("flag '--profile' is incompatible with '--template'")
    if flags.csr:
        _check_request(flags, profile)
        return profile
    if flags.template:
        _check_issuer(flags)
        return profile
    if flags.bundle and profile is not Profile.LEAF:
        raise BadRequest(f"flag '--bundle' is incompatible with flag '--profile {profile}'")
    if profile is Profile.SELF_SIGNED and not flags.subtle:
        raise BadRequest("'--profile self-signed' requires the '--subtle' flag")
    for name, value in (("ca", flags.ca), ("ca-key", flags.ca_key)):
        if profile.signs_itself and value:
            raise BadRequest(f"flag '--{name}' is incompatible with flag '--profile {profile}'")
        if not profile.signs_itself and not value:
            raise BadRequest(f"'--profile {profile}' requires the '--{name}' flag")
    return profile


def _check_issuer(flags: _Flags) -> None:
    for name, value, other in (("ca", flags.ca, flags.ca_key), ("ca-key", flags.ca_key, flags.ca)):
        if value and not other:
            missing = "ca-key" if name == "ca" else "ca"
            raise BadRequest(f"flag '--{name}' requires the '--{missing}' flag")
    if flags.bundle and not flags.ca:
        raise BadRequest("flag '--bundle' requires the '--ca' flag")


def _template(flags: _Flags) -> Template | None:
    """Read --template. Raises BadRequest when it cannot be parsed."""
    if not flags.template:
        return None
    template = Template(read_file(flags.template).decode("utf-8", "surrogateescape"))
    if template.problem:
        raise BadRequest(f"error parsing template {flags.template}: {template.problem}")
    return template


def _check_request(flags: _Flags, profile: Profile) -> None:
    if flags.bundle:
        raise BadRequest("flag '--bundle' is incompatible with '--csr'")
    if flags.skip_csr_signature:
        raise BadRequest("flag '--csr' is incompatible with '--skip-csr-signature'")
    if profile is not Profile.LEAF:
        raise BadRequest("flag '--profile' is incompatible with '--csr'")
    for name in _NOT_WITH_REQUESTS:
        if was_given(name):
            raise BadRequest(f"flag '--{name.replace('_', '-')}' is incompatible with '--csr'")


def _subject(name: str, flags: _Flags) -> _Subject:
    """Make a key, or read that of --key. Raises BadRequest."""
    if not flags.key:
        kind = asked_kind(flags.kty, flags.curve, flags.size, insecure=flags.insecure)
        key = generate_key(kind)
        return _Subject(name=name, public=key.public_key(), private=key)
    for flag, value in (("kty", flags.kty), ("crv", flags.curve), ("size", flags.size)):
        if value is not None:
            raise BadRequest(f"flag '--key' is incompatible with '{flag}'")
    held = on_token(flags.key, asked_kms())
    content = b"" if held else read_file(file_of(flags.key))
    if held or b"PRIVATE KEY-----" in content:
        key = read_private_key(flags.key, password_file=flags.password_file)
        return _Subject(name=name, public=key.public_key(), private=key)
    if flags.csr:
        raise BadRequest("invalid value for flag --key: a private key is required")
    if not flags.skip_csr_signature:
        raise BadRequest("flag '--skip-csr-signature' is required with a public key")
    return _Subject(name=name, public=keyfile.load_public_key(content), private=None)


def _request(subject: _Subject, flags: _Flags, template: Template | None) -> str:
    key = subject.private
    if key is None:
        raise BadRequest("invalid value for flag --key: a private key is required")
    octets = signing_request(key, subject.name, flags.san or (subject.name,))
    if template is not None:
        wanted = offline_templates.asked_for(_wish(subject, flags, template))
        octets = _signed(offline_templates.prepare_request(wanted, subject.public), FileSigner(key))
    return pem.encode("CERTIFICATE REQUEST", octets)


def _certificate(subject: _Subject, flags: _Flags, plan: _Plan) -> str:
    issuer, signer = _issuer(flags, subject.private)
    validity = offline.validity(plan.profile, *plan.times, SystemClock().now())
    serial = certificates.serial_number(secrets.token_bytes(certificates.SERIAL_OCTETS))
    if plan.template is None:
        wish = Wish(
            profile=plan.profile,
            subject=subject.name,
            sans=flags.san,
            key=subject.public,
            validity=validity,
        )
        prepared = offline.prepare(wish, issuer, serial)
    else:
        wanted = offline_templates.asked_for(_wish(subject, flags, plan.template))
        prepared = offline_templates.prepare(wanted, subject.public, validity, issuer, serial)
    made = [_signed(prepared, signer)]
    if flags.bundle and issuer is not None:
        made.append(issuer.certificate)
    return "".join(pem.encode("CERTIFICATE", each) for each in made)


def _wish(subject: _Subject, flags: _Flags, template: Template) -> TemplateWish:
    """Say what the template sees: a request for the names, where its key is here, as in step.

    One that makes a request sees nothing but the key.
    """
    sans = flags.san or (subject.name,)
    if subject.private is None and not flags.skip_csr_signature:
        raise BadRequest("flag '--skip-csr-signature' is required with a public key")
    octets = b""
    if subject.private is not None and not flags.skip_csr_signature and not flags.csr:
        octets = signing_request(subject.private, subject.name, sans)
    return TemplateWish(
        template=template,
        subject=subject.name,
        sans=sans,
        user=template_data(flags.pairs, flags.set_file),
        key=subject.public,
        request=requests.read_der(octets) if octets else None,
        context=FunctionContext(now=SystemClock().now(), entropy=secrets.token_bytes),
    )


def _signed(prepared: Prepared, signer: FileSigner) -> bytes:
    signature = trio.run(signer.sign, prepared.to_be_signed, prepared.algorithm)
    return certificates.assemble(prepared, signature)


def _issuer(flags: _Flags, own: PrivateKey | None) -> tuple[Issuer | None, FileSigner]:
    """Read --ca and --ca-key; without them, the certificate's own key signs. Raises BadRequest."""
    if not flags.ca or not flags.ca_key:
        if own is None:
            raise BadRequest("a certificate that signs itself needs a private key in --key")
        return None, FileSigner(own)
    try:
        found = certificates_of(read_file(flags.ca))
        issuer = issuers.of_certificate(found[0])
    except FormatError as error:
        raise BadRequest(f"error decoding {flags.ca}: {error.public}") from error
    if len(found) > 1:
        raise BadRequest(f"error decoding {flags.ca}: contains more than one PEM encoded block")
    signer = FileSigner(
        read_private_key(flags.ca_key, password_file=flags.ca_password_file, kms=flags.ca_kms or "")
    )
    if signer.public_key != issuer.public_key:
        raise BadRequest(f"the private key in {flags.ca_key} is not that of {flags.ca}")
    return issuer, signer
