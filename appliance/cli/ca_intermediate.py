"""`hearth ca intermediate`: from one intermediate to the next, or several at once."""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import click
import trio

from appliance.authority.trust import fingerprint
from appliance.cli.ca_json import RELOAD, ca_json
from appliance.cli.clock import SystemClock
from appliance.cli.command import StepCommand, StepGroup
from appliance.cli.files import may_write, read_file, write_file
from appliance.cli.keys import read_private_key
from appliance.cli.new_keys import Protection, asked_kind, kind_flags, protected
from appliance.cli.prompts import confirm, say
from appliance.client.csr import generate_key, signing_request
from appliance.config import editing, hierarchy, loading
from appliance.config.hierarchy import Occasion
from appliance.config.placing import NewFile
from appliance.config.rollover import Rollover
from appliance.config.settings import Settings
from appliance.formats import pem
from appliance.formats.keys import PrivateKey
from appliance.issuance import parsed, subjects
from appliance.issuance.certificates import Prepared
from appliance.issuance.drafts import certified
from appliance.keys.file import FileSigner
from appliance.model.errors import BadRequest, FormatError

intermediate = StepGroup(
    "intermediate",
    help=(
        "Change to a new intermediate without a gap, or keep several.\n\n"
        "\b\nA change, step by step, with the server running:\n"
        "  $ hearth ca intermediate create 2036 --ca-key root_ca_key\n"
        "  $ hearth ca intermediate activate 2036   # once clients could learn of it\n"
        "  $ hearth ca intermediate retire former   # once nothing depends on the old chain"
    ),
)

_config = click.option(
    "--ca-config", metavar="<file>", help="The CA's ca.json; that of the context by default."
)
_force = click.option("-f", "--force", is_flag=True, help="Do not ask.")


@intermediate.command("list", cls=StepCommand, short_help="list the intermediates")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="text or json."
)
@_config
def list_intermediates(*, form: str, ca_config: str | None) -> None:
    """List the intermediates of the CA: the one that issues first.

    \b
    Example:
      $ hearth ca intermediate list
    """
    settings = loading.load(ca_json(ca_config))
    rows = [_row(*each) for each in _all(settings)]
    if form == "json":
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        click.echo(
            f"{row['name'] or '(first)'}: {row['state']}\n"
            f"  {row['subject']}, until {row['notAfter']}\n"
            f"  {row['fingerprint']}\n"
            f"  {row['crt']}"
        )


@intermediate.command("create", cls=StepCommand, short_help="make a new intermediate")
@click.argument("name", metavar="<name>")
@click.option("--ca-key", metavar="<file>", help="The key of the root, which signs it.")
@click.option(
    "--ca", metavar="<file>", help="The root certificate; the first of `root` by default."
)
@click.option("--ca-password-file", metavar="<file>", help="The password of --ca-key.")
@click.option("--csr", is_flag=True, help="Make a request for a root that is kept elsewhere.")
@click.option("--subject", metavar="<name>", help="What it is called.")
@click.option("--password-file", metavar="<file>", help="The password for its key: the server's.")
@click.option("--no-password", is_flag=True, help="Write its key as it is; needs --insecure.")
@click.option("--insecure", is_flag=True, help="Allow --no-password.")
@kind_flags
@_config
def create(*, name: str, **given: Any) -> None:
    """Make the key and the certificate of a new intermediate, and enter it as standby.

    It is published with the others, and signs nothing before it is activated. Its key must have
    the password of the first one's, which the server knows.

    \b
    Examples:
      $ hearth ca intermediate create 2036 --ca-key root_ca_key
      $ hearth ca intermediate create 2036 --csr      # the root is on another machine
    """
    flags = _Create(**given)
    protection = Protection(
        password_file=flags.password_file,
        no_password=flags.no_password,
        insecure=flags.insecure,
    )
    protection.check()
    if flags.csr == bool(flags.ca_key):
        raise BadRequest("give the root's key with --ca-key, or ask for a request with --csr")
    rollover = _rollover(flags.ca_config)
    rollover.check_new(name)
    settings = loading.load(rollover.editing.file)
    files = _Files.of(settings, name)
    for file in (files.key, files.certificate, files.request):
        may_write(file)
    key = generate_key(asked_kind(flags.kty, flags.curve, flags.size, insecure=flags.insecure))
    subject = flags.subject or f"{_common_name(settings.certificate)} {name}"
    if flags.csr:
        request = pem.encode("CERTIFICATE REQUEST", signing_request(key, subject, ()))
        write_file(files.key, protected(key, protection), 0o600, force=True)
        write_file(files.request, request.encode(), 0o644, force=True)
        say(f"Your private key has been saved in {files.key}.")
        say(f"Your certificate signing request has been saved in {files.request}.")
        say(
            "Sign it where the root's key is (hearth certificate sign --profile intermediate-ca), "
            f"then: hearth ca intermediate import {name} <crt-file>"
        )
        return
    root = Path(flags.ca) if flags.ca else settings.roots[0]
    certificate = trio.run(partial(_signed, subject, key, root, flags, rollover.now))
    rollover.add(name, (certificate,), files.certificate, files.key)
    rollover.editing.save(
        NewFile(path=files.key, content=protected(key, protection), mode=0o600),
        NewFile(
            path=files.certificate,
            content=pem.encode("CERTIFICATE", certificate).encode(),
            mode=0o600,
        ),
    )
    say(f"The certificate has been saved in {files.certificate}, its key in {files.key}.")
    say(RELOAD)


@intermediate.command("import", cls=StepCommand, short_help="enter one that was signed elsewhere")
@click.argument("name", metavar="<name>")
@click.argument("crt_file", metavar="<crt-file>")
@click.option("--key", metavar="<file>", help="Its key; by default that of `create --csr`.")
@_config
def import_certificate(*, name: str, crt_file: str, key: str | None, ca_config: str | None) -> None:
    """Enter an intermediate whose certificate was signed elsewhere, as standby.

    \b
    Example:
      $ hearth ca intermediate import 2036 intermediate_2036.crt
    """
    rollover = _rollover(ca_config)
    files = _Files.of(loading.load(rollover.editing.file), name)
    chain = tuple(pem.certificates(read_file(crt_file)))
    key_file = Path(key).absolute() if key else files.key
    if not key_file.exists():
        raise BadRequest(f"there is no key {key_file}: name it with --key")
    rollover.add(name, chain, files.certificate, key_file)
    text = "".join(pem.encode("CERTIFICATE", each) for each in chain)
    rollover.editing.save(NewFile(path=files.certificate, content=text.encode(), mode=0o600))
    say(f"The certificate has been saved in {files.certificate}.")
    say(RELOAD)


@intermediate.command("activate", cls=StepCommand, short_help="let one issue")
@click.argument("name", metavar="<name>")
@click.option("--beside", is_flag=True, help="Only for provisioners that name it.")
@click.option(
    "--former", default="former", metavar="<name>", help="What the one before is called then."
)
@_config
def activate(*, name: str, beside: bool, former: str, ca_config: str | None) -> None:
    """Let an intermediate issue all new certificates; the one before it retires.

    What the one before issued is renewed by it, with the old chain, until it is retired.

    \b
    Examples:
      $ hearth ca intermediate activate 2036
      $ hearth ca intermediate activate devices --beside
    """
    rollover = _rollover(ca_config)
    if beside:
        rollover.activate_beside(name)
    else:
        rollover.activate(name, former=former)
    rollover.editing.save()
    say(RELOAD)


@intermediate.command("retire", cls=StepCommand, short_help="let its successor renew")
@click.argument("name", metavar="<name>")
@_config
def retire(*, name: str, ca_config: str | None) -> None:
    """Stop signing with an intermediate: what it issued is renewed by its successor.

    There will be no new revocation lists and OCSP answers for what it issued.

    \b
    Example:
      $ hearth ca intermediate retire former
    """
    rollover = _rollover(ca_config)
    rollover.retire(name)
    rollover.editing.save()
    say(RELOAD)


@intermediate.command("remove", cls=StepCommand, short_help="forget one")
@click.argument("name", metavar="<name>")
@_force
@_config
def remove(*, name: str, force: bool, ca_config: str | None) -> None:
    """Forget an intermediate; its files stay. What it issued cannot be renewed any more.

    \b
    Example:
      $ hearth ca intermediate remove former
    """
    rollover = _rollover(ca_config)
    rollover.remove(name)
    if not force and not confirm(f"Certificates of '{name}' cannot be renewed then. Go on"):
        raise BadRequest("nothing was changed")
    rollover.editing.save()
    say(RELOAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Create:
    """The flags of `create`."""

    ca_key: str | None
    ca: str | None
    ca_password_file: str | None
    csr: bool
    subject: str | None
    password_file: str | None
    no_password: bool
    insecure: bool
    kty: str | None
    curve: str | None
    size: int | None
    ca_config: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """Where the parts of a new intermediate go: beside those of the first one."""

    certificate: Path
    key: Path
    request: Path

    @classmethod
    def of(cls, settings: Settings, name: str) -> "_Files":
        certificate = settings.certificate.with_name(f"intermediate_{name}.crt")
        beside = settings.key if isinstance(settings.key, Path) else settings.certificate
        return cls(
            certificate=certificate,
            key=beside.with_name(f"intermediate_{name}_key"),
            request=certificate.with_suffix(".csr"),
        )


async def _signed(
    subject: str, key: PrivateKey, root: Path, flags: _Create, now: datetime
) -> bytes:
    signer = FileSigner(read_private_key(str(flags.ca_key), password_file=flags.ca_password_file))

    async def sign(prepared: Prepared) -> bytes:
        return await signer.sign(prepared.to_be_signed, prepared.algorithm)

    try:
        (certificate, *_) = pem.certificates(read_file(str(root)))
        if (
            parsed.parse(certificate).public_key_info
            != certified(signer.public_key).public_key_info
        ):
            raise BadRequest(f"{flags.ca_key} is not the key of {root}")
        occasion = Occasion(now=now, serial=secrets.token_bytes(16))
        return await hierarchy.successor(subject, key.public_key(), certificate, sign, occasion)
    except FormatError as error:
        raise BadRequest(f"{root} cannot sign: {error.public}") from error


def _rollover(ca_config: str | None) -> Rollover:
    """Open ca.json for a change, which may be what makes it valid. Raises ConfigError."""
    open_file = editing.edit(ca_json(ca_config))
    given = open_file.members.get(editing.spelled(open_file.members, "root")) or []
    roots = [given] if isinstance(given, str) else given
    return Rollover(
        editing=open_file,
        roots=tuple(der for each in roots for der in pem.certificates(read_file(str(each)))),
        now=SystemClock().now(),
    )


def _common_name(certificate: Path) -> str:
    return subjects.common_name(parsed.parse(_first(certificate)).subject)


def _first(certificate: Path) -> bytes:
    return pem.certificates(read_file(str(certificate)))[0]


def _all(settings: Settings) -> Iterator[tuple[str, str, Path]]:
    yield "", "active", settings.certificate
    for each in settings.issuers:
        yield each.name, each.state.value, each.certificate


def _row(name: str, state: str, file: Path) -> Mapping[str, str]:
    certificate = parsed.parse(_first(file))
    end: datetime = certificate.validity.not_after
    return {
        "name": name,
        "state": state,
        "subject": subjects.common_name(certificate.subject),
        "notAfter": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        "fingerprint": fingerprint(certificate.der),
        "crt": str(file),
    }
