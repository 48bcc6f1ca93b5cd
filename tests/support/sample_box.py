"""A box as an operator without a server has it: keys, backups, configuration, lines of the log."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from appliance.model.backups import (
    BackupOrder,
    BackupProof,
    BackupReport,
    BackupRow,
    Keep,
    ProofOrder,
)
from appliance.model.configured import Configuration, Setting
from appliance.model.errors import BadRequest, NotSupported
from appliance.model.events import Event, EventKind
from appliance.model.journal import JournalEvent, JournalEvents, JournalQuery
from appliance.model.loglines import LineLevel, LogLine, LogPage
from appliance.model.signing_keys import (
    IssuerChange,
    IssuerStep,
    KeyAttestation,
    KeyHolding,
    KeyReport,
    KeyRole,
)
from appliance.model.work import Work, WorkKind

_NOW = datetime(2026, 11, 21, 14, 2, 11, tzinfo=UTC)
_DAY = timedelta(days=1)

KEYS = (
    KeyHolding(
        role=KeyRole.ROOT, state="kept away", kind="EC P-256", place="not here",
        signs="intermediates", subject="Home CA Root CA", not_before=_NOW - 365 * _DAY,
        not_after=_NOW + 6935 * _DAY,
        fingerprint="c8b5e7f23d0c6a914f7e0a2b9d83561c4be07fa2195d3c60e88417d2f96ab053",
    ),
    KeyHolding(
        role=KeyRole.INTERMEDIATE, state="signing", kind="EC P-256",
        place="yubikey 12345678 slot 9c", signs="certificates, CRL",
        subject="Home CA Intermediate CA", token="yubikey 12345678", uri="yubikey:slot-id=9c",
        not_before=_NOW - 365 * _DAY, not_after=_NOW + 3285 * _DAY,
        fingerprint="1f6d0b7c85e94a20b3d7f1628c0e5a94d2b86f3170ac4e5d9b20c8f7a1364e5d",
    ),
    KeyHolding(
        role=KeyRole.INTERMEDIATE, state="standby", kind="EC P-256", place="not here",
        signs="nothing", name="2036", subject="Home CA Intermediate CA 2036",
        not_before=_NOW - _DAY, not_after=_NOW + 3649 * _DAY,
        fingerprint="77aa0b7c85e94a20b3d7f1628c0e5a94d2b86f3170ac4e5d9b20c8f7a1364e5d",
    ),
    KeyHolding(
        role=KeyRole.SSH_USER, state="signing", kind="EC P-256", place="secrets/ssh_user_ca_key",
        signs="certificates of SSH users", fingerprint="SHA256:pQ3uJ0mYv0n5yq2dY8d0bqPzv6m8xw",
    ),
    KeyHolding(
        role=KeyRole.SERVER, state="in use", kind="EC P-256", place="in memory",
        signs="its TLS connections, renewed by itself", subject="ca.home.arpa",
        not_before=_NOW - timedelta(hours=4), not_after=_NOW + timedelta(hours=20),
        fingerprint="99ab0b7c85e94a20b3d7f1628c0e5a94d2b86f3170ac4e5d9b20c8f7a1364e5d",
    ),
)  # fmt: skip
STEPS = (
    IssuerStep(
        change=IssuerChange.ACTIVATE, issuer="2036", here=True, due=True,
        text="It is published and signs nothing yet. Activated, it issues all that is new, and the"
        " one before it renews what it issued.",
        command="hearth ca intermediate activate 2036 --ca-config /etc/hearth/config/ca.json",
    ),
    IssuerStep(
        change=IssuerChange.CREATE, issuer="2026", here=False,
        text="Makes its key, and a request for whoever has the root's key to sign.",
        command="hearth ca intermediate create 2026 --csr --ca-config /etc/hearth/config/ca.json",
    ),
)  # fmt: skip
BACKUPS = BackupReport(
    place="sftp://backup@nas.home.arpa/~/hearth",
    every=_DAY,
    keep=Keep(last=14),
    with_keys=True,
    due=_NOW + timedelta(hours=21),
    listed_at=_NOW - timedelta(seconds=20),
    rows=tuple(
        BackupRow(
            name=f"home-ca-c8b5e7f2-202611{21 - days}T110000Z.hearth-backup",
            made_at=_NOW - timedelta(hours=3) - days * _DAY,
            size=12_400_000 - 31_000 * days,
            proof=BackupProof(
                at=_NOW - 2 * _DAY, text="a test certificate was issued from it: serial 77"
            )
            if days == 2
            else None,
        )
        for days in range(5)
    ),
)
SETTINGS = (
    Setting(group="Server", name="address", value=":443", written=True),
    Setting(group="Server", name="dnsNames", value="ca.home.arpa", written=True),
    Setting(group="Server", name="metricsAddress", value="none", written=False),
    Setting(group="Keys", name="crt", value="/etc/hearth/certs/intermediate_ca.crt", written=True),
    Setting(group="Keys", name="password", value="set", written=True),
    Setting(group="TLS", name="tls.minVersion", value="1.2", written=False),
    Setting(group="Database", name="db", value="leveldb /var/lib/hearth/db", written=True),
    Setting(group="Database", name="retention.certificates", value="17520h0m0s after their end",
            written=False),
    Setting(group="Guards", name="disk.warnBelow", value="200 MB", written=False),
)  # fmt: skip
CONFIGURATION = Configuration(
    file="/etc/hearth/config/ca.json",
    digest="5f16d0b7c85e94a20b3d7f1628c0e5a94d2b86f3170ac4e5d9b20c8f7a136400",
    settings=SETTINGS,
    warnings=(),
)
LINES = (
    (LineLevel.INFO, "Starting Hearth/0.1.0 (linux/amd64)"),
    (LineLevel.INFO, "Serving HTTPS on 0.0.0.0:443 ..."),
    (LineLevel.WARNING, "token yubikey 12345678: absent"),
    (LineLevel.INFO, "token yubikey 12345678: ready"),
    (LineLevel.REQUEST, 'level=info method=POST path=/1.0/sign status=201 name=ca'),
    (LineLevel.ERROR, "error: the database could not be written: No space left on device"),
)  # fmt: skip


JOURNALED = tuple(
    JournalEvent(
        number=number,
        event=Event(
            at=_NOW - timedelta(minutes=3 * (10 - number)),
            kind=kind,
            operation=operation,
            subject=subject,
            reason=reason,
        ),
    )
    for number, (kind, operation, subject, reason) in enumerate(
        (
            (EventKind.NOTED, "start", "", "Hearth 0.1.0, ca.json with SHA-256 5f16d0b7"),
            (EventKind.ISSUED, "sign", "nas.home.arpa", ""),
            (EventKind.REFUSED, "sign", "evil.example", "the name is not allowed"),
            (EventKind.WARNED, "token", "yubikey 12345678", "absent: plug it in"),
            (EventKind.NOTED, "token", "yubikey 12345678", "ready: it signs"),
            (EventKind.RENEWED, "renew", "nas.home.arpa", ""),
        ),
        1,
    )
)


class SampleBox:
    """The part of an Operator that is about the box. What is begun has ended at once."""

    key_report = KeyReport(keys=KEYS, steps=STEPS)
    backup_report = BACKUPS
    configured = CONFIGURATION
    all_works: tuple[Work, ...] = ()
    asked: tuple[object, ...] = ()
    journaled: tuple[JournalEvent, ...] = JOURNALED
    line_texts: tuple[tuple[LineLevel, str], ...] = LINES
    refused = ""  # why, a reload, or of a step with an intermediate

    async def keys(self) -> KeyReport:
        return self.key_report

    async def attestation(self, uri: str) -> KeyAttestation:
        if "yubikey" not in uri:
            raise NotSupported("this token attests nothing")
        return KeyAttestation(text="made in YubiKey 12345678, firmware 5.4.3", chain=(b"leaf",))

    async def change_issuer(self, change: IssuerChange, name: str) -> None:
        self._refuse()
        self.asked = (*self.asked, (change, name))
        steps = tuple(each for each in self.key_report.steps if each.issuer != name)
        self.key_report = replace(self.key_report, steps=steps)

    async def backups(self) -> BackupReport:
        return self.backup_report

    async def begin_backup(self, order: BackupOrder) -> Work:
        return self._done(WorkKind.BACKUP, order, "4,096 rows and 9 files, 12400000 octets")

    async def begin_proof(self, order: ProofOrder) -> Work:
        return self._done(WorkKind.PROOF, order, "a test certificate was issued from it: serial 77")

    async def works(self) -> Sequence[Work]:
        return self.all_works

    async def journal_events(self, query: JournalQuery) -> JournalEvents:
        wanted = [
            each
            for each in self.journaled
            if (not query.kinds or each.event.kind in query.kinds)
            and query.name in ("", each.event.subject)
            and query.operation in ("", each.event.operation)
            and (not query.before or each.number < query.before)
        ]
        newest = sorted(wanted, key=lambda each: -each.number)[: query.limit]
        reached = newest[-1].number if newest else query.before
        return JournalEvents(
            events=tuple(newest), reached=reached, complete=len(newest) == len(wanted)
        )

    async def begin_journal_check(self) -> Work:
        head = "head 1842:9f3c0b7c85e94a20b3d7f1628c0e5a94d2b86f3170ac4e5d9b20c8f7a1364e5d"
        return self._done(WorkKind.JOURNAL, None, "entries 1 to 1842 are unbroken", head)

    async def configuration(self) -> Configuration:
        return self.configured

    async def reload(self) -> None:
        self._refuse()
        self.configured = replace(self.configured, changed=False)

    async def log_lines(self, after: int = 0) -> LogPage:
        lines = [
            LogLine(number=number, at=_NOW - timedelta(seconds=90 - number), level=level, text=text)
            for number, (level, text) in enumerate(self.line_texts, 1)
            if number > after
        ]
        return LogPage(lines=lines, last=len(self.line_texts))

    def _refuse(self) -> None:
        if self.refused:
            raise BadRequest(self.refused)

    def _done(self, kind: WorkKind, order: object, *told: str) -> Work:
        self.asked = (*self.asked, order)
        work = Work(
            number=len(self.asked), kind=kind, subject="sample", started_at=_NOW, ended_at=_NOW,
            told=told,
        )  # fmt: skip
        others = tuple(each for each in self.all_works if each.kind is not kind)
        self.all_works = (*others, work)
        return work
