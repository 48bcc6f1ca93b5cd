"""`hearth ssh hosts`: the hosts that have certificates."""

from collections.abc import Sequence
from typing import Any, Final

import click

from appliance.cli.command import StepCommand, refused
from appliance.cli.online import read_roots, required_url, root_file, talk
from appliance.cli.ssh_flags import ssh_ca_flags
from appliance.client.ssh import hosts as ssh_hosts

_TAB: Final = 8
_LOGIN: Final = "it would go with a log-in that this command does not need"


@click.command("hosts", cls=StepCommand)
@ssh_ca_flags
@refused("set", "set-file", because=_LOGIN)
@refused("console", because=_LOGIN, is_flag=True)
def hosts(**flags: Any) -> None:
    """List the hosts whose certificates have not ended.

    \b
    Example:
      $ hearth ssh hosts
      HOSTNAME                ID      TAGS
      internal.example.com
    """
    url = required_url(flags["ca_url"])
    found = talk(
        url,
        read_roots(root_file(flags["root"])),
        lambda ca: ssh_hosts.hosts(ca.connection),
    )
    rows = [
        (host.name, host.id, ",".join(f"{name}={text}" for name, text in host.tags))
        for host in found
    ]
    click.echo(_columns([("HOSTNAME", "ID", "TAGS"), *rows]), nl=False)


def _columns(rows: Sequence[tuple[str, str, str]]) -> str:
    """Fill columns up with tabs, as step does."""
    stops = [(max(len(row[n]) for row in rows) // _TAB + 1) * _TAB for n in range(2)]
    lines = [
        "".join(
            text + "\t" * -((len(text) - stop) // _TAB)
            for text, stop in zip(row[:2], stops, strict=True)
        )
        + row[2]
        for row in rows
    ]
    return "".join(f"{line}\n" for line in lines)
