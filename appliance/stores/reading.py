"""Rows of a LevelDB database. Each function raises plyvel.Error."""

from itertools import islice

from appliance.stores.opening import Database


def row(database: Database, key: bytes) -> bytes:
    """Read a value, empty where there is none."""
    value: bytes = database.get(key, b"", verify_checksums=True)
    return value


def pairs(
    database: Database, start: bytes, stop: bytes, skip: int, limit: int, *, reverse: bool
) -> list[tuple[bytes, bytes]]:
    """Read pairs, their keys without the first octets, leaving out empty values."""
    found: list[tuple[bytes, bytes]] = []
    with database.iterator(
        start=start, stop=stop, reverse=reverse, verify_checksums=True, fill_cache=False
    ) as read:
        for key, value in read:
            if value:
                found.append((key[skip:], value))
                if len(found) == limit:
                    break
    return found


def keys(database: Database, start: bytes, stop: bytes, most: int) -> list[bytes]:
    """Read so many keys at most."""
    with database.iterator(
        start=start, stop=stop, include_value=False, verify_checksums=True, fill_cache=False
    ) as read:
        return list(islice(read, most))
