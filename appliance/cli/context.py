"""`hearth context`: several CAs, kept apart; which one is meant."""

import json
import os
import shutil
from pathlib import Path

import click

from appliance.cli.command import StepCommand, StepGroup
from appliance.cli.prompts import confirm, say, selected
from appliance.config import location
from appliance.config.location import Context, Location
from appliance.model.errors import BadRequest, NotFound

context = StepGroup(
    "context",
    help=(
        "Choose among several CAs; `ca bootstrap --context` and `ca init --context` make contexts."
        "\n\n\b\nExamples:\n"
        "  $ hearth context list\n"
        "  $ hearth context select work"
    ),
)


@context.command("current", cls=StepCommand, no_context=True, short_help="print the current one")
@click.option("--json", "as_json", is_flag=True, help="Print its authority and profile, too.")
def current(*, as_json: bool) -> None:
    """Print the name of the current context.

    \b
    Examples:
      $ hearth context current
      $ hearth context current --json
    """
    base = location.base_directory(os.environ)
    name = location.current_context(base)
    if name is None:
        raise NotFound("no context selected: see 'context select'")
    found = _known(base, name)
    entry = {"name": name, "authority": found.authority, "profile": found.profile}
    click.echo(json.dumps(entry, separators=(",", ":"), ensure_ascii=False) if as_json else name)


@context.command("list", cls=StepCommand, no_context=True, short_help="print the names of all")
def list_contexts() -> None:
    """Print the names of all contexts, the current one marked and first.

    \b
    Example:
      $ hearth context list
      ▶ home
      work
    """
    base = location.base_directory(os.environ)
    name = location.current_context(base)
    if name is not None:
        click.echo(f"▶ {name}")
    for other in sorted(location.contexts(base), key=str.lower):
        if other != name:
            click.echo(other)


@context.command("select", cls=StepCommand, no_context=True, short_help="make one the current one")
@click.argument("name", metavar="<name>")
def select(*, name: str) -> None:
    """Make a context the current one.

    \b
    Example:
      $ hearth context select work
    """
    base = location.base_directory(os.environ)
    _known(base, name)
    location.select_context(base, name)
    selected("Context", name)


@context.command("remove", cls=StepCommand, no_context=True, short_help="remove one and its files")
@click.argument("name", metavar="<name>")
@click.option("-f", "--force", is_flag=True, help="Remove it without asking.")
def remove(*, name: str, force: bool) -> None:
    """Remove a context with all its files: certificates, keys, configuration, database.

    What another context uses as well stays. The current context cannot be removed.

    \b
    Example:
      $ hearth context remove work
    """
    base = location.base_directory(os.environ)
    target = _known(base, name)
    if location.current_context(base) == name:
        raise BadRequest("cannot remove current context: choose another with 'context select'")
    others = [each for each in location.contexts(base).values() if each.name != name]
    paths = _only_its_own(base, target, others)
    if paths and not force:
        say("The following directories will be removed:\n")
        for path in paths:
            say(f"  - {path}")
        question = f"Are you sure you want to delete context {name} (this cannot be undone!)"
        if not confirm(f"\n{question}"):
            raise BadRequest("context not removed")
    for path in paths:
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise BadRequest(f"{path} cannot be removed: {error.strerror}") from error
    location.remove_context(base, name)


def _known(base: Path, name: str) -> Context:
    known = location.contexts(base)
    if name not in known:
        raise NotFound(f"context '{name}' not found (known: {', '.join(sorted(known)) or 'none'})")
    return known[name]


def _only_its_own(base: Path, target: Context, others: list[Context]) -> list[Path]:
    """Give the directories that no other context uses."""
    where = Location(base=base, context=target)
    paths = []
    if target.authority not in {each.authority for each in others}:
        paths.append(where.path)
    if target.profile not in {each.profile for each in others}:
        paths.append(where.profile_path)
    for path in paths:
        inside = path.parent.parent == base and path.name not in ("", ".", "..")
        if not inside:  # contexts.json may have been written by hand
            raise BadRequest(f"{path} is not a directory of this context: remove it by hand")
    return paths
