"""The wizard, step by step."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC

from appliance.model.errors import Unavailable
from appliance.model.founding import Boot, Check, Mark, Topic
from tests.support.sample_founding import (
    ASKED,
    FOUNDED,
    PROGRESS,
    YUBIKEY,
    SampleCertificates,
    SampleFounding,
)
from tests.support.sample_operator import SampleOperator
from tests.support.stage import Stage, scene
from tui.app import Console
from tui.wizard import Wizard

SERVED = replace(
    PROGRESS,
    boot=Boot(is_possible=True, can_ask=True, can_seal=True),
    draft=replace(PROGRESS.draft, service=True),
)


def at(topic: Topic) -> Callable[[], Wizard]:
    """Begin at a step, as root where a service can be made."""
    return lambda: Wizard(SampleFounding(replace(SERVED, topic=topic)))


def with_warning() -> Wizard:
    founding = SampleFounding()
    founding.checks[Topic.NAME] = [Check(mark=Mark.LOOK, text="ca.home.arpa is not this machine")]
    return Wizard(founding)


def with_yubikey() -> Wizard:
    founding = SampleFounding(replace(PROGRESS, topic=Topic.KEYS))
    founding.found = [YUBIKEY]
    return Wizard(founding)


def asking() -> Wizard:
    founding = SampleFounding(replace(PROGRESS, topic=Topic.MAKING))
    founding.asks = ASKED[1:]
    return Wizard(founding)


def failing() -> Wizard:
    founding = SampleFounding(replace(PROGRESS, topic=Topic.MAKING))
    founding.fails = Unavailable("the YubiKey is not plugged in")
    return Wizard(founding)


def greeting() -> Console:
    console = Console(SampleOperator(), zone=UTC)
    console.greet(SampleCertificates(), FOUNDED)
    return console


@scene(make=with_warning)
async def wizard_1_name(stage: Stage) -> None:
    """First run, 1 of 9: name and addresses, with what was found about them."""
    await stage.shows("1 of 9", "▲ ca.home.arpa is not this machine")


@scene(make=at(Topic.CLOCK))
async def wizard_2_clock(stage: Stage) -> None:
    """First run, 2 of 9: the clock."""
    await stage.shows("2 of 9", "2026-11-21 14:02:11 UTC")


@scene(make=with_yubikey)
async def wizard_3_keys(stage: Stage) -> None:
    """First run, 3 of 9: where keys live, and what was found for that."""
    await stage.shows("3 of 9", "YubiKey 12345678")


@scene(make=at(Topic.SERVICES))
async def wizard_4_services(stage: Stage) -> None:
    """First run, 4 of 9: what is served."""
    await stage.shows("4 of 9")


@scene(make=at(Topic.ACCESS))
async def wizard_5_access(stage: Stage) -> None:
    """First run, 5 of 9: who may ask; passwords are compared and never shown."""
    await stage.shows("5 of 9")
    await stage.press(*"short", "tab", *"shirt", "enter")
    await stage.shows("the two are not the same")


@scene(make=at(Topic.START))
async def wizard_6_start(stage: Stage) -> None:
    """First run, 6 of 9: how it starts at boot, and what that costs."""
    await stage.shows("6 of 9")


@scene(make=at(Topic.MAKING))
async def wizard_7_making(stage: Stage) -> None:
    """First run, 7 of 9: what will be made; nothing is written before."""
    await stage.shows("7 of 9", "Enter makes it.")


@scene(make=asking)
async def wizard_7_question(stage: Stage) -> None:
    """First run, 7 of 9: the ceremony shows a secret once."""
    await stage.shows("7 of 9", "Enter makes it.")
    await stage.press("enter")
    await stage.shows("Write these down")


@scene(make=failing)
async def wizard_7_failed(stage: Stage) -> None:
    """First run, 7 of 9: what failed half way is tried again, or undone."""
    await stage.shows("7 of 9", "Enter makes it.")
    await stage.press("enter")
    await stage.shows("Enter tries again")


@scene(make=at(Topic.MAKING))
async def wizard_8_sheet(stage: Stage) -> None:
    """First run, 8 of 9: the root's fingerprint in hex, words and as a QR code."""
    await stage.shows("7 of 9", "Enter makes it.")
    await stage.press("enter")
    await stage.shows("8 of 9", "academic agency alarm")


@scene(make=greeting)
async def wizard_9_first(stage: Stage) -> None:
    """First run, 9 of 9: the first certificate, issued over the console that begins."""
    await stage.shows("9 of 9", "nas.home.arpa")
    await stage.press("enter")
    await stage.shows("● issued  nas.home.arpa")
