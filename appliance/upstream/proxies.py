"""Which proxy a request goes through: HTTP_PROXY, HTTPS_PROXY and NO_PROXY as Go reads them.

Not through one, whatever the variables say: `localhost` and loopback addresses.
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import Final

from appliance.model.errors import FormatError

_SCHEMES: Final = ("http", "https")
_RULE: Final = re.compile(r"(\[[^\]]*\]|[^:]*)(?::(\d+))?")
_PORTS: Final = {"http": 80, "https": 443}


def proxy_for(
    scheme: str, host: str, port: int | None, environment: Mapping[str, str]
) -> str | None:
    """Give the URL of the proxy for a server, or None. Raises FormatError for one not usable."""
    wanted = _variable(environment, f"{scheme.upper()}_PROXY")
    if not wanted or _is_exempt(host, port or _PORTS[scheme], environment):
        return None
    url = wanted if "://" in wanted else f"http://{wanted}"
    if url.partition("://")[0].lower() not in _SCHEMES:
        kind = url.partition("://")[0]
        raise FormatError(f"{scheme.upper()}_PROXY: proxies of kind '{kind}' are not supported")
    return url


def _is_exempt(host: str, port: int, environment: Mapping[str, str]) -> bool:
    """Tell if a server is asked without a proxy."""
    host = host.strip("[]").rstrip(".").lower()
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    rules = _variable(environment, "NO_PROXY").lower().split(",")
    return any(_fits(rule.strip(), host, address, port) for rule in rules if rule.strip())


def _fits(
    rule: str,
    host: str,
    address: ipaddress.IPv4Address | ipaddress.IPv6Address | None,
    port: int,
) -> bool:
    """Hold a server against one rule: `*`, a network, an address, a domain; the last two `:port`.

    A domain covers what is below it; with a dot or `*.` before it, nothing else.
    """
    if rule == "*":
        return True
    if "/" in rule:
        return address is not None and _is_within(rule, address)
    bare = rule.strip("[]")
    match = _RULE.fullmatch(f"[{bare}]" if _address(bare) else rule)
    if match is None or (match[2] and int(match[2]) != port):
        return False
    name = match[1].strip("[]").removeprefix("*")
    if address is not None:
        return _address(name) == address
    return host.endswith(name) if name.startswith(".") else f".{host}".endswith(f".{name}")


def _is_within(network: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _variable(environment: Mapping[str, str], name: str) -> str:
    """Read a variable; capitals come first."""
    return environment.get(name) or environment.get(name.lower()) or ""
