"""What the console shows day by day: its numbered screens and what opens on them."""

from dataclasses import replace
from datetime import UTC, timedelta

from appliance.model.errors import Broken
from appliance.model.external_keys import ExternalKey
from appliance.model.overview import Overview
from appliance.model.tokens import TokenState, TokenStatus
from tests.support.ill_house import ill
from tests.support.kept_lock import KeptLock
from tests.support.sample_operator import NOW, SampleOperator, serial_of
from tests.support.stage import Stage, scene
from tui.app import Console
from tui.screens.fault import Fault

INVITED = ExternalKey(
    id="aaaabbbbccccdddd",
    provisioner="acme",
    reference="printer",
    created_at=NOW - timedelta(days=2),
    bound_at=NOW - timedelta(days=1),
    account="acct7",
    names=("printer.home.arpa", "192.0.2.7"),
)
WAITING = TokenStatus(
    name="yubikey 87650009",
    uri="yubikey:serial=87650009",
    state=TokenState.PIN_NEEDED,
    tries_left=3,
    detail="the YubiKey waits for its PIN",
)


class WithToken(SampleOperator):
    """Its key is on a YubiKey."""

    async def overview(self) -> Overview:
        return replace(await super().overview(), tokens=self.token_states)


def with_token() -> SampleOperator:
    operator = WithToken()
    operator.token_states = (WAITING,)
    return operator


def with_keys() -> SampleOperator:
    operator = SampleOperator()
    operator.made = (INVITED,)
    return operator


@scene()
async def overview(stage: Stage) -> None:
    """Overview: how the box is, how busy, and what needs somebody."""
    await stage.shows("All is well", "the one-time token has been used before")


@scene(ill)
async def overview_ill(stage: Stage) -> None:
    """Overview when not all is well: the worst first."""
    await stage.shows("■ Disk", "printer.home.arpa")


@scene(ill)
async def need(stage: Stage) -> None:
    """What needs somebody, and what to do about it."""
    await stage.shows("■ Disk", "printer.home.arpa")
    await stage.press("down", "enter")
    await stage.shows("its renewal has stopped")


@scene()
async def live(stage: Stage) -> None:
    """Live: what is issued, renewed, revoked and refused, as it happens."""
    await stage.press("2")
    await stage.shows("● following", "git.home.arpa")


@scene()
async def live_filtered(stage: Stage) -> None:
    """Live, filtered as one types."""
    await stage.press("2", "slash", *"refused")
    await stage.shows("2 shown of")


@scene()
async def live_light(stage: Stage) -> None:
    """Live in the light colours."""
    await stage.press("2")
    await stage.shows("git.home.arpa")
    assert isinstance(stage.app, Console)
    stage.app.action_change_light()
    await stage.pilot.pause()


@scene()
async def details(stage: Stage) -> None:
    """Details of what was issued: who asked for it, and the certificate decoded."""
    await stage.press("2", "enter")
    await stage.shows("d1f0a6c2")


@scene()
async def refusal(stage: Stage) -> None:
    """Details of a refusal are its reason."""
    await stage.press("2", "slash", *"evil", "enter", "enter")
    await stage.shows("Reason", "the token does not allow")


@scene()
async def help_(stage: Stage) -> None:
    """Help on a screen: what it shows and which keys it has."""
    await stage.press("2", "question_mark")
    await stage.shows("Live: help")


@scene()
async def palette(stage: Stage) -> None:
    """Ctrl+P finds any command."""
    await stage.press("2", "ctrl+p")
    await stage.shows("Search for commands", "Back up now")


@scene()
async def certificates(stage: Stage) -> None:
    """Certificates: the inventory, newest first."""
    await stage.press("3")
    await stage.shows("backup.home.arpa")


@scene()
async def search(stage: Stage) -> None:
    """A search among certificates finds with each letter."""
    await stage.press("3")
    await stage.shows("backup.home.arpa")
    await stage.press("slash", *"ma")
    await stage.until(lambda: "router" not in stage.text and "mail.home.arpa" in stage.text)


@scene()
async def revoking(stage: Stage) -> None:
    """Revoking a certificate: for a reason, and after the end of its serial number was typed."""
    await stage.press("3")
    await stage.shows("backup.home.arpa")
    await stage.press("r")
    await stage.shows("Revoke mail.home.arpa?")
    await stage.press("tab", *"lost", "tab", *str(serial_of(5))[-4:])


@scene()
async def exporting(stage: Stage) -> None:
    """Writing a certificate, or all that is found, to a new file."""
    await stage.press("3")
    await stage.shows("backup.home.arpa")
    await stage.press("w")
    await stage.shows("Write to a file", "~/certificate.pem")


@scene(with_keys)
async def external_keys(stage: Stage) -> None:
    """Keys that let new ACME accounts in (external account binding)."""
    await stage.press("2", "a")
    await stage.shows("○ used")


@scene(with_keys)
async def new_external_key(stage: Stage) -> None:
    """Making such a key."""
    await stage.press("2", "a")
    await stage.shows("○ used")
    await stage.press("n", *"nas")
    await stage.shows("nas")


@scene(with_keys)
async def remove_external_key(stage: Stage) -> None:
    """Removing one, after the end of its id was typed."""
    await stage.press("2", "a")
    await stage.shows("○ used")
    await stage.press("d", *"dd")
    await stage.shows("Remove printer?")


@scene(with_token)
async def unlock_token(stage: Stage) -> None:
    """A token that waits for its PIN, typed unseen."""
    await stage.shows("PIN needed")
    await stage.press("u", *"1234")
    await stage.shows("Tries left: 3", "••••")


@scene()
async def quitting(stage: Stage) -> None:
    """Quitting asks what shall end."""
    await stage.press("2", "q")
    await stage.shows("Quit?")


def locked_console() -> Console:
    return Console(SampleOperator(), zone=UTC, lock=KeptLock(timedelta(minutes=10)))


@scene(make=locked_console)
async def locked(stage: Stage) -> None:
    """A console that nobody has used for a while: the passphrase opens it."""
    await stage.shows("Locked")
    await stage.press(*"correct")
    await stage.shows("•••••••")


@scene()
async def silence(stage: Stage) -> None:
    """A server that does not answer is said to be one."""
    await stage.press("2")
    assert isinstance(stage.app, Console)
    operator = stage.app._operator
    assert isinstance(operator, SampleOperator)
    operator.silent = True
    await stage.shows("not answering")


@scene()
async def fault(stage: Stage) -> None:
    """What ended the server is shown before the process ends."""
    shown = Fault(Broken("the store cannot be written", detail="no space left on device"))
    setattr(shown, "_tick", lambda: None)  # noqa: B010 - the count-down stands still
    stage.app.push_screen(shown)
    await stage.shows("The server has failed")
