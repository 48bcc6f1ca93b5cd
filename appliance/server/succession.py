"""From one intermediate to the next, as the operator of a running CA sees it.

The steps are those of `hearth ca intermediate`. The next one is signed by the root, whose key has
no business on this box or in this process: that step is a command. The others change ca.json only,
and are taken here as well.
"""

import shlex
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from appliance.config import editing
from appliance.config.rollover import Rollover
from appliance.config.settings import IssuerState, Settings, TokenKey
from appliance.issuance import parsed
from appliance.model.errors import BadRequest, ConfigError
from appliance.model.signing_keys import IssuerChange, IssuerStep
from appliance.server import material
from appliance.server.assembly import Assembly
from appliance.server.keyring import ends_soon, root_key

FORMER: Final = "former"
_COMMAND: Final = "hearth ca intermediate"
_IN_HARDWARE: Final = (
    "Its key would be a file. For one on a token make it with hearth kms create, have it certified,"
    " and enter it in `issuers` of ca.json, as standby."
)

_STEPS: Final = {
    IssuerState.STANDBY: (
        IssuerChange.ACTIVATE,
        "It is published and signs nothing yet. Activated, it issues all that is new, and the one"
        " before it renews what it issued.",
    ),
    IssuerState.RETIRING: (
        IssuerChange.RETIRE,
        "It renews what it issued. Retired, its successor does, its key is not needed any more,"
        " and there are no new CRLs and OCSP answers of it.",
    ),
    IssuerState.RETIRED: (
        IssuerChange.REMOVE,
        "It signs nothing. Removed, what it issued cannot be renewed any more; its files stay.",
    ),
}


def steps(assembly: Assembly, now: datetime) -> list[IssuerStep]:
    """Give the steps that can be taken, the one that should be taken first before the others."""
    settings = assembly.settings
    found = [*_here(settings, now), _create(assembly, now)]
    return sorted(found, key=lambda step: (not step.due, step.change is not IssuerChange.ACTIVATE))


def taken(change: IssuerChange, name: str, settings: Settings, now: datetime) -> Rollover:
    """Change the configuration by a step, not saved yet. Raises BadRequest, ConfigError."""
    opened = editing.edit(settings.file)
    rollover = Rollover(editing=opened, roots=material.read_trust(settings).roots, now=now)
    match change:
        case IssuerChange.ACTIVATE:
            rollover.activate(name, former=_free(settings))
        case IssuerChange.RETIRE:
            rollover.retire(name)
        case IssuerChange.REMOVE:
            rollover.remove(name)
        case IssuerChange.CREATE:
            raise BadRequest("the root signs the next intermediate: that is done by command")
    return rollover


def _here(settings: Settings, now: datetime) -> Iterator[IssuerStep]:
    """Give the step that each intermediate may take from where it is, by ca.json alone."""
    for each in settings.issuers:
        if found := _STEPS.get(each.state):
            change, text = found
            yield IssuerStep(
                change=change,
                issuer=each.name,
                text=text,
                command=_written(settings, change, each.name),
                here=True,
                due=each.state is IssuerState.STANDBY or _is_over(each.certificate, now),
            )


def _create(assembly: Assembly, now: datetime) -> IssuerStep:
    settings = assembly.settings
    validity = parsed.parse(assembly.trust.intermediates[0]).validity
    name = str(now.year)
    known = {each.name for each in settings.issuers}
    while name in known or _certificate(settings, name).exists():
        name = f"{name}b"
    waiting = any(each.state is IssuerState.STANDBY for each in settings.issuers)
    if kept := root_key(settings):
        command = _written(settings, "create", name, "--ca-key", str(kept))
        text = (
            "Makes its key and has the root sign it: where the root's key is, with its password,"
            " so not from here. Then reload."
        )
    else:
        command = _written(settings, "create", name, "--csr")
        text = (
            "Makes its key, and a request for whoever has the root's key to sign (hearth"
            " certificate sign --profile intermediate-ca); then: hearth ca intermediate import."
        )
    if isinstance(settings.key, TokenKey):
        text = f"{text} {_IN_HARDWARE}"
    return IssuerStep(
        change=IssuerChange.CREATE,
        issuer=name,
        text=text,
        command=command,
        here=False,
        due=not waiting and ends_soon(validity.not_before, validity.not_after, now),
    )


def _certificate(settings: Settings, name: str) -> Path:
    """Say where the command would put its certificate."""
    return settings.certificate.with_name(f"intermediate_{name}.crt")


def _is_over(certificate: Path, now: datetime) -> bool:
    try:
        end = parsed.parse(material.chain(certificate)[0]).validity.not_after
    except ConfigError:
        return True
    return end <= now


def _free(settings: Settings) -> str:
    """Find a name for the intermediate that gives way."""
    names = {each.name for each in settings.issuers}
    name, number = FORMER, 2
    while name in names:
        name, number = f"{FORMER}-{number}", number + 1
    return name


def _written(settings: Settings, *words: str) -> str:
    return shlex.join([*_COMMAND.split(), *words, "--ca-config", str(settings.file)])
