"""An operator with fixed data and a fixed clock: a small house on a Saturday in November."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.model.activity import Activity, Hour
from appliance.model.errors import NotFound, Unavailable
from appliance.model.events import Event, EventKind, NumberedEvent
from appliance.model.inventory import (
    CertificateCounts,
    CertificateDetail,
    CertificateKind,
    CertificatePage,
    CertificateQuery,
    CertificateState,
    CertificateSummary,
    ProvisionerCounts,
    Revocation,
)
from appliance.model.journal import JournalPage, JournalQuery
from appliance.model.overview import Overview
from appliance.operator.ring import EventRing
from tests.support.external_keys import KeptKeys
from tests.support.kept_alerts import KeptAlerts
from tests.support.kept_box import KeptBox
from tests.support.kept_issuing import KeptIssuing
from tests.support.kept_provisioners import KeptProvisioners
from tests.support.kept_revocations import KeptRevocations
from tests.support.key_tokens import KeptTokens
from tests.support.sample_box import SampleBox
from tests.support.ssh_certificates import SshSample

NOW = datetime(2026, 11, 21, 14, 2, 11, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
ISSUED_BY_HOUR = (1, 0, 2, 1, 1, 3, 1, 0, 1, 5, 2, 1, 2, 1, 3, 1, 1, 2, 1, 1, 4, 2, 6, 7)
OPERATIONS = {
    EventKind.ISSUED: "sign",
    EventKind.RENEWED: "renew",
    EventKind.REKEYED: "rekey",
    EventKind.REVOKED: "revoke",
    EventKind.REFUSED: "sign",
}
OVERVIEW = Overview(
    name="Home CA",
    url="https://ca.home.arpa",
    address="192.0.2.1:443",
    fingerprint="c8b5e7f23d0c6a914f7e0a2b9d83561c4be07fa2195d3c60e88417d2f96ab053",
    store="LevelDB /var/lib/hearth/db",
    version="0.1.0",
    started_at=NOW - timedelta(days=12, hours=3, minutes=40),
    now=NOW,
    intermediate_not_after=NOW + 3285 * DAY,
    root_not_after=NOW + 6935 * DAY,
    issued=48,
    renewed=331,
    revoked=1,
    refused=2,
    provisioners=("acme", "admin"),
)


def serial_of(number: int) -> int:
    """A serial that looks like one: 128 bits, spread by a multiplication."""
    return (number * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**127


def summary(
    number: int,
    subject: str,
    *sans: str,
    ago: timedelta = timedelta(),
    provisioner: str = "JWK/admin",
    valid: timedelta = DAY,
    revocation: Revocation | None = None,
) -> CertificateSummary:
    kind, _, name = provisioner.partition("/")
    return CertificateSummary(
        serial=serial_of(number),
        subject=subject,
        sans=sans or (subject,),
        provisioner=name,
        provisioner_type=kind,
        not_before=NOW - ago,
        not_after=NOW - ago + valid,
        issued_at=NOW - ago,
        state=CertificateState.REVOKED if revocation else CertificateState.ACTIVE,
        revocation=revocation,
    )


def event(
    number: int,
    kind: EventKind = EventKind.ISSUED,
    subject: str = "nas.home.arpa",
    *sans: str,
    ago: float = 0,
    provisioner: str = "JWK/admin",
    valid: timedelta = DAY,
    reason: str = "",
    client: str = "192.0.2.7",
    took: float = 0.004,
) -> Event:
    made = reason == "" or kind is EventKind.REVOKED
    at = NOW - timedelta(seconds=ago)
    type_, _, name = provisioner.partition("/")
    return Event(
        at=at,
        kind=kind,
        operation=OPERATIONS[kind],
        subject=subject,
        sans=sans or ((subject,) if subject else ()),
        provisioner=name,
        provisioner_type=type_,
        serial=serial_of(number) if made else None,
        not_before=at if made else None,
        not_after=at + valid if made else None,
        reason=reason,
        client=client,
        request_id=f"d1f0a6c2{number:08x}",
        took=took,
    )


PAST = (
    summary(1, "backup.home.arpa", ago=timedelta(days=3), valid=90 * DAY),
    summary(2, "router.home.arpa", "router.home.arpa", "192.0.2.1", ago=timedelta(days=1)),
    summary(
        3,
        "old-laptop.home.arpa",
        ago=timedelta(hours=20),
        revocation=Revocation(at=NOW - timedelta(hours=2), reason_code=1, reason="lost on a train"),
    ),
    summary(4, "grafana.home.arpa", ago=timedelta(hours=5), valid=7 * DAY),
    summary(5, "mail.home.arpa", "mail.home.arpa", "imap.home.arpa", ago=timedelta(hours=4)),
)

LIVE = (
    event(11, EventKind.RENEWED, "router.home.arpa", "router.home.arpa", "192.0.2.1", ago=3120),
    event(
        12, EventKind.ISSUED, "camera-1.home.arpa", ago=2405, client="192.0.2.41",
        provisioner="JWK/cameras",
    ),
    event(
        13, EventKind.ISSUED, "camera-2.home.arpa", ago=2404, client="192.0.2.42",
        provisioner="JWK/cameras",
    ),
    event(14, EventKind.RENEWED, "mail.home.arpa", "mail.home.arpa", "imap.home.arpa", ago=1810),
    event(
        15, EventKind.REFUSED, "evil.example", ago=1261, client="192.0.2.66",
        reason="the token does not allow the name evil.example", took=0.002,
    ),
    event(16, EventKind.ISSUED, "anna@home.arpa", ago=980, valid=16 * timedelta(hours=1)),
    event(
        17, EventKind.REKEYED, "grafana.home.arpa", ago=722, valid=7 * DAY, client="192.0.2.9",
        provisioner="JWK/infra",
    ),
    event(
        18, EventKind.REFUSED, "", ago=415, client="192.0.2.66",
        reason="the one-time token has been used before", took=0.001,
    ),
    event(19, EventKind.ISSUED, "printer.home.arpa", "printer.home.arpa", "192.0.2.30", ago=66),
    event(20, EventKind.RENEWED, "nas.home.arpa", "nas.home.arpa", "nas", "192.0.2.7", ago=14),
    event(21, EventKind.ISSUED, "tv.home.arpa", ago=5, client="192.0.2.31"),
    event(22, EventKind.ISSUED, "tv-upstairs.home.arpa", ago=4, client="192.0.2.32"),
    event(
        23, EventKind.ISSUED, "git.home.arpa", "git.home.arpa", "code.home.arpa",
        "ci.home.arpa", "192.0.2.12", ago=0, client="192.0.2.12",
    ),
)  # fmt: skip


class SampleOperator(
    KeptKeys, KeptTokens, KeptAlerts, KeptRevocations, KeptIssuing, KeptBox, SampleBox,
    KeptProvisioners,
):  # fmt: skip
    """What the tests and the picture of the console look at."""

    def __init__(
        self,
        past: Sequence[CertificateSummary] = PAST,
        live: Sequence[Event] = LIVE,
        *,
        capacity: int = 4096,
    ) -> None:
        self.past = tuple(past)
        self.ring = EventRing(capacity)
        self.state = OVERVIEW
        self.silent = False
        for each in live:
            self.ring.record(each)

    def record(self, *events: Event) -> None:
        for each in events:
            self.ring.record(each)

    async def overview(self) -> Overview:
        self._answer()
        return self.state

    async def events(self, after: int = 0) -> Sequence[NumberedEvent]:
        self._answer()
        return self.ring.events(after)

    async def certificates(self, query: CertificateQuery) -> CertificatePage:
        self._answer()
        mine = [each for each in self.past if _is_wanted(query, each)]
        newest = sorted(mine, key=lambda each: each.issued_at, reverse=True)
        if query.expires_before:
            newest = sorted(mine, key=lambda each: each.not_after)
        start = int(query.cursor or 0)
        stop = start + query.limit
        cursor = str(stop) if stop < len(newest) else ""
        return CertificatePage(certificates=tuple(newest[start:stop]), cursor=cursor)

    async def certificate_counts(self, kind: CertificateKind) -> CertificateCounts:
        self._answer()
        admin = ProvisionerCounts(provisioner="admin", active=38, expired=3370, revoked=4)
        provisioners = (admin,) if kind is CertificateKind.X509 else ()
        return CertificateCounts(kind=kind, counted_at=NOW, provisioners=provisioners)

    async def activity(self) -> Activity:
        self._answer()
        events = [numbered.event for numbered in self.ring.events()]
        return Activity(
            hours=tuple(
                Hour(start=NOW.replace(minute=0, second=0) - (23 - number) * HOUR, issued=issued)
                for number, issued in enumerate(ISSUED_BY_HOUR)
            ),
            known_since=NOW - DAY,
            refusals=tuple(each for each in reversed(events) if each.kind is EventKind.REFUSED),
        )

    async def journal(self, query: JournalQuery) -> JournalPage:
        self._answer()
        return JournalPage(entries=(), reached=query.after, complete=True)

    async def certificate(
        self, serial: int, kind: CertificateKind = CertificateKind.X509
    ) -> CertificateDetail:
        self._answer()
        if kind is CertificateKind.SSH:
            return self._of_ssh(serial)
        for each in self.past:
            if each.serial == serial:
                return CertificateDetail(summary=each, der=certificate(each))
        for numbered in self.ring.events():
            made = numbered.event
            if made.serial == serial and made.not_before and made.not_after:
                found = replace(
                    summary(0, made.subject, *made.sans),
                    serial=serial,
                    not_before=made.not_before,
                    not_after=made.not_after,
                )
                return CertificateDetail(summary=found, der=certificate(found))
        raise NotFound("there is no such certificate")

    def _of_ssh(self, serial: int) -> CertificateDetail:
        for each in self.past:
            if each.serial == serial and each.kind is CertificateKind.SSH:
                made = SshSample(
                    serial=serial % 2**64, key_id=each.subject, principals=each.sans,
                    issued_at=each.issued_at,
                )  # fmt: skip
                return CertificateDetail(summary=each, der=made.certificate.blob)
        raise NotFound("there is no such certificate")

    def _answer(self) -> None:
        if self.silent:
            raise Unavailable("the server has stopped")


def _is_wanted(query: CertificateQuery, each: CertificateSummary) -> bool:
    names = f".{each.subject} .{' .'.join(each.sans)}".lower()
    return (
        each.kind is query.kind
        and f".{query.word}" in names
        and (not query.serial or str(each.serial).startswith(query.serial))
        and (not query.provisioner or each.provisioner == query.provisioner)
        and (query.state is None or each.state is query.state)
        and (query.expires_before is None or each.not_after < query.expires_before)
    )


def certificate(of: CertificateSummary) -> bytes:
    """Make the certificate of a summary; the same each time."""
    issuer = Ed25519PrivateKey.from_private_bytes(bytes(32))
    key = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x01").public_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, of.subject or "?")])
    ca = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Home CA Intermediate CA")])
    builder = (
        x509.CertificateBuilder()
        .issuer_name(ca)
        .subject_name(name)
        .public_key(key)
        .serial_number(of.serial)
        .not_valid_before(of.not_before)
        .not_valid_after(of.not_after)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=False,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            critical=False,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )
    return builder.sign(issuer, None).public_bytes(Encoding.DER)
