"""What a person answers about a new CA: judged alike, by flag, at the prompt or in the wizard."""

import ipaddress
import re
from typing import Final, final

from appliance.model.errors import BadRequest

_HOST: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
_PLAIN: Final = {"443": "80", "8080": "8081"}  # the usual port for plain HTTP, by that of TLS


@final
class NotGood(BadRequest):
    """A value that a person can give again."""


def dns_names(text: str) -> tuple[str, ...]:
    """Read names and addresses, separated by commas or spaces."""
    names = [each.strip() for each in text.replace(" ", ",").split(",") if each.strip()]
    if not names:
        raise NotGood("the CA needs a DNS name or IP address: give it with --dns")
    return tuple(_host(name) for name in names)


def _host(name: str) -> str:
    bare = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        if _HOST.fullmatch(name) and len(name) <= 253:
            return name
    raise NotGood(f"{name} is not a valid DNS name or IP address")


def address(text: str) -> str:
    """Read where to listen."""
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or (":" in bare and bare == host) or not port.isdecimal() or int(port) > 65535:
        raise NotGood(f"{text} is not an address to listen on: give HOST:PORT, such as :443")
    return text


def plain_address(tls_address: str) -> str:
    """Say where plain HTTP is usually listened for beside an address for TLS."""
    host, _, port = tls_address.rpartition(":")
    return f"{host}:{_PLAIN.get(port, '8080')}"
