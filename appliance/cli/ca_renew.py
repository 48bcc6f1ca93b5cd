"""`hearth ca renew`: once, or as a daemon."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import click

from appliance.cli.command import StepCommand, was_given
from appliance.cli.files import may_write, read_file
from appliance.cli.keys import read_private_key
from appliance.cli.online import (
    ca_flags,
    now,
    read_roots,
    refuse_kms_flag,
    refuse_offline,
    required_url,
    root_file,
)
from appliance.cli.prompts import say
from appliance.cli.renewing import After, Renewer, chance, run_daemon
from appliance.client.identity import load_identity
from appliance.client.renewal import Schedule, is_due, rounded
from appliance.formats import goduration
from appliance.model.errors import BadRequest, FormatError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flags:
    """What the command line says."""

    crt_file: str
    key_file: str
    mtls: bool
    out: str | None
    expires_in: str | None
    renew_period: str | None
    daemon: bool
    pid: int | None
    pid_file: str | None
    signal: int
    exec_command: str | None
    password_file: str | None
    force: bool
    ca_url: str | None
    root: str | None
    context: str | None


@click.command("renew", cls=StepCommand)
@click.argument("crt_file", metavar="<crt-file>")
@click.argument("key_file", metavar="<key-file>")
@click.option(
    "--mtls",
    is_flag=True,
    default=True,
    help="Show the certificate in TLS (the default); --mtls=false sends a signed token instead.",
)
@click.option(
    "--out", "--output-file", "out", metavar="<file>", help="Where to; default <crt-file>."
)
@click.option(
    "--expires-in",
    metavar="<duration>",
    help="Renew only when the certificate ends within this time (and up to a twentieth more).",
)
@click.option("--daemon", is_flag=True, help="Go on renewing, after two thirds of each life.")
@click.option("--renew-period", metavar="<duration>", help="With --daemon: renew this often.")
@click.option("--exec", "exec_command", metavar="<command>", help="Run this after a renewal.")
@click.option("--pid", type=int, metavar="<pid>", help="Signal this process after a renewal.")
@click.option("--pid-file", metavar="<file>", help="Signal the process that the file names.")
@click.option("--signal", type=int, default=1, metavar="<number>", help="The signal; 1 is SIGHUP.")
@click.option("--password-file", metavar="<file>", help="The password of the private key.")
@click.option("-f", "--force", is_flag=True, help="Overwrite files without asking.")
@ca_flags
@refuse_offline
@refuse_kms_flag
def renew(**values: Any) -> None:
    """Renew a certificate: same names, same key, new dates.

    The new certificate overwrites <crt-file>, or goes to --out. An expired certificate is renewed
    with a token, if the CA allows it.

    With --daemon it stays, and renews when about two thirds of the certificate's life are over;
    a little chance keeps many machines from coming at once. After a failure it tries again every
    minute. SIGHUP makes it renew at once.

    \b
    Examples:
      $ hearth ca renew internal.crt internal.key
      $ hearth ca renew --force --expires-in 8h internal.crt internal.key
      certificate not renewed: expires in 10h52m5s
      $ hearth ca renew --daemon --exec "systemctl reload nginx" internal.crt internal.key
    """  # fmt: skip
    flags = _Flags(**values)
    after = _after(flags)
    url = required_url(flags.ca_url)
    schedule = _schedule(flags)
    roots = read_roots(root_file(flags.root))
    identity = load_identity(
        read_file(flags.crt_file),
        lambda: read_private_key(flags.key_file, password_file=flags.password_file),
    )
    validity = identity.leaf.validity
    _check_length(schedule, validity.length)
    out = flags.out or flags.crt_file
    renewer = Renewer(identity=identity, url=url, roots=roots, out=out, mtls=flags.mtls)
    if flags.daemon:
        run_daemon(renewer, schedule, after)
        return
    if schedule.expires_in and not is_due(schedule.expires_in, validity.not_after, now(), chance()):
        left = rounded(validity.not_after - now())
        say(f"certificate not renewed: expires in {goduration.format_duration(left)}")
        return
    may_write(out, force=flags.force)
    renewer.run()
    say(f"Your certificate has been saved in {out}.")
    after.run()


def _schedule(flags: _Flags) -> Schedule:
    """Read the two durations. Raises BadRequest."""
    schedule = Schedule(
        expires_in=_duration("expires-in", flags.expires_in),
        period=_duration("renew-period", flags.renew_period),
    )
    if schedule.expires_in and schedule.period:
        raise BadRequest("flag '--expires-in' is incompatible with '--renew-period'")
    if schedule.period and not flags.daemon:
        raise BadRequest("flag '--renew-period' requires the '--daemon' flag")
    return schedule


def _duration(flag: str, text: str | None) -> timedelta:
    try:
        duration = goduration.parse(text) if text else timedelta()
    except FormatError as error:
        raise BadRequest(f"invalid value '{text}' for flag '--{flag}': {error}") from error
    if duration < timedelta():
        raise BadRequest(f"invalid value '{text}' for flag '--{flag}': it is negative")
    return duration


def _check_length(schedule: Schedule, length: timedelta) -> None:
    """A certificate must live longer than the wait for its renewal. Raises BadRequest."""
    shown = goduration.format_duration(length)
    for flag, asked, over in (
        ("renew-period", schedule.period, schedule.period >= length),
        ("expires-in", schedule.expires_in, schedule.expires_in > length),
    ):
        if asked and over:
            raise BadRequest(
                f"flag '--{flag}' must be lower than the certificate's validity period: "
                f"{goduration.format_duration(asked)} of {shown}"
            )


def _after(flags: _Flags) -> After:
    """Say what is to be done after a renewal. Raises BadRequest."""
    if was_given("pid") and was_given("pid_file"):
        raise BadRequest("flag '--pid' and flag '--pid-file' are mutually exclusive")
    if was_given("pid") and (flags.pid or 0) <= 0:
        raise BadRequest(f"invalid value '{flags.pid}' for flag '--pid'")
    if flags.signal <= 0:
        raise BadRequest(f"invalid value '{flags.signal}' for flag '--signal'")
    after = After(
        pid=flags.pid, pid_file=flags.pid_file, signal=flags.signal, command=flags.exec_command
    )
    after.words()  # what cannot be read is told now, not in sixteen hours
    after.process()
    return after
