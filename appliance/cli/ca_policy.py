"""`hearth ca policy`: the name policies in ca.json, of the authority and of its provisioners."""

import json
from typing import Any, Final

import click

from appliance.cli.ca_json import opened, save
from appliance.cli.command import StepCommand, StepGroup
from appliance.cli.online import ca_flags, required
from appliance.cli.provisioner_flags import refuse_admin_flags
from appliance.config import provisioner_edits
from appliance.config.editing import Editing
from appliance.config.provisioner_edits import Amend, Edit, Path, Put

_RULES_OF_PROVISIONER: Final = (
    ("x509", "allow"), ("x509", "deny"), ("x509", "allowWildcardNames"), ("ssh", "user"),
    ("ssh", "host"),
)  # fmt: skip
_KINDS: Final = {
    "x509": ("cn", "dns", "email", "ip", "uri"),
    "ssh host": ("dns", "ip", "principal"),
    "ssh user": ("email", "principal"),
}
_RULES: Final = ("allow", "deny")

policy = StepGroup(
    "policy",
    help=(
        "See and change in ca.json which names certificates may have.\n\n"
        "\b\nOf the whole authority, and of each provisioner:\n"
        '  $ hearth ca policy authority x509 allow dns "*.example.com"\n'
        "  $ hearth ca policy authority x509 deny ip 10.0.0.1\n"
        '  $ hearth ca policy provisioner x509 allow dns "*.lab.example.com" --provisioner lab'
    ),
)

_words = click.argument("words", nargs=-1, metavar="<what>...")
_remove = click.option("--remove", is_flag=True, help="Take names out instead of adding them.")
_config = click.option(
    "--ca-config", metavar="<file>", help="The CA's ca.json; that of the context by default."
)


@policy.command("authority", cls=StepCommand, short_help="the policy of the authority")
@_words
@_remove
@_config
@ca_flags
@refuse_admin_flags
def authority(*, words: tuple[str, ...], remove: bool, ca_config: str | None, **_: Any) -> None:
    """See or change the policy of the whole authority.

    <what> is one of:

    \b
      view                                      print it
      remove                                    remove all of it
      x509 allow|deny cn|dns|email|ip|uri <name>...
      x509 wildcards allow|deny
      ssh host allow|deny dns|ip|principal <name>...
      ssh user allow|deny email|principal <name>...

    \b
    Examples:
      $ hearth ca policy authority x509 allow dns "*.example.com" example.org
      $ hearth ca policy authority x509 deny dns bad.example.com --remove
      $ hearth ca policy authority x509 wildcards allow
      $ hearth ca policy authority view
    """
    changed = opened(ca_config)
    holder = changed.part(dict[str, Any], "authority")
    _act(changed, holder, ("policy",), words, remove=remove)


@policy.command("provisioner", cls=StepCommand, short_help="the policy of a provisioner")
@_words
@click.option("--provisioner", "--issuer", metavar="<name>", help="The provisioner.")
@_remove
@_config
@ca_flags
@refuse_admin_flags
def provisioner(
    *,
    words: tuple[str, ...],
    provisioner: str | None,
    remove: bool,
    ca_config: str | None,
    **_: Any,
) -> None:
    """See or change the policy of one provisioner (options.x509 and options.ssh of its entry).

    <what> is one of:

    \b
      view                                      print it
      remove                                    remove all of it
      x509 allow|deny cn|dns|email|ip|uri <name>...
      x509 wildcards allow|deny
      ssh host allow|deny dns|ip|principal <name>...
      ssh user allow|deny email|principal <name>...

    \b
    Examples:
      $ hearth ca policy provisioner x509 allow dns "*.lab.example.com" --provisioner lab
      $ hearth ca policy provisioner view --provisioner lab
    """
    if not provisioner:
        raise required("provisioner")
    changed = opened(ca_config)
    holder = provisioner_edits.find(changed, provisioner)
    _act(changed, holder, ("options",), words, remove=remove, name=provisioner)


def _act(
    changed: Editing,
    holder: dict[str, Any],
    path: Path,
    words: tuple[str, ...],
    *,
    remove: bool,
    name: str = "",
) -> None:
    """View or change what is below a path. Raises BadRequest, ConfigError."""
    if words == ("view",):
        click.echo(json.dumps(_policy(holder, path), indent=2, ensure_ascii=False))
        return
    edits = _all_of(path) if words == ("remove",) else [_edit(path, words, remove=remove)]
    provisioner_edits.apply(holder, edits)
    save(changed, name)


def _edit(path: Path, words: tuple[str, ...], *, remove: bool) -> Edit:
    """Read which rule is meant, and the names. Raises click.UsageError."""
    if words[:2] == ("x509", "wildcards") and words[2:] in (("allow",), ("deny",)):
        return Put(path=(*path, "x509", "allowWildcardNames"), value=words[2] == "allow")
    side = 2 if words[:1] == ("ssh",) else 1
    kinds = _KINDS.get(" ".join(words[:side]), ())
    rule, kind, names = words[side : side + 1], words[side + 1 : side + 2], words[side + 2 :]
    if not names or rule[0] not in _RULES or kind[0] not in kinds:
        raise click.UsageError(
            "say what: view, remove, x509 allow|deny <kind> <name>..., x509 wildcards allow|deny",
            click.get_current_context(),
        )
    where = (*path, *words[: side + 2])
    return Amend(path=where, remove=names) if remove else Amend(path=where, add=names)


def _all_of(path: Path) -> list[Edit]:
    """Take away the rules and nothing beside them."""
    if path == ("policy",):
        return [Put(path=path, value=None)]
    return [Put(path=(*path, *rules), value=None) for rules in _RULES_OF_PROVISIONER]


def _policy(holder: dict[str, Any], path: Path) -> object:
    """Give the rules as they stand in ca.json."""
    if path == ("policy",):
        return provisioner_edits.value_at(holder, path) or {}
    found: dict[str, dict[str, object]] = {"x509": {}}
    for kind, key in _RULES_OF_PROVISIONER:
        value = provisioner_edits.value_at(holder, (*path, kind, key))
        if value is not None:
            found.setdefault(kind, {})[key] = value
    return found
