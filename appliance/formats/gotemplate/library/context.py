"""What a rendering may know of the world: the time, and a source of chance."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from msgspec import Struct

_CHUNK: Final = 256


class FunctionContext(Struct, frozen=True, kw_only=True):
    """The time that `now` tells, and where random octets come from."""

    now: datetime  # aware
    entropy: Callable[[int], bytes]  # how many octets to octets

    def below(self, limit: int) -> int:
        """Draw a number from 0 up to, but without, the limit, each as likely."""
        bits = (limit - 1).bit_length()
        size = (bits + 7) // 8
        while True:
            number = int.from_bytes(self.entropy(size)) >> (8 * size - bits) if size else 0
            if number < limit:
                return number

    def characters(self, alphabet: str, count: int) -> str:
        """Draw characters of an alphabet of at most 256, each as likely."""
        drawn: list[str] = []
        ceiling = _CHUNK - _CHUNK % len(alphabet)
        while len(drawn) < count:
            octets = self.entropy(count - len(drawn) + 16)
            drawn += [alphabet[octet % len(alphabet)] for octet in octets if octet < ceiling]
        return "".join(drawn[:count])
