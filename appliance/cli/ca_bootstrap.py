"""`hearth ca bootstrap`: trusting a CA from now on."""

import json
from pathlib import Path

import click
import trio

from appliance.cli.certificate_install import install_root
from appliance.cli.command import StepCommand, location, refused
from appliance.cli.files import may_write, write_file
from appliance.cli.online import required, required_url
from appliance.cli.prompts import say
from appliance.client.address import host_name
from appliance.client.ca import fetch_root
from appliance.config.location import Context, Location, add_context, contexts
from appliance.formats import pem
from appliance.model.errors import BadRequest


@click.command("bootstrap", cls=StepCommand, no_context=True)
@click.option("--ca-url", metavar="<uri>", help="The URL of the CA.")
@click.option("--fingerprint", metavar="<fingerprint>", help="The SHA-256 of its root, in hex.")
@click.option("--redirect-url", metavar="<uri>", help="Where a browser goes after logging in.")
@click.option("--install", is_flag=True, help="Make the whole system trust the root, too.")
@click.option("-f", "--force", is_flag=True, help="Overwrite files without asking.")
@click.option("--context", metavar="<name>", help="Keep this CA in a context of this name.")
@click.option("--profile", metavar="<name>", help="The profile of the context.")
@click.option("--authority", metavar="<name>", help="The authority of the context.")
@refused("team", "team-authority", "team-url", because="teams are of smallstep's hosted service")
def bootstrap(
    *,
    ca_url: str | None,
    fingerprint: str | None,
    redirect_url: str | None,
    install: bool,
    force: bool,
    context: str | None,
    profile: str | None,
    authority: str | None,
) -> None:
    """Fetch the root certificate of a CA and use that CA from now on.

    The root is checked against its fingerprint, so that the network need not be trusted. It is
    saved in certs/root_ca.crt of the step path, and the CA's URL in config/defaults.json: later
    commands need neither --ca-url nor --root.

    \b
    Example:
      $ hearth ca bootstrap --ca-url https://ca.example.com \\
          --fingerprint d9d0978692f1c7cc791f5c343ce98771900721405e834cd27b9502cc719f5097
      The root certificate has been saved in /home/mina/.step/certs/root_ca.crt.
      The authority configuration has been saved in /home/mina/.step/config/defaults.json.
    """
    url = required_url(ca_url)
    pinned = (fingerprint or "").strip()
    if not pinned:
        raise required("fingerprint")
    found = trio.run(fetch_root, url, pinned)
    where = location()
    chosen = None
    if context or profile or authority or contexts(where.base):
        name = context or authority or host_name(url)
        chosen = Context(name=name, authority=authority or name, profile=profile or name)
        where = Location(base=where.base, context=chosen)
    values = {"ca-url": url, "fingerprint": pinned, "root": str(where.root_certificate)}
    if redirect_url:
        values["redirect-url"] = redirect_url
    _save(where, found, values, force=force, new=chosen)
    if install:
        install_root(found)
        say("The root certificate has been installed in the system's trust store.")


def _save(
    where: Location, root: bytes, values: dict[str, str], *, force: bool, new: Context | None
) -> None:
    """Ask what there is to ask, then write everything."""
    for file in (where.root_certificate, where.defaults_json):
        may_write(file, force=force)
    _make(where.certs, where.config)
    if new is not None:
        add_context(where, new)
    elif where.ca_json.exists():
        say(
            "There is a CA configured here already. Contexts keep several apart: "
            "see --context in 'ca bootstrap --help'."
        )
    write_file(where.root_certificate, pem.encode("CERTIFICATE", root).encode(), 0o600, force=True)
    say(f"The root certificate has been saved in {where.root_certificate}.")
    text = json.dumps(values, indent=2, ensure_ascii=False)
    write_file(where.defaults_json, text.encode(), 0o644, force=True)
    say(f"The authority configuration has been saved in {where.defaults_json}.")
    if new is not None and not where.profile_defaults_json.exists():
        _make(where.profile_defaults_json.parent)
        write_file(where.profile_defaults_json, b"{}", 0o600)
        say(f"The profile configuration has been saved in {where.profile_defaults_json}.")


def _make(*directories: Path) -> None:
    """Make directories that only their owner can look into."""
    for directory in directories:
        try:
            for path in reversed([directory, *directory.parents]):
                path.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise BadRequest(f"{directory} cannot be made: {error.strerror}") from error
