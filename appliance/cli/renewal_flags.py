"""What `ca renew` and `ca rekey` share: when it is time, and what follows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import click

from appliance.cli.command import was_given
from appliance.cli.online import now, read_roots, required_url, root_file
from appliance.cli.prompts import say
from appliance.cli.provisioning import offline_url
from appliance.cli.reach import Reach, offline, online
from appliance.cli.renewing import After, chance
from appliance.client.renewal import Schedule, is_due, rounded
from appliance.formats import goduration
from appliance.model.errors import BadRequest, FormatError
from appliance.model.validity import Validity

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalFlags:
    """The flags that both have; the period has the verb in its name."""

    daemon: bool
    expires_in: str | None
    period: str | None
    pid: int | None
    pid_file: str | None
    signal: int
    exec_command: str | None


def renewal_flags(verb: str, done: str) -> Callable[[F], F]:
    """Add them: `verb` is renew or rekey, `done` the word for when it is over."""

    def decorate(function: F) -> F:
        for option in (
            click.option(
                "--signal", type=int, default=1, metavar="<number>", help="The signal; 1 is SIGHUP."
            ),
            click.option("--pid-file", metavar="<file>", help="Signal the process the file names."),
            click.option("--pid", type=int, metavar="<pid>", help=f"Signal this process {done}."),
            click.option(
                "--exec", "exec_command", metavar="<command>", help=f"Run this command {done}."
            ),
            click.option(
                f"--{verb}-period",
                "period",
                metavar="<duration>",
                help=f"With --daemon: {verb} this often.",
            ),
            click.option(
                "--daemon", is_flag=True, help="Go on for ever, after two thirds of each life."
            ),
            click.option(
                "--expires-in",
                metavar="<duration>",
                help=f"{verb.capitalize()} only when the certificate ends within this time (and up "
                "to a twentieth more).",
            ),
        ):
            function = option(function)
        return function

    return decorate


def way(flags: Mapping[str, Any], *, daemon: bool, password_file: str | None) -> tuple[Reach, str]:
    """Say how the CA is reached, and which URL tokens for it are made out to. Raises BadRequest."""
    if not flags["offline"]:
        url = required_url(flags["ca_url"])
        return online(url, read_roots(root_file(flags["root"]))), url
    if daemon:
        raise BadRequest("flag '--daemon' is incompatible with '--offline'")
    config: str | None = flags["ca_config"]
    return offline(config, password_file), offline_url(config)


def take(flags: dict[str, Any]) -> RenewalFlags:
    """Take these flags out of all those of a command."""
    return RenewalFlags(**{name: flags.pop(name) for name in RenewalFlags.__slots__})


def schedule(flags: RenewalFlags, verb: str) -> Schedule:
    """Read the two durations. Raises BadRequest."""
    wanted = Schedule(
        expires_in=_duration("expires-in", flags.expires_in),
        period=_duration(f"{verb}-period", flags.period),
    )
    if wanted.expires_in and wanted.period:
        raise BadRequest(f"flag '--expires-in' is incompatible with '--{verb}-period'")
    if wanted.period and not flags.daemon:
        raise BadRequest(f"flag '--{verb}-period' requires the '--daemon' flag")
    return wanted


def check_length(wanted: Schedule, length: timedelta, verb: str) -> None:
    """A certificate must live longer than the wait for its renewal. Raises BadRequest."""
    shown = goduration.format_duration(length)
    for flag, asked, over in (
        (f"{verb}-period", wanted.period, wanted.period >= length),
        ("expires-in", wanted.expires_in, wanted.expires_in > length),
    ):
        if asked and over:
            raise BadRequest(
                f"flag '--{flag}' must be lower than the certificate's validity period: "
                f"{goduration.format_duration(asked)} of {shown}"
            )


def is_too_early(wanted: Schedule, validity: Validity, done: str) -> bool:
    """Tell if --expires-in wants nothing done yet, and say so: `done` is renewed or rekeyed."""
    moment = now()
    if not wanted.expires_in or is_due(wanted.expires_in, validity.not_after, moment, chance()):
        return False
    left = rounded(validity.not_after - moment)
    say(f"certificate not {done}: expires in {goduration.format_duration(left)}")
    return True


def after(flags: RenewalFlags) -> After:
    """Say what is to be done when it is over. Raises BadRequest."""
    if was_given("pid") and was_given("pid_file"):
        raise BadRequest("flag '--pid' and flag '--pid-file' are mutually exclusive")
    if was_given("pid") and (flags.pid or 0) <= 0:
        raise BadRequest(f"invalid value '{flags.pid}' for flag '--pid'")
    if flags.signal <= 0:
        raise BadRequest(f"invalid value '{flags.signal}' for flag '--signal'")
    found = After(
        pid=flags.pid, pid_file=flags.pid_file, signal=flags.signal, command=flags.exec_command
    )
    found.words()  # what cannot be read is told now, not in sixteen hours
    found.process()
    return found


def _duration(flag: str, text: str | None) -> timedelta:
    try:
        duration = goduration.parse(text) if text else timedelta()
    except FormatError as error:
        raise BadRequest(f"invalid value '{text}' for flag '--{flag}': {error}") from error
    if duration < timedelta():
        raise BadRequest(f"invalid value '{text}' for flag '--{flag}': it is negative")
    return duration
