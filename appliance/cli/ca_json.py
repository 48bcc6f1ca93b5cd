"""Changing ca.json for a person: which one it is, what is checked, and what to do then."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from appliance.cli.command import location
from appliance.cli.prompts import say, selected
from appliance.config import editing, loading
from appliance.config.editing import Editing
from appliance.config.loading import ConfigNotFound
from appliance.config.settings import Settings
from appliance.model.errors import BadRequest
from appliance.provisioners.listed import DISABLED
from appliance.server import entry_check

RELOAD: Final = (
    "ca.json has been changed. To use it, send SIGHUP to the running server "
    "(systemctl reload hearth, or kill -1 <pid>), or start it again."
)


def ca_json(ca_config: str | None) -> Path:
    """Name the file that a command is about: --ca-config, or that of the context."""
    return Path(ca_config) if ca_config else location().ca_json


def opened(ca_config: str | None) -> Editing:
    """Read ca.json to change it, and say which one it is. Raises ConfigError."""
    file = ca_json(ca_config)
    selected("CA Configuration", str(file))
    try:
        return editing.edit(file)
    except ConfigNotFound as error:
        raise ConfigNotFound(
            "there is no such file; this changes the CA's ca.json, where that is: name it with "
            "--ca-config",
            file=str(file),
        ) from error


def provisioners(ca_config: str | None) -> list[Mapping[str, object]]:
    """Give the provisioners as the CA would list them. Raises ConfigError."""
    return [
        {**each.entry, **DISABLED} if each.disabled else each.entry
        for each in loading.load(ca_json(ca_config)).provisioners
    ]


def save(changed: Editing, provisioner: str = "") -> None:
    """Put the file in place if the server will take it, and the provisioner will work.

    Raises ConfigError, BadRequest, and then nothing has changed.
    """
    check(changed.checked(), provisioner)
    changed.save()
    say(RELOAD)


def check(settings: Settings, provisioner: str) -> None:
    """Find what would leave the provisioner listed but without use. Raises BadRequest."""
    if problem := entry_check.problem(settings, provisioner):
        raise BadRequest(
            f"provisioner {provisioner} would not work: {problem}; nothing was changed"
        )
    if problem := entry_check.template_problem(settings, provisioner):
        raise BadRequest(
            f"provisioner {provisioner} would issue nothing: {problem}; nothing was changed"
        )
