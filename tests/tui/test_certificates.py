"""The inventory as a person searches it, and what is done with a certificate there."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from textual.widgets import Input

from appliance.model.inventory import (
    CertificateDetail,
    CertificateKind,
    CertificatePage,
    CertificateQuery,
    Origin,
)
from tests.support.console import Driven, drive
from tests.support.kept_revocations import KeptRevocation
from tests.support.sample_operator import NOW, SampleOperator, serial_of, summary
from tui.selection import Selection

DAY = timedelta(days=1)
MANY = [summary(each, f"host{each}.home.arpa", ago=timedelta(minutes=each)) for each in range(1000)]


class Asked(SampleOperator):
    """Remembers what was asked of the inventory."""

    queries: Sequence[CertificateQuery] = ()

    async def certificates(self, query: CertificateQuery) -> CertificatePage:
        self.queries = (*self.queries, query)
        return await super().certificates(query)


class Renewed(SampleOperator):
    """Whose certificates have a history."""

    async def certificate(
        self, serial: int, kind: CertificateKind = CertificateKind.X509
    ) -> CertificateDetail:
        detail = await super().certificate(serial, kind)
        origin = Origin(operation="renew", client="192.0.2.7", asked_by="certificate 0x2")
        return replace(detail, origin=origin, before=(1, 2), renewed_by=(9,))


async def listed(console: Driven) -> None:
    await console.until(lambda: "home.arpa" in console.line("▌"))


async def settled(console: Driven) -> None:
    await console.until(lambda: "searching" not in console.text)


def test_certificates_are_listed_newest_first_with_their_state() -> None:
    async def act(console: Driven) -> None:
        await listed(console)
        assert console.line("▌").split()[:3] == ["▌", "●", "active"]
        assert "mail.home.arpa" in console.line("▌")
        line = console.line("old-laptop")
        assert "■ revoked" in line
        for part in ("in 4 h", "admin"):
            assert part in line
        assert "Certificates  X.509" in console.lines[0]

    drive(act, start="3")


def test_a_search_works_with_each_letter_and_esc_shows_everything() -> None:
    async def act(console: Driven) -> None:
        await listed(console)
        await console.press("slash", "g")
        await console.until(lambda: "router" not in console.text and "grafana" in console.text)
        await console.press("x")
        await console.until(lambda: "None is found. Esc shows all." in console.text)
        await console.press("escape")
        await console.until(lambda: "router" in console.text)

    drive(act, start="3")


def test_letters_change_what_is_shown_and_the_head_says_it() -> None:
    operator = Asked()

    async def act(console: Driven) -> None:
        await listed(console)
        await console.press("s")
        await console.until(lambda: "X.509 · active" in console.text)
        await console.press("s", "s", "p", "p", "e")
        await console.until(lambda: "X.509 · revoked · by admin · ends within 1 d" in console.text)
        await settled(console)
        await console.until(lambda: "old-laptop" in console.line("▌"))
        await console.press("escape", "t")
        await console.until(lambda: "There is none." in console.text and "SSH" in console.lines[0])

    drive(act, start="3", operator=operator)


def test_of_a_thousand_only_those_are_asked_for_that_are_read() -> None:
    operator = Asked(past=MANY)

    async def act(console: Driven) -> None:
        await listed(console)
        assert "200 shown, more below" in console.lines[0]
        await console.press("end")
        await console.until(lambda: "400 shown, more below" in console.lines[0])
        for _ in range(4):
            await console.press("end")
            await settled(console)
        await console.until(lambda: "1,000" in console.lines[0] and "more" not in console.lines[0])
        await console.press("end")
        assert "host999.home.arpa" in console.line("▌")
        assert max(query.limit for query in operator.queries) == 200

    drive(act, start="3", operator=operator)


def test_details_tell_the_history_of_renewals() -> None:
    async def act(console: Driven) -> None:
        await listed(console)
        await console.press("enter")
        await console.until(lambda: "BEGIN CERTIFICATE" in console.text)
        for part in ("Asked by    renew, certificate 0x2", "Renews      0x2", "Renewed by  0x9"):
            assert part in console.text, part
        assert "0x1" in console.lines[console.lines.index(console.line("Renews")) + 1]
        await console.press("escape")
        await listed(console)

    drive(act, start="3", size=(100, 60), operator=Renewed())


def test_a_certificate_is_revoked_after_its_serials_end_was_typed() -> None:
    operator = SampleOperator()
    serial = serial_of(5)

    async def act(console: Driven) -> None:
        await listed(console)
        await console.press("r")
        await console.until(lambda: "Revoke mail.home.arpa?" in console.text)
        await console.press("tab", *"lost", "enter", *"0", "enter")
        await console.until(lambda: "Nothing was revoked" in console.text)
        assert not operator.revocations
        await console.press("backspace", *str(serial)[-4:], "enter")
        await console.until(lambda: "Revoke mail" not in console.text)
        assert operator.revocations == (KeptRevocation(serial, CertificateKind.X509, 1, "lost"),)
        await console.press("r", "tab", "tab", *str(serial)[-4:], "enter")
        await console.until(lambda: "is already revoked" in console.text)
        await console.press("escape")
        await listed(console)

    drive(act, start="3", operator=operator)


def test_brackets_in_a_clients_names_are_text_wherever_they_are_shown() -> None:
    """Markup in them would colour, act when it is clicked, or end the console."""
    name = "[@click=quit][/b].home.arpa"
    operator = SampleOperator(past=[summary(1, name)])

    async def act(console: Driven) -> None:
        await listed(console)
        await shows(console, "enter", name)
        await shows(console, "r", f"Revoke {name}?")
        await shows(console, "w", f"this one: {name}")

    async def shows(console: Driven, key: str, text: str) -> None:
        await console.press(key)
        await console.shows(text)
        await console.press("escape")
        await listed(console)

    drive(act, start="3", operator=operator)


def test_what_is_revoked_is_not_offered_to_be() -> None:
    async def act(console: Driven) -> None:
        await listed(console)
        assert "r revoke" in console.text
        await console.press("slash", *"old", "enter")
        await console.until(lambda: "old-laptop" in console.line("▌"))
        await console.until(lambda: "r revoke" not in console.text)

    drive(act, start="3")


def test_one_certificate_is_written_as_pem_and_nothing_is_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "one.pem"

    async def write(console: Driven) -> None:
        await console.press("w")
        await console.until(lambda: "Write to a file" in console.text)
        await console.press("tab", "tab")
        console.app.screen.query_one("#path", Input).value = str(file)
        await console.press("enter")

    async def act(console: Driven) -> None:
        await listed(console)
        await write(console)
        await console.until(file.exists)
        await console.until(lambda: "Write to a file" not in console.text)
        assert file.read_text().startswith("-----BEGIN CERTIFICATE-----")
        before = file.read_text()
        await write(console)
        await console.until(lambda: "there already" in console.text)
        assert file.read_text() == before

    drive(act, start="3", size=(120, 40))
    assert list(tmp_path.iterdir()) == [file]


def test_all_that_is_found_is_written_page_after_page(tmp_path: Path) -> None:
    file = tmp_path / "all.csv"

    async def act(console: Driven) -> None:
        await listed(console)
        await console.press("slash", *"host99", "enter")
        await console.until(lambda: "11" in console.lines[0])
        await console.press("w", "down", "down", "enter", "tab", "down", "down", "enter", "tab")
        await console.until(lambda: "~/certificates.csv" in console.text)
        console.app.screen.query_one("#path", Input).value = str(file)
        await console.press("enter")
        await console.until(file.exists)
        assert len(file.read_text().splitlines()) == 1 + 11

    drive(act, start="3", size=(120, 40), operator=SampleOperator(past=MANY))


@pytest.mark.parametrize(
    ("typed", "field", "value"),
    [
        ("nas", "word", "nas"),
        (" home.a ", "word", "home.a"),
        ("192.0.2.7", "word", "192.0.2.7"),
        ("*.home.arpa", "name", "*.home.arpa"),
        ("*.", "name", ""),
        ("5963", "serial", "5963"),
        ("0x2Cd5", "serial", "0x2Cd5"),
        ("2C:D5:A5", "serial", "2C:D5:A5"),
        ("123", "word", "123"),
        ("cafe", "word", "cafe"),
    ],
)
def test_what_is_typed_is_a_name_unless_it_looks_like_a_serial_number(
    typed: str, field: str, value: str
) -> None:
    query = Selection(typed=typed).query(NOW, 10)
    given = {name: getattr(query, name) for name in ("word", "name", "serial")}
    assert given == {"word": "", "name": "", "serial": ""} | {field: value}


@pytest.mark.parametrize("size", [(120, 40), (20, 5)])
def test_every_size_works(size: tuple[int, int]) -> None:
    async def act(console: Driven) -> None:
        await console.until(lambda: "▌" in console.text)
        await console.press("end", "r", "escape", "w", "escape", "slash", "x", "escape", "t", "t")
        assert console.app.is_running

    drive(act, start="3", size=size)
