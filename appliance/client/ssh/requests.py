"""What a client asks a CA for about SSH. Every function raises what Connection.get raises."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from appliance.client.connection import Connection
from appliance.formats import pem
from appliance.formats.ssh import certificate, keys
from appliance.formats.ssh.certificate import SshCertificate
from appliance.formats.ssh.keys import SshPublicKey
from appliance.model.errors import Broken, FormatError
from appliance.model.ssh import CertificateType


@dataclass(frozen=True, slots=True, kw_only=True)
class SshSignOrder:
    """A request for an SSH certificate. Times are RFC 3339 or Go durations, or empty."""

    key: SshPublicKey
    token: str
    type: CertificateType
    key_id: str
    principals: Sequence[str] = ()
    valid_after: str = ""
    valid_before: str = ""
    add_user_key: SshPublicKey | None = None
    identity_csr: bytes | None = None  # DER
    template_data: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SshRevokeOrder:
    """A request for the revocation of an SSH certificate."""

    serial: int
    token: str
    reason_code: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SshIssued:
    """What a CA issued: the certificate, one that creates the user, and an X.509 chain (DER)."""

    certificate: SshCertificate
    add_user: SshCertificate | None = None
    identity: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SshAuthorities:
    """The keys by which certificates of users and of hosts are signed."""

    user: tuple[SshPublicKey, ...]
    host: tuple[SshPublicKey, ...]


class _Issued(msgspec.Struct):
    crt: str
    add_user: str | None = msgspec.field(name="addUserCrt", default=None)
    identity: list[str] | None = msgspec.field(name="identityCrt", default=None)


class _Keys(msgspec.Struct):
    user: list[str] | None = msgspec.field(name="userKey", default=None)
    host: list[str] | None = msgspec.field(name="hostKey", default=None)


class _Status(msgspec.Struct):
    status: str


async def sign(connection: Connection, order: SshSignOrder) -> SshIssued:
    """Get a certificate for a key."""
    body: dict[str, Any] = {
        "publicKey": order.key.text,
        "ott": order.token,
        "certType": order.type.label,
        "keyID": order.key_id,
        "principals": list(order.principals),
        "validAfter": order.valid_after,
        "validBefore": order.valid_before,
        "identityCSR": None,
    }
    if order.add_user_key is not None:
        body["addUserPublicKey"] = order.add_user_key.text
    if order.identity_csr is not None:
        body["identityCSR"] = pem.encode("CERTIFICATE REQUEST", order.identity_csr)
    if order.template_data:
        body["templateData"] = order.template_data
    issued = _read(await connection.post("/ssh/sign", _Issued, body), order.key)
    if issued.add_user is not None and issued.add_user.key != order.add_user_key:
        raise Broken("the CA sent a certificate for another key than that to create the user with")
    return issued


async def renew(connection: Connection, token: str, key: SshPublicKey) -> SshIssued:
    """Get a host's certificate again: its key signed the token."""
    return _read(await connection.post("/ssh/renew", _Issued, {"ott": token}), key)


async def rekey(connection: Connection, token: str, key: SshPublicKey) -> SshIssued:
    """Get a host's certificate again, for another key."""
    body = {"ott": token, "publicKey": key.text}
    return _read(await connection.post("/ssh/rekey", _Issued, body), key)


async def revoke(connection: Connection, order: SshRevokeOrder) -> None:
    """Revoke a certificate: it can no longer be renewed."""
    body = {
        "serial": str(order.serial),
        "reasonCode": order.reason_code,
        "reason": order.reason,
        "ott": order.token,
        "passive": True,
    }
    await connection.post("/ssh/revoke", _Status, body)


async def roots(connection: Connection) -> SshAuthorities:
    """Give the CA's own keys."""
    return _authorities(await connection.get("/ssh/roots", _Keys))


async def federation(connection: Connection) -> SshAuthorities:
    """Give the CA's own keys and those federated with them."""
    return _authorities(await connection.get("/ssh/federation", _Keys))


def _read(issued: _Issued, key: SshPublicKey) -> SshIssued:
    """Read what came; a certificate of another key would be worse than none."""
    try:
        made = SshIssued(
            certificate=certificate.parse(keys.of_base64(issued.crt)),
            add_user=certificate.parse(keys.of_base64(issued.add_user))
            if issued.add_user
            else None,
            identity=tuple(pem.certificates(text.encode())[0] for text in issued.identity or ()),
        )
    except FormatError as error:
        raise Broken("the CA sent a certificate that cannot be read") from error
    if made.certificate.key != key:
        raise Broken("the CA sent a certificate for another key")
    return made


def _authorities(said: _Keys) -> SshAuthorities:
    try:
        return SshAuthorities(
            user=tuple(keys.parse(keys.of_base64(text)) for text in said.user or ()),
            host=tuple(keys.parse(keys.of_base64(text)) for text in said.host or ()),
        )
    except FormatError as error:
        raise Broken("the CA sent an SSH key that cannot be read") from error
