"""`console` in ca.json: the lock of consoles."""

from datetime import timedelta
from pathlib import Path

import pytest

from appliance.config import console
from appliance.config.document import parse
from appliance.config.schema import Console
from appliance.formats import phc
from appliance.model.errors import ConfigError
from appliance.model.locking import UNLOCKED

HASH = phc.encode("scrypt", b"correct horse", bytes(16))


def test_it_is_off_without_a_passphrase_and_ten_minutes_with_one(tmp_path: Path) -> None:
    document = parse(tmp_path / "ca.json", b"{}")
    assert console.read(None, document) == UNLOCKED
    read = console.read(Console(passphrase=HASH), document)
    assert (read.is_on, read.after) == (True, timedelta(minutes=10))
    assert HASH not in repr(read)
    read = console.read(Console(passphrase=HASH, lock_after="90s"), document)
    assert read.after == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (Console(lock_after="5m"), "locks nothing without a passphrase"),
        (Console(lock_after="0s", passphrase=HASH), "longer than nothing"),
        (Console(lock_after="soon", passphrase=HASH), "console.lockAfter"),
        (Console(passphrase="correct horse"), "not the hash of a passphrase"),
    ],
)
def test_what_would_lock_nothing_is_refused(written: Console, says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=says):
        console.read(written, parse(tmp_path / "ca.json", b"{}"))
