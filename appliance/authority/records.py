"""Certificates, revocations and used tokens as rows: what to write, and how to read it back.

Buckets, keys and values are step-ca's, so that its databases are ours and ours are its own. The
rows of our index (authority.index) are written with them, in the same transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

import msgspec

from appliance.authority import index
from appliance.authority.index import Buckets, Indexed, Listed
from appliance.formats import gojson
from appliance.formats.timeorduration import format_time, parse_time
from appliance.model.errors import Broken, FormatError
from appliance.model.grants import ProvisionerRef, TokenUse
from appliance.model.inventory import Origin, Revocation
from appliance.ports.store import Operation, Put, PutIfAbsent, Store

CERTIFICATES: Final = "x509_certs"  # serial → DER
CERTIFICATES_DATA: Final = "x509_certs_data"  # serial → who granted it
REVOCATIONS: Final = "revoked_x509_certs"  # serial → when, why and by whom
USED_TOKENS: Final = "used_ott"  # reuse key → the token

_NO_TIME: Final = "0001-01-01T00:00:00Z"  # Go's zero


class _Provisioner(msgspec.Struct):
    id: str = ""
    name: str = ""
    type: str = ""


class _CertificateData(msgspec.Struct, omit_defaults=True):
    """A value of x509_certs_data; what else it may hold is for registration authorities."""

    provisioner: _Provisioner | None = None


class _Revoked(msgspec.Struct):
    """A value of revoked_x509_certs, in the order in which step-ca writes it."""

    serial: str = msgspec.field(name="Serial", default="")
    provisioner_id: str = msgspec.field(name="ProvisionerID", default="")
    reason_code: int = msgspec.field(name="ReasonCode", default=0)
    reason: str = msgspec.field(name="Reason", default="")
    revoked_at: str = msgspec.field(name="RevokedAt", default=_NO_TIME)
    expires_at: str = msgspec.field(name="ExpiresAt", default=_NO_TIME)
    token_id: str = msgspec.field(name="TokenID", default="")
    mtls: bool = msgspec.field(name="MTLS", default=False)
    acme: bool = msgspec.field(name="ACME", default=False)


_data_decoder = msgspec.json.Decoder(_CertificateData)
_revoked_decoder = msgspec.json.Decoder(_Revoked)


# ---- what to write


def issued(  # noqa: PLR0913 - the parts of its rows
    *,
    certificate: bytes,
    serial: int,
    provisioner: ProvisionerRef | None,
    subject: str,
    sans: Sequence[str],
    not_after: datetime,
    issued_at: datetime,
    token: TokenUse | None,
    origin: Origin | None = None,
    drawn: bool = False,
) -> list[Operation]:
    """Record a certificate, and the token that it was issued for as used.

    The transaction conflicts when the token was used before, or the serial number is taken. A
    serial number that was `drawn` at random, of 128 bits, is not: nobody looks whether it is.
    """
    key = serial_key(serial)
    entry = Indexed(
        serial=serial,
        issued_at=issued_at,
        not_after=not_after,
        names=frozenset((subject, *sans)),
        provisioner=provisioner.name if provisioner else "",
        origin=origin,
    )
    return [
        *([token_used(token)] if token else ()),
        (Put if drawn else PutIfAbsent)(CERTIFICATES, key, certificate),
        Put(CERTIFICATES_DATA, key, certificate_data(provisioner)),
        *index.rows(entry),
    ]


def revoked(  # noqa: PLR0913 - the parts of a row
    *,
    serial: int,
    provisioner_id: str,
    reason_code: int,
    reason: str,
    revoked_at: datetime,
    expires_at: datetime | None,
    token_id: str,
    mtls: bool,
    listed: Listed | None = None,
    bucket: str = REVOCATIONS,
    buckets: Buckets = index.X509,
    acme: bool = False,
) -> list[Operation]:
    """Record a revocation; the transaction conflicts when there is one already.

    `listed` is what `listed()` of this module says: None for a certificate that is not in
    the inventory, and so is not listed there as revoked. `bucket` takes the row, and `buckets` are
    the index of its kind of certificate.
    """
    row = _Revoked(
        serial=str(serial),
        provisioner_id=provisioner_id,
        reason_code=reason_code,
        reason=reason,
        revoked_at=go_time(revoked_at),
        expires_at=go_time(expires_at),
        token_id=token_id,
        mtls=mtls,
        acme=acme,
    )
    return [
        PutIfAbsent(bucket, serial_key(serial), gojson.encode(row)),
        *(index.revocation_rows(serial, listed, buckets) if listed else ()),
    ]


def token_used(token: TokenUse) -> PutIfAbsent:
    """Mark a one-time token as used; the transaction conflicts when it was before."""
    return PutIfAbsent(USED_TOKENS, token_key(token), token.raw.encode())


# ---- reading back


async def is_revoked(store: Store, serial: int) -> bool:
    """Say whether a certificate was revoked; one that nobody knows can be."""
    return await store.get(REVOCATIONS, serial_key(serial)) is not None


async def revocation(store: Store, serial: int, bucket: str = REVOCATIONS) -> Revocation | None:
    """Give when and why a certificate was revoked. Raises Broken for a row that is damaged."""
    value = await store.get(bucket, serial_key(serial))
    if value is None:
        return None
    try:
        row = _revoked_decoder.decode(value)
        at = parse_time(row.revoked_at)
    except (msgspec.DecodeError, FormatError) as error:
        raise _damaged(bucket, serial) from error
    return Revocation(
        at=at,
        reason_code=row.reason_code,
        reason=row.reason,
        provisioner_id=row.provisioner_id,
        means=_means(row),
    )


async def provisioner_of(
    store: Store, serial: int, bucket: str = CERTIFICATES_DATA
) -> ProvisionerRef | None:
    """Give who granted a certificate, as recorded. Raises Broken for a row that is damaged."""
    value = await store.get(bucket, serial_key(serial))
    if value is None:
        return None
    try:
        return _provisioner(value)
    except msgspec.DecodeError as error:
        raise _damaged(bucket, serial) from error


async def certificate(store: Store, serial: int) -> bytes | None:
    """Give a certificate in DER."""
    return await store.get(CERTIFICATES, serial_key(serial))


async def listed(store: Store, serial: int, buckets: Buckets = index.X509) -> Listed | None:
    """Give what the index says of a certificate; None when it is not in the inventory."""
    if serial < 0:
        return None
    value = await store.get(buckets.serials, index.serial_octets(serial))
    return None if value is None else index.read_listed(value)


async def issued_at(store: Store, serial: int, buckets: Buckets = index.X509) -> datetime | None:
    """Give when a certificate was issued; None when it is not in the inventory."""
    found = await listed(store, serial, buckets)
    return found.issued_at if found else None


def token_key(token: TokenUse) -> bytes:
    """Write under what a token is remembered."""
    return token.reuse_key.encode()


def serial_key(serial: int) -> bytes:
    """Write a serial number as step-ca's keys have it."""
    return str(serial).encode()


# ---- forms


def _means(row: _Revoked) -> str:
    """Say by what a certificate was revoked."""
    if row.token_id:
        return f"token {row.token_id}"
    if row.acme:
        return "ACME"
    return "the certificate itself" if row.mtls else ""


@lru_cache(maxsize=256)
def certificate_data(provisioner: ProvisionerRef | None) -> bytes:
    """Write who granted a certificate."""
    if provisioner is None:
        return gojson.encode(_CertificateData())
    row = _Provisioner(id=provisioner.id, name=provisioner.name, type=provisioner.type)
    return gojson.encode(_CertificateData(provisioner=row))


@lru_cache(maxsize=256)
def _provisioner(value: bytes) -> ProvisionerRef | None:
    row = _data_decoder.decode(value).provisioner
    if row is None:
        return None
    credential = row.id.removeprefix(f"{row.name}:") if row.type == "JWK" else ""
    return ProvisionerRef(type=row.type, name=row.name, id=row.id, credential_id=credential)


def go_time(moment: datetime | None) -> str:
    """Write RFC 3339 with as many decimals as there are (Go's RFC3339Nano)."""
    return _NO_TIME if moment is None else format_time(moment)


def _damaged(bucket: str, serial: int) -> Broken:
    return Broken("a row of the database cannot be read", detail=f"{bucket}/{serial}")
