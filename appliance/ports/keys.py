"""Tokens that keep keys: hardware, modules, files alike."""

from collections.abc import Sequence
from typing import Protocol

import trio

from appliance.formats.keyuri import KeyUri
from appliance.model.errors import Forbidden, Unavailable
from appliance.model.secret import Password
from appliance.model.tokens import KeyDescription, KeyKind, KeyPolicies, TokenState, TokenStatus
from appliance.ports.signer import DigestSigner, IssuerKey

DEFAULT_POLICIES = KeyPolicies()


class TokenUnavailable(Unavailable):
    """The token cannot be used now; `state` says why."""

    def __init__(
        self, public: str, *, state: TokenState, detail: str = "", retry_after: int = 5
    ) -> None:
        super().__init__(public, detail=detail, retry_after=retry_after)
        self.state = state


class WrongPin(Forbidden):
    """The token refused a PIN. No machine tries that PIN again."""

    def __init__(self, public: str, *, tries_left: int | None = None) -> None:
        super().__init__(public)
        self.tries_left = tries_left


class KeyManager(Protocol):
    """One token. Its methods wait their turn: a token does one thing at a time.

    Unless said otherwise they raise TokenUnavailable when the token is not there, locked or busy,
    Broken when it failed, and NotSupported for what it cannot do. Cancelling waits for what the
    token has begun and leaves nothing behind.
    """

    @property
    def status(self) -> TokenStatus:
        """The token as last seen; known without waiting."""
        ...

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Watch the token until cancelled, and let it go then; started when it was looked at once.

        A server runs this in its nursery, a command in one that lasts as long as the command.
        The other methods are for while it runs. Never raises because of the token.
        """
        ...

    async def unlock(self, pin: Password, *, last_try: bool = False) -> None:
        """Use a PIN that a person typed, and keep it in memory for when the token comes again.

        The token's last try is used only with `last_try`. Raises WrongPin.
        """
        ...

    async def open_signer(self, uri: KeyUri, public_key: IssuerKey | None = None) -> DigestSigner:
        """Give the key that the URI names; with a known public key the token is not asked.

        Raises NotFound when there is no such key. A signer survives the token's absence. It
        refuses, by Broken, to sign when the token's key is another than `public_key`.
        """
        ...

    async def create_key(
        self,
        uri: KeyUri,
        kind: KeyKind,
        policies: KeyPolicies = DEFAULT_POLICIES,
        *,
        replace: bool = False,
    ) -> IssuerKey:
        """Make a key on the token, never to leave it.

        One that exists already is destroyed with `replace`, and is a BadRequest without.
        """
        ...

    async def list_keys(self) -> Sequence[KeyDescription]:
        """Describe all keys on the token."""
        ...

    async def delete_key(self, uri: KeyUri) -> None:
        """Destroy a key. Raises NotFound."""
        ...

    async def load_certificate(self, uri: KeyUri) -> bytes:
        """Give the certificate (DER) kept under the URI. Raises NotFound."""
        ...

    async def store_certificate(self, uri: KeyUri, certificate: bytes) -> None:
        """Keep a certificate (DER) beside its key, in place of one that is there."""
        ...

    async def delete_certificate(self, uri: KeyUri) -> None:
        """Remove a certificate. Raises NotFound."""
        ...

    async def attest(self, uri: KeyUri) -> Sequence[bytes]:
        """Have the device state, as certificates (DER, leaf first), that the key was made on it."""
        ...
