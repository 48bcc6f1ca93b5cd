"""Signing keys."""

from typing import Protocol, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from appliance.model.algorithms import SignatureAlgorithm

IssuerKey: TypeAlias = EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey


class Signer(Protocol):
    """One private key, wherever it lives."""

    @property
    def public_key(self) -> IssuerKey:
        """Its public half; known without waiting."""
        ...

    async def sign(self, message: bytes, algorithm: SignatureAlgorithm) -> bytes:
        """Sign the message (it is hashed here, not by the caller).

        Gives the signature in X.509's form (ECDSA: DER of r and s). Cancelling leaves nothing
        behind. Raises Unavailable when the key cannot be reached now, Broken when it failed.
        """
        ...


class DigestSigner(Signer, Protocol):
    """A private key that signs digests, too: for programs that hash by themselves."""

    async def sign_digest(self, digest: bytes, algorithm: SignatureAlgorithm) -> bytes:
        """Sign a digest, as long as the algorithm's; otherwise as `sign`. Not for Ed25519."""
        ...
