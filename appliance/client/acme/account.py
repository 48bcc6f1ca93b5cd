"""One account with one ACME server: signed requests, nonces, problems (RFC 8555 section 6).

Every answer brings the next nonce; a server that does not take it (badNonce) is asked again with
the one that it then gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Self, TypeVar, final

import msgspec

from appliance.client.acme.messages import Directory, Problem
from appliance.client.acme.transport import Answer, Transport
from appliance.formats import gojson, jwk, jws
from appliance.formats.jose_keys import JoseKey
from appliance.formats.keys import PrivateKey
from appliance.model.acme import ProblemType
from appliance.model.errors import BadRequest, Broken, HearthError

_NONCE_TRIES: Final = 5
_NONCE: Final = "replay-nonce"
_JSON: Final = "application/json"

T = TypeVar("T")


@final
class AcmeRefusal(HearthError):
    """The server answered, and said no. `type` is a problem's type without the prefix."""

    def __init__(self, message: str, *, status: int, type: str = "") -> None:  # noqa: A002
        super().__init__(message)
        self.status = status
        self.type = type


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalAccount:
    """What an operator gave to bind a new account with (RFC 8555 section 7.3.4)."""

    key_id: str
    key: bytes = field(repr=False)


@final
class AcmeAccount:
    """Signed requests in the name of an account. `url` is empty until it is registered."""

    def __init__(self, transport: Transport, directory: Directory, key: PrivateKey) -> None:
        self.transport = transport
        self.directory = directory
        self.url = ""
        self._key = JoseKey(key=key, algorithm=jwk.algorithm(key))
        self._members = jwk.public_members(key.public_key())
        self._nonce = ""

    @classmethod
    async def at(cls, transport: Transport, directory_url: str, key: PrivateKey) -> Self:
        """Begin with the server's directory. Raises AcmeRefusal, and what Transport raises."""
        answer = await transport.get(directory_url)
        if answer.status != 200:
            raise refusal(answer)
        return cls(transport, decoded(answer, Directory), key)

    @property
    def thumbprint(self) -> str:
        """What stands for the account's key in every proof (RFC 8555 section 8.1)."""
        return jwk.thumbprint(self._members)

    async def register(self, contacts: Sequence[str], external: ExternalAccount | None) -> None:
        """Find the account of the key, or make it; its terms of service are agreed to.

        Raises BadRequest where the server wants an external account and none is given.
        """
        url = self.directory.new_account
        payload: dict[str, Any] = {"termsOfServiceAgreed": True}
        if contacts:
            payload["contact"] = [_contact(each) for each in contacts]
        if external is not None:
            payload["externalAccountBinding"] = self._binding(external, url)
        try:
            answer = await self.post(url, payload)
        except AcmeRefusal as error:
            if error.type == ProblemType.EXTERNAL_ACCOUNT_REQUIRED.label and external is None:
                raise BadRequest(
                    f"{error}: give --eab-key-id and --eab-key, which the CA's operator hands out"
                ) from error
            raise
        self.url = answer.headers.get("location", "")
        if not self.url:
            raise Broken(f"{answer.where}: the ACME server does not say where the account is")

    async def post(
        self,
        url: str,
        payload: object | None,
        *,
        accept: str = _JSON,
        key: PrivateKey | None = None,
    ) -> Answer:
        """Send a payload, or read (POST-as-GET) where it is None.

        With a key of its own the request is that key's, not the account's. Raises AcmeRefusal, and
        what Transport raises.
        """
        content = b"" if payload is None else msgspec.json.encode(payload)
        answer: Answer | None = None
        for _ in range(_NONCE_TRIES):
            body = self._signed(url, content, await self._fresh_nonce(), key)
            answer = await self.transport.post(url, body, accept=accept)
            self._nonce = str(answer.headers.get(_NONCE, ""))
            if answer.status < 400:
                return answer
            failure = refusal(answer)
            if failure.type != ProblemType.BAD_NONCE.label:
                raise failure
        raise Broken(f"POST {url}: the ACME server takes none of the nonces that it gives")

    async def read(self, url: str, kind: type[T]) -> T:
        """Read what is at a URL of the account's."""
        return decoded(await self.post(url, None), kind)

    def _signed(self, url: str, content: bytes, nonce: str, key: PrivateKey | None) -> bytes:
        header: dict[str, Any] = {"nonce": nonce, "url": url}
        if key is not None:
            header["jwk"] = jwk.public_members(key.public_key())
            return _flattened(content, JoseKey(key=key, algorithm=jwk.algorithm(key)), header)
        header |= {"kid": self.url} if self.url else {"jwk": self._members}
        return _flattened(content, self._key, header)

    def _binding(self, external: ExternalAccount, url: str) -> msgspec.Raw:
        """Sign our key with the one that the operator gave."""
        secret = JoseKey(key=external.key, algorithm="HS256")
        header = {"kid": external.key_id, "url": url}
        return msgspec.Raw(_flattened(gojson.encode(self._members), secret, header))

    async def _fresh_nonce(self) -> str:
        """Take the nonce of the last answer, or fetch one; none is used twice."""
        nonce, self._nonce = self._nonce, ""
        if nonce:
            return nonce
        answer = await self.transport.head(self.directory.new_nonce)
        nonce = str(answer.headers.get(_NONCE, ""))
        if not nonce:
            raise Broken(f"{answer.where}: the ACME server gives no nonce ({answer.status})")
        return nonce


def refusal(answer: Answer) -> AcmeRefusal:
    """Make an error of an answer that is none of what was asked for."""
    problem = Problem()
    if answer.content_type in ("application/problem+json", _JSON):
        try:
            problem = msgspec.json.decode(answer.body, type=Problem)
        except msgspec.MsgspecError:
            problem = Problem()
    said = problem.text if problem.type or problem.detail else _not_acme(answer)
    later = answer.headers.get("retry-after", "")
    if later and answer.status in (429, 503):
        said += f"; the server asks to come back later (Retry-After: {later})"
    return AcmeRefusal(f"{answer.where} failed: {said}", status=answer.status, type=problem.label)


def decoded(answer: Answer, kind: type[T]) -> T:
    """Read an answer's JSON. Raises Broken."""
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except msgspec.MsgspecError as error:
        raise Broken(f"{answer.where}: {_not_acme(answer)}: {error}") from error


def retry_after(answer: Answer, now: datetime) -> float | None:
    """Say how many seconds the server asks to wait, as a number or a date (RFC 9110 10.2.3)."""
    said = answer.headers.get("retry-after", "").strip()
    if said.isdecimal():
        return float(said[:9])
    try:
        when = parsedate_to_datetime(said)
    except ValueError:
        return None
    return max(0.0, ((when if when.tzinfo else when.replace(tzinfo=UTC)) - now).total_seconds())


def _not_acme(answer: Answer) -> str:
    kind = answer.content_type or "no content type"
    return f"this is no answer of an ACME server (status {answer.status}, {kind})"


def _contact(address: str) -> str:
    """Write a contact as the URL that it must be (RFC 8555 section 7.3)."""
    return address if ":" in address else f"mailto:{address}"


def _flattened(content: bytes, key: JoseKey, header: dict[str, Any]) -> bytes:
    """Sign in flattened JSON form, the only one that ACME has."""
    protected, payload, signature = jws.sign(content, key, header).split(".")
    return msgspec.json.encode({"protected": protected, "payload": payload, "signature": signature})
