"""A KeyManager for a token that is reached by PKCS#11."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, final

import trio
from cryptography.hazmat.primitives.serialization import load_der_public_key

from appliance.formats.keys import checked_public
from appliance.formats.keyuri import KeyUri
from appliance.issuance.algorithms import fits
from appliance.keys.pins import PinGuard
from appliance.keys.pkcs11 import messages
from appliance.keys.pkcs11.messages import ObjectName
from appliance.keys.pkcs11.place import (
    certificate_name,
    key_uri,
    object_name,
    token_place,
    whole_name,
)
from appliance.keys.pkcs11.session import GENERATION, OPERATION, A, TokenSession
from appliance.keys.turns import Turns
from appliance.keys.verified import VerifiedSigner
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import (
    BadRequest,
    Broken,
    FormatError,
    HearthError,
    NotFound,
    NotSupported,
)
from appliance.model.secret import Password
from appliance.model.tokens import KeyDescription, KeyKind, KeyPolicies, TokenStatus
from appliance.ports.keys import DEFAULT_POLICIES
from appliance.ports.signer import DigestSigner, IssuerKey

LOOKING: Final = 1.0  # seconds between two looks whether the token is there
_STOPPING: Final = 5.0


@final
class Pkcs11Token:
    """One token. See the port for what its methods do."""

    def __init__(
        self,
        uri: KeyUri,
        *,
        pin: Password | None,
        guard: PinGuard,
        told: Callable[[TokenStatus], None] = lambda _status: None,
        looking: float = LOOKING,
    ) -> None:
        """Prepare for the token that the URI names. Raises FormatError for one that names none."""
        self._place = token_place(uri)
        self._session = TokenSession(self._place, pin, guard, told)
        self._turns = Turns(self._place.name)
        self._looking = looking

    @property
    def status(self) -> TokenStatus:
        """The token as last seen."""
        return self._session.status

    @property
    def worker_pid(self) -> int | None:
        """The number of the process with the module, while there is one."""
        return self._session.worker_pid

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Watch the token until cancelled."""
        self._session.begin()
        try:
            await self._look()
            task_status.started()
            while True:
                await trio.sleep(self._looking)
                if self._turns.is_free():
                    await self._look()
        finally:
            with trio.move_on_after(_STOPPING, shield=True):
                await self._session.end()

    async def unlock(self, pin: Password, *, last_try: bool = False) -> None:
        """Use a PIN that a person typed."""
        await self._turns.take(lambda: self._session.unlock(pin, last_try=last_try))

    async def open_signer(self, uri: KeyUri, public_key: IssuerKey | None = None) -> DigestSigner:
        """Give the key that the URI names."""
        name = object_name(uri)
        if public_key is None:
            public_key = _key((await self._do(messages.Find(name), messages.Octets)).value)
        return VerifiedSigner(_TokenKey(self, name, public_key), name=self._place.name)

    async def create_key(
        self,
        uri: KeyUri,
        kind: KeyKind,
        policies: KeyPolicies = DEFAULT_POLICIES,
        *,
        replace: bool = False,
    ) -> IssuerKey:
        """Make a key on the token."""
        name = whole_name(uri)
        if replace:
            with suppress(NotFound):
                await self._do(messages.DeleteKey(name), messages.Done)
        request = messages.Create(name, kind, policies.extractable)
        return _key((await self._do(request, messages.Octets, within=GENERATION)).value)

    async def list_keys(self) -> Sequence[KeyDescription]:
        """Describe all keys on the token."""
        found = await self._do(messages.ListKeys(), messages.Keys)
        return [
            KeyDescription(
                uri=key_uri(self._place, key.name),
                kind=key.kind,
                public_key=key.public_key,
                label=key.name.label,
                identifier=key.name.identifier,
                has_certificate=key.has_certificate,
                generated=key.generated,
                policies=KeyPolicies(extractable=key.extractable),
            )
            for key in found.keys
        ]

    async def delete_key(self, uri: KeyUri) -> None:
        """Destroy a key."""
        await self._do(messages.DeleteKey(object_name(uri)), messages.Done)

    async def load_certificate(self, uri: KeyUri) -> bytes:
        """Give the certificate under the URI, which may name it by its serial number alone."""
        name = certificate_name(uri)
        serial = uri.get("serial") if "id" not in uri and "object" not in uri else ""
        return (await self._do(messages.LoadCertificate(name, serial), messages.Octets)).value

    async def store_certificate(self, uri: KeyUri, certificate: bytes) -> None:
        """Keep a certificate beside its key."""
        request = messages.StoreCertificate(whole_name(uri), certificate)
        await self._do(request, messages.Done)

    async def delete_certificate(self, uri: KeyUri) -> None:
        """Remove a certificate."""
        await self._do(messages.DeleteCertificate(object_name(uri)), messages.Done)

    async def attest(self, uri: KeyUri) -> Sequence[bytes]:
        """Say that PKCS#11 has no such thing."""
        raise NotSupported(f"tokens reached by PKCS#11 do not attest keys: {uri.shown}")

    async def sign(
        self,
        name: ObjectName,
        message: bytes,
        algorithm: SignatureAlgorithm,
        *,
        hashed: bool = False,
    ) -> bytes:
        """Sign with the key of this name."""
        request = messages.Sign(name, message, algorithm, hashed)
        return (await self._do(request, messages.Octets)).value

    async def _do(
        self, request: messages.Request, kind: type[A], *, within: float = OPERATION
    ) -> A:
        return await self._turns.take(lambda: self._session.do(request, kind, within=within))

    async def _look(self) -> None:
        """Look in turn; what is wrong is in the status then."""
        try:
            await self._turns.take(self._session.look)
        except HearthError:
            return


@final
class _TokenKey:
    """A key on the token, as a DigestSigner."""

    def __init__(self, token: Pkcs11Token, name: ObjectName, public_key: IssuerKey) -> None:
        self._token = token
        self._name = name
        self._public_key = public_key

    @property
    def public_key(self) -> IssuerKey:
        """Its public half."""
        return self._public_key

    async def sign(self, message: bytes, algorithm: SignatureAlgorithm) -> bytes:
        """Sign the message on the token."""
        return await self._signed(message, algorithm, hashed=False)

    async def sign_digest(self, digest: bytes, algorithm: SignatureAlgorithm) -> bytes:
        """Sign what was hashed already."""
        return await self._signed(digest, algorithm, hashed=True)

    async def _signed(
        self, message: bytes, algorithm: SignatureAlgorithm, *, hashed: bool
    ) -> bytes:
        if not fits(algorithm, self._public_key):
            raise Broken("the signing key does not go with the algorithm", detail=algorithm)
        return await self._token.sign(self._name, message, algorithm, hashed=hashed)


def _key(der: bytes) -> IssuerKey:
    try:
        return checked_public(load_der_public_key(der))
    except (ValueError, FormatError) as error:
        raise BadRequest("the key on the token is of a kind that is not used here") from error
