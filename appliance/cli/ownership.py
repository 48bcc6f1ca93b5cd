"""Root acting as the user whose CA it is, so that no file of root is left where that user works."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.model.errors import Forbidden


@contextmanager
def as_owner(directory: Path) -> Iterator[None]:
    """Be the owner of a directory, or of the first one above that is there, until the block ends.

    Raises Forbidden when root may not. Others than root stay who they are.
    """
    if os.geteuid() != 0:
        yield
        return
    owner = next(each for each in (directory, *directory.parents) if each.exists()).stat()
    group = os.getegid()
    if owner.st_uid == 0:
        yield
        return
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
