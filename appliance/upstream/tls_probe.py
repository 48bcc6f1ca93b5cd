"""Handshakes with servers that have to show one certificate (RFC 8737 3).

Nothing is verified here: what is shown is the answer. TLS 1.2 is the least (RFC 8737 4); keys may
be as small as the server has them.
"""

import re
import ssl
from collections.abc import Sequence
from typing import Final

import trio

from appliance.ports.probes import Fault, Presented
from appliance.upstream.connecting import Connecting, Connection
from appliance.upstream.trail import Trail

_TIMEOUT: Final = 15.0  # seconds for all of it
_PORT: Final = 443
# OpenSSL's words for what went wrong, and those that tell of an alert from the other side. Python
# has not all of them as reasons: no_application_protocol, of all, is missing.
_WORDS: Final = re.compile(r"\[SSL[^]]*\] (.*?)(?: \(_ssl\.c:\d+\))?")
_ALERT: Final = re.compile(
    r"(?:sslv3|tlsv1|tlsv13) (?:alert ([a-z0-9 ]+)|(unrecognized name|unsupported extension))"
)
# By number: some Python has had them in the class that stands for all.
_CLOSED: Final = frozenset({ssl.SSL_ERROR_EOF, ssl.SSL_ERROR_ZERO_RETURN})


class TlsClient:
    """The port's driver."""

    def __init__(
        self, connecting: Connecting, *, port: int = _PORT, timeout: float = _TIMEOUT
    ) -> None:
        self._connecting, self._port, self._timeout = connecting, port, timeout

    async def presented(self, host: str, server_name: str, protocol: str) -> Presented:
        """Shake hands. Raises ProbeFailed."""
        trail = Trail()
        try:
            with trio.fail_after(self._timeout):
                transport = await self._connecting.connect(host, self._port, trail)
                try:
                    return await _shaken(transport, host, server_name, protocol, trail)
                finally:
                    await trio.aclose_forcefully(transport)
        except trio.TooSlowError:
            raise trail.failure(
                f"no handshake with {host} port {self._port} within {self._timeout:g} s",
                Fault.CONNECTION,
            ) from None


async def _shaken(
    transport: Connection, host: str, server_name: str, protocol: str, trail: Trail
) -> Presented:
    trail.begin(f"TLS with {protocol} for {server_name}")
    stream = trio.SSLStream(
        transport, unverified([protocol]), server_hostname=server_name, https_compatible=True
    )
    try:
        await stream.do_handshake()
    except (trio.BrokenResourceError, ssl.SSLError) as error:
        reason, alert = failure_of(error)
        raise trail.failure(
            f"the TLS handshake with {host} failed: {reason}", Fault.TLS, alert=alert
        ) from error
    chosen = stream.selected_alpn_protocol() or ""
    trail.end(f"{stream.version()}, {f'protocol {chosen}' if chosen else 'no protocol chosen'}")
    return Presented(
        protocol=chosen,
        certificate=stream.getpeercert(binary_form=True) or b"",
        tried=trail.tried,
    )


def unverified(protocols: Sequence[str]) -> ssl.SSLContext:
    """Make a context that takes whatever certificate there is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.set_alpn_protocols(list(protocols))
    return context


def failure_of(error: BaseException) -> tuple[str, str]:
    """Say why TLS failed, and by which alert of the server, where it sent one."""
    cause = error if isinstance(error, ssl.SSLError) else error.__cause__
    if not isinstance(cause, ssl.SSLError) or cause.errno in _CLOSED:
        return "the server closed the connection", ""
    words = _WORDS.fullmatch(str(cause.args[-1]))
    reason = words[1].lower() if words else str(cause).lower()
    match = _ALERT.fullmatch(reason)
    if match is None:
        return reason, ""
    alert = (match[1] or match[2]).replace(" ", "_")
    return f"the server sent the alert {alert}", alert
