"""The first screen: how the box is, how busy, and what needs somebody."""

from dataclasses import replace

from appliance.model.tokens import TokenState, TokenStatus
from tests.support.console import Driven, drive
from tests.support.ill_house import ILL, LATE, ill
from tests.support.kept_alerts import NO_ALERTS
from tests.support.sample_operator import ISSUED_BY_HOUR, NOW, OVERVIEW
from tui import health


def test_it_is_the_first_screen_and_says_that_all_is_well() -> None:
    async def act(console: Driven) -> None:
        await console.until(lambda: "All is well" in console.text)
        assert "[1 Overview]   2 Live    3 Certificates" in console.text
        for part in (
            "Authority  ● serving · intermediate ends in 9 y · root ends in 19 y",
            "Keys       ● in files", "LevelDB  38 active, 3,370 expired, 4 revoked",
            "○ no schedule", f"{sum(ISSUED_BY_HOUR)} issued", "▂▁▃▂▂▄▂▁▂▆▃▂▃▂▄▂▂▃▂▂▅▃▇█ 24 h",
            "13:55:16  192.0.2.66", "the one-time token has been used before", "evil.example",
        ):  # fmt: skip
            assert part in console.text, part

    drive(act, start="1")


def test_what_is_not_well_is_listed_the_worst_first_and_says_what_to_do() -> None:
    async def act(console: Driven) -> None:
        await console.until(lambda: "printer.home.arpa" in console.text)
        assert "Disk       ■ the disk is nearly full" in console.text
        assert "CRL        ● ends 2026-11-21" in console.text
        assert console.line("▌").startswith("▌ ■ Disk")
        await console.press("down", "enter")
        for part in ("▲ warning", "renewed every 16 h", "3 h ago", "its renewal has stopped"):
            assert part in console.text, part
        await console.press("escape")
        console.operator.alert_report = NO_ALERTS
        await console.until(lambda: "All is well" in console.text)

    drive(act, start="1", operator=ill())


def test_an_alert_of_a_condition_is_not_said_twice_and_one_that_ends_not_at_all() -> None:
    twice = replace(LATE, name="disk")
    ending = replace(LATE, well_since=NOW)
    report = replace(ILL, open=(twice, ending))
    assert [each.name for each in health.needs(report)] == ["disk"]


def test_tokens_are_told_by_name_and_state() -> None:
    status = TokenStatus(name="yubikey 1", uri="yubikey:", state=TokenState.PIN_NEEDED)
    keys = list(health.parts(replace(OVERVIEW, tokens=(status,)), None, ()))[1]
    assert (keys.state, keys.part) == ("■ yubikey 1: PIN needed", "act")


def test_numbers_lead_to_screens_and_the_help_explains_each() -> None:
    async def act(console: Driven) -> None:
        for key, title in (("2", "Live"), ("1", "Overview"), ("3", "Certificates")):
            await console.press(key)
            await console.until(lambda title=title, key=key: f"[{key} {title}]" in console.text)  # type: ignore[misc]
            await console.press("question_mark")
            await console.until(lambda title=title: f"{title}: help" in console.text)  # type: ignore[misc]
            await console.press("escape")

    drive(act, start="1")


def test_every_size_works() -> None:
    async def act(console: Driven) -> None:
        for width, height in ((40, 10), (20, 5), (120, 40), (80, 24)):
            await console.pilot.resize_terminal(width, height)
            await console.until(lambda height=height: len(console.lines) == height)  # type: ignore[misc]
        await console.until(lambda: "■ Disk" in console.text)

    drive(act, start="1", operator=ill())
