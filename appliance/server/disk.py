"""How much room there is where the database is."""

import os
from pathlib import Path

from appliance.authority.diskguard import Room


def room(directory: Path) -> Room | None:
    """Ask the file system; None when it does not say."""
    try:
        found = os.statvfs(directory)
    except OSError:
        return None
    files = found.f_favail if found.f_files else None
    return Room(free=found.f_bavail * found.f_frsize, files=files)
