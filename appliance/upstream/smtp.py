"""Notices by e-mail: the standard library's SMTP, in a thread of its own."""

import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import format_datetime
from functools import partial
from typing import Final

import trio

from appliance.config.alert_settings import MailSecurity, MailTarget
from appliance.model.alerts import Change, Notice
from appliance.model.conditions import Severity
from appliance.model.errors import Forbidden, Unavailable
from appliance.upstream.trust import outward

_STEP: Final = 15.0  # seconds for each step of the conversation
_PERMANENT: Final = 500  # replies from here on do not change by waiting (RFC 5321 4.2.1)
_URGENT: Final = Severity.CRITICAL


class MailNotices:
    """The port's driver (ports.notices.NoticeTarget).

    One letter at a time: a server that hangs holds its own thread, no other.
    """

    def __init__(self, settings: MailTarget, authorities: Sequence[bytes] = ()) -> None:
        """Trust the system's roots and these certificates (DER)."""
        self._settings = settings
        self._authorities = tuple(authorities)
        self._turn = trio.CapacityLimiter(1)

    async def deliver(self, notice: Notice) -> None:
        """Send a letter to each. Raises Unavailable, Forbidden."""
        message = letter(notice, self._settings)
        await trio.to_thread.run_sync(
            partial(self._send, message), limiter=self._turn, abandon_on_cancel=True
        )

    def _send(self, message: EmailMessage) -> None:
        where = f"the mail server {self._settings.host}"
        try:
            with self._connected() as server:
                if self._settings.password is not None:
                    password = self._settings.password.reveal().decode("utf-8", "surrogateescape")
                    server.login(self._settings.username, password)
                refused = server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            raise Forbidden(f"{where} takes nothing for {', '.join(error.recipients)}") from error
        except smtplib.SMTPResponseException as error:
            said = _text(error.smtp_error)
            problem = f"{where} says {error.smtp_code} {said}"
            if error.smtp_code < _PERMANENT or isinstance(error, smtplib.SMTPAuthenticationError):
                raise Unavailable(problem) from error
            raise Forbidden(problem) from error
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            raise Unavailable(f"{where} failed: {str(error) or type(error).__name__}") from error
        if refused:
            raise Forbidden(f"{where} takes nothing for {', '.join(refused)}")

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        if settings.security is MailSecurity.TLS:
            return smtplib.SMTP_SSL(
                settings.host, settings.port, timeout=_STEP, context=self._context()
            )
        server = smtplib.SMTP(settings.host, settings.port, timeout=_STEP)
        if settings.security is MailSecurity.STARTTLS:
            try:
                server.starttls(context=self._context())
            except BaseException:
                server.close()
                raise
        return server

    def _context(self) -> ssl.SSLContext:
        return outward(self._authorities, None)


def letter(notice: Notice, settings: MailTarget) -> EmailMessage:
    """Write a notice as a letter; a second one of the same notice has the same id."""
    message = EmailMessage()
    message["Subject"] = f"[{notice.severity}] {notice.title}".replace("\r", " ").replace("\n", " ")
    message["From"] = settings.sender
    message["To"] = ", ".join(settings.to)
    message["Date"] = format_datetime(notice.at)
    message["Message-ID"] = f"<{notice.id}@{settings.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence answers it
    if notice.severity is _URGENT and notice.change is Change.FIRING:
        message["Importance"] = "high"
    message.set_content(
        f"{notice.text}\n\n"
        f"alert: {notice.name}\n"
        f"severity: {notice.severity}\n"
        f"since: {notice.since:%F %T} UTC\n"
        f"told: {notice.at:%F %T} UTC\n"
    )
    return message


def _text(reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return text.replace("\r\n", " ").replace("\n", " ")[:200]
