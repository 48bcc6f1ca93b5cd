"""The PIN guard: no machine tries a PIN twice, whatever is started again how often.

    allowed? ── no ──> TokenUnavailable (PIN needed or blocked): a person has to type it
       │ yes
    journal "in flight", on disk before the token hears of it
       │
    token takes it ──> journal forgotten      token refuses ──> journal "rejected", WrongPin
    cut off meanwhile ──> "in flight" stays: used again only if the token lost no try; once more if
                          it does not count them, and did not take this PIN since we started

The PIN by itself is never written down: of a stored one, a slow hash tells whether it was changed
since it was rejected.
"""

import hashlib
import hmac
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final, final

import msgspec

from appliance.model.errors import Broken
from appliance.model.secret import Password
from appliance.model.tokens import TokenState
from appliance.ports.keys import TokenUnavailable, WrongPin

_MOST_UNFINISHED: Final = 2  # times that a try may be cut off, where lost ones are not counted
_COST: Final = 1 << 14  # of scrypt
_RETRY: Final = 60  # seconds; a person is slower than a machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """What a token tells of its PIN's tries, without using one.

    `full` means that the last PIN was right. Counts that a token does not tell are None.
    """

    full: bool
    left: int | None = None
    final: bool = False  # one is left
    blocked: bool = False


class _Record(msgspec.Struct, omit_defaults=True):
    state: str  # "in flight" or "rejected"
    tag: str = ""  # of a stored PIN
    unfinished: int = 0


@final
class PinGuard:
    """Stands before every attempt to verify a PIN. Its methods block on the disk for a moment."""

    def __init__(self, journal: Path | None) -> None:
        """Keep the journal in a file, or only in memory: for tokens used by a single command."""
        self._file = journal
        self._memory: dict[str, _Record] = {}
        self._taken: dict[str, Password] = {}  # what tokens took since we started
        self._writing = Lock()  # tokens are opened in threads

    @contextmanager
    def attempt(
        self, token: str, pin: Password, tries: Tries, *, person: bool, last_try: bool = False
    ) -> Iterator[None]:
        """Hold around the one call that gives `pin` to the token of this name.

        That call raises WrongPin for a PIN that the token refused. Raises as `begin` does.
        """
        attempt = self.begin(token, pin, tries, person=person, last_try=last_try)
        try:
            yield
        except WrongPin:
            attempt.refused()
            raise
        attempt.accepted()

    def begin(
        self, token: str, pin: Password, tries: Tries, *, person: bool, last_try: bool = False
    ) -> "Attempt":
        """Write down that the token is about to be given `pin`, and whether a person typed it.

        Raises TokenUnavailable when this PIN must not be tried now, Broken when the journal cannot
        be written.
        """
        record = self._read().get(token)
        tag = "" if person else _tag(token, pin)
        _check(token, tries, person=person, last_try=last_try)
        if not person:
            _check_machine(token, record, tag, tries, taken=self._taken.get(token) == pin)
        unfinished = 0 if record is None or person else record.unfinished
        self._put(token, _Record("in flight", tag, unfinished + 1))
        # A person's mistake says nothing about the stored PIN: what was known of that stays.
        refused = record if person else _Record("rejected", tag)

        def took() -> None:
            self._taken[token] = pin
            self._put(token, None)

        def refuse() -> None:
            self._taken.pop(token, None)
            self._put(token, refused)

        return Attempt(accepted=took, refused=refuse)

    def _put(self, token: str, record: _Record | None) -> None:
        with self._writing:
            records = self._read()
            if record is None:
                records.pop(token, None)
            else:
                records[token] = record
            self._write(records)

    def _read(self) -> dict[str, _Record]:
        if self._file is None:
            return dict(self._memory)
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, _Record])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as error:
            raise Broken(
                f"the journal of PINs cannot be read, so no PIN is tried: {self._file}",
                detail=str(error),
            ) from error

    def _write(self, records: dict[str, _Record]) -> None:
        """Replace the journal so that neither a crash nor a power cut leaves half of one."""
        self._memory = records
        if self._file is None:
            return
        passing = self._file.with_name(f"{self._file.name}.new")
        try:
            descriptor = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
                file.write(msgspec.json.encode(records))
                file.flush()
                os.fsync(descriptor)
            passing.replace(self._file)
            directory = os.open(self._file.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            with suppress(OSError):
                passing.unlink()
            raise Broken(
                f"the journal of PINs cannot be written, so no PIN is tried: {self._file}",
                detail=error.strerror or str(error),
            ) from error


@final
class Attempt:
    """One PIN on its way to a token. One of its methods says how it ended; neither: cut off."""

    def __init__(self, *, accepted: Callable[[], None], refused: Callable[[], None]) -> None:
        self._accepted = accepted
        self._refused = refused

    def accepted(self) -> None:
        """The token took it."""
        self._accepted()

    def refused(self) -> None:
        """The token refused it."""
        self._refused()


def _check(token: str, tries: Tries, *, person: bool, last_try: bool) -> None:
    if tries.blocked or tries.left == 0:
        raise TokenUnavailable(
            "the token is blocked: its PIN was wrong too often; unblock it with its PUK "
            "(or as its security officer)",
            detail=token,
            state=TokenState.BLOCKED,
            retry_after=_RETRY,
        )
    if (tries.final or tries.left == 1) and not (person and last_try):
        raise TokenUnavailable(
            "one try of the PIN is left, which is used only when a person says so",
            detail=token,
            state=TokenState.PIN_NEEDED,
            retry_after=_RETRY,
        )


def _check_machine(
    token: str, record: _Record | None, tag: str, tries: Tries, *, taken: bool
) -> None:
    if not tries.full:
        raise _person_needed(token, "a wrong PIN was tried since it was last opened")
    if record is None:
        return
    if record.state == "rejected" and hmac.compare_digest(record.tag, tag):
        raise _person_needed(token, "the stored PIN was rejected before")
    harmless = taken or tries.left is not None  # a lost try is counted, and `tries` are full
    if record.state == "in flight" and record.unfinished >= _MOST_UNFINISHED and not harmless:
        raise _person_needed(token, "earlier attempts to open it were cut off")


def _person_needed(token: str, reason: str) -> TokenUnavailable:
    return TokenUnavailable(
        f"the token waits for its PIN: {reason}",
        detail=token,
        state=TokenState.PIN_NEEDED,
        retry_after=_RETRY,
    )


def _tag(token: str, pin: Password) -> str:
    salt = f"hearth PIN guard {token}".encode()
    return hashlib.scrypt(pin.reveal(), salt=salt, n=_COST, r=8, p=1, dklen=16).hex()
