"""Which authorizations an account has for an identifier, and how they came about."""

from typing import Final

from appliance.authority.acme import records
from appliance.model.acme import Identifier
from appliance.ports.store import Operation, Put, Store

ORDERED: Final = b"o"  # with an order
ASKED_FOR: Final = b"p"  # before any
BELOW: Final = b"s"  # behind either: it is for all subdomains too (RFC 9444)
_PAGE: Final = 100  # rows, few enough to be read without a thread


def kind(*, ordered: bool, below: bool) -> bytes:
    """Write how an authorization came about, and whether it is for subdomains too."""
    return (ORDERED if ordered else ASKED_FOR) + (BELOW if below else b"")


def held_key(account_id: str, identifier: Identifier, key: str) -> bytes:
    """Give the key of the row that says that an account has an authorization."""
    return f"{account_id}\0a{identifier.type}\0{identifier.value}\0{key}".encode()


def asked_first(account_id: str) -> Operation:
    """Write that an account has asked for an authorization before any order: few ever do.

    That is as lasting as the account.
    """
    return Put(records.HELD, _asked_key(account_id), b"1")


async def has_asked_first(store: Store, account_id: str) -> bool:
    """Say whether an account has ever asked for an authorization before any order."""
    return await store.get(records.HELD, _asked_key(account_id)) is not None


async def held(store: Store, account_id: str, identifier: Identifier) -> list[tuple[str, bytes]]:
    """Give the ids of those that are for an identifier, and how each came about."""
    prefix = start = held_key(account_id, identifier, "")
    found: list[tuple[str, bytes]] = []
    while rows := await store.scan(records.HELD, start=start, stop=prefix + b"\xff", limit=_PAGE):
        found += [(key[len(prefix) :].decode(), came_about) for key, came_about in rows]
        start = rows[-1][0] + b"\0"
        if len(rows) < _PAGE:
            break
    return found


def _asked_key(account_id: str) -> bytes:
    return f"{account_id}\0p".encode()
