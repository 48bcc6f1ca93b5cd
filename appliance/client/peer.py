"""The certificates that any TLS server presents."""

import socket
import ssl
from collections.abc import Sequence
from typing import Any, Final

from appliance.client.tls import trusting, unverified
from appliance.model.errors import Unavailable

_TIMEOUT: Final = 20.0  # seconds, of connecting and of each step of the handshake


def peer_certificates(
    host: str, port: int, *, server_name: str = "", roots: Sequence[bytes] | None = None
) -> tuple[bytes, ...]:
    """Give the chain as the server sends it (DER), the leaf first, from a server that is trusted.

    `roots` are trusted, or those of the system when it is None. Waits. Raises Unavailable.
    """
    context = trusting(roots) if roots is not None else ssl.create_default_context()
    return _presented(context, host, port, server_name)


def any_peer_certificates(host: str, port: int, *, server_name: str = "") -> tuple[bytes, ...]:
    """Give the same from any server at all. Waits. Raises Unavailable."""
    return _presented(unverified(), host, port, server_name)


def _presented(
    context: ssl.SSLContext, host: str, port: int, server_name: str
) -> tuple[bytes, ...]:
    address = f"{host}:{port}" if ":" not in host else f"[{host}]:{port}"
    try:
        with (
            socket.create_connection((host, port), _TIMEOUT) as connection,
            context.wrap_socket(connection, server_hostname=server_name or host) as secured,
        ):
            chain = _chain(secured)
    except ssl.SSLCertVerificationError as error:
        raise Unavailable(
            f"failed to connect: {address}: the server's certificate is not trusted: "
            f"{error.verify_message}"
        ) from error
    except ssl.SSLError as error:
        reason = str(error.reason or error).replace("_", " ").lower()
        raise Unavailable(f"failed to connect: {address}: TLS: {reason}") from error
    except OSError as error:
        raise Unavailable(f"failed to connect: {address}: {error.strerror or error}") from error
    if not chain:
        raise Unavailable(f"failed to connect: {address}: the server sent no certificate")
    return chain


def _chain(secured: ssl.SSLSocket) -> tuple[bytes, ...]:
    """Ask for the whole chain: public from Python 3.13 on, an inner method before."""
    public: Any = getattr(secured, "get_unverified_chain", None)
    if public is not None:
        return tuple(public())
    inner: Any = secured._sslobj  # type: ignore[attr-defined]  # noqa: SLF001
    return tuple(
        ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in inner.get_unverified_chain()
    )
