"""External account binding (RFC 8555 7.3.4): who brings a key that the CA gave out, gets in.

    binding ──▶ which key? ──▶ its MAC ──▶ of this account's key? ──▶ bound, with the account

A key lets one account in: its secret is forgotten with the row of the account, in one transaction.
Where it was given out for some names, a row of ours keeps the account to them from then on:

    hearth_acme_external_bounds    key → the names that it is for, and until when it is good
    hearth_acme_bound              account → the names that it may order
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from appliance.authority.acme import records
from appliance.authority.acme.records import ExternalKeyRow, Held
from appliance.formats import flattened_jws, jwk
from appliance.formats.jws import Message
from appliance.issuance.acme import identifiers
from appliance.issuance.acme.bounds import Bounds
from appliance.model.acme import (
    AcmeError,
    Identifier,
    ProblemType,
    malformed,
    unauthorized,
)
from appliance.model.errors import Broken, Forbidden, FormatError
from appliance.ports.clock import Clock
from appliance.ports.store import Operation, PutIfAbsent, Store
from appliance.provisioners.acme import AcmeProvisioner

BOUNDS: Final = "hearth_acme_external_bounds"
BOUND: Final = "hearth_acme_bound"

_HASHES: Final = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
_SHOWN: Final = 80


class BoundsRow(msgspec.Struct, omit_defaults=True):
    """A value of hearth_acme_external_bounds."""

    names: list[str] = []
    not_after: str = msgspec.field(name="notAfter", default="")


class BoundRow(msgspec.Struct):
    """A value of hearth_acme_bound. `key` is the id of the key that let the account in."""

    key: str
    names: list[str]


S = TypeVar("S", BoundsRow, BoundRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalAccounts:
    """Judges bindings, and orders of accounts that are bound (authority.acme.accounts.Binding)."""

    store: Store
    clock: Clock

    async def bound(
        self,
        provisioner: AcmeProvisioner,
        binding: object,
        key: Mapping[str, Any],
        url: str,
        account_id: str,
    ) -> Sequence[Operation]:
        """Judge a request's `externalAccountBinding`, and give what binds the account.

        Where the provisioner does not ask for one, it is passed over. Raises AcmeError.
        """
        if not provisioner.options.require_binding:
            return ()
        if binding is None:
            raise AcmeError(
                ProblemType.EXTERNAL_ACCOUNT_REQUIRED,
                "an external account binding is needed: ask who runs this CA for a key",
            )
        message = _read(binding)
        held = await self._key(provisioner, _key_id(message, url))
        _check_mac(message, held.row)
        _check_payload(message, key)
        bounds = await read(self.store, BOUNDS, held.row.id, BoundsRow)
        now = self.clock.now()
        if bounds and bounds.not_after and records.read_time(bounds.not_after) <= now:
            raise unauthorized("the external account key has expired: ask for a new one")
        row = msgspec.structs.replace(
            held.row, account_id=account_id, key=b"", bound_at=records.write_time(now)
        )
        operations = [held.changed(row)]
        if bounds and bounds.names:
            value = msgspec.json.encode(BoundRow(held.row.id, bounds.names))
            operations.append(PutIfAbsent(BOUND, account_id.encode(), value))
        return operations

    async def permit(
        self, provisioner: AcmeProvisioner, account_id: str, identifiers_: Sequence[Identifier]
    ) -> None:
        """Hold an order against the names that the account's key was for. Raises AcmeError."""
        row = await read(self.store, BOUND, account_id, BoundRow)
        if row is None:
            return
        try:
            bounds = Bounds.of(row.names)
        except FormatError as error:
            raise Broken(
                "the names that an account is bound to cannot be read", detail=str(error)
            ) from error
        problems = []
        for each in identifiers_:
            try:
                bounds.check(each)
            except Forbidden as error:
                problems.append(identifiers.refused(each, error.public))
        if problems:
            raise identifiers.together(problems)

    async def _key(self, provisioner: AcmeProvisioner, key_id: str) -> Held[ExternalKeyRow]:
        held = await records.find(self.store, ExternalKeyRow, key_id)
        # To step-ca, provisioners in ca.json have no id: its keys are for any of them.
        if held is None or held.row.provisioner_id not in ("", provisioner.ref.id):
            raise unauthorized(f"there is no external account key {key_id[:_SHOWN]!r}")
        if held.row.is_bound or not held.row.key:
            raise unauthorized(
                "the external account key was used before, and is good for one account: ask for "
                "a new one"
            )
        return held


async def read(store: Store, bucket: str, key: str, kind: type[S]) -> S | None:
    """Read a row of ours. Raises Broken for one that is damaged."""
    raw = await store.get(bucket, key.encode())
    try:
        return None if raw is None else msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as error:
        raise Broken(
            "a row of the database cannot be read", detail=f"{bucket}/{key}: {error}"
        ) from error


def _read(binding: object) -> Message:
    try:
        return flattened_jws.read(msgspec.json.encode(binding))
    except FormatError as error:
        raise malformed(f"externalAccountBinding: {error.public}") from error


def _key_id(message: Message, url: str) -> str:
    """Hold the protected header against RFC 8555 7.3.4, and give which key it names."""
    header = message.header
    if header.get("alg") not in _HASHES:
        raise malformed(
            f"externalAccountBinding: alg must be one of {', '.join(_HASHES)}, "
            f"not {str(header.get('alg'))[:_SHOWN]!r}"
        )
    if "nonce" in header:
        raise malformed("externalAccountBinding: there must be no nonce")
    if header.get("url") != url:
        raise malformed(f"externalAccountBinding: url must be that of the request, {url}")
    found = header.get("kid")
    if not isinstance(found, str) or not found:
        raise malformed("externalAccountBinding: kid is missing")
    return found


def _check_mac(message: Message, row: ExternalKeyRow) -> None:
    made = hmac.digest(row.key, message.signed, _HASHES[message.header["alg"]])
    if not hmac.compare_digest(made, message.signature):
        raise unauthorized(
            "externalAccountBinding: the signature was not made with the external account key"
        )


def _check_payload(message: Message, key: Mapping[str, Any]) -> None:
    """See that what was signed is the key of the account."""
    try:
        signed = jwk.thumbprint(msgspec.json.decode(message.payload, type=dict[str, Any]))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, FormatError) as error:
        raise malformed("externalAccountBinding: the payload is no JWK") from error
    if signed != jwk.thumbprint(key):
        raise unauthorized("externalAccountBinding: the payload is not the key of the account")
