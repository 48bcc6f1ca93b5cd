"""The data types of SSH (RFC 4251 section 5)."""

from collections.abc import Iterable
from typing import final

from appliance.model.errors import FormatError

_LARGEST_MPINT = 16384 // 8 + 1  # octets; OpenSSH takes none beyond 16384 bits


def uint32(number: int) -> bytes:
    """Write 4 octets."""
    return number.to_bytes(4)


def uint64(number: int) -> bytes:
    """Write 8 octets."""
    return number.to_bytes(8)


def string(octets: bytes | str) -> bytes:
    """Write octets, or text in UTF-8, after their length."""
    data = octets.encode() if isinstance(octets, str) else octets
    return len(data).to_bytes(4) + data


def mpint(number: int) -> bytes:
    """Write a number that is not negative, with a zero octet before a set first bit."""
    return string(number.to_bytes(number.bit_length() // 8 + 1) if number else b"")


def strings(items: Iterable[bytes | str]) -> bytes:
    """Write one string after the other."""
    return b"".join(map(string, items))


@final
class Reader:
    """Takes values off the beginning of octets. Everything raises FormatError."""

    __slots__ = ("_octets", "_place")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._place = 0

    @property
    def is_done(self) -> bool:
        """Say whether everything was read."""
        return self._place == len(self._octets)

    @property
    def place(self) -> int:
        """How many octets were read."""
        return self._place

    def take(self, count: int) -> bytes:
        """Read so many octets."""
        end = self._place + count
        if end > len(self._octets):
            raise FormatError("SSH data that ends too early")
        taken = self._octets[self._place : end]
        self._place = end
        return taken

    def octet(self) -> int:
        """Read one octet."""
        return self.take(1)[0]

    def uint32(self) -> int:
        """Read a number of 4 octets."""
        return int.from_bytes(self.take(4))

    def uint64(self) -> int:
        """Read a number of 8 octets."""
        return int.from_bytes(self.take(8))

    def string(self) -> bytes:
        """Read a string of octets."""
        return self.take(self.uint32())

    def text(self) -> str:
        """Read a string that must be UTF-8."""
        try:
            return self.string().decode()
        except UnicodeDecodeError:
            raise FormatError("a text in SSH data that is not UTF-8") from None

    def mpint(self) -> int:
        """Read a number that must not be negative."""
        octets = self.string()
        if len(octets) > _LARGEST_MPINT:
            raise FormatError("a number in SSH data that is too large")
        if octets[:1] and octets[0] & 0x80:
            raise FormatError("a number in SSH data that is negative")
        return int.from_bytes(octets)

    def strings(self) -> list[bytes]:
        """Read all that is left as strings."""
        found = []
        while not self.is_done:
            found.append(self.string())
        return found

    def rest(self) -> bytes:
        """Read all that is left."""
        return self.take(len(self._octets) - self._place)

    def finish(self, what: str) -> None:
        """Make sure that nothing is left."""
        if not self.is_done:
            raise FormatError(f"octets behind the end of {what}")
