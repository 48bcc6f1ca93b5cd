"""A backup is proven: read through, unpacked for a moment, and issued from."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import trio

from appliance.config import loading
from appliance.model.secret import Password
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock
from appliance.server.backup import opening, proving, unpacking
from appliance.server.backup.opening import Examined
from appliance.server.backup.proving import Proof


async def examine(file: Path, passphrase: Password | None) -> tuple[Examined, int]:
    """Read a backup through, and give it with its size. Raises as `opening.examine`."""
    examined = await trio.to_thread.run_sync(opening.examine, file, passphrase)
    return examined, await trio.to_thread.run_sync(lambda: file.stat().st_size)


async def prove(
    examined: Examined,
    password: Password | None,
    *,
    issue: bool,
    clock: Clock,
    chance: Chance,
    stage: Callable[[str], None] = lambda _stage: None,
) -> Proof:
    """Make a CA of a backup in a temporary directory, and have it issue a certificate.

    Raises Broken, ConfigError, Unavailable for what cannot be restored, BadRequest for a key that
    the password does not open.
    """
    with tempfile.TemporaryDirectory(prefix="hearth-verify-") as name:
        directory = Path(name)
        stage("its files are unpacked")
        unpacked = await trio.to_thread.run_sync(
            unpacking.write_files, examined, directory, directory
        )
        await trio.to_thread.run_sync(loading.load, unpacked.ca_json)
        if not examined.about.has_database:
            return Proof(reason="the CA has no database")
        stage("its database is made and read back")
        await unpacking.fill_database(unpacked)
        if not issue:
            return Proof(reason="it was not asked for")
        stage("a test certificate is issued")
        return await proving.prove(unpacked, password, chance, clock.now())
