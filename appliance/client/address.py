"""The URL of a CA, as people give it."""

import ipaddress
import re
from typing import Final

from appliance.model.errors import BadRequest

_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+(?:%25[\w.~-]+)?\]|[^\[\]:\s/?#@]+)(?::[0-9]{1,5})?")


def ca_url(text: str) -> str:
    """Complete a URL as step does: https by default, IPv6 in brackets, nothing after the host.

    Raises BadRequest.
    """
    scheme, separator, rest = text.strip().partition("://")
    if not separator:
        scheme, rest = "https", scheme
    if scheme.lower() != "https":
        raise BadRequest(f"invalid value '{text}' for flag '--ca-url'; must have https scheme")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    if host.count(":") > 1 and "[" not in host:
        host = _bracketed(host)
    if not _HOST.fullmatch(host):
        raise BadRequest(f"invalid value '{text}' for flag '--ca-url'; invalid URL")
    return f"https://{host}"


def host_name(url: str) -> str:
    """Give the host of a completed URL, without port and brackets."""
    host = url.removeprefix("https://")
    if host.startswith("["):
        return host[1 : host.index("]")]
    return host.partition(":")[0]


def _bracketed(host: str) -> str:
    """Put brackets around an IPv6 address that may have a port behind it."""
    address, _, port = host.rpartition(":")
    if _is_address(address) and port.isdecimal():
        return f"[{address}]:{port}"
    return f"[{host}]" if _is_address(host) else host


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
