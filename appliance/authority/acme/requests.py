"""Who signed a request: the key it brings, or that of the account it names (RFC 8555 6.2 to 6.5).

What costs nothing is judged first, and a nonce is spent last; but one that was in a request is
spent whatever is wrong with it (6.5). Only who was given a nonce can have it taken, so nobody makes
the server write by nonces that they made up.
"""

import enum
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

import msgspec

from appliance.authority.acme import accounts, records
from appliance.authority.acme.accounts import Accounts
from appliance.authority.acme.nonces import Nonces
from appliance.authority.acme.records import AccountRow, Held
from appliance.formats import flattened_jws, jwk
from appliance.formats.jws import Message
from appliance.formats.jwt import WrongSignature
from appliance.formats.keys import PublicKey
from appliance.model.acme import AcmeError, ProblemType, malformed, unauthorized
from appliance.model.errors import FormatError
from appliance.provisioners.acme import AcmeProvisioner

_SHOWN: Final = 200


class SignedBy(enum.Enum):
    """What a resource wants a request to be signed with."""

    KEY = enum.auto()  # `jwk`
    ACCOUNT = enum.auto()  # `kid`
    EITHER = enum.auto()


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose signature, nonce and URL hold.

    `account` is whose `kid` it names; `key` is the JWK that it brings without one. `thumbprint` is
    that of the key it was signed with.
    """

    payload: bytes
    account: Held[AccountRow] | None
    key: Mapping[str, Any] | None
    public_key: PublicKey
    thumbprint: str
    url: str
    kid: str

    @property
    def is_empty(self) -> bool:
        """Say whether it is a POST-as-GET (RFC 8555 6.3)."""
        return not self.payload

    @property
    def owner(self) -> Held[AccountRow]:
        """The account. Raises AcmeError when it names none."""
        if self.account is None:
            raise malformed("the request must be signed by an account, with kid")
        return self.account


class Requests(msgspec.Struct, frozen=True, kw_only=True):
    """Reads signed requests."""

    accounts: Accounts
    nonces: Nonces

    async def read(
        self,
        body: bytes,
        provisioner: AcmeProvisioner,
        *,
        url: str,
        account_prefix: str,
        by: SignedBy,
    ) -> Signed:
        """Take a request that was sent to `url`. Raises AcmeError.

        `account_prefix` is what the URLs of accounts begin with.
        """
        message = _message(body)
        try:
            _check_algorithm(message)
            nonce = await self.nonces.check(_text(message, "nonce", ProblemType.BAD_NONCE))
            _check_header(message, url)
            signed = await self._verified(message, provisioner, url, account_prefix, by)
        except AcmeError:
            await self._spend(message)
            raise
        await self.nonces.spend(nonce)
        return signed

    async def _verified(
        self, message: Message, provisioner: AcmeProvisioner, url: str, prefix: str, by: SignedBy
    ) -> Signed:
        account: Held[AccountRow] | None = None
        key: Mapping[str, Any] | None = None
        if _names_account(message, by):
            account = await self._account(message, provisioner, prefix)
            public_key, thumbprint = _key_of(account)
        else:
            key = _members(message.header["jwk"])
            public_key, thumbprint = read_key(key)
        verified(message, public_key)
        return Signed(
            payload=message.payload,
            account=account,
            key=key,
            public_key=public_key,
            thumbprint=thumbprint,
            url=url,
            kid=str(message.header.get("kid", "")),
        )

    async def _spend(self, message: Message) -> None:
        """Take the nonce of a request that is refused, if it has one that is of use."""
        with suppress(AcmeError):
            nonce = await self.nonces.check(_text(message, "nonce"))
            await self.nonces.spend(nonce)

    async def _account(
        self, message: Message, provisioner: AcmeProvisioner, prefix: str
    ) -> Held[AccountRow]:
        kid = _text(message, "kid")
        identifier = kid.rpartition("/")[2]
        found = await self.accounts.by_id(identifier) if identifier else None
        if found is None:
            raise AcmeError(
                ProblemType.ACCOUNT_DOES_NOT_EXIST,
                f"there is no account {kid[:_SHOWN]!r}",
            )
        if not accounts.belongs(found.row, provisioner):
            raise unauthorized("the account is another provisioner's")
        if kid not in (prefix + identifier, found.row.location_prefix + identifier):
            raise unauthorized(f"kid is not the account's URL, {prefix + identifier}")
        return accounts.active(found)


def inner(body: bytes, url: str) -> tuple[Message, Mapping[str, Any], PublicKey]:
    """Read the signed message inside of a key change (RFC 8555 7.3.5).

    Gives it, and the key that it brings and is signed with. Raises AcmeError.
    """
    message = _message(body)
    _check_algorithm(message)
    _check_header(message, url)
    if "nonce" in message.header:
        raise malformed("the inner JWS must not have a nonce")
    if "kid" in message.header or "jwk" not in message.header:
        raise malformed("the inner JWS must be signed with the new key, given as jwk")
    key = _members(message.header["jwk"])
    public_key, _ = read_key(key)
    verified(message, public_key)
    return message, key, public_key


def read_key(members: Mapping[str, Any]) -> tuple[PublicKey, str]:
    """Read a JWK, and give its thumbprint too. Raises AcmeError: badPublicKey."""
    try:
        return flattened_jws.public_key(members), jwk.thumbprint(members)
    except FormatError as error:
        raise AcmeError(ProblemType.BAD_PUBLIC_KEY, error.public) from error


def verified(message: Message, key: PublicKey) -> None:
    """Check a signature. Raises AcmeError."""
    try:
        flattened_jws.verify(message, key)
    except WrongSignature as error:
        raise malformed(error.public) from error


def _message(body: bytes) -> Message:
    try:
        return flattened_jws.read(body)
    except FormatError as error:
        raise malformed(error.public) from error


def _check_algorithm(message: Message) -> None:
    algorithm = message.header.get("alg")
    if algorithm not in flattened_jws.ALGORITHMS:
        raise AcmeError(
            ProblemType.BAD_SIGNATURE_ALGORITHM,
            f"requests cannot be signed with {str(algorithm)[:20]!r}: "
            f"use {', '.join(flattened_jws.ALGORITHMS)}",
        )


def _check_header(message: Message, url: str) -> None:
    """Hold the protected header against the URL (RFC 8555 6.4), and see who signs."""
    named = _text(message, "url")
    if named != url:
        raise unauthorized(
            f"the url in the JWS, {named[:_SHOWN]!r}, is not that of the request, {url}"
        )
    if ("jwk" in message.header) == ("kid" in message.header):
        raise malformed("the JWS must have either jwk or kid")


def _names_account(message: Message, by: SignedBy) -> bool:
    named = "kid" in message.header
    if by is SignedBy.KEY and named:
        raise malformed("this request must be signed with the key itself, given as jwk")
    if by is SignedBy.ACCOUNT and not named:
        raise malformed("this request must be signed by an account, named by kid")
    return named


def _text(message: Message, name: str, kind: ProblemType = ProblemType.MALFORMED) -> str:
    found = message.header.get(name)
    if not isinstance(found, str) or not found:
        raise AcmeError(kind, f"the protected header of the JWS has no {name}")
    return found


def _members(written: object) -> Mapping[str, Any]:
    """Keep what makes a public key, and what it may be used with."""
    if not isinstance(written, dict):
        raise malformed("jwk must be an object")
    kept = ("use", "kty", "crv", "alg", "x", "y", "n", "e")
    if "d" in written or "k" in written:
        raise AcmeError(ProblemType.BAD_PUBLIC_KEY, "the jwk of the JWS holds a secret key")
    return {name: written[name] for name in kept if name in written}


def _key_of(account: Held[AccountRow]) -> tuple[PublicKey, str]:
    try:
        return _stored_key(account.raw)
    except FormatError as error:
        raise AcmeError(
            ProblemType.SERVER_INTERNAL, "the account's key cannot be read", detail=str(error)
        ) from error


@lru_cache(maxsize=1000)
def _stored_key(row: bytes) -> tuple[PublicKey, str]:
    """Read the key in an account's row, and give its thumbprint: half as dear as to verify."""
    members = records.decoded(AccountRow, row).key
    return jwk.public_key(members), jwk.thumbprint(members)
