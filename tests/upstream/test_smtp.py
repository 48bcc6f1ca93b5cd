"""Letters go out over TLS, with what the server needs to know; its answers are understood."""

from dataclasses import replace

import pytest
import trio

from appliance.config.alert_settings import MailSecurity, MailTarget
from appliance.model.alerts import Change, Notice
from appliance.model.conditions import Severity
from appliance.model.errors import Forbidden, Unavailable
from appliance.model.secret import Password
from appliance.upstream import smtp
from appliance.upstream.smtp import MailNotices
from tests.support.authority import START
from tests.support.mail import MailServer, mail_server
from tests.support.web import Pki

NOTICE = Notice(
    id="0005e1-0001", change=Change.FIRING, name="disk", severity=Severity.CRITICAL,
    text="99 % full: größer wird sie nicht", at=START, since=START, authority="Home CA",
)  # fmt: skip


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki.generate()


def target(server: MailServer, security: MailSecurity = MailSecurity.STARTTLS) -> MailTarget:
    return MailTarget(
        host="localhost", port=server.port, security=security, username="ca",
        password=Password(b"secret"), sender="ca@home.arpa", to=("me@home.arpa", "you@home.arpa"),
    )  # fmt: skip


async def test_a_letter_goes_out_over_starttls(pki: Pki) -> None:
    async with mail_server(pki.context()) as server:
        await MailNotices(target(server), [pki.root.der]).deliver(NOTICE)
    assert server.encrypted == [True]
    before = server.said[: server.said.index("STARTTLS")]
    assert not any(line.startswith("AUTH") for line in before)
    assert any(line.startswith("AUTH PLAIN") for line in server.said)
    assert [line for line in server.said if line.startswith(("mail", "rcpt", "MAIL", "RCPT"))]
    (letter,) = server.letters
    assert "Subject: [critical] Home CA: disk (firing)" in letter
    assert "To: me@home.arpa, you@home.arpa" in letter
    assert "Message-ID: <0005e1-0001@home.arpa>" in letter
    assert "Auto-Submitted: auto-generated" in letter
    assert "Importance: high" in letter
    assert "größer" in letter or "gr=C3=B6=C3=9Fer" in letter or "base64" in letter


async def test_a_letter_goes_out_over_tls_from_the_start(pki: Pki) -> None:
    async with mail_server(pki.context(), at_once=True) as server:
        await MailNotices(target(server, MailSecurity.TLS), [pki.root.der]).deliver(NOTICE)
    assert server.encrypted == [True]


async def test_without_tls_only_when_that_is_asked_for() -> None:
    async with mail_server() as server:
        plain = replace(target(server, MailSecurity.NONE), username="", password=None)
        await MailNotices(plain).deliver(NOTICE)
        assert server.encrypted == [False]
        server.replies["EHLO"] = "250 mail.home.arpa"
        with pytest.raises(Unavailable, match="STARTTLS"):
            await MailNotices(target(server)).deliver(NOTICE)
    assert len(server.letters) == 1, "a server that takes STARTTLS away gets nothing"


async def test_a_server_that_nobody_vouches_for_gets_no_password() -> None:
    async with mail_server(Pki.generate().context()) as server:
        with pytest.raises(Unavailable, match="certificate"):
            await MailNotices(target(server)).deliver(NOTICE)
    assert not any("AUTH" in line for line in server.said)


@pytest.mark.parametrize(
    ("verb", "reply", "kind", "said"),
    [
        ("MAIL", "451 later", Unavailable, "451 later"),
        ("MAIL", "550 nobody", Forbidden, "550 nobody"),
        ("RCPT", "550 nobody", Forbidden, "takes nothing for me@home.arpa"),
        ("AUTH", "535 who are you", Unavailable, "535 who are you"),
        ("greeting", "554 go away", Forbidden, "554 go away"),
    ],
)
async def test_what_the_server_says_is_told(
    pki: Pki, verb: str, reply: str, kind: type[Exception], said: str
) -> None:
    async with mail_server(pki.context()) as server:
        server.replies[verb] = reply
        with pytest.raises(kind, match=said) as caught:
            await MailNotices(target(server), [pki.root.der]).deliver(NOTICE)
    assert "secret" not in str(caught.value)


async def test_a_server_that_is_not_there() -> None:
    async with mail_server() as server:
        gone = target(server)
    with pytest.raises(Unavailable, match="mail server localhost failed"):
        await MailNotices(gone).deliver(NOTICE)


async def test_a_server_that_hangs_can_be_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "_STEP", 0.5)
    async with mail_server() as server:
        server.replies["greeting"] = None
        notices = MailNotices(target(server))
        with trio.move_on_after(0.1) as patience:
            await notices.deliver(NOTICE)
        assert patience.cancelled_caught
        with pytest.raises(Unavailable, match="timed out"):
            await notices.deliver(NOTICE)


def test_a_letter_has_no_lines_of_others_in_its_head() -> None:
    settings = MailTarget(
        host="h", port=25, security=MailSecurity.NONE, username="", password=None,
        sender="ca@home.arpa", to=("me@home.arpa",),
    )  # fmt: skip
    evil = replace(NOTICE, name="renewal-late:a\r\nBcc: x@evil.example")
    letter = smtp.letter(evil, settings)
    assert letter["Bcc"] is None
    assert "\n" not in letter["Subject"]
