"""`db`: where the store is."""

from pathlib import Path
from typing import Final

from appliance.config.document import Document
from appliance.config.schema import Database
from appliance.config.settings import LevelDbSettings, MemorySettings

_OF_STEP_CA: Final = ("badger", "badgerv1", "badgerv2", "bbolt")
_SERVERS: Final = {"mysql": "MySQL", "postgresql": "PostgreSQL"}


def read(written: Database | None, document: Document) -> LevelDbSettings | MemorySettings:
    """Choose the store. Raises ConfigError for one that is not supported.

    An embedded database of step-ca is left alone: ours is beside it.
    """
    if written is None:
        return MemorySettings()
    kind = written.type.lower()
    if kind in _SERVERS:
        raise document.wrong(
            f"{_SERVERS[kind]} is not supported by this version: use leveldb", "db.type"
        )
    if kind != "leveldb" and kind not in _OF_STEP_CA:
        raise document.wrong(
            f"'{written.type}' is not a database type: use leveldb, or leave `db` out to keep "
            "nothing",
            "db.type",
        )
    if not written.data_source:
        raise document.wrong("must name a directory", "db.dataSource")
    source = Path(written.data_source).absolute()
    if kind == "leveldb":
        return LevelDbSettings(directory=source)
    beside = source.with_name(f"{source.name}.leveldb")
    return LevelDbSettings(
        directory=beside,
        notice=f"the {written.type} database {source} is step-ca's and is left as it is: its "
        "certificates, revocations and used tokens are not known here until "
        f"`hearth import {document.file} --database-only` has brought them; this authority keeps "
        f"its own in {beside}",
    )
