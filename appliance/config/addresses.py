"""Addresses to listen on, as ca.json writes them."""

import ipaddress
import socket

from appliance.model.errors import FormatError


def split_address(address: str) -> tuple[str, int]:
    """Take `host:port` apart; the host may be empty, the port a name. Raises FormatError."""
    host, colon, port = address.rpartition(":")
    if not colon or (":" in host and not (host.startswith("[") and host.endswith("]"))):
        raise FormatError(
            f"'{address}' is not an address with a port, such as 127.0.0.1:443 or :443"
        )
    if port.isascii() and port.isdigit() and int(port) < 2**16:
        return host.strip("[]"), int(port)
    try:
        return host.strip("[]"), socket.getservbyname(port, "tcp")
    except (OSError, OverflowError):
        raise FormatError(f"'{port}' is not a port") from None


def url_host(name: str) -> str:
    """Write a name as URLs have it: IPv6 addresses get their brackets."""
    try:
        return f"[{name}]" if ipaddress.ip_address(name).version == 6 else name
    except ValueError:
        return name
