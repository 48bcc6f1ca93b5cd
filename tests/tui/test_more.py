"""What is behind More in the console: backups, settings, alerts, clock, journal, log."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

from textual.widgets import Input

from appliance.model.alerts import AlertReport, Mute
from appliance.model.backups import BackupOrder, BackupReport, ProofOrder
from appliance.model.errors import NotSupported
from appliance.model.loglines import LineLevel
from appliance.model.upkeep import DatabaseStats
from appliance.model.work import Work, WorkKind
from tests.support.console import Driven, drive
from tests.support.ill_house import ill
from tests.support.sample_operator import NOW, SampleOperator
from tui.screens.more import DOORS

NAME = "home-ca-c8b5e7f2-20261121T110000Z.hearth-backup"
OPENED = {
    "b": "More · Backup",
    "s": "More · Settings",
    "a": "More · Alerts",
    "c": "More · Clock and disk",
    "e": "More · Journal",
    "l": "More · Log",
}


def shows(console: Driven, title: str) -> bool:
    return title in console.lines[0]


def test_each_door_opens_by_its_letter_by_enter_and_by_name_and_esc_goes_back() -> None:
    async def act(console: Driven) -> None:
        await console.until(lambda: "not checked since the start" in console.text)
        assert "last 3 h ago, not proven" in console.line("b  Backup")
        assert "5 set, 4 by default" in console.line("s  Settings")
        assert "■" in console.line("l  Log")
        for key, title in OPENED.items():
            await console.press(key)
            await console.until(partial(shows, console, title))
            await console.press("escape")
            await console.until(lambda: "[6 More]" in console.text)
        await console.press("down", "enter")
        await console.until(lambda: OPENED["s"] in console.lines[0])
        await console.press("escape", "2", "ctrl+p", *"journal", "enter")
        await console.until(lambda: OPENED["e"] in console.lines[0])
        await console.press("question_mark")
        await console.until(lambda: "Journal: help" in console.text)
        await console.press("escape", "escape", "1", "ctrl+p", *"verify", "enter")
        await console.until(lambda: "● unbroken" in console.text)

    drive(act, start="6")
    assert all(door.screen.help for door in DOORS)


# ---- backups


def test_a_backup_is_made_proven_and_its_restoring_explained() -> None:
    async def act(console: Driven) -> None:
        operator = console.operator
        await console.press("b")
        await console.until(lambda: "○ not yet" in console.text)
        assert "every 24 h · keeps 14 last · with keys · next in 21 h" in console.text
        assert "● 2 d ago" in console.text
        await console.press("m")
        await console.until(lambda: "● backup sample" in console.text)
        await console.press("v")
        await console.until(lambda: "● proof of a backup sample" in console.text)
        assert operator.asked == (BackupOrder(), ProofOrder(name=NAME))
        await console.press("x")
        await console.until(lambda: "hearth backup restore" in console.text)
        assert "never restored over" in console.text

    drive(act, start="6")


def test_a_place_is_typed_with_a_passphrase_unseen_and_forgotten() -> None:
    async def act(console: Driven) -> None:
        operator = console.operator
        operator.backup_report = BackupReport()
        await console.press("b")
        await console.until(lambda: "hearth backup schedule" in console.text)
        await console.press("m")
        assert not operator.asked
        await console.press("o", "enter")
        await console.until(lambda: "■ Name a place" in console.text)
        await console.press(*"/mnt", "tab", *"short", "tab", *"other", "enter")
        await console.until(lambda: "■ The two are not the same" in console.text)
        assert "short" not in console.text
        await console.press("ctrl+u", *"short", "enter")
        await console.until(lambda: "■ It needs 8 characters" in console.text)
        for field in ("passphrase", "again"):
            console.app.screen.query_one(f"#{field}", Input).value = "shortword"
        await console.press("enter")
        await console.until(lambda: "● backup sample" in console.text)
        assert operator.asked[:] == (BackupOrder(place="/mnt", passphrase="shortword"),)
        assert "shortword" not in repr(operator.asked)
        await console.press("v", "enter")
        await console.until(lambda: "■ Name its whole path" in console.text)
        await console.press(*"/a/b", "enter")
        await console.until(lambda: "● proof of a backup" in console.text)
        assert operator.asked[-1] == ProofOrder(name="/a/b")

    drive(act, start="6")


def test_a_backup_without_planned_keys_is_asked_for_its_passphrase() -> None:
    async def act(console: Driven) -> None:
        operator = console.operator
        operator.backup_report = replace(operator.backup_report, with_keys=False)
        await console.press("b")
        await console.until(lambda: "without keys" in console.text)
        await console.press("v", *"secret", "enter")
        await console.until(lambda: "● proof of a backup" in console.text)
        assert operator.asked == (ProofOrder(name=NAME, passphrase="secret"),)

    drive(act, start="6")


def test_what_is_under_way_or_failed_is_said() -> None:
    operator = SampleOperator()
    started = NOW - timedelta(seconds=40)
    work = Work(number=1, kind=WorkKind.BACKUP, subject="/mnt", started_at=started, done=9_000_000)
    operator.all_works = (work,)
    operator.backup_report = replace(operator.backup_report, failure="no room", rows=())

    async def act(console: Driven) -> None:
        await console.press("b")
        await console.until(lambda: "… backup /mnt: begun, 9.0 MB, for 40 s" in console.text)
        assert "one is being made" in console.lines[0]
        assert "■ no room" in console.text
        operator.all_works = (replace(work, ended_at=NOW, problem="the stick is full"),)
        await console.until(lambda: "■ backup /mnt: the stick is full" in console.text)
        assert "■ the last one failed" in console.lines[0]

    drive(act, start="6", operator=operator)


# ---- settings


def test_settings_are_found_by_words_and_ca_json_is_put_in_force() -> None:
    async def act(console: Driven) -> None:
        operator = console.operator
        operator.configured = replace(operator.configured, changed=True)
        await console.press("s")
        await console.until(lambda: "▲ changed: r puts it in force" in console.lines[0])
        await console.press("slash", *"default", "enter")
        await console.until(lambda: "dnsNames" not in console.text)
        assert "disk.warnBelow" in console.text
        await console.press("enter")
        await console.until(lambda: "$EDITOR /etc/hearth/config/ca.json" in console.text)
        await console.press("escape", "escape")
        await console.until(lambda: "dnsNames" in console.text)
        operator.refused = "ca.json: crt: there is no such file"
        await console.press("r")
        told = console.app._notifications
        await console.until(lambda: any("no such file" in each.message for each in told))
        operator.refused = ""
        await console.press("r")
        await console.until(lambda: "● in force as written" in console.lines[0])

    drive(act, start="6")


# ---- alerts


def test_alerts_are_muted_unmuted_and_tested() -> None:
    operator = ill()
    report: AlertReport = operator.alert_report
    operator.alert_report = replace(report, targets=("phone",))

    async def act(console: Driven) -> None:
        await console.press("a")
        await console.until(lambda: "phone" in console.text)
        await console.press("m", "down", "enter")
        mutes = operator.__dict__.setdefault("mutes", {})
        await console.until(lambda: mutes)
        assert mutes == {"disk": Mute(name="disk", until=NOW + timedelta(days=7))}
        operator.alert_report = replace(operator.alert_report, mutes=tuple(mutes.values()))
        await console.until(lambda: "○ muted" in console.text)
        await console.press("down", "down", "m")
        await console.until(lambda: not mutes)
        await console.press("end", "t")
        await console.until(lambda: "● phone: took the test" in console.text)

    drive(act, start="6", operator=operator)


# ---- clock and disk


def test_a_clock_in_doubt_is_confirmed_by_a_word() -> None:
    operator = SampleOperator()
    operator.clock_problem = "the clock is behind the latest time seen"

    async def act(console: Driven) -> None:
        await console.press("c")
        await console.until(lambda: "■ nothing is issued" in console.lines[0])
        assert operator.clock_problem in console.text
        await console.press("c", *"yes", "enter")
        await console.until(lambda: "Nothing was done" in console.text)
        await console.press(*["backspace"] * 3, *"right", "enter")
        await console.until(lambda: "● nothing is in the way" in console.lines[0])
        await console.press("p")

    drive(act, start="6", operator=operator)


def test_a_ca_without_a_database_has_a_clock_all_the_same() -> None:
    class Forgetful(SampleOperator):
        async def database(self) -> DatabaseStats:
            raise NotSupported("this CA has no `db`")

    async def act(console: Driven) -> None:
        await console.press("c")
        await console.until(lambda: "● trusted" in console.text)
        assert "Disk and database" not in console.text

    drive(act, start="6", operator=Forgetful())


# ---- journal


def test_the_journal_is_searched_and_verified() -> None:
    async def act(console: Driven) -> None:
        await console.press("e")
        await console.until(lambda: "evil.example" in console.text)
        assert console.lines.index(console.line("renewed")) < console.lines.index(
            console.line("evil.example")
        )
        await console.press("f", "f", "f")
        await console.until(lambda: "Journal  refused" in console.text)
        await console.until(lambda: "renewed" not in console.text)
        await console.press("enter")
        await console.until(lambda: "the name is not allowed" in console.text)
        await console.press("escape", "escape", "slash", *"operation:token", "enter")
        await console.until(lambda: "2 shown" in console.lines[0])
        await console.press("v")
        await console.until(lambda: "head 1842:9f3c" in console.text)
        console.operator.all_works = tuple(
            replace(each, problem="the journal is not whole") for each in console.operator.all_works
        )
        await console.until(lambda: "■ the journal is not whole" in console.text)

    drive(act, start="6")


# ---- log


def test_the_log_follows_pauses_and_is_narrowed() -> None:
    async def act(console: Driven) -> None:
        operator = console.operator
        await console.press("l")
        await console.until(lambda: "● following, 6 of 6 lines" in console.lines[0])
        await console.press("f")
        await console.until(lambda: "without requests" in console.lines[0])
        assert "○ request" not in console.text
        await console.press("f", "f", "f", "slash", *"yubikey", "enter")
        await console.until(lambda: "2 of 6 lines" in console.lines[0])
        await console.press("space")
        await console.until(lambda: "▲ paused" in console.lines[0])
        operator.line_texts = (*operator.line_texts, (LineLevel.INFO, "yubikey, again"))
        await console.press("g")
        await console.until(lambda: "yubikey, again" in console.text)
        await console.press("enter")
        await console.until(lambda: "Line 7" in console.text)
        await console.press("escape", "escape", "escape")
        await console.until(lambda: "[6 More]" in console.text)

    drive(act, start="6")


def test_a_silent_server_is_said_to_be_one() -> None:
    async def act(console: Driven) -> None:
        await console.press("b")
        await console.until(lambda: "○ not yet" in console.text)
        console.operator.silent = True
        await console.until(lambda: "■ the server has stopped" in console.lines[0])
        console.operator.silent = False
        await console.until(lambda: "● last 3 h ago" in console.lines[0])

    drive(act, start="6")
