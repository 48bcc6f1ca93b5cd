"""What went wrong on the network, in words, from the exceptions of the libraries below."""

import os
import socket
import ssl


def reason(error: BaseException, *, untrusted: str = "") -> str:
    """Find the cause at the bottom of a library's exceptions and say it plainly.

    `untrusted` is added where the server's certificate is not trusted: what to do about it.
    """
    seen: BaseException | None = error
    while seen is not None:
        match seen:
            case ssl.SSLCertVerificationError():
                return f"the server's certificate is not trusted: {seen.verify_message}{untrusted}"
            case ssl.SSLError() if "ALERT" in (seen.reason or ""):
                alert = str(seen.reason).partition("ALERT_")[2].replace("_", " ").lower()
                return f"the server ended the TLS handshake: {alert}"
            case ssl.SSLError():
                return f"TLS: {str(seen.reason or seen).replace('_', ' ').lower()}"
            case socket.gaierror():
                return f"the name cannot be resolved: {seen.strerror}"
            case OSError() if seen.errno:
                return os.strerror(seen.errno).lower()
            case BaseExceptionGroup():
                seen = seen.exceptions[0]
            case _:
                seen = seen.__cause__ or seen.__context__
    return str(error) or type(error).__name__
