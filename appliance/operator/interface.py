"""The one interface to a running appliance.

The console reaches it through `operator.bridge` in the same process, `hearth certs` and its like
through the control socket; both see the same methods and values.
"""

from collections.abc import Sequence
from typing import Protocol

from appliance.model.activity import Activity
from appliance.model.alerts import AlertReport, Delivery, Mute
from appliance.model.events import NumberedEvent
from appliance.model.external_keys import (
    ExternalKeyOrder,
    ExternalKeyPage,
    ExternalKeyQuery,
    NewExternalKey,
)
from appliance.model.inventory import (
    CertificateCounts,
    CertificateDetail,
    CertificateKind,
    CertificatePage,
    CertificateQuery,
)
from appliance.model.issuing import CertificateOrder, Offer, SshMade, SshOrder
from appliance.model.journal import JournalPage, JournalQuery
from appliance.model.orders import RevokeOrder, SignOrder
from appliance.model.overview import Overview
from appliance.model.tokens import TokenStatus
from appliance.model.upkeep import ClockStatus, DatabaseStats, ScrubPart
from appliance.operator.box import Box
from appliance.operator.provisioning import Provisioning


class ExternalKeys(Protocol):
    """The keys by which new ACME accounts are let in (RFC 8555 7.3.4)."""

    async def external_keys(self, query: ExternalKeyQuery) -> ExternalKeyPage:
        """Give one page of a provisioner's keys. Raises NotFound, BadRequest."""
        ...

    async def add_external_key(self, order: ExternalKeyOrder) -> NewExternalKey:
        """Make a key, and show its secret this once. Raises NotFound, BadRequest, Unavailable."""
        ...

    async def remove_external_key(
        self, provisioner: str, key_id: str, *, revoke_account: bool = False
    ) -> None:
        """Remove a key. The account that it let in stays, unless it is to be revoked.

        Raises NotFound, BadRequest, Unavailable.
        """
        ...


class KeyTokens(Protocol):
    """The hardware tokens that the CA's keys are on."""

    async def tokens(self) -> Sequence[TokenStatus]:
        """Give the tokens as last seen; none when all keys are in files."""
        ...

    async def unlock_token(self, name: str, pin: str, *, last_try: bool = False) -> TokenStatus:
        """Open a token ("" is the only one) with its PIN, which is kept in memory.

        The last try that a token allows is used only with `last_try`. Raises Forbidden for a wrong
        PIN, Unavailable for a token that is not there or blocked, NotFound, BadRequest.
        """
        ...


class History(Protocol):
    """What was done, as numbers and as the journal of events."""

    async def certificate_counts(self, kind: CertificateKind) -> CertificateCounts:
        """Count the certificates of a kind by provisioner and state."""
        ...

    async def journal(self, query: JournalQuery) -> JournalPage:
        """Give entries of the journal, as many as are found in a moment: perhaps none yet.

        Raises NotSupported without a database, BadRequest.
        """
        ...

    async def activity(self) -> Activity:
        """Give what was done in each of the last 24 hours, and what was refused last."""
        ...


class Revoking(Protocol):
    """Revocation by the person at the box, who needs nobody's token."""

    async def revoke_certificate(
        self, serial: int, kind: CertificateKind, *, reason_code: int = 0, reason: str = ""
    ) -> None:
        """Revoke a certificate of the inventory; `reason_code` is RFC 5280 5.3.1's.

        Raises NotFound, BadRequest when it is revoked already, NotSupported without a database.
        """
        ...


class Issuing(Protocol):
    """Certificates for the person at the box, by the rules of a provisioner but without its token.

    The key of a certificate stays with who asks: a request (CSR) or a public key is what is given.
    """

    async def offers(self) -> Sequence[Offer]:
        """List the provisioners by which it can be done, the usual one first."""
        ...

    async def issue_certificate(self, order: CertificateOrder) -> Sequence[bytes]:
        """Issue an X.509 certificate: its chain (DER), itself first.

        Raises BadRequest, Forbidden, NotFound, NotSupported, Unavailable, Broken.
        """
        ...

    async def issue_ssh_certificate(self, order: SshOrder) -> SshMade:
        """Issue an SSH certificate. Raises the same."""
        ...


class Alerting(Protocol):
    """What is wrong with the box or its certificates, and who is told of it."""

    async def alerts(self) -> AlertReport:
        """Give what is wrong, what was lately, what waits to be told, and what is muted."""
        ...

    async def test_alerts(self, target: str = "") -> Sequence[Delivery]:
        """Send a test to a target ("" is all of them), and say how each took it.

        Raises NotFound, BadRequest when there are no targets.
        """
        ...

    async def mute_alert(self, mute: Mute) -> None:
        """Do not tell of an alert or a rule for a while. Raises BadRequest."""
        ...

    async def unmute_alert(self, name: str) -> None:
        """Tell of it again. Raises NotFound."""
        ...


class Maintenance(Protocol):
    """The box's clock and database."""

    async def clock(self) -> ClockStatus:
        """Say how the clock is, and why nothing is signed where it is not trusted."""
        ...

    async def confirm_clock(self) -> ClockStatus:
        """Take the time for right, whatever was seen before. Raises Broken."""
        ...

    async def database(self) -> DatabaseStats:
        """Say how large the database is, and what room there is. Raises NotSupported."""
        ...

    async def scrub_database(self, start: bytes = b"") -> ScrubPart:
        """Read a part of the database with its checksums, from where the last part ended.

        Raises NotSupported, Broken.
        """
        ...

    async def compact_database(self) -> None:
        """Give back the room of what was removed; this takes a while. Raises NotSupported."""
        ...


class Operator(
    History, ExternalKeys, KeyTokens, Alerting, Revoking, Issuing, Maintenance, Box,
    Provisioning, Protocol,
):  # fmt: skip
    """What a person running the box can see and do. Methods run in the server's Trio thread."""

    async def overview(self) -> Overview:
        """Give the state of the appliance now."""
        ...

    async def events(self, after: int = 0) -> Sequence[NumberedEvent]:
        """Give the next remembered events with a number above `after`, oldest first; or none."""
        ...

    async def certificates(self, query: CertificateQuery) -> CertificatePage:
        """Give one page of the inventory. Raises BadRequest for a cursor that is not ours."""
        ...

    async def certificate(
        self, serial: int, kind: CertificateKind = CertificateKind.X509
    ) -> CertificateDetail:
        """Give one certificate. Raises NotFound."""
        ...


class Issuance(Protocol):
    """What `--offline` asks of a CA at the box itself, past its TLS door: nothing more is allowed.

    Chains are in DER, the certificate first. Whoever asks must have made sure that the certificate
    which is to be renewed or to revoke itself is held with its key: there is no handshake here that
    proves it. Methods raise what the authority raises.
    """

    async def sign(self, order: SignOrder) -> Sequence[bytes]:
        """Issue what a one-time token allows."""
        ...

    async def renew(self, chain: Sequence[bytes]) -> Sequence[bytes]:
        """Issue a certificate again."""
        ...

    async def renew_with_token(self, token: str) -> Sequence[bytes]:
        """Issue a certificate again to who signed a token with its key."""
        ...

    async def rekey(self, chain: Sequence[bytes], csr: bytes) -> Sequence[bytes]:
        """Issue a certificate again for the key of the CSR (DER)."""
        ...

    async def revoke(self, order: RevokeOrder, chain: Sequence[bytes] = ()) -> None:
        """Revoke by token, or without one by the certificate itself."""
        ...


class Snapshots(Protocol):
    """The rows of the database as they are at one moment, for a backup made by who asks.

    A snapshot that is not read for a minute gives way to the next one.
    """

    async def open_snapshot(self) -> int:
        """Take a snapshot and give its number. Raises NotSupported without a database."""
        ...

    async def read_snapshot(self, number: int) -> bytes:
        """Give the next rows, packed (formats.backup_archive), or nothing at the end.

        Raises NotFound for a snapshot that is gone, Broken.
        """
        ...

    async def close_snapshot(self, number: int) -> None:
        """Let go of it; one that is gone already is no error."""
        ...
