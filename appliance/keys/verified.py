"""A signer whose every signature is verified before it is used: a token's fault is seen here."""

from typing import final

import trio

from appliance.issuance.algorithms import LONG, is_digest_signed, is_signed
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import Broken
from appliance.ports.signer import DigestSigner, IssuerKey


@final
class VerifiedSigner:
    """A DigestSigner around another one."""

    def __init__(self, signer: DigestSigner, *, name: str) -> None:
        self._signer = signer
        self._name = name

    @property
    def public_key(self) -> IssuerKey:
        """Its public half."""
        return self._signer.public_key

    async def sign(self, message: bytes, algorithm: SignatureAlgorithm) -> bytes:
        """Sign as the signer does. Raises Broken for a signature that does not hold, too."""
        signature = await self._signer.sign(message, algorithm)
        key = self._signer.public_key
        if len(message) < LONG:
            held = is_signed(message, signature, algorithm, key)
        else:
            held = await trio.to_thread.run_sync(is_signed, message, signature, algorithm, key)
        return self._checked(signature, held=held)

    async def sign_digest(self, digest: bytes, algorithm: SignatureAlgorithm) -> bytes:
        """Sign a digest as the signer does. Raises Broken as above."""
        signature = await self._signer.sign_digest(digest, algorithm)
        held = is_digest_signed(digest, signature, algorithm, self._signer.public_key)
        return self._checked(signature, held=held)

    def _checked(self, signature: bytes, *, held: bool) -> bytes:
        if not held:
            raise Broken(
                "the signing key gave a signature that does not hold",
                detail=f"{self._name}: is the configured key another one than the certificate's?",
            )
        return signature
