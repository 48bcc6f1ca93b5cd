"""IP addresses as people write them.

A request asks for the same one at several places, and so does the next request: those that were
read lately are kept, since to read one takes longer than what is done with it.
"""

import ipaddress
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final

_LONGEST: Final = 45  # characters, but for a zone, which may have any number of them


def parse(text: str) -> IPv4Address | IPv6Address:
    """Read an address. Raises ValueError."""
    return ipaddress.ip_address(text) if len(text) > _LONGEST else _parse(text)


_parse: Final = lru_cache(maxsize=256)(ipaddress.ip_address)
