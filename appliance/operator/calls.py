"""What can be asked over the control socket: a struct for each method."""

from typing import TypeAlias

import msgspec

from appliance.model.alerts import Mute
from appliance.model.external_keys import ExternalKeyOrder, ExternalKeyQuery
from appliance.model.inventory import CertificateKind, CertificateQuery
from appliance.model.issuing import CertificateOrder, SshOrder
from appliance.model.journal import JournalQuery
from appliance.model.orders import RevokeOrder, SignOrder
from appliance.operator.box_calls import BoxCall
from appliance.operator.provisioning_calls import ProvisioningCall


class OverviewCall(msgspec.Struct, tag_field="method", tag="overview"):
    """Operator.overview."""


class EventsCall(msgspec.Struct, tag_field="method", tag="events"):
    """Operator.events."""

    after: int = 0


class CertificatesCall(msgspec.Struct, tag_field="method", tag="certificates"):
    """Operator.certificates."""

    query: CertificateQuery


class CertificateCall(msgspec.Struct, tag_field="method", tag="certificate"):
    """Operator.certificate."""

    serial: int
    kind: CertificateKind = CertificateKind.X509


class ExternalKeysCall(msgspec.Struct, tag_field="method", tag="external_keys"):
    """Operator.external_keys."""

    query: ExternalKeyQuery


class AddExternalKeyCall(msgspec.Struct, tag_field="method", tag="add_external_key"):
    """Operator.add_external_key."""

    order: ExternalKeyOrder


class RemoveExternalKeyCall(msgspec.Struct, tag_field="method", tag="remove_external_key"):
    """Operator.remove_external_key."""

    provisioner: str
    key_id: str
    revoke_account: bool = False


class TokensCall(msgspec.Struct, tag_field="method", tag="tokens"):
    """Operator.tokens."""


class UnlockTokenCall(msgspec.Struct, tag_field="method", tag="unlock_token"):
    """Operator.unlock_token."""

    name: str
    pin: str
    last_try: bool = False

    def __repr__(self) -> str:
        return f"UnlockTokenCall({self.name!r}, …)"


class OpenSnapshotCall(msgspec.Struct, tag_field="method", tag="open_snapshot"):
    """Snapshots.open_snapshot."""


class ReadSnapshotCall(msgspec.Struct, tag_field="method", tag="read_snapshot"):
    """Snapshots.read_snapshot."""

    number: int


class CloseSnapshotCall(msgspec.Struct, tag_field="method", tag="close_snapshot"):
    """Snapshots.close_snapshot."""

    number: int


class SignCall(msgspec.Struct, tag_field="method", tag="sign"):
    """Issuance.sign."""

    order: SignOrder


class RenewCall(msgspec.Struct, tag_field="method", tag="renew"):
    """Issuance.renew."""

    chain: list[bytes]


class RenewWithTokenCall(msgspec.Struct, tag_field="method", tag="renew_with_token"):
    """Issuance.renew_with_token."""

    token: str


class RekeyCall(msgspec.Struct, tag_field="method", tag="rekey"):
    """Issuance.rekey."""

    chain: list[bytes]
    csr: bytes


class RevokeCall(msgspec.Struct, tag_field="method", tag="revoke"):
    """Issuance.revoke."""

    order: RevokeOrder
    chain: list[bytes]


class CountsCall(msgspec.Struct, tag_field="method", tag="certificate_counts"):
    """History.certificate_counts."""

    kind: CertificateKind


class JournalCall(msgspec.Struct, tag_field="method", tag="journal"):
    """History.journal."""

    query: JournalQuery


class ActivityCall(msgspec.Struct, tag_field="method", tag="activity"):
    """History.activity."""


class RevokeCertificateCall(msgspec.Struct, tag_field="method", tag="revoke_certificate"):
    """Revoking.revoke_certificate."""

    serial: int
    kind: CertificateKind
    reason_code: int = 0
    reason: str = ""


class OffersCall(msgspec.Struct, tag_field="method", tag="offers"):
    """Issuing.offers."""


class IssueCertificateCall(msgspec.Struct, tag_field="method", tag="issue_certificate"):
    """Issuing.issue_certificate."""

    order: CertificateOrder


class IssueSshCertificateCall(msgspec.Struct, tag_field="method", tag="issue_ssh_certificate"):
    """Issuing.issue_ssh_certificate."""

    order: SshOrder


class AlertsCall(msgspec.Struct, tag_field="method", tag="alerts"):
    """Alerting.alerts."""


class TestAlertsCall(msgspec.Struct, tag_field="method", tag="test_alerts"):
    """Alerting.test_alerts."""

    target: str = ""


class MuteAlertCall(msgspec.Struct, tag_field="method", tag="mute_alert"):
    """Alerting.mute_alert."""

    mute: Mute


class UnmuteAlertCall(msgspec.Struct, tag_field="method", tag="unmute_alert"):
    """Alerting.unmute_alert."""

    name: str


class ClockCall(msgspec.Struct, tag_field="method", tag="clock"):
    """Maintenance.clock."""


class ConfirmClockCall(msgspec.Struct, tag_field="method", tag="confirm_clock"):
    """Maintenance.confirm_clock."""


class DatabaseCall(msgspec.Struct, tag_field="method", tag="database"):
    """Maintenance.database."""


class ScrubDatabaseCall(msgspec.Struct, tag_field="method", tag="scrub_database"):
    """Maintenance.scrub_database."""

    start: bytes = b""


class CompactDatabaseCall(msgspec.Struct, tag_field="method", tag="compact_database"):
    """Maintenance.compact_database."""


class ConsoleCall(msgspec.Struct, tag_field="method", tag="console"):
    """Not answered but obeyed: the connection becomes a terminal's (operator.terminal_link)."""

    columns: int
    rows: int
    environment: dict[str, str] = {}


Query: TypeAlias = (
    OverviewCall | EventsCall | CertificatesCall | CertificateCall | RevokeCertificateCall
)
KeyCall: TypeAlias = ExternalKeysCall | AddExternalKeyCall | RemoveExternalKeyCall
TokenCall: TypeAlias = TokensCall | UnlockTokenCall
Order: TypeAlias = SignCall | RenewCall | RenewWithTokenCall | RekeyCall | RevokeCall
SnapshotCall: TypeAlias = OpenSnapshotCall | ReadSnapshotCall | CloseSnapshotCall
HistoryCall: TypeAlias = CountsCall | JournalCall | ActivityCall
IssueCall: TypeAlias = OffersCall | IssueCertificateCall | IssueSshCertificateCall
AlertCall: TypeAlias = AlertsCall | TestAlertsCall | MuteAlertCall | UnmuteAlertCall
UpkeepCall: TypeAlias = (
    ClockCall | ConfirmClockCall | DatabaseCall | ScrubDatabaseCall | CompactDatabaseCall
)
Call: TypeAlias = (
    UpkeepCall
    | BoxCall
    | ProvisioningCall
    | Query
    | HistoryCall
    | AlertCall
    | KeyCall
    | TokenCall
    | IssueCall
    | SnapshotCall
    | Order
)
