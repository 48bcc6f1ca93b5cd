"""What opens a token, as far as it can be changed: PIN, PUK and management key."""

import enum
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from appliance.model.secret import Password


class Credential(enum.StrEnum):
    """What a token wants to be shown."""

    PIN = "PIN"
    PUK = "PUK"
    MANAGEMENT_KEY = "management key"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSeen:
    """A token before it is used."""

    serial: str
    firmware: str
    factory: Collection[Credential]  # as everybody knows them
    keys: Collection[str]  # names of slots with a key
    management_key_octets: int


class TokenCredentials(Protocol):
    """One token, let go after each call: nobody may hold it at the same time.

    All raise TokenUnavailable when it is not there or in use, NotSupported when it cannot do it.
    """

    async def look(self) -> TokenSeen:
        """Say how the token is; costs no try."""
        ...

    async def replace(self, credential: Credential, new: Password) -> None:
        """Replace what it has from the factory. Raises Forbidden when it is not the factory's.

        A management key is hexadecimal.
        """
        ...

    async def reset(self) -> None:
        """Destroy all keys and certificates; what opens it is the factory's again."""
        ...
