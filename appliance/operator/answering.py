"""What a call over the control socket leads to: a method of the Operator, or of what is beside."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from appliance.model.errors import NotSupported
from appliance.operator.box_calls import BoxCall, answer_about_box
from appliance.operator.calls import (
    ActivityCall,
    AddExternalKeyCall,
    AlertCall,
    AlertsCall,
    Call,
    CertificateCall,
    CertificatesCall,
    ClockCall,
    CloseSnapshotCall,
    CompactDatabaseCall,
    ConfirmClockCall,
    CountsCall,
    DatabaseCall,
    EventsCall,
    ExternalKeysCall,
    HistoryCall,
    IssueCall,
    IssueCertificateCall,
    IssueSshCertificateCall,
    JournalCall,
    KeyCall,
    MuteAlertCall,
    OffersCall,
    OpenSnapshotCall,
    Order,
    OverviewCall,
    Query,
    ReadSnapshotCall,
    RekeyCall,
    RemoveExternalKeyCall,
    RenewCall,
    RenewWithTokenCall,
    RevokeCall,
    RevokeCertificateCall,
    ScrubDatabaseCall,
    SignCall,
    SnapshotCall,
    TestAlertsCall,
    TokenCall,
    TokensCall,
    UnlockTokenCall,
    UnmuteAlertCall,
    UpkeepCall,
)
from appliance.operator.interface import Issuance, Operator, Snapshots
from appliance.operator.provisioning_calls import ProvisioningCall, answer_about_provisioners


async def answer(
    operator: Operator,
    issuance: Issuance | None,
    call: Call,
    snapshots: Snapshots | None = None,
) -> object:
    """Carry out a call. Raises what the operator and the authority raise."""
    if isinstance(call, SnapshotCall | Order):
        return await _answer_beside(issuance, snapshots, call)
    about = next(about for calls, about in _ABOUT if isinstance(call, calls))
    return await about(operator, call)


async def _answer_about_certificates(operator: Operator, call: Query) -> object:
    match call:
        case OverviewCall():
            return await operator.overview()
        case EventsCall():
            return await operator.events(call.after)
        case CertificatesCall():
            return await operator.certificates(call.query)
        case CertificateCall():
            return await operator.certificate(call.serial, call.kind)
        case RevokeCertificateCall():
            await operator.revoke_certificate(
                call.serial, call.kind, reason_code=call.reason_code, reason=call.reason
            )
            return None


async def _answer_about_issuing(operator: Operator, call: IssueCall) -> object:
    match call:
        case OffersCall():
            return await operator.offers()
        case IssueCertificateCall():
            return await operator.issue_certificate(call.order)
        case IssueSshCertificateCall():
            return await operator.issue_ssh_certificate(call.order)


async def _answer_about_history(operator: Operator, call: HistoryCall) -> object:
    match call:
        case CountsCall():
            return await operator.certificate_counts(call.kind)
        case JournalCall():
            return await operator.journal(call.query)
        case ActivityCall():
            return await operator.activity()


async def _answer_about_upkeep(operator: Operator, call: UpkeepCall) -> object:
    match call:
        case ClockCall():
            return await operator.clock()
        case ConfirmClockCall():
            return await operator.confirm_clock()
        case DatabaseCall():
            return await operator.database()
        case ScrubDatabaseCall():
            return await operator.scrub_database(call.start)
        case CompactDatabaseCall():
            await operator.compact_database()
            return None


async def _answer_about_alerts(operator: Operator, call: AlertCall) -> object:
    match call:
        case AlertsCall():
            return await operator.alerts()
        case TestAlertsCall():
            return await operator.test_alerts(call.target)
        case MuteAlertCall():
            await operator.mute_alert(call.mute)
            return None
        case UnmuteAlertCall():
            await operator.unmute_alert(call.name)
            return None


async def _answer_about_keys(operator: Operator, call: KeyCall | TokenCall) -> object:
    match call:
        case TokensCall():
            return await operator.tokens()
        case UnlockTokenCall():
            return await operator.unlock_token(call.name, call.pin, last_try=call.last_try)
        case ExternalKeysCall():
            return await operator.external_keys(call.query)
        case AddExternalKeyCall():
            return await operator.add_external_key(call.order)
        case RemoveExternalKeyCall():
            await operator.remove_external_key(
                call.provisioner, call.key_id, revoke_account=call.revoke_account
            )
            return None


_ABOUT: Final[Sequence[tuple[Any, Callable[[Operator, Any], Awaitable[object]]]]] = (
    (Query, _answer_about_certificates),
    (IssueCall, _answer_about_issuing),
    (HistoryCall, _answer_about_history),
    (KeyCall | TokenCall, _answer_about_keys),
    (AlertCall, _answer_about_alerts),
    (UpkeepCall, _answer_about_upkeep),
    (BoxCall, answer_about_box),
    (ProvisioningCall, answer_about_provisioners),
)


async def _answer_beside(
    issuance: Issuance | None, snapshots: Snapshots | None, call: SnapshotCall | Order
) -> object:
    if isinstance(call, SnapshotCall):
        return await _answer_snapshot(snapshots, call)
    return await _carry_out(issuance, call)


async def _answer_snapshot(snapshots: Snapshots | None, call: SnapshotCall) -> object:
    if snapshots is None:
        raise NotSupported("the server gives no snapshots of its database")
    match call:
        case OpenSnapshotCall():
            return await snapshots.open_snapshot()
        case ReadSnapshotCall():
            return await snapshots.read_snapshot(call.number)
        case CloseSnapshotCall():
            await snapshots.close_snapshot(call.number)
            return None


async def _carry_out(issuance: Issuance | None, order: Order) -> object:
    if issuance is None:
        raise NotSupported("the server takes no orders here")
    match order:
        case SignCall():
            return await issuance.sign(order.order)
        case RenewCall():
            return await issuance.renew(order.chain)
        case RenewWithTokenCall():
            return await issuance.renew_with_token(order.token)
        case RekeyCall():
            return await issuance.rekey(order.chain, order.csr)
        case RevokeCall():
            await issuance.revoke(order.order, order.chain)
            return None
