"""A signing key in a file. It signs in line: tens of microseconds, less than a thread costs.

Only a long message, such as a revocation list, is hashed and signed in a thread.
"""

from pathlib import Path

import trio
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.formats.keyfile import PasswordNeeded, WrongPassword, load_private_key
from appliance.formats.keys import PrivateKey, PublicKey
from appliance.issuance.algorithms import (
    ECDSA_DIGESTS,
    ECDSA_SCHEMES,
    LONG,
    RSA_SCHEMES,
    digested,
)
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import Broken, ConfigError, FormatError
from appliance.model.secret import Password


class FileSigner:
    """A private key held in memory, as the port Signer asks."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self._ecdsa = key if isinstance(key, EllipticCurvePrivateKey) else None
        self._public_key = key.public_key()

    @property
    def public_key(self) -> PublicKey:
        """Its public half."""
        return self._public_key

    async def sign(self, message: bytes, algorithm: SignatureAlgorithm) -> bytes:
        """Sign the message. Raises Broken for an algorithm of another key kind."""
        if len(message) < LONG:
            return self._signature(message, algorithm)
        return await trio.to_thread.run_sync(self._signature, message, algorithm)

    def _signature(self, message: bytes, algorithm: SignatureAlgorithm) -> bytes:
        key = self._key
        if self._ecdsa is not None and algorithm in ECDSA_SCHEMES:
            if len(message) < LONG:
                return self._ecdsa.sign(message, ECDSA_SCHEMES[algorithm])
            message, hashed = digested(message, ECDSA_DIGESTS[algorithm])
            return self._ecdsa.sign(message, ECDSA(hashed))
        if isinstance(key, Ed25519PrivateKey) and algorithm is SignatureAlgorithm.ED25519:
            return key.sign(message)
        if isinstance(key, RSAPrivateKey) and algorithm in RSA_SCHEMES:
            padding, digest = RSA_SCHEMES[algorithm]
            message, hashed = digested(message, digest)
            return key.sign(message, padding, hashed)
        raise Broken("the signing key does not go with the algorithm", detail=algorithm)


def open_signer(
    file: Path, password: Password | None, *, certificate: Path, public_key: PublicKey
) -> FileSigner:
    """Read a key, encrypted or not, that must be the one in `certificate` (with `public_key`).

    Raises as `read_signer` does.
    """
    signer = read_signer(file, password)
    if _encoded(signer.public_key) != _encoded(public_key):
        raise ConfigError(
            f"this private key is not the one of the certificate in {certificate}; "
            "`key` and `crt` in ca.json must name a pair",
            file=str(file),
        )
    return signer


def read_signer(file: Path, password: Password | None) -> FileSigner:
    """Read a key, encrypted or not.

    Raises PasswordNeeded and WrongPassword, so that the caller can ask again, and ConfigError for
    whatever else is wrong.
    """
    try:
        return FileSigner(load_private_key(file.read_bytes(), password))
    except (PasswordNeeded, WrongPassword):
        raise
    except FormatError as error:
        raise ConfigError(f"no private key can be read from it: {error}", file=str(file)) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(f"cannot be read: {reason}", file=str(file)) from error


def _encoded(key: PublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
