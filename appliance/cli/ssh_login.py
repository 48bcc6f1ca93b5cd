"""`hearth ssh login`: a certificate straight into the SSH agent."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import click

from appliance.cli.command import StepCommand
from appliance.cli.new_keys import asked_kind, kind_flags
from appliance.cli.online import now
from appliance.cli.prompts import failed, say
from appliance.cli.provisioning import SshWish
from appliance.cli.ssh_agent import hold, with_agent
from appliance.cli.ssh_flags import (
    CaFlags,
    CertificateFlags,
    certificate_flags,
    ssh_ca_flags,
    wanted,
    which_ca,
)
from appliance.cli.ssh_issuing import authorities, make_token, order, place_for
from appliance.client.csr import KeyKind, generate_key
from appliance.client.ssh.agent import Agent, KeyTest, is_expired, signed_by
from appliance.client.ssh.requests import SshIssued, SshSignOrder
from appliance.formats import timeorduration
from appliance.formats.jwt import UnverifiedToken
from appliance.formats.keys import PrivateKey
from appliance.formats.ssh import keys
from appliance.formats.ssh.agent import AgentKey
from appliance.model.ssh import CertificateType

_BACKDATE: Final = timedelta(minutes=1)  # for hosts whose clocks are behind


@dataclass(frozen=True, slots=True, kw_only=True)
class LogIn:
    """Who wants to log in, and with what key."""

    subject: str  # empty where the token says it
    what: CertificateFlags
    kind: KeyKind
    add_user: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """What came of it: a key with its certificate, and one that creates the user on a host."""

    key: PrivateKey
    issued: SshIssued
    new_user: PrivateKey | None


@click.command("login", cls=StepCommand)
@click.argument("subject", metavar="[<identity>]", required=False)
@click.option("--identity", metavar="<identity>", help="The same as <identity>, for defaults.json.")
@click.option("--password-file", metavar="<file>", help="As --provisioner-password-file.")
@click.option("-f", "--force", is_flag=True, help="Log in even if there is a certificate already.")
@certificate_flags
@kind_flags
@ssh_ca_flags
def login(subject: str | None, **flags: Any) -> None:
    """Get an SSH certificate for a new key, straight into the SSH agent.

    Nothing is written to files: key and certificate are gone when the certificate ends, with
    `hearth ssh logout`, or with the agent. Where a certificate of this CA is there already,
    nothing is done; --force gets another one.

    \b
    Examples:
      $ hearth ssh login jane@example.com
      $ hearth ssh login --provisioner idp
      $ hearth ssh login --principal admin --principal jane jane@example.com --not-after 1h
    """
    named = subject or flags["identity"] or ""
    what, ca = wanted(flags), which_ca(flags)
    comment = flags["comment"] or named
    kind = asked_kind(flags["kty"], flags["curve"], flags["size"], insecure=flags["insecure"])
    with_agent(Agent.keys)  # without an agent, nothing of what follows is of use
    if not flags["force"] and (held := _held(ca, comment)):
        say(f"The key {held.line} is already present in the SSH agent.")
        return
    done = log_in(ca, LogIn(subject=named, what=what, kind=kind, add_user=flags["add_user"]))
    hold(done.key, done.issued.certificate, comment, name="SSH Agent")
    if done.new_user is None:
        return
    if done.issued.add_user is None:
        failed("Add User Certificate", "the CA made no certificate to create the user with")
    else:
        hold(done.new_user, done.issued.add_user, comment, name="Add User Certificate")


def log_in(ca: CaFlags, wish: LogIn) -> LoggedIn:
    """Get a certificate for a new key. Raises as `make_token` and `order` do."""
    what = wish.what
    principals = what.principals or ((wish.subject,) if wish.subject else ())
    valid_after = what.valid_after
    if not ca.token and not valid_after:
        valid_after = timeorduration.format_time(now().replace(microsecond=0) - _BACKDATE)
    ssh = SshWish(
        type=CertificateType.USER,
        principals=principals,
        valid_after=valid_after,
        valid_before=what.valid_before,
    )
    token = make_token(ca, wish.subject, "sign", ssh)
    key = generate_key(wish.kind)
    new_user = generate_key(wish.kind) if wish.add_user else None
    wished = SshSignOrder(
        key=keys.of_key(key.public_key()),
        token=token.raw,
        type=CertificateType.USER,
        key_id=_named(token, wish.subject),
        principals=principals,
        valid_after=valid_after,
        valid_before=what.valid_before,
        template_data=what.template_data,
    )
    if new_user is not None:
        wished = replace(wished, add_user_key=keys.of_key(new_user.public_key()))
    return LoggedIn(key=key, issued=order(place_for(ca, token), wished), new_user=new_user)


async def find_held(
    agent: Agent, comment: str, test: KeyTest | None, moment: datetime
) -> AgentKey | None:
    """Find a key by its comment; certificates that have ended are removed on the way."""
    for key in await agent.keys():
        if key.comment != comment:
            continue
        if is_expired(key, moment):
            await agent.remove(key)
        elif test is None or test(key):
            return key
    return None


def _held(ca: CaFlags, comment: str) -> AgentKey | None:
    """Find what an earlier log-in left; any key of that name, where the CA's are not known."""
    known = authorities(ca)
    test = signed_by(known.user) if known and known.user else None
    return with_agent(lambda agent: find_held(agent, comment, test, now()))


def _named(token: UnverifiedToken, subject: str) -> str:
    """Say whose certificate it is: an identity provider's word is the email address."""
    email = token.claims.get("email")
    if isinstance(email, str) and email:
        return email
    return subject or str(token.claims.get("sub", ""))
