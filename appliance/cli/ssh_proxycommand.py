"""`hearth ssh proxycommand`: what SSH connects through, so that whoever connects is logged in."""

import os
import re
import shlex
import shutil
from typing import Any, Final

import click
import trio

from appliance.cli.command import StepCommand
from appliance.cli.new_keys import asked_kind
from appliance.cli.online import now, read_roots, required_url, root_file, talk
from appliance.cli.provisioning import template_data
from appliance.cli.ssh_agent import with_agent
from appliance.cli.ssh_flags import (
    CertificateFlags,
    provisioner_flags,
    ssh_ca_flags,
    template_flags,
    which_ca,
)
from appliance.cli.ssh_issuing import authorities
from appliance.cli.ssh_login import LogIn, log_in
from appliance.client.ssh import hosts
from appliance.client.ssh.agent import Agent, is_expired, signed_by
from appliance.client.ssh.hosts import Bastion
from appliance.formats.ssh.keys import SshPublicKey
from appliance.model.errors import BadRequest, Unavailable

_SSH: Final = "/usr/bin/ssh"
_CHUNK: Final = 64 << 10
_CONNECT_TIMEOUT: Final = 60.0  # seconds
_STDIN, _STDOUT = 0, 1
_PLACES: Final = re.compile("%[%hpr]")


@click.command("proxycommand", cls=StepCommand)
@click.argument("user", metavar="<user>")
@click.argument("host", metavar="<host>")
@click.argument("port", metavar="<port>")
@click.option("--console", is_flag=True, help="Log in on another device, if at all.")
@click.option("--password-file", metavar="<file>", help="As --provisioner-password-file.")
@provisioner_flags
@template_flags
@ssh_ca_flags
def proxycommand(user: str, host: str, port: str, **flags: Any) -> None:
    """Connect SSH to a host, directly or over the bastion that the CA names.

    Before that, <user> is logged in where the SSH agent holds no certificate of this CA. SSH itself
    calls this command, by the ProxyCommand that `ssh config` writes.

    \b
    Example:
      $ ssh -o ProxyCommand='hearth ssh proxycommand %r %h %p' internal.example.com
    """
    _log_in_if_needed(user, flags)
    url, roots = required_url(flags["ca_url"]), read_roots(root_file(flags["root"]))
    bastion = talk(url, roots, lambda ca: hosts.bastion(ca.connection, user, host))
    if bastion is not None:
        command = bastion_command(bastion, user, host, port)
        os.execv(shutil.which("ssh") or _SSH, command)  # noqa: S606 - arguments, not a shell
    trio.run(_connect, host, port)


def bastion_command(bastion: Bastion, user: str, host: str, port: str) -> list[str]:
    """Write the command that connects to a host over a bastion. Raises BadRequest.

    What the bastion's shell gets of our arguments is quoted.
    """
    values = {"%h": host, "%p": port, "%r": user, "%%": "%"}
    command = ["ssh"]
    if bastion.user:
        command += ["-l", bastion.user]
    if bastion.port:
        command += ["-p", bastion.port]
    try:
        command += shlex.split(bastion.flags)
    except ValueError as error:
        raise BadRequest(f"the flags of the CA's bastion cannot be read: {error}") from error
    command += ["--", bastion.hostname]
    if bastion.command:
        quoted = {
            name: shlex.quote(text) if name != "%%" else text for name, text in values.items()
        }
        return [*command, _PLACES.sub(lambda found: quoted[found[0]], bastion.command)]
    return [*command, "nc", shlex.quote(host), shlex.quote(port)]


def _log_in_if_needed(user: str, flags: dict[str, Any]) -> None:
    """Put a certificate into the agent, unless there is one of this CA."""
    ca = which_ca(flags)
    known = authorities(ca)
    if with_agent(lambda agent: _has_certificate(agent, known.user if known else ())):
        return
    what = CertificateFlags(
        principals=(user,),
        valid_after="",
        valid_before="",
        template_data=template_data(flags["pairs"], flags["set_file"]) or None,
    )
    done = log_in(
        ca, LogIn(subject=user, what=what, kind=asked_kind(None, None, None, insecure=False))
    )
    issued = done.issued.certificate
    with_agent(lambda agent: agent.add(done.key, issued, issued.key_id, now()))


async def _has_certificate(agent: Agent, known: tuple[SshPublicKey, ...]) -> bool:
    """Look for a certificate by one of these keys; those that have ended are removed."""
    test, moment = signed_by(known), now()
    for key in await agent.keys():
        if is_expired(key, moment):
            await agent.remove(key)
        elif test(key):
            return True
    return False


async def _connect(host: str, port: str) -> None:
    """Carry octets between SSH and a host until the host, or SSH, has gone. Raises Unavailable."""
    if not port.isdecimal():
        raise BadRequest(f"'{port}' is not the number of a port")
    try:
        with trio.fail_after(_CONNECT_TIMEOUT):
            stream = await trio.open_tcp_stream(host, int(port))
    except (OSError, trio.TooSlowError) as error:
        raise Unavailable(f"error connecting to {host}:{port}: {error}") from error
    async with stream, trio.open_nursery() as nursery:
        nursery.start_soon(_send, stream)
        await _receive(stream)
        nursery.cancel_scope.cancel()


async def _send(stream: trio.SocketStream) -> None:
    """Send what SSH says; at its end, what the host still has to say is awaited."""
    try:
        while octets := await trio.to_thread.run_sync(
            os.read, _STDIN, _CHUNK, abandon_on_cancel=True
        ):
            await stream.send_all(octets)
        await stream.send_eof()
    except (OSError, trio.BrokenResourceError):
        return  # the other direction says how it ends


async def _receive(stream: trio.SocketStream) -> None:
    try:
        async for octets in stream:
            await trio.to_thread.run_sync(_write, octets, abandon_on_cancel=True)
    except (OSError, trio.BrokenResourceError):
        return


def _write(octets: bytes | bytearray) -> None:
    rest = memoryview(octets)
    while rest:
        rest = rest[os.write(_STDOUT, rest) :]
