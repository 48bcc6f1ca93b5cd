"""The end of the line: an issued certificate becomes rows, all of them or none."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct

from appliance.authority import records
from appliance.authority.reporting import Attempt
from appliance.authority.tokens import OneTimeTokens, already_used
from appliance.model.errors import Broken, Conflict
from appliance.model.events import EventKind
from appliance.model.grants import ProvisionerRef, TokenUse
from appliance.model.validity import Validity
from appliance.ports.store import Operation, Store


class Issued(Struct, frozen=True, kw_only=True):
    """A certificate that is recorded. Certificate and chain (its issuers) are DER."""

    certificate: bytes
    chain: tuple[bytes, ...]
    serial: int
    subject: str
    sans: tuple[str, ...]
    validity: Validity
    provisioner: ProvisionerRef | None  # None: renewed, of a certificate that names none
    drawn: bool  # its serial number, at random


@dataclass(frozen=True, slots=True, kw_only=True)
class X509Recorder:
    """Writes down what was issued, by whom, and that it was. Not `persistent`: used tokens only."""

    store: Store
    tokens: OneTimeTokens
    persistent: bool

    async def record(
        self, issued: Issued, token: TokenUse | None, attempt: Attempt, kind: EventKind
    ) -> None:
        """Record a certificate in one transaction. Raises Broken, and Unauthorized for its token.

        What could not be recorded was discarded: only its serial number is told, to the log.
        """
        try:
            await self.store.commit(self._rows(issued, token, attempt, kind))
        except Conflict as error:
            if token is not None and await self.tokens.is_used(token):
                raise already_used() from error
            raise unrecorded(issued.serial, error) from error
        except Broken as error:
            raise unrecorded(issued.serial, error) from error

    async def record_also(
        self, issued: Issued, attempt: Attempt, kind: EventKind, also: Sequence[Operation]
    ) -> None:
        """Record a certificate with other rows. Raises Broken, and Conflict where one is taken."""
        try:
            await self.store.commit([*self._rows(issued, None, attempt, kind), *also])
        except Broken as error:
            raise unrecorded(issued.serial, error) from error

    def _rows(
        self, issued: Issued, token: TokenUse | None, attempt: Attempt, kind: EventKind
    ) -> Sequence[Operation]:
        if not self.persistent:
            return [records.token_used(token)] if token else []
        return [
            *records.issued(
                certificate=issued.certificate,
                serial=issued.serial,
                provisioner=issued.provisioner,
                subject=issued.subject,
                sans=issued.sans,
                not_after=issued.validity.not_after,
                issued_at=attempt.reached,
                token=token,
                origin=attempt.origin,
                drawn=issued.drawn,
            ),
            attempt.written(kind, issued.serial, issued.validity, certificate=issued.certificate),
        ]


def unrecorded(serial: int, cause: Broken | Conflict) -> Broken:
    """Make the error for a certificate that could not be recorded."""
    return Broken(
        "the certificate was signed but could not be recorded, and was discarded",
        detail=f"serial {serial}: {cause}",
    )
