"""What one looks after now and then: keys, backups, settings, alerts, journal and log."""

from dataclasses import replace
from datetime import timedelta

from appliance.model.alerts import Mute, Pending
from appliance.model.overview import Overview
from appliance.model.tokens import TokenState, TokenStatus
from appliance.model.work import Work, WorkKind
from tests.support.ill_house import ill
from tests.support.sample_operator import NOW, SampleOperator
from tests.support.stage import Stage, scene

TOKEN = TokenStatus(
    name="yubikey 12345678",
    uri="yubikey:serial=12345678",
    state=TokenState.READY,
    model="YubiKey 5 NFC",
    serial="12345678",
    firmware="5.4.3",
    tries_left=3,
)


class WithToken(SampleOperator):
    """Its intermediate is on a YubiKey."""

    async def overview(self) -> Overview:
        return replace(await super().overview(), tokens=self.token_states)


def with_token() -> SampleOperator:
    operator = WithToken()
    operator.token_states = (TOKEN,)
    return operator


def at_work() -> SampleOperator:
    operator = SampleOperator()
    operator.all_works = (
        Work(
            number=1,
            kind=WorkKind.PROOF,
            subject="home-ca-c8b5e7f2-20261121T110000Z.hearth-backup",
            started_at=NOW - timedelta(seconds=9),
            stage="its database is made and read back",
        ),
    )
    return operator


def told() -> SampleOperator:
    operator = ill()
    operator.alert_report = replace(
        operator.alert_report,
        targets=("phone", "mail"),
        mutes=(Mute(name="host-quiet:tv.home.arpa", until=NOW + timedelta(days=2)),),
        pending=tuple[Pending, ...](),
    )
    return operator


@scene(with_token)
async def keys(stage: Stage) -> None:
    """Keys: what signs what, where each key lives and until when, and the tokens."""
    await stage.press("5")
    await stage.shows("● token", "Let the intermediate 2036 issue")


@scene(with_token)
async def key(stage: Stage) -> None:
    """All about a key; its YubiKey vouches for it."""
    await stage.press("5")
    await stage.shows("● token")
    await stage.press("down", "enter", "a")
    await stage.shows("made in YubiKey 12345678")


@scene(with_token)
async def succession(stage: Stage) -> None:
    """From one intermediate to the next: what is done here, what by command."""
    await stage.press("5")
    await stage.shows("Let the intermediate 2036 issue")
    await stage.press("n")
    await stage.shows("▲ due now", "hearth ca intermediate activate 2036")


@scene()
async def more(stage: Stage) -> None:
    """More: what is looked after now and then, and how it stands."""
    await stage.press("6")
    await stage.shows(
        "in force as written", "not checked since the start", "the database could not"
    )


@scene(at_work)
async def backups(stage: Stage) -> None:
    """Backup: the schedule, what was made, what was proven, and what is under way."""
    await stage.press("6", "b")
    await stage.shows("sftp://backup@nas.home.arpa", "○ not yet", "read back")


@scene()
async def backup_elsewhere(stage: Stage) -> None:
    """A backup to another place, with the keys under a passphrase."""
    await stage.press("6", "b")
    await stage.shows("○ not yet")
    await stage.press("o", *"/mnt/stick", "tab", *"swordfish", "tab", *"swordfisk", "enter")
    await stage.shows("The two are not the same")


@scene()
async def restoring(stage: Stage) -> None:
    """How a backup is restored: never over a running CA."""
    await stage.press("6", "b")
    await stage.shows("○ not yet")
    await stage.press("x")
    await stage.shows("hearth backup restore", "Not from here")


@scene()
async def settings(stage: Stage) -> None:
    """Settings: the configuration in force, what is written and what is default."""
    await stage.press("6", "s")
    await stage.shows("● set", "disk.warnBelow")


@scene(told)
async def alerts(stage: Stage) -> None:
    """Alerts: what is wrong, who is told, and what is muted."""
    await stage.press("6", "a")
    await stage.shows("phone", "host-quiet:tv.home.arpa")


@scene()
async def guards(stage: Stage) -> None:
    """Clock and disk: what keeps the CA from issuing."""
    await stage.press("6", "c")
    await stage.shows("● trusted", "room enough")


@scene()
async def events(stage: Stage) -> None:
    """The journal, and the proof that nobody has changed it."""
    await stage.press("6", "e")
    await stage.shows("yubikey 12345678")
    await stage.press("v")
    await stage.shows("entries 1 to 1842 are unbroken")


@scene()
async def log(stage: Stage) -> None:
    """The log of the server: what is not as it should be."""
    await stage.press("6", "l")
    await stage.shows("the database could not be written")
    await stage.press("f", "f")
    await stage.shows("warnings and errors", "2 of 6 lines")
