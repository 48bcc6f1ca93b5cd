"""`console`: when consoles that nobody uses are locked."""

from datetime import timedelta

from appliance.config import claims
from appliance.config.document import Document
from appliance.config.schema import Console
from appliance.formats import phc
from appliance.model.errors import HearthError
from appliance.model.locking import UNLOCKED, USUAL_AFTER, LockSettings


def read(written: Console | None, document: Document) -> LockSettings:
    """Read `console`. Raises ConfigError."""
    if written is None:
        return UNLOCKED
    after = USUAL_AFTER
    if written.lock_after:
        after = claims.duration(written.lock_after, document, "console.lockAfter")
        if after <= timedelta():
            raise document.wrong("must be longer than nothing", "console.lockAfter")
        if not written.passphrase:
            raise document.wrong(
                "locks nothing without a passphrase (`hearth console --set-passphrase`)",
                "console.lockAfter",
            )
    if written.passphrase:
        try:
            phc.matches(written.passphrase, b"")
        except HearthError as error:
            raise document.wrong(
                f"is not the hash of a passphrase ({error.public}); "
                "`hearth console --set-passphrase` writes one",
                "console.passphrase",
            ) from error
    return LockSettings(after=after, passphrase=written.passphrase)
