"""SSH certificates on the console: beside the others, and with their own words in the details."""

from dataclasses import replace
from datetime import timedelta

from msgspec import structs

from appliance.model.events import EventKind
from appliance.model.inventory import CertificateKind
from tests.support.console import Driven, drive
from tests.support.sample_operator import PAST, SampleOperator, event, serial_of, summary
from tests.support.ssh_certificates import key
from tui import ssh_certificate
from tui.wording import subject

ANNA = replace(
    summary(70, "anna", "anna", "admin", ago=timedelta(minutes=5)),
    kind=CertificateKind.SSH,
    certificate_type="user",
)
TWIN = summary(70, "twin.home.arpa", ago=timedelta(minutes=6))
WEB = structs.replace(
    event(71, EventKind.RENEWED, "web.home.arpa", ago=2),
    operation="ssh-renew",
    certificate_type="host",
)


def test_they_are_told_apart_in_the_list_and_found() -> None:
    assert subject(WEB, 40) == "ssh web.home.arpa"
    assert subject(structs.replace(WEB, subject="", sans=()), 40) == "ssh no name"

    async def act(console: Driven) -> None:
        await console.until(lambda: "ssh anna, admin" in console.text)
        assert "ssh web.home.arpa" in console.text
        assert "twin.home.arpa" in console.text  # of the same serial number
        await console.press("slash", *"ssh host", "enter")
        await console.until(lambda: "ssh anna" not in console.text)
        assert "ssh web.home.arpa" in console.text

    drive(act, operator=SampleOperator([*PAST, ANNA, TWIN], [WEB]), size=(100, 30))


def test_details_have_the_words_of_ssh() -> None:
    async def act(console: Driven) -> None:
        await console.press("slash", *"anna", "enter", "enter")
        await console.until(lambda: "OpenSSH" in console.text)
        for part in (
            "ssh-sign", "Key ID", "anna", "Principals", "anna, admin", str(serial_of(70)),
            "user", "permit-pty", "CA key", "SHA256:", "● active",
        ):  # fmt: skip
            assert part in console.text, part
        await console.press("c")
        assert console.app.clipboard.startswith("ssh-ed25519-cert-v01@openssh.com AAAA")

    drive(act, operator=SampleOperator([*PAST, ANNA, TWIN], [WEB]), size=(120, 60))


def test_odd_octets_are_shown_as_such() -> None:
    """A key in a security key is one that the console's library cannot read."""
    for blob in (b"", b"\0\0\0\4none", b"\xff" * 40, key("anna").public_key().public_bytes_raw()):
        assert list(ssh_certificate.fields(blob)) == [
            ("Fields", "this certificate cannot be read here")
        ]
        assert ssh_certificate.text(blob)
