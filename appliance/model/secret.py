"""A secret that cannot be printed by accident."""

from typing import final


@final
class Password:
    """Octets of a password. `repr`, `str` and format give none of them; `reveal` does."""

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    @classmethod
    def from_file_content(cls, content: bytes) -> "Password":
        """Trim what editors and `echo` add: trailing white space (as step does)."""
        return cls(content.rstrip())

    def reveal(self) -> bytes:
        """Give the octets, to the one call that needs them."""
        return self._octets

    def __bool__(self) -> bool:
        return bool(self._octets)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Password) and self._octets == other._octets

    def __hash__(self) -> int:
        return hash(self._octets)

    def __repr__(self) -> str:
        return "Password(…)"
