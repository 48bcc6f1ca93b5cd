"""Which files of a CA a backup has: in the open, sealed, or not at all.

Certificates, templates and configuration are in the open; keys are in it only when they are asked
for, and then sealed with the passphrase. A ca.json may hold secrets itself: in the open it has
empty texts instead, and the whole one is sealed with the keys.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from appliance.authority.trust import fingerprint
from appliance.config import document
from appliance.config.loading import content
from appliance.config.settings import LevelDbSettings, Settings
from appliance.formats.backup_archive import About, ArchivedFile
from appliance.formats.timeorduration import format_time
from appliance.issuance import parsed, subjects
from appliance.model.backups import BackupName
from appliance.model.errors import ConfigError
from appliance.model.version import VERSION
from appliance.server import material

_LARGEST: Final = 8 << 20  # octets of a file
_MOST: Final = 5000  # files
_SECRET_NAMES: Final = frozenset({
    "password", "pin", "managementkey", "secret", "bearertoken", "token", "challenge",
    "decrypterkeypem", "decrypterkeypassword", "secretkey", "accesskey",
})  # fmt: skip
_PIN: Final = re.compile(r"(pin-value=)[^;&]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What goes into a backup beside the rows. `sealed` is empty where no keys were asked for."""

    name: BackupName
    about: About
    files: tuple[ArchivedFile, ...]
    sealed: tuple[ArchivedFile, ...] = field(repr=False)


def collect(settings: Settings, now: datetime, *, with_keys: bool) -> Contents:
    """Read the files of a CA. Raises ConfigError for one that is named and cannot be read."""
    base = _base(settings.file)
    written = content(settings.file)
    members = dict(document.parse(settings.file, written).members)
    named = [
        *settings.roots,
        *settings.federated_roots,
        settings.certificate,
        *(each.certificate for each in settings.issuers),
    ]
    extra = _templates(members, base)
    secret = dict.fromkeys([*settings.key_files, *_below(base / "secrets")])
    passphrase = settings.backup.passphrase if settings.backup else None
    public = dict.fromkeys([
        *named,
        *extra,
        *(each for each in _below(base / "config") if each.suffix == ".json"),
        *_below(base / "certs"),
        *_below(base / "templates"),
    ])  # fmt: skip
    places = _Places(base)
    blanked: list[str] = []
    shown = _blank(members, "", blanked)
    opened = json.dumps(shown, indent="\t", ensure_ascii=False).encode() if blanked else written
    config = ArchivedFile(path=places.of(settings.file), mode=0o600, content=opened)
    files = [config, *_read([each for each in public if each != settings.file], places)]
    sealed: list[ArchivedFile] = []
    if with_keys:
        sealed = _read([each for each in secret if each != passphrase], places)
        if blanked:
            sealed.append(ArchivedFile(path=config.path, mode=config.mode, content=written))
    root = parsed.parse(material.read_trust(settings).roots[0])
    root_fingerprint = fingerprint(root.der)
    common_name = subjects.common_name(root.subject)
    name = BackupName.of(common_name, root_fingerprint, now)
    about = About(
        version=VERSION,
        made_at=format_time(now.replace(microsecond=0)),
        name=common_name,
        fingerprint=root_fingerprint,
        base=str(base),
        config=config.path,
        moved=_moved(members, places),
        blanked=blanked,
        absent=list(_absent(settings, with_keys=with_keys)),
        has_secrets=with_keys,
        has_database=isinstance(settings.database, LevelDbSettings),
    )
    return Contents(name=name, about=about, files=tuple(files), sealed=tuple(sealed))


def strings(value: Any) -> Iterator[str]:
    """Give every text in a JSON value."""
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from strings(each)
        case list():
            for each in value:
                yield from strings(each)
        case _:
            return


class _Places:
    """Where each file is in the archive; what is outside the base gets a place of its own."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self.known: dict[Path, str] = {}

    def of(self, file: Path) -> str:
        if file not in self.known:
            try:
                where = file.relative_to(self._base).as_posix()
            except ValueError:
                where = f"outside/{len(self.known)}-{file.name}"
            self.known[file] = where
        return self.known[file]


def _base(file: Path) -> Path:
    """Give the directory that a CA's files are below: the step path, where it is one."""
    directory = file.absolute().parent
    return directory.parent if directory.name == "config" else directory


def _below(directory: Path) -> list[Path]:
    """Give the files below a directory, none where it is not."""
    return sorted(each for each in directory.rglob("*") if each.is_file())


def _templates(members: dict[str, Any], base: Path) -> list[Path]:
    """Find the files of templates that provisioners name."""
    found = []
    for text in _values(members, "templatefile"):
        for file in (Path(text).absolute(), base / text):
            if file.is_file():
                found.append(file)
                break
    return found


def _values(value: Any, wanted: str) -> Iterator[str]:
    """Give the texts under a key, wherever it is."""
    if isinstance(value, list):
        for each in value:
            yield from _values(each, wanted)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key.lower() == wanted and isinstance(each, str) and each:
                yield each
            else:
                yield from _values(each, wanted)


def _read(files: Iterable[Path], places: _Places) -> list[ArchivedFile]:
    found = []
    for file in files:
        try:
            status = file.stat()
            if status.st_size > _LARGEST:
                raise ConfigError("is too large for a backup", file=str(file))
            found.append(
                ArchivedFile(
                    path=places.of(file), mode=status.st_mode & 0o777, content=file.read_bytes()
                )
            )
        except OSError as error:
            raise ConfigError(f"cannot be read: {error.strerror}", file=str(file)) from error
        if len(found) > _MOST:
            raise ConfigError("too many files for a backup", file=str(file.parent))
    return found


def _blank(value: Any, place: str, blanked: list[str]) -> Any:
    """Give a JSON value with empty texts for its secrets, whose places are noted."""
    if isinstance(value, list):
        return [_blank(each, f"{place}[{number}]", blanked) for number, each in enumerate(value)]
    if not isinstance(value, dict):
        return value
    found = {}
    for key, each in value.items():
        where = f"{place}.{key}" if place else key
        if isinstance(each, str) and each and key.lower() in _SECRET_NAMES:
            blanked.append(where)
            found[key] = ""
        elif isinstance(each, str) and _PIN.search(each):
            blanked.append(where)
            found[key] = _PIN.sub(r"\1", each)
        else:
            found[key] = _blank(each, where, blanked)
    return found


def _moved(members: dict[str, Any], places: _Places) -> dict[str, str]:
    """Say where the files are that ca.json names otherwise than by a path below the base."""
    moved = {}
    for text in strings(members):
        if text and "\0" not in text:
            where = places.known.get(Path(text).absolute())
            if where is not None and (not Path(text).is_absolute() or where.startswith("outside/")):
                moved[text] = where
    return moved


def _absent(settings: Settings, *, with_keys: bool) -> Iterator[str]:
    """Name the keys that the backup does not have."""
    for token in settings.token_keys:
        yield f"the key {token} (it is on a token)"
    if not with_keys:
        for file in settings.key_files:
            yield f"the key {file}"
