"""Root opening the database of another user, so that this user can open it again."""

import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from appliance.authority import reindexing
from appliance.model.errors import Forbidden
from appliance.ports.store import Store
from appliance.stores.leveldb import open_store


@asynccontextmanager
async def owned_store(directory: Path, *, create: bool) -> AsyncIterator[Store]:
    """Open a database until the block ends, its index completed; root does it for its owner.

    Raises StoreLocked, StoreAbsent, Broken, and Forbidden when root may not.
    """
    with as_owner(directory):
        store = await open_store(directory, create=create)
    try:
        await reindexing.complete(store)
        yield store
    finally:
        _give_back(directory)
        await store.aclose()


@contextmanager
def as_owner(directory: Path) -> Iterator[None]:
    """Be the owner of a directory, or of the first one above that is there.

    Not for long: whatever else the program needs may be for root only.
    """
    owner = next(each for each in (directory, *directory.parents) if each.exists()).stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        yield
        return
    group = os.getegid()
    try:
        os.setegid(owner.st_gid)
        os.seteuid(owner.st_uid)
    except OSError as error:
        raise Forbidden(
            f"the database {directory} belongs to user {owner.st_uid}: ask as that user"
        ) from error
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)


def _give_back(directory: Path) -> None:
    """Give files that have been made since to the owner of the directory."""
    if os.geteuid() != 0:
        return
    owner = directory.stat()
    for each in directory.iterdir():
        with contextlib.suppress(OSError):  # the database removes files, too
            os.chown(each, owner.st_uid, owner.st_gid)
