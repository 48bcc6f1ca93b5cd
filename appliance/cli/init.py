"""`hearth ca init`: a certificate authority from nothing."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import click
import trio
from cryptography import x509

from appliance.cli import ceremony, init_tokens
from appliance.cli.ceremony_flags import CeremonyFlags, ceremony_flags, taken
from appliance.cli.clock import SystemClock
from appliance.cli.command import StepCommand, refused
from appliance.cli.files import read_file
from appliance.cli.init_answers import given, published
from appliance.cli.keys import read_private_key
from appliance.cli.prompts import confirm, read_password, say, selected
from appliance.config import creation, helm, placing
from appliance.config.answers import address, dns_names
from appliance.config.creation import Authority, HeldKeys, Passwords, Root, Wishes
from appliance.config.location import Context, Location, base_directory, contexts
from appliance.formats import pem
from appliance.formats.keys import PrivateKey
from appliance.issuance import issuers
from appliance.issuance.certificates import Prepared
from appliance.keys.file import FileSigner
from appliance.model.errors import BadRequest
from appliance.model.secret import Password

_RA = "running as a registration authority is not supported yet"
_ADMIN = "there is no admin API yet: provisioners are kept in ca.json"


@click.command("init", cls=StepCommand, no_context=True)
@click.option("--name", metavar="<name>", help="What the authority is called.")
@click.option(
    "--dns",
    multiple=True,
    metavar="<name>",
    help="A DNS name or IP address of the CA; repeat it, or separate several by commas.",
)
@click.option("--address", metavar="<host:port>", help="Where it listens, such as :443.")
@click.option("--provisioner", metavar="<name>", help="The name of the first provisioner.")
@click.option("--password-file", metavar="<file>", help="The password of the keys.")
@click.option(
    "--provisioner-password-file",
    metavar="<file>",
    help="That of the provisioner's key (otherwise the same).",
)
@click.option("--root", metavar="<file>", help="Use this root certificate; --key goes with it.")
@click.option("--key", metavar="<file>", help="The key of --root; it is not copied.")
@click.option("--key-password-file", metavar="<file>", help="The password of --key.")
@click.option("--pki", is_flag=True, help="Make certificates and keys only, no configuration.")
@click.option("--ssh", is_flag=True, help="Make keys for SSH certificates, too.")
@click.option("--acme", is_flag=True, help="Add an ACME provisioner.")
@click.option("--crl", is_flag=True, help="Publish a revocation list, and say so in certificates.")
@click.option("--ocsp", is_flag=True, help="Answer OCSP requests, and say so in certificates.")
@click.option(
    "--insecure-address",
    metavar="<host:port>",
    help="Where --crl and --ocsp are served by plain HTTP; by default at port 80, or 8080 "
    "where --address is not at 443.",
)
@click.option("--no-db", is_flag=True, help="Configure no database: nothing is kept.")
@click.option("--with-ca-url", metavar="<uri>", help="The URL to write in defaults.json.")
@click.option("--helm", "as_helm", is_flag=True, help="Print values for the Helm chart instead.")
@click.option("--deployment-type", metavar="<name>", help="Only standalone, which is the default.")
@click.option("--context", metavar="<name>", help="Keep the authority in a context of this name.")
@click.option("--profile", metavar="<name>", help="The profile of the context.")
@click.option("--authority", metavar="<name>", help="The authority of the context.")
@click.option("--no-context", is_flag=True, hidden=True)
@click.option("-f", "--force", is_flag=True, help="Overwrite an authority that is there.")
@ceremony_flags
@refused(
    "ra", "issuer", "issuer-fingerprint", "issuer-provisioner", "credentials-file", because=_RA
)
@init_tokens.kms_flags
@refused("remote-management", because=_ADMIN, is_flag=True)
@refused("admin-subject", "admin-name", because=_ADMIN)
def init(**given: object) -> None:  # fmt: skip
    """Set up a certificate authority: a root, an intermediate, a provisioner, a configuration.

    What is not given is asked for. Nothing is written before everything is made, and nothing that
    is there is overwritten without being told to. With --ceremony the keys are made on tokens, in
    steps that can be interrupted, resumed and rolled back.

    \b
    Example:
      $ hearth ca init --name "Home CA" --dns ca.home.arpa --address :443 --provisioner admin
      $ hearth ca init --ssh --kms 'yubikey:serial=112233'
    """
    asked = taken(given)
    on_token = init_tokens.taken(given)
    flags = _Flags(**given)  # type: ignore[arg-type] # click gives what the options say
    flags.check()
    if asked.ceremony:
        _hold(asked, flags, kms=on_token.kms)
        return
    wishes = _wishes(flags)
    location = _location(flags, wishes)
    if not flags.as_helm:
        _may_overwrite(wishes, location, force=flags.force)
    if on_token.kms and flags.as_helm:
        raise BadRequest("flag '--kms' is incompatible with '--helm'")
    passwords = _passwords(flags)
    tokens = init_tokens.make_keys(on_token, root=not flags.root, ssh=flags.ssh)
    made = trio.run(_make, flags, wishes, passwords, tokens)
    if flags.as_helm:
        click.echo(helm.values(made), nl=False)
        return
    placing.place(creation.files(made, location), creation.directories(made, location))
    init_tokens.keep_certificates(on_token, made)
    _tell(made, location, brought=bool(flags.root))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flags:
    """The command line."""

    name: str | None
    dns: tuple[str, ...]
    address: str | None
    provisioner: str | None
    password_file: str | None
    provisioner_password_file: str | None
    root: str | None
    key: str | None
    key_password_file: str | None
    pki: bool
    ssh: bool
    acme: bool
    crl: bool
    ocsp: bool
    insecure_address: str | None
    no_db: bool
    with_ca_url: str | None
    as_helm: bool
    deployment_type: str | None
    context: str | None
    profile: str | None
    authority: str | None
    no_context: bool
    force: bool

    def check(self) -> None:
        """Refuse what does not go together. Raises BadRequest."""
        for one, other in (("root", "key"), ("key", "root")):
            if getattr(self, one) and not getattr(self, other):
                raise BadRequest(f"flag '--{one}' requires the '--{other}' flag")
        clashes = (
            (self.pki and self.no_db, "pki", "no-db"),
            (self.pki and self.as_helm, "pki", "helm"),
            (self.acme and self.no_db, "acme", "no-db"),
            (self.crl and self.no_db, "crl", "no-db"),
            (self.ocsp and self.no_db, "ocsp", "no-db"),
            (self.crl and self.pki, "crl", "pki"),
            (self.ocsp and self.pki, "ocsp", "pki"),
        )
        for clash, one, other in clashes:
            if clash:
                raise BadRequest(f"flag '--{one}' is incompatible with '--{other}'")
        if self.insecure_address and not (self.crl or self.ocsp):
            raise BadRequest("flag '--insecure-address' requires the '--crl' or '--ocsp' flag")
        kind = (self.deployment_type or "standalone").lower()
        if kind in {"linked", "hosted"}:
            raise BadRequest(
                f"deployment type '{kind}' is of smallstep's service; here it is 'standalone'"
            )
        if kind != "standalone":
            raise BadRequest(f"invalid value '{kind}' for flag '--deployment-type': standalone")


def _hold(asked: CeremonyFlags, flags: _Flags, *, kms: str) -> None:
    """Have the keys made in a ceremony."""
    for name in ("root", "pki", "as_helm"):
        if getattr(flags, name):
            shown = name.removeprefix("as_")
            raise BadRequest(f"flag '--{shown}' is incompatible with '--ceremony'")
    if kms:
        raise BadRequest(
            "flag '--kms' is incompatible with '--ceremony': name the places by "
            "--root-at and --keys-at"
        )
    names = tuple(name for each in flags.dns for name in each.split(","))
    location = _location(flags, Wishes(name="", dns_names=names or ("ca",)))

    def wishes() -> Wishes:
        found = _wishes(flags)
        _may_overwrite(found, location, force=flags.force)
        return found

    ceremony.hold(
        ceremony.Occasion(
            flags=asked,
            location=location,
            wishes=wishes,
            password_file=flags.password_file,
            provisioner_password_file=flags.provisioner_password_file,
        )
    )


def _wishes(flags: _Flags) -> Wishes:
    """Take what was given, ask for the rest, and judge both alike."""
    name = given(flags.name, "--name", "What would you like to name your CA? (e.g. Home CA)", str)
    if flags.pki:
        return Wishes(name=name, ssh=flags.ssh, pki_only=True)
    wishes = Wishes(
        name=name,
        dns_names=given(
            ",".join(flags.dns),
            "--dns",
            "What DNS names or IP addresses will reach it? (e.g. ca.home.arpa,10.1.2.3)",
            dns_names,
        ),
        address=given(
            flags.address,
            "--address",
            "What address and port will it listen on? (e.g. :443 or 127.0.0.1:8443)",
            address,
        ),
        provisioner=given(
            flags.provisioner,
            "--provisioner",
            "What would you like to name its first provisioner? (e.g. you@home.arpa)",
            str,
        ),
        ssh=flags.ssh,
        acme=flags.acme,
        database=not flags.no_db,
        ca_url=flags.with_ca_url or "",
    )
    asking = not (flags.name and flags.dns and flags.address and flags.provisioner)
    return published(
        wishes,
        crl=flags.crl,
        ocsp=flags.ocsp,
        insecure_address=flags.insecure_address or "",
        asking=asking and not (flags.no_db or flags.as_helm),
    )


def _location(flags: _Flags, wishes: Wishes) -> Location:
    """Find where the files go: a context's place where contexts are used or asked for."""
    base = base_directory(os.environ)
    wanted = flags.context or flags.profile or flags.authority
    if flags.no_context or flags.pki or not (wanted or contexts(base)):
        return Location(base=base)
    name = flags.context or wishes.dns_names[0]
    context = Context(name=name, authority=flags.authority or name, profile=flags.profile or name)
    return Location(base=base, context=context)


def _may_overwrite(wishes: Wishes, location: Location, *, force: bool) -> None:
    """Ask before an authority that is there is lost, and before any work."""
    targets = [
        *(location.certs / name for name in ("root_ca.crt", "intermediate_ca.crt")),
        *(location.secrets / name for name in ("root_ca_key", "intermediate_ca_key")),
    ]
    if not wishes.pki_only:
        targets += [location.ca_json, location.defaults_json]
    there = [str(path) for path in targets if path.exists()]
    if not there or force:
        return
    question = f"There is an authority already ({', '.join(there)}). Overwrite it"
    if not confirm(question):
        raise BadRequest("nothing was written: the authority that is there stays")


def _passwords(flags: _Flags) -> Passwords:
    if flags.password_file:
        keys = read_password("password", file=flags.password_file)
    else:
        keys = _chosen_password()
    if not keys:
        raise BadRequest(f"{flags.password_file} is empty: the keys need a password")
    if not flags.provisioner_password_file:
        return Passwords(keys=keys, provisioner=keys)
    provisioner = read_password("password", file=flags.provisioner_password_file)
    if not provisioner:
        raise BadRequest(f"{flags.provisioner_password_file} is empty: give a password")
    return Passwords(keys=keys, provisioner=provisioner)


def _chosen_password() -> Password:
    """Ask for a new password, twice; make one where nothing is answered."""
    while True:
        password = read_password(
            "Choose a password for the keys and the first provisioner [empty: make one]",
            flag="--password-file",
        )
        if not password:
            password = Password(secrets.token_urlsafe(24).encode())
            selected("Password", password.reveal().decode())
            return password
        if read_password("Please enter the password again") == password:
            return password
        say("The two are not the same; once more.")


async def _make(flags: _Flags, wishes: Wishes, passwords: Passwords, tokens: HeldKeys) -> Authority:
    now = SystemClock().now()
    say("")
    if flags.root and flags.key:
        root = _brought(flags.root, flags.key, flags.key_password_file)
        say(f"Using the root certificate of {flags.root}")
    else:
        key = tokens.keys.get("root_ca_key")
        root = await creation.make_root(wishes.name, _sign, now, secrets.token_bytes, key)
        say("Generating root certificate... done!")
    made = await creation.make_authority(
        wishes, root, passwords, sign=_sign, now=now, octets=secrets.token_bytes, tokens=tokens
    )
    say("Generating intermediate certificate... done!")
    if wishes.ssh and not tokens.keys:
        say("Generating user and host SSH certificate signing keys... done!")
    return made


async def _sign(key: PrivateKey, prepared: Prepared) -> bytes:
    return await FileSigner(key).sign(prepared.to_be_signed, prepared.algorithm)


def _brought(certificate: str, key: str, password_file: str | None) -> Root:
    """Read a root of the person's own, and see that it can be one. Raises BadRequest."""
    der = pem.certificates(read_file(certificate))[0]
    loaded = read_private_key(key, password_file=password_file)
    issuer = issuers.of_certificate(der)
    if issuer.public_key != loaded.public_key():
        raise BadRequest(f"{key} is not the key of the certificate in {certificate}")
    if not _is_authority(der):
        raise BadRequest(f"{certificate} is not the certificate of a CA")
    return Root(certificate=der, key=loaded, brought=True)


def _is_authority(certificate: bytes) -> bool:
    extensions = x509.load_der_x509_certificate(certificate).extensions
    try:
        return extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _tell(made: Authority, location: Location, *, brought: bool) -> None:
    """Name what was written, the fingerprint, and what comes next."""
    say("")
    lines: list[tuple[str, str | Path]] = [
        ("Root certificate", location.certs / "root_ca.crt"),
        ("Root private key", location.secrets / "root_ca_key"),
        ("Root fingerprint", creation.fingerprint(made.root)),
        ("Intermediate certificate", location.certs / "intermediate_ca.crt"),
        ("Intermediate private key", location.secrets / "intermediate_ca_key"),
    ]
    if made.wishes.ssh:
        for kind in ("user", "host"):
            lines += [
                (f"SSH {kind} public key", location.certs / f"ssh_{kind}_ca_key.pub"),
                (f"SSH {kind} private key", location.secrets / f"ssh_{kind}_ca_key"),
            ]
    if not made.wishes.pki_only:
        if made.wishes.database:
            lines.append(("Database folder", location.db))
        if made.wishes.ssh:
            lines.append(("Templates folder", location.templates))
        lines.append(("Default configuration", location.defaults_json))
        if location.context is not None:
            lines.append(("Default profile configuration", location.profile_defaults_json))
        lines.append(("Certificate Authority configuration", location.ca_json))
    for name, value in lines:
        if init_tokens.is_shown(name, made, brought=brought):
            selected(name, str(value))
    init_tokens.tell(made)
    say("")
    if made.wishes.pki_only:
        say("The certificates and keys are ready.")
    else:
        say("Your CA is ready. Start it with 'hearth serve', or 'hearth' for the console.")
