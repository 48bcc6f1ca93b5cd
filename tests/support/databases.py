"""Databases that step-ca, or its library, has written: tests/formats/golden/databases.

Each archive has the files, and rows.json: every row as that library reads it.
"""

import base64
import io
import json
import tarfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from appliance.formats import bbolt
from appliance.formats.badger import database
from appliance.formats.embedded import Row, Unreadable

GOLDEN = Path(__file__).resolve().parents[1] / "formats" / "golden" / "databases"
STEPPATH = "@STEPPATH@"  # in the JSON files of a step directory, where it lay
PASSWORD = "golden-password"  # of every key and provisioner in there
FILLED = ("badgerv1", "badgerv2", "bbolt")  # whole step directories, by a day's work of step-ca
WORN = ("badgerv1-killed", "badgerv2-killed", "bbolt-worn")  # changed, removed, moved; not closed

Rows: TypeAlias = dict[tuple[str, bytes], bytes]

NOW = 1_800_000_000


@lru_cache(maxsize=16)
def archive(name: str) -> Mapping[str, bytes]:
    """Every file of an archive, by its path."""
    with tarfile.open(fileobj=io.BytesIO((GOLDEN / f"{name}.tar.xz").read_bytes())) as opened:
        found = {}
        for member in opened.getmembers():
            if (stream := opened.extractfile(member)) is not None:
                found[member.name.removeprefix("./")] = stream.read()
        return MappingProxyType(found)


def files(name: str) -> dict[str, bytes]:
    """The files of a database, by name."""
    return {
        Path(path).name: content
        for path, content in archive(name).items()
        if Path(path).parent.name == "db"
    }


def expected(name: str) -> Rows:
    """Every row that the program which wrote a database reads in it."""
    return {
        (table, base64.b64decode(key)): base64.b64decode(value)
        for table, rows in json.loads(archive(name)["rows.json"]).items()
        for key, value in rows.items()
    }


def read(name: str, content: Mapping[str, bytes]) -> tuple[Rows, list[Unreadable]]:
    """Read a database; the archive's name tells its kind. Raises FormatError."""
    if name.startswith("bbolt"):
        found = list(bbolt.read(content["stepca.bolt"]).contents())
    else:
        found = list(database.read(content).contents(NOW))
    rows = {(each.table, each.key): each.value for each in found if isinstance(each, Row)}
    lost = [each for each in found if isinstance(each, Unreadable)]
    assert len(rows) + len(lost) == len(found)  # none came twice
    return rows, lost


def unpack(name: str, folder: Path, *, moved: bool = False) -> Path:
    """Put a filled step directory into a folder; `moved`: its JSON names another place."""
    for path, content in archive(name).items():
        if not path.startswith("steppath/"):
            continue
        place = folder / path.removeprefix("steppath/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.suffix == ".json":
            here = "/nowhere/step" if moved else str(folder)
            place.write_bytes(content.replace(STEPPATH.encode(), here.encode()))
        else:
            place.write_bytes(content)
        place.chmod(0o600)
    return folder
