"""A CA with a database that can be backed up in this process, and rows in it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding
from cryptography.hazmat.primitives.serialization import PrivateFormat as Form

from appliance.ports.store import Operation, Put
from appliance.stores.leveldb import open_store
from tests.support.inventory import Sample
from tests.support.load import Provisioner
from tests.support.web import Pki

PASSWORD = "of the CA's key"
ROWS = 300
Rows = dict[tuple[str, bytes], bytes]


def rows() -> list[Operation]:
    """Some thousand octets in several buckets, and certificates among them."""
    samples = [Sample(serial=0xA1 << 56 | number) for number in range(3)]
    plain = [Put("used_ott", b"token %d" % number, bytes(97)) for number in range(ROWS)]
    return [*plain, *(each for sample in samples for each in sample.operations())]


@dataclass(frozen=True, slots=True)
class House:
    """The step directory of a CA, whose key has a password."""

    step: Path
    pki: Pki

    @property
    def config(self) -> Path:
        return self.step / "config" / "ca.json"

    @property
    def database(self) -> Path:
        return self.step / "db"

    @classmethod
    def build(cls, step: Path, pki: Pki, **changes: Any) -> "House":
        """Make its files, and a database with rows."""
        made = cls(step, pki)
        for name in ("config", "certs", "secrets", "templates"):
            (step / name).mkdir(parents=True, exist_ok=True)
        (step / "certs" / "root_ca.crt").write_text(pki.root.pem)
        (step / "certs" / "intermediate_ca.crt").write_text(pki.intermediate.pem)
        key = step / "secrets" / "intermediate_ca_key"
        key.touch(mode=0o600)
        locked = BestAvailableEncryption(PASSWORD.encode())
        key.write_bytes(pki.intermediate.key.private_bytes(Encoding.PEM, Form.PKCS8, locked))
        made.configure(**changes)
        made.commit(rows())
        return made

    def configure(self, **changes: Any) -> None:
        """Write ca.json anew."""
        whole = {
            "root": str(self.step / "certs" / "root_ca.crt"),
            "crt": str(self.step / "certs" / "intermediate_ca.crt"),
            "key": str(self.step / "secrets" / "intermediate_ca_key"),
            "address": "127.0.0.1:0",
            "dnsNames": ["localhost"],
            "db": {"type": "leveldb", "dataSource": str(self.database)},
            "authority": {"provisioners": [Provisioner.generate("load").entry()]},
            **changes,
        }
        self.config.write_text(json.dumps(whole))

    def commit(self, operations: Sequence[Operation]) -> None:
        """Write rows, with nobody else at it."""

        async def commit() -> None:
            store = await open_store(self.database)
            await store.commit(operations)
            await store.aclose()

        trio.run(commit)


def rows_of(database: Path) -> Rows:
    """Every row of a database that nobody has open."""

    async def read() -> Rows:
        store = await open_store(database, create=False)
        found: Rows = {}
        snapshot = store.snapshot()
        while some := await snapshot.read():
            found |= {(bucket, key): value for bucket, key, value in some}
        await snapshot.aclose()
        await store.aclose()
        return found

    return trio.run(read)
