"""`hearth backup verify` and `restore`: what a backup is worth, and a CA put back from it."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
import trio

from appliance.cli.backup_flags import (
    fetched,
    megabytes,
    opened_place,
    passphrase,
    passphrase_flag,
    place_flags,
    reaching,
)
from appliance.cli.clock import SystemClock
from appliance.cli.command import StepCommand, location
from appliance.cli.prompts import read_password, say
from appliance.model.errors import BadRequest
from appliance.server.backup import opening, restoring, verifying
from appliance.server.backup.opening import Examined
from appliance.server.backup.proving import Proof
from appliance.server.backup.restoring import Restored
from appliance.server.system import SystemChance

_FROM = click.option(
    "--from", "origin", metavar="<place>", default="",
    help="Take it from this place: a directory, sftp://… or s3://….",
)  # fmt: skip
_PASSWORD = click.option(
    "--password-file", metavar="<file>", help="Read the password of the CA's key from this file."
)


@click.command("verify", cls=StepCommand)
@click.argument("name", metavar="<backup>")
@_FROM
@passphrase_flag
@_PASSWORD
@click.option("--no-issue", is_flag=True, help="Do not issue a test certificate.")
@place_flags
def verify(
    *,
    name: str,
    origin: str,
    passphrase_file: str,
    password_file: str | None,
    no_issue: bool,
    ca_config: str | None,
    **flags: Any,
) -> None:
    """Prove that a backup can be restored, in a temporary directory.

    Every part is read against its checksum, the database is made of it and read back, the
    configuration is loaded, and a test certificate is issued by the CA's key, if that is in the
    backup or here. <backup> is a file, or a name in a place, where `latest` is the newest.

    \b
    Examples:
      $ hearth backup verify /mnt/stick/home-1f2e3d4c-20261121T120000Z.hearth-backup
      $ hearth backup verify latest --from sftp://backup@nas/~/hearth
    """
    place = partial(opened_place, origin, reaching(flags), ca_config)
    password = read_password("", file=password_file) if password_file else None

    async def work() -> tuple[Examined, int, Proof]:
        async with fetched(name, place, in_place=bool(origin)) as file:
            examined, size = await verifying.examine(file, passphrase(file, passphrase_file))
            proof = await verifying.prove(
                examined,
                password,
                issue=not no_issue,
                clock=SystemClock(),
                chance=SystemChance(),
            )
            return examined, size, proof

    examined, size, proof = trio.run(work)
    about = examined.about
    click.echo(f"{about.name}, root {about.fingerprint[:16]}…, made at {about.made_at}")
    click.echo(f"whole: {examined.end.rows} rows and {examined.end.files} files, {megabytes(size)}")
    if about.has_secrets:
        click.echo(f"keys: {len(examined.sealed or ())} files, opened by the passphrase")
    if proof.serial is not None:
        click.echo(f"test certificate issued: serial {proof.serial}")
    else:
        click.echo(f"no test certificate: {proof.reason}")


@click.command("restore", cls=StepCommand)
@click.argument("name", metavar="<backup>")
@click.argument("directory", metavar="[<directory>]", default="")
@_FROM
@passphrase_flag
@click.option("--without-keys", is_flag=True, help="Leave the keys in the backup where they are.")
@click.option(
    "--crl", "lists", metavar="<file>", multiple=True,
    help="A revocation list that the CA published since the backup: what it names is revoked.",
)  # fmt: skip
@click.option(
    "--accept-lost-revocations",
    is_flag=True,
    help="Restore without such a list: what was revoked since the backup is valid again.",
)
@place_flags
def restore(
    *,
    name: str,
    directory: str,
    origin: str,
    passphrase_file: str,
    without_keys: bool,
    lists: Sequence[str],
    accept_lost_revocations: bool,
    ca_config: str | None,
    **flags: Any,
) -> None:
    """Put a CA back from a backup, into <directory>, the step path by default.

    Nothing that is there is overwritten. What happened since the backup was made is not in it:
    certificates issued since are valid and not listed, and revocations since are forgotten, unless
    --crl gives a list that was published later (`curl http://ca/1.0/crl`, or a client's copy). So
    one of --crl and --accept-lost-revocations must be given. Numbers of revocation lists go on
    above all that were given out, and one-time tokens from before are refused.

    \b
    Examples:
      $ hearth backup restore /mnt/stick/home-1f2e3d4c-20261121T120000Z.hearth-backup --crl last.crl
      $ hearth backup restore latest /srv/ca --from /mnt/stick --accept-lost-revocations
    """
    place = partial(opened_place, origin, reaching(flags), ca_config)
    target = Path(directory or location().path).absolute()
    published = [_read(each) for each in lists]

    async def work() -> tuple[Examined, Restored]:
        async with fetched(name, place, in_place=bool(origin)) as file:
            about = await trio.to_thread.run_sync(opening.peek, file)
            if about.has_database and not (published or accept_lost_revocations):
                raise BadRequest(
                    f"this backup was made at {about.made_at} and knows nothing of what was "
                    "revoked since: give a revocation list that the CA has published later with "
                    "--crl, or --accept-lost-revocations if there is none; nothing was written"
                )
            examined = await trio.to_thread.run_sync(_examined, file, passphrase_file, without_keys)
            return examined, await restoring.restore(
                examined, target, published, SystemClock().now()
            )

    examined, restored = trio.run(work)
    click.echo(restored.ca_json)
    for line in _told(examined, restored):
        say(line)


def _examined(file: Path, passphrase_file: str, without_keys: bool) -> Examined:  # noqa: FBT001
    given = None if without_keys else passphrase(file, passphrase_file)
    return opening.examine(file, given)


def _told(examined: Examined, restored: Restored) -> list[str]:
    """Say what is there, what is missing, and what cannot be known."""
    made_at = examined.about.made_at
    lines = [f"restored as of {made_at}: {restored.rows} rows, {examined.end.files} files"]
    if restored.settled is not None:
        lines += [
            f"revocations taken over from revocation lists: {restored.settled.revoked}",
            f"the next revocation list has the number {restored.settled.list_number}",
            f"not known: what was issued after {made_at} (it is valid, and not in the inventory), "
            "revocations since that no given list names, SSH revocations since, and ACME accounts, "
            "orders and external account keys changed since; revoke again what must not be valid",
        ]
    if restored.tokens_may_return:
        lines.append(
            "authority.disableIssuedAtCheck is set: one-time tokens used since the backup can be "
            "used again until they expire (five minutes, usually); start the server after that"
        )
    else:
        lines.append("one-time tokens issued before the server starts again are refused")
    lines += [f"missing: the key {file}" for file in restored.missing_keys]
    if restored.blanked:
        lines.append(f"missing: the secrets in ca.json at {', '.join(restored.blanked)}")
    return lines


def _read(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise BadRequest(f"{name} cannot be read: {error.strerror}") from error
