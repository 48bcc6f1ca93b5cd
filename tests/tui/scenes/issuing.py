"""Issuing a certificate from the console."""

from pathlib import Path

from textual.widgets import Input, Select

from appliance.operator.issued_files import Written
from appliance.operator.wishes import Wish
from tests.support.sample_operator import DAY, NOW
from tests.support.stage import Stage, scene
from tui.screens.issue import Issue

WRITTEN = Written(
    subject="printer.home.arpa",
    serial=191087322184911562947385012,
    not_after=NOW + 365 * DAY,
    files=(Path("/srv/printer.home.arpa.crt"), Path("/srv/printer.home.arpa.key")),
    text="",
)


async def form(stage: Stage, **lines: str) -> Issue:
    await stage.press("3")
    await stage.shows("mail.home.arpa")
    await stage.press("n")
    await stage.shows("admin (JWK)")
    screen = stage.app.screen
    assert isinstance(screen, Issue)
    for name, value in lines.items():
        screen.query_one(f"#{name}", Input).value = value
        await stage.pilot.pause()
    return screen


@scene()
async def issue(stage: Stage) -> None:
    """Issuing from here, for a device that cannot ask by itself: its key is made here."""
    screen = await form(stage, lifetime="1y", passphrase="open sesame", again="open sesam")
    screen.query_one("#form-of", Select).value = "p12"
    screen.query_one("#names", Input).value = "printer.home.arpa 192.0.2.9"
    await stage.shows("~/printer.home.arpa.p12")
    await stage.press("ctrl+s")
    await stage.shows("type it again")


@scene()
async def issue_request(stage: Stage) -> None:
    """The same for a request that a device has made: pasted, or from a file."""
    screen = await form(stage)
    screen.query_one("#subject", Select).value = "request"
    await stage.shows("Request")


@scene()
async def issue_ssh(stage: Stage) -> None:
    """The same for an SSH key."""
    screen = await form(stage, names="jane admin")
    screen.query_one("#subject", Select).value = "ssh user"
    await stage.shows("Principals", "~/jane-cert.pub")


@scene()
async def issued(stage: Stage) -> None:
    """What was issued, where it is, and what to do next."""
    screen = await form(stage)
    screen._show(Wish(names="printer.home.arpa"), WRITTEN)
    await stage.shows("What to do next")
