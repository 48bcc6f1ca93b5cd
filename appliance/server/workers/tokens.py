"""Keys on tokens, as a worker has them: the main process holds the tokens, and signs."""

from collections.abc import Callable, Mapping, Sequence
from typing import final

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from appliance.config.settings import Settings, TokenKey
from appliance.formats.keys import checked_public
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import NotFound, Unavailable
from appliance.model.tokens import TokenStatus
from appliance.ports.signer import IssuerKey, Signer
from appliance.server.token_keys import TokenKeys
from appliance.server.workers.asking import Asking
from appliance.server.workers.messages import Sign


@final
class RemoteTokenKeys:
    """TokenKeys (server.token_keys) of the main process. `public` is in DER, by the keys' names."""

    def __init__(self, asking: Asking, public: Mapping[str, bytes]) -> None:
        self._asking = asking
        self._public = public

    @property
    def statuses(self) -> Sequence[TokenStatus]:
        """None: who asks for them asks the main process."""
        return ()

    def signer(self, place: TokenKey, public_key: IssuerKey) -> Signer:
        """Give a key whose public half is known."""
        return _RemoteSigner(self._asking, key_name(place), public_key)

    def public_key(self, place: TokenKey) -> IssuerKey:
        """Give the public half of an SSH key. Raises NotFound."""
        encoded = self._public.get(key_name(place))
        if encoded is None:
            raise NotFound(f"the key '{place}' was not looked for")
        return checked_public(load_der_public_key(encoded))


@final
class _RemoteSigner:
    def __init__(self, asking: Asking, name: str, public_key: IssuerKey) -> None:
        self._asking = asking
        self._name = name
        self._public_key = public_key
        self._encoded = _encoded(public_key)

    @property
    def public_key(self) -> IssuerKey:
        """Its public half."""
        return self._public_key

    async def sign(self, message: bytes, algorithm: SignatureAlgorithm) -> bytes:
        """Have the message signed."""
        signature: bytes = await self._asking.ask(
            lambda number: Sign(number, self._name, self._encoded, message, algorithm.value)
        )
        return signature


@final
class KeyCupboard:
    """The main process's side: signers of the configuration at work, by the keys' names."""

    def __init__(self, tokens: TokenKeys, places: Callable[[], Sequence[TokenKey]]) -> None:
        self._tokens = tokens
        self._places = places

    async def sign(self, sign: Sign) -> bytes:
        """Sign with the key that is meant. Raises Unavailable, Broken."""
        for place in self._places():
            if key_name(place) == sign.key:
                public_key = checked_public(load_der_public_key(sign.public_key))
                signer = self._tokens.signer(place, public_key)
                return await signer.sign(sign.message, SignatureAlgorithm(sign.algorithm))
        raise Unavailable(
            "the configuration was changed meanwhile; try again", detail=sign.key, retry_after=1
        )


def key_name(place: TokenKey) -> str:
    """Name a key on a token, without secrets."""
    return f"{place.token.uri} {place.uri}"


def ssh_public_keys(settings: Settings, keys: TokenKeys) -> dict[str, bytes]:
    """Give what is known of the SSH keys on tokens, in DER by their names."""
    ssh = settings.ssh
    places = (ssh.host_key, ssh.user_key) if ssh is not None else ()
    return {
        key_name(place): _encoded(keys.public_key(place))
        for place in places
        if isinstance(place, TokenKey)
    }


def _encoded(key: IssuerKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
