"""Issuing from the console: what is asked, what is wrong beside its field, what comes of it."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import pkcs12
from textual.widgets import Input, Select, TextArea

from appliance.client import csr
from appliance.formats import pem
from appliance.model.errors import Forbidden
from appliance.model.issuing import CertificateOrder, Offer, Span, SshOrder
from appliance.model.ssh import CertificateType
from tests.support.console import Driven, drive
from tests.support.kept_issuing import OFFERS
from tests.support.sample_operator import SampleOperator
from tui.screens.issue import Issue

ED25519 = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl jane@laptop"
)


async def opened(console: Driven) -> None:
    await console.until(lambda: "mail.home.arpa" in console.text)
    await console.press("n")
    await console.until(lambda: "admin (JWK)" in console.text)


async def typed(console: Driven, **fields: str | Path) -> None:
    """Fill in lines and choices at once: keys one by one are tried once, in the first test."""
    for name, value in fields.items():
        widget = console.app.screen.query_one(f"#{name.replace('form_of', 'form-of')}")
        if isinstance(widget, TextArea):
            widget.text = str(value)
        elif isinstance(widget, Input | Select):
            widget.value = str(value)
        await console.pilot.pause()


async def issued(console: Driven) -> None:
    await console.press("ctrl+s")
    await console.until(lambda: "What to do next" in console.text)


def test_a_certificate_is_issued_by_keys_alone_and_what_comes_next_is_said(
    tmp_path: Path,
) -> None:
    async def act(console: Driven) -> None:
        await opened(console)
        await console.press(*"tv.t ::1", "tab", "tab", *"9d")
        assert "~/tv.t.crt" in console.text
        await typed(console, path=tmp_path / "tv.crt")
        await console.press("enter")
        await console.until(lambda: "What to do next" in console.text)
        for part in (
            "● Issued",
            "tv.key",
            "hearth ca renew tv.crt tv.key",
            "/roots.pem",
        ):
            assert part in console.text, part
        await console.press("c")
        assert console.app.clipboard.startswith("-----BEGIN CERTIFICATE-----")
        await console.press("escape")
        assert "[3 Certificates]" in console.text
        (order,) = console.operator.ordered
        assert isinstance(order, CertificateOrder)
        assert (order.names, order.not_after, order.provisioner) == (
            ("tv.t", "::1"), "216h0m0s", "admin",
        )  # fmt: skip

    drive(act, start="3")
    assert (tmp_path / "tv.key").stat().st_mode & 0o777 == 0o600


def test_what_is_wrong_is_said_beside_each_field(tmp_path: Path) -> None:
    (tmp_path / "there.p12").touch()

    async def act(console: Driven) -> None:
        await opened(console)
        await typed(
            console, names="a..test", lifetime="9y", form_of="p12", path=tmp_path / "there.p12",
            passphrase="one", again="two",
        )  # fmt: skip
        await console.press("ctrl+s")
        await console.until(lambda: "■" in console.text)
        for field, said in (
            ("Names", "not a valid DNS name"), ("Valid for", "allow 5m to 825d"),
            ("To", "is there already"), ("and again", "not the same"),
        ):  # fmt: skip
            at = next(n for n, line in enumerate(console.lines) if line.startswith(f"  {field} "))
            assert said in " ".join(console.lines[at + 1 : at + 4]), (field, console.text)
        assert console.app.screen.focused is console.app.screen.query_one("#names")
        await typed(console, passphrase="", again="")
        await console.press("ctrl+s")
        await console.until(lambda: "PKCS #12 needs one" in console.text)
        await typed(
            console, names="printer.test", lifetime="", form_of="old p12",
            path=tmp_path / "p.p12", passphrase="1234", again="1234",
        )  # fmt: skip
        await console.press("ctrl+s")
        await console.until(lambda: "▲ shorter than 8" in console.text)
        assert not console.operator.ordered
        await issued(console)
        assert "weak" in console.text
        assert not console.app.screen.query_one("#passphrase", Input).value

    drive(act, start="3", size=(80, 30))
    store = (tmp_path / "p.p12").read_bytes()
    _, key, chain = pkcs12.load_key_and_certificates(store, b"1234")
    assert key is not None
    assert len(chain) == 1


def test_the_request_of_a_device_and_ssh_keys_are_pasted(tmp_path: Path) -> None:
    key = csr.generate_key(csr.KeyKind(kty="EC", curve="P-256"))
    request = csr.signing_request(key, "nas.test", ["nas.test"])

    async def act(console: Driven) -> None:
        await opened(console)
        await typed(console, subject="request", request="/no/such.csr", provisioner="acme")
        await typed(console, profile="device", path=tmp_path / "nas.crt")
        assert "Passphrase" not in console.text
        await console.press("ctrl+s")
        await console.until(lambda: "■ /no/such.csr cannot be read" in console.text)
        await typed(console, request=pem.encode("CERTIFICATE REQUEST", request))
        await issued(console)
        assert "Upload the file where the request came from" in console.text.replace("\n  ", " ")

        for subject in ("ssh user", "ssh host"):
            await console.press("escape")
            await opened(console)
            await typed(console, subject=subject, ssh_key="nonsense")
            await typed(console, path=tmp_path / f"{subject}-cert.pub")
            await console.press("ctrl+s")
            await console.until(lambda: "Principals" in console.text and "■" in console.text)
            await typed(console, ssh_key=ED25519, names="jane", lifetime="8h")
            await issued(console)

        first, *others = console.operator.ordered
        assert isinstance(first, CertificateOrder)
        assert (first.csr, first.names, first.profile) == (request, (), "device")
        for order, kind in zip(others, CertificateType, strict=True):
            assert isinstance(order, SshOrder)
            assert (order.type, order.key_id, order.principals) == (kind, "jane@laptop", ("jane",))

    drive(act, start="3")
    assert (tmp_path / "ssh user-cert.pub").read_text().endswith(" jane@laptop\n")


def test_a_refusal_is_shown_beside_the_names_and_what_cannot_be_written_waits(
    tmp_path: Path,
) -> None:
    """Nothing is written of what was refused; what was issued is not issued again."""
    full = tmp_path / "full"
    full.mkdir()

    class Filling(SampleOperator):
        async def issue_certificate(self, order: CertificateOrder) -> Sequence[bytes]:
            made = await super().issue_certificate(order)
            full.rmdir()  # the stick is pulled
            return made

    operator = Filling()
    operator.refusal = Forbidden('dns "tv.test" matches no allow rule')

    async def act(console: Driven) -> None:
        await opened(console)
        await typed(console, names="tv.test", path=full / "tv.crt")
        await console.press("ctrl+s")
        await console.until(lambda: "matches no allow rule" in console.text)
        assert not list(full.iterdir())
        operator.refusal = None
        await console.press("ctrl+s")
        await console.until(lambda: "it is issued, but could not be written" in console.text)
        assert console.app.screen.query_one("#names").is_disabled
        await typed(console, path=tmp_path / "tv.crt")
        await issued(console)
        assert len(operator.ordered) == 1

    drive(act, start="3", operator=operator)
    assert (tmp_path / "tv.key").exists()


def test_only_what_the_provisioner_has_is_asked_for() -> None:
    day = Span(shortest=timedelta(minutes=5), longest=timedelta(days=1), usual=timedelta(days=1))
    operator = SampleOperator()
    operator.offered = (Offer(name="own", type="JWK", x509=day, has_template=True), *OFFERS)

    async def act(console: Driven) -> None:
        await console.until(lambda: "● serving" in console.text)
        command = next(
            each
            for each in console.app.get_system_commands(console.app.screen)
            if each.title == "Issue a certificate"
        )
        command.callback()
        await console.until(lambda: isinstance(console.app.screen, Issue))
        await console.until(lambda: "own (JWK)" in console.text and "Template data" in console.text)
        assert "Profile" not in console.text
        await typed(console, data="nonsense")
        await console.press("ctrl+s")
        await console.until(lambda: "write key=value" in console.text)
        await typed(console, provisioner="acme")
        assert "Profile" in console.text
        assert "Template data" not in console.text
        await typed(console, subject="ssh user")
        await console.until(lambda: "admin (JWK)" in console.text)
        await console.press("f1")
        await console.until(lambda: "Devices that cannot ask by themselves" in console.text)

    drive(act, operator=operator)
