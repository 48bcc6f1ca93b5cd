"""`hearth ssh config`: setting up SSH clients and hosts to use certificates, and undoing it."""

import shutil
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import click

from appliance.cli import ssh_files
from appliance.cli.command import StepCommand, location, refused
from appliance.cli.online import read_roots, required_url, root_file, talk
from appliance.cli.prompts import say
from appliance.cli.provisioning import template_data
from appliance.cli.ssh_agent import with_agent
from appliance.cli.ssh_flags import ssh_ca_flags
from appliance.client.ca import CaClient
from appliance.client.connection import CaRefusal
from appliance.client.ssh import hosts, requests
from appliance.client.ssh.agent import Agent, is_certificate, signed_by
from appliance.client.ssh.requests import SshAuthorities
from appliance.formats.ssh.keys import SshPublicKey
from appliance.model.errors import BadRequest, HearthError, NotFound
from appliance.model.ssh import CertificateType
from appliance.model.ssh_files import RenderedFile

T = TypeVar("T")

_HOSTED: Final = "teams belong to smallstep's hosted service"
_CONTEXT: Final = "contexts are made by `ca bootstrap` and `ca init`"
_VERSION: Final = {"StepSSHTemplateVersion": "v2"}
_NO_SSH: Final = 404


@click.command("config", cls=StepCommand)
@click.option("--host", is_flag=True, help="Set up a host instead of a client.")
@click.option(
    "--roots", is_flag=True, help="Print the keys that sign users' (hosts') certificates."
)
@click.option("--federation", is_flag=True, help="Print these, and those of federated CAs.")
@click.option(
    "--set", "pairs", multiple=True, metavar="<key=value>", help="A variable of the templates."
)
@click.option("--set-file", metavar="<file>", help="Variables of the templates, as a JSON file.")
@click.option("--console", is_flag=True, help="Log in on another device, if at all.")
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@click.option("--undo", is_flag=True, help="Take back what this command has written.")
@click.option("-f", "--force", is_flag=True, help="Overwrite files without asking.")
@ssh_ca_flags
@refused("team", "team-authority", "team-url", because=_HOSTED)
@refused("authority", "profile", because=_CONTEXT)
def config(**flags: Any) -> None:
    """Set up SSH to use certificates: a client, or with --host a server.

    What is written comes from the templates of the CA: a block in ~/.ssh/config and files below
    the step path for a client; blocks in /etc/ssh/sshd_config and /etc/ssh/ca.pub for a server.
    Of files that are there already, everything else stays as it is. Doing it again changes nothing
    unless the CA has other templates or keys by now; --undo gives back what was there before, as
    far as nobody else has changed it.

    A client needs the user's name at the hosts: it comes from the certificate in the SSH agent, or
    from --set User=<name>.

    \b
    Examples:
      $ hearth ssh config
      $ hearth ssh config --set User=jane
      $ hearth ssh config --host --set Certificate=ssh_host_ecdsa_key-cert.pub \\
          --set Key=ssh_host_ecdsa_key
      $ hearth ssh config --roots >> /etc/ssh/ca.pub
      $ hearth ssh config --undo
    """
    _check(flags)
    kind = CertificateType.HOST if flags["host"] else CertificateType.USER
    if flags["undo"]:
        if not ssh_files.undo(kind, force=flags["force"]):
            say("There is nothing to undo.")
        return
    if flags["roots"] or flags["federation"]:
        for key in _keys(flags, kind):
            click.echo(key.line)
        return
    data = _data(flags, kind)
    files = _ask(flags, lambda ca: hosts.files(ca.connection, kind, data))
    if not files:
        say("No configuration changes were found.")
    elif flags["dry_run"]:
        _show(files)
    else:
        ssh_files.apply(files, kind, force=flags["force"])
        _check_called(files)


def _check(flags: dict[str, Any]) -> None:
    """Refuse flags that do not go together. Raises BadRequest."""
    given = [name for name in ("undo", "roots", "federation") if flags[name]]
    given += [name for name, value in (("set", "pairs"), ("set-file", "set_file")) if flags[value]]
    if len(given) > 1 and given[0] in ("undo", "roots", "federation"):
        raise BadRequest(f"flag '--{given[0]}' is incompatible with '--{given[1]}'")


def _ask(flags: dict[str, Any], call: Callable[[CaClient], Awaitable[T]]) -> T:
    url = required_url(flags["ca_url"])
    return talk(url, read_roots(root_file(flags["root"])), call)


def _keys(flags: dict[str, Any], kind: CertificateType) -> tuple[SshPublicKey, ...]:
    async def ask(ca: CaClient) -> SshAuthorities:
        call = requests.roots if flags["roots"] else requests.federation
        return await call(ca.connection)

    try:
        found = _ask(flags, ask)
    except CaRefusal as error:
        if error.status != _NO_SSH:
            raise
        raise NotFound("the CA is not configured with SSH support") from error
    keys = found.host if kind is CertificateType.HOST else found.user
    if not keys:
        raise NotFound(f"the CA is not configured with an ssh.{kind.label}Key")
    return keys


def _data(flags: dict[str, Any], kind: CertificateType) -> dict[str, str]:
    """Give what the templates see. Raises BadRequest, NotFound."""
    found = location()
    data = {
        "GOOS": sys.platform,
        "StepPath": str(found.path),
        "StepBasePath": str(found.base),
        **_VERSION,
    }
    if found.context is not None:
        data["Context"] = found.context.name
    if flags["console"]:
        data["Console"] = "true"
    for name, value in template_data((), flags["set_file"]).items():
        if not isinstance(value, str):
            raise BadRequest(f"{flags['set_file']}: '{name}' must be a text")
        data[name] = value
    for pair in flags["pairs"]:
        name, equals, value = pair.partition("=")
        if not equals:
            raise BadRequest(f"invalid value '{pair}' for flag '--set'; write it as key=value")
        data[name] = value
    if kind is CertificateType.USER and "User" not in data:
        data["User"] = _user(flags)
    return data


def _user(flags: dict[str, Any]) -> str:
    """Find the user's name in the certificate that the agent holds. Raises NotFound."""
    try:
        held = with_agent(Agent.keys)
    except HearthError as error:
        raise NotFound(f"{error.public}; or say who you are with --set User=<name>") from error
    known = _ask(flags, lambda ca: requests.roots(ca.connection)).user
    test = signed_by(known) if known else is_certificate
    for key in held:
        if test(key) and key.certificate is not None and key.certificate.principals:
            return key.certificate.principals[0]
    raise NotFound(
        "there is no certificate of this CA in the SSH agent: run `ssh login <identity>`, or say "
        "who you are with --set User=<name>"
    )


def _check_called(files: list[RenderedFile]) -> None:
    """Tell who sets SSH up to call a program that is not there."""
    if any(b"step ssh " in file.content for file in files) and shutil.which("step") is None:
        say(
            "SSH will call this program by the name 'step', as the CA's templates have it, and "
            "there is no such command: link it, for example by\n"
            '  ln -s "$(command -v hearth)" /usr/local/bin/step'
        )


def _show(files: list[RenderedFile]) -> None:
    for file in files:
        say(str(ssh_files.target(file)))
        say(file.content.decode("utf-8", "replace"))
