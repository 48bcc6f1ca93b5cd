"""`hearth doctor`: is this configuration going to work?"""

import json
import os
from pathlib import Path

import click
import trio

from appliance.cli.command import StepCommand, location
from appliance.model.ssh import CertificateType
from appliance.server import passwords
from appliance.server.doctor import Finding, Level, examine

_SIGNS = {Level.OK: "✔", Level.WARNING: "!", Level.FAILURE: "✘"}
_FAILED = 1


@click.command("doctor", cls=StepCommand)
@click.option("--password-file", metavar="<file>", help="The password of the intermediate's key.")
@click.option("--ssh-host-password-file", metavar="<file>", help="That of the SSH host key.")
@click.option("--ssh-user-password-file", metavar="<file>", help="That of the SSH user key.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="text or json."
)
@click.option(
    "--ca-config", metavar="<file>", help="The CA's ca.json; that of the context by default."
)
def doctor(
    *,
    password_file: str | None,
    ssh_host_password_file: str | None,
    ssh_user_password_file: str | None,
    form: str,
    ca_config: str | None,
) -> int:
    """Check a configuration and its files, and say what would fail, before a reload does.

    Nothing is changed, and a server that runs is not disturbed.

    \b
    Exit codes: 0 when it will work (there may be warnings), 1 when it will not.

    \b
    Example:
      $ hearth doctor --password-file password.txt && systemctl reload hearth
    """
    file = Path(ca_config) if ca_config else location().ca_json
    password = passwords.given(Path(password_file) if password_file else None, os.environ)
    for_ssh = passwords.given_for_ssh(
        {
            CertificateType.HOST: Path(ssh_host_password_file) if ssh_host_password_file else None,
            CertificateType.USER: Path(ssh_user_password_file) if ssh_user_password_file else None,
        },
        os.environ,
    )

    async def gather() -> list[Finding]:
        return [finding async for finding in examine(file, password, for_ssh)]

    findings = trio.run(gather)
    if form == "json":
        rows = [
            {"level": each.level.value, "topic": each.topic, "text": each.text} for each in findings
        ]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        for each in findings:
            click.echo(f"{_SIGNS[each.level]} {each.topic}: {each.text}")
    return _FAILED if any(each.level is Level.FAILURE for each in findings) else 0
