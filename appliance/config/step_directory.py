"""A directory of step-ca as it lies there, perhaps moved: its ca.json, its embedded database."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from appliance.config import document, loading
from appliance.config.editing import spelled
from appliance.config.schema import Database
from appliance.model.errors import ConfigError

_KINDS: Final = {
    "badger": "badgerv1",
    "badgerv1": "badgerv1",
    "badgerv2": "badgerv2",
    "bbolt": "bbolt",
}
_CA_JSON: Final = ("config/ca.json", "ca.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDirectory:
    """What was found. `members` is ca.json's object; `former` is where the directory once was.

    `kind` is badgerv1, badgerv2 or bbolt, `database` its directory or file, and `values` the
    directory of Badger's value log.
    """

    file: Path
    folder: Path
    former: Path
    members: Mapping[str, Any]
    kind: str
    database: Path
    values: Path

    @property
    def beside(self) -> Path:
        """Where `hearth serve` with this ca.json keeps its own database."""
        return self.database.with_name(f"{self.database.name}.leveldb")


def find(place: Path, database: Path | None = None) -> StepDirectory:
    """Look at a step directory, or at a ca.json.

    A database within the directory is taken before one of the same name elsewhere; `database`
    names it where it is neither there nor where ca.json says. Raises ConfigError.
    """
    file = _file(place)
    found = document.parse(file, loading.content(file))
    written = found.members.get(spelled(dict(found.members), "db"))
    if written is None:
        raise found.wrong("is not there: this CA recorded nothing", "db")
    told = found.read(Database, written, "db")
    kind = _KINDS.get(told.type.lower())
    if kind is None:
        raise found.wrong(
            f"'{told.type}' is not an embedded database of step-ca: badger, badgerv1, badgerv2 and "
            "bbolt can be imported",
            "db.type",
        )
    if not told.data_source:
        raise found.wrong("must name a directory or a file", "db.dataSource")
    folder = file.parent.parent if file.parent.name == "config" else file.parent
    source = database or _moved(Path(told.data_source), folder, found.wrong)
    values = _moved(Path(told.value_dir), folder, found.wrong) if told.value_dir else source
    return StepDirectory(
        file=file,
        folder=folder,
        former=_former(found.members, folder),
        members=found.members,
        kind=kind,
        database=Path(os.path.abspath(source)),  # noqa: PTH100 - a link in it stays as it is
        values=Path(os.path.abspath(values)),  # noqa: PTH100
    )


def _file(place: Path) -> Path:
    if place.is_dir():
        for name in _CA_JSON:
            if (place / name).is_file():
                return place.absolute() / name
        raise ConfigError(
            "is not a step directory: there is no config/ca.json in it", file=str(place)
        )
    return place.absolute()


def _moved(path: Path, folder: Path, wrong: Any) -> Path:
    """Find a path of ca.json: within the directory, also where that has moved, or as it is."""
    if path.is_relative_to(folder):
        return path
    parts = path.parts
    for length in (2, 1):
        inside = folder.joinpath(*parts[-length:])
        if len(parts) > length and inside.exists():
            return inside
    if path.exists():
        return path
    error = wrong(
        f"'{path}' is neither there nor in {folder}: name it with --database", "db.dataSource"
    )
    raise error


def _former(members: Mapping[str, Any], folder: Path) -> Path:
    """Tell where the directory was when its ca.json was written, by the intermediate's place."""
    told = members.get(spelled(dict(members), "crt"))
    if isinstance(told, str) and Path(told).is_absolute():
        certificate = Path(told)
        inside = folder / certificate.parent.name / certificate.name
        if not certificate.is_relative_to(folder) and inside.exists():
            return certificate.parent.parent
    return folder
