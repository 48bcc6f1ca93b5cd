"""Details, the question before quitting, and the last screen of a server that failed."""

import pytest

from appliance.model.errors import Broken
from appliance.model.events import EventKind
from tests.support.console import Driven, drive
from tests.support.sample_operator import PAST, certificate, event, serial_of
from tui import certificate as facts
from tui.ending import Ending


def test_details_show_every_field_fingerprints_and_pem() -> None:
    async def act(console: Driven) -> None:
        await console.press("enter")
        await console.until(lambda: "PEM" in console.text)
        for part in (
            "2026-11-21 14:02:11 UTC", "git.home.arpa, code.home.arpa, ci.home.arpa, 192.0.2.12",
            "jwk/admin", str(serial_of(23)), f"0x{serial_of(23):x}", "2026-11-22 14:02:11 UTC",
            "● active, 1 d left", "Home CA Intermediate CA", "Ed25519", "digital signature",
            "serverAuth, clientAuth", "SHA-256", "SHA-1", "BEGIN CERTIFICATE", "d1f0a6c2",
        ):  # fmt: skip
            assert part in console.text, part
        await console.press("escape")
        assert "● following" in console.text

    drive(act, size=(120, 60))


def test_details_of_the_past_come_from_the_inventory() -> None:
    async def act(console: Driven) -> None:
        await console.press("slash", *"revoked", "enter", "enter")
        await console.until(lambda: "■ revoked" in console.text)
        assert "key compromise: lost on a train" in console.text

    drive(act, size=(100, 40))


def test_details_of_a_refusal_are_its_reason() -> None:
    async def act(console: Driven) -> None:
        await console.press("slash", *"evil", "enter", "enter")
        await console.until(lambda: "Reason" in console.text)
        assert "the token does not allow the name evil.example" in console.text
        assert "copy certificate" not in console.text

    drive(act)


def test_a_certificate_that_is_not_in_the_inventory_is_no_error() -> None:
    async def act(console: Driven) -> None:
        console.operator.past = ()
        await console.press("end", "enter")
        await console.until(lambda: "It is not in the inventory." in console.text)

    drive(act)


def test_details_scroll_and_the_pem_can_be_copied() -> None:
    async def act(console: Driven) -> None:
        await console.press("enter")
        await console.until(lambda: "copy certificate" in console.text)
        await console.press("end", "down", "up")
        await console.until(lambda: "BEGIN CERTIFICATE" in console.text)
        await console.press("c")
        assert console.app.clipboard.startswith("-----BEGIN CERTIFICATE-----")

    drive(act, size=(80, 24))


def test_the_live_view_goes_on_behind_the_details() -> None:
    async def act(console: Driven) -> None:
        await console.press("enter")
        console.operator.record(event(50, EventKind.ISSUED, "meanwhile.home.arpa"))
        await console.until(lambda: console.app.journal.last == 14)
        await console.press("escape")
        assert "meanwhile.home.arpa" in console.text

    drive(act)


def test_a_certificate_that_cannot_be_read_is_said_to_be_one() -> None:
    assert list(facts.fields(b"junk")) == [("Fields", "this certificate cannot be read")]


def test_pem_and_fingerprints_are_of_the_whole_certificate() -> None:
    der = certificate(PAST[0])
    assert facts.text(der).splitlines()[0] == "-----BEGIN CERTIFICATE-----"
    assert [len(digest) for _, digest in facts.fingerprints(der)] == [64, 40]


@pytest.mark.parametrize(
    ("keys", "ending"),
    [
        (("q", "y"), Ending.STOP),
        (("q", "enter"), Ending.STOP),
        (("ctrl+q", "y"), Ending.STOP),
        (("ctrl+c", "y"), Ending.STOP),
        (("q", "k"), Ending.KEEP_SERVING),
        (("q", "down", "enter"), Ending.KEEP_SERVING),
        (("enter", "q", "y"), Ending.STOP),
        (("slash", "x", "ctrl+c", "y"), Ending.STOP),
    ],
)
def test_quitting_asks_what_shall_end(keys: tuple[str, ...], ending: Ending) -> None:
    async def act(console: Driven) -> None:
        for key in keys[:-1]:
            await console.press(key)
        await console.until(lambda: "Quit?" in console.text)
        await console.pilot.press(keys[-1])

    assert drive(act).return_value is ending


@pytest.mark.parametrize("key", ["escape", "n", "q"])
def test_quitting_can_be_thought_over(key: str) -> None:
    async def act(console: Driven) -> None:
        await console.press("q")
        await console.press(key)
        assert "Quit?" not in console.text
        assert console.app.is_running

    drive(act)


def test_asking_twice_asks_once() -> None:
    async def act(console: Driven) -> None:
        await console.press("ctrl+c", "ctrl+c", "escape")
        assert "Quit?" not in console.text

    drive(act)


def test_a_fault_of_the_server_is_shown_error_by_error() -> None:
    error = BaseExceptionGroup("many", [Broken("no disk", detail="EIO"), ValueError("inside")])

    async def act(console: Driven) -> None:
        console.app.call_later(console.app.show_fault, error)
        await console.until(lambda: "The server has failed" in console.text)
        assert "no disk: EIO" in console.text
        assert "ValueError: inside" in console.text
        await console.press("q")
        assert "Quit?" not in console.text

    assert drive(act).return_value is Ending.SERVER_ENDED
