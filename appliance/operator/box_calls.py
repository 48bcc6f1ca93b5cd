"""What can be asked over the control socket about the box (operator.box), and what answers it."""

from typing import TypeAlias

import msgspec

from appliance.model.backups import BackupOrder, ProofOrder
from appliance.model.journal import JournalQuery
from appliance.model.signing_keys import IssuerChange
from appliance.operator.box import Box


class KeysCall(msgspec.Struct, tag_field="method", tag="keys"):
    """SigningKeys.keys."""


class AttestationCall(msgspec.Struct, tag_field="method", tag="attestation"):
    """SigningKeys.attestation."""

    uri: str


class ChangeIssuerCall(msgspec.Struct, tag_field="method", tag="change_issuer"):
    """SigningKeys.change_issuer."""

    change: IssuerChange
    name: str


class BackupsCall(msgspec.Struct, tag_field="method", tag="backups"):
    """Backups.backups."""


class BeginBackupCall(msgspec.Struct, tag_field="method", tag="begin_backup"):
    """Backups.begin_backup."""

    order: BackupOrder


class BeginProofCall(msgspec.Struct, tag_field="method", tag="begin_proof"):
    """Backups.begin_proof."""

    order: ProofOrder


class WorksCall(msgspec.Struct, tag_field="method", tag="works"):
    """Works.works."""


class JournalEventsCall(msgspec.Struct, tag_field="method", tag="journal_events"):
    """Works.journal_events."""

    query: JournalQuery


class BeginJournalCheckCall(msgspec.Struct, tag_field="method", tag="begin_journal_check"):
    """Works.begin_journal_check."""


class ConfigurationCall(msgspec.Struct, tag_field="method", tag="configuration"):
    """Running.configuration."""


class ReloadCall(msgspec.Struct, tag_field="method", tag="reload"):
    """Running.reload."""


class LogLinesCall(msgspec.Struct, tag_field="method", tag="log_lines"):
    """Running.log_lines."""

    after: int = 0


SigningKeyCall: TypeAlias = KeysCall | AttestationCall | ChangeIssuerCall
WorkCall: TypeAlias = (
    BackupsCall | BeginBackupCall | BeginProofCall | WorksCall | BeginJournalCheckCall
)
RunningCall: TypeAlias = ConfigurationCall | ReloadCall | LogLinesCall | JournalEventsCall
BoxCall: TypeAlias = SigningKeyCall | WorkCall | RunningCall


async def answer_about_box(box: Box, call: BoxCall) -> object:
    """Carry out a call. Raises what the method raises."""
    if isinstance(call, SigningKeyCall):
        return await _answer_about_keys(box, call)
    if isinstance(call, WorkCall):
        return await _answer_about_work(box, call)
    return await _answer_about_running(box, call)


async def _answer_about_keys(box: Box, call: SigningKeyCall) -> object:
    match call:
        case KeysCall():
            return await box.keys()
        case AttestationCall():
            return await box.attestation(call.uri)
        case ChangeIssuerCall():
            await box.change_issuer(call.change, call.name)
            return None


async def _answer_about_work(box: Box, call: WorkCall) -> object:
    match call:
        case BackupsCall():
            return await box.backups()
        case BeginBackupCall():
            return await box.begin_backup(call.order)
        case BeginProofCall():
            return await box.begin_proof(call.order)
        case WorksCall():
            return await box.works()
        case BeginJournalCheckCall():
            return await box.begin_journal_check()


async def _answer_about_running(box: Box, call: RunningCall) -> object:
    match call:
        case ConfigurationCall():
            return await box.configuration()
        case ReloadCall():
            await box.reload()
            return None
        case LogLinesCall():
            return await box.log_lines(call.after)
        case JournalEventsCall():
            return await box.journal_events(call.query)
