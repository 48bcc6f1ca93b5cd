"""Private keys on tokens as the library's own classes have them: whatever signs takes them.

Only signing works. Whoever wants the key itself is told that it stays where it is.
"""

from typing import Any, Final, NoReturn, Protocol

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo, Prehashed
from cryptography.hazmat.primitives.hashes import HashAlgorithm

from appliance.cli.token_places import Place
from appliance.cli.token_thread import use_token
from appliance.formats.keys import PrivateKey, PublicKey
from appliance.model.algorithms import SignatureAlgorithm as Algorithm
from appliance.model.errors import NotSupported
from appliance.ports.keys import KeyManager
from appliance.ports.signer import DigestSigner

_ECDSA: Final = {
    "sha256": Algorithm.ECDSA_SHA256,
    "sha384": Algorithm.ECDSA_SHA384,
    "sha512": Algorithm.ECDSA_SHA512,
}
_PKCS1: Final = {
    "sha256": Algorithm.RSA_SHA256,
    "sha384": Algorithm.RSA_SHA384,
    "sha512": Algorithm.RSA_SHA512,
}
_PSS: Final = {
    "sha256": Algorithm.RSA_PSS_SHA256,
    "sha384": Algorithm.RSA_PSS_SHA384,
    "sha512": Algorithm.RSA_PSS_SHA512,
}


class Sign(Protocol):
    """Signs a message, or its digest (`hashed`)."""

    def __call__(self, message: bytes, algorithm: Algorithm, *, hashed: bool) -> bytes:
        """Give the signature, in X.509's form."""
        ...


def token_key(place: Place) -> PrivateKey:
    """Open a key on a token, which may ask for its PIN now. Raises Unavailable, NotFound."""

    async def opened(manager: KeyManager) -> DigestSigner:
        return await manager.open_signer(place.key)

    signer = use_token(place, opened)

    def sign(message: bytes, algorithm: Algorithm, *, hashed: bool) -> bytes:
        async def signed(manager: KeyManager) -> bytes:
            del manager
            if hashed:
                return await signer.sign_digest(message, algorithm)
            return await signer.sign(message, algorithm)

        return use_token(place, signed)

    return with_signer(signer.public_key, sign)


def with_signer(public_key: PublicKey, sign: Sign) -> PrivateKey:
    """Make a private key whose signatures are made elsewhere."""
    match public_key:
        case ec.EllipticCurvePublicKey():
            return _EcKey(public_key, sign)
        case rsa.RSAPublicKey():
            return _RsaKey(public_key, sign)
        case ed25519.Ed25519PublicKey():
            return _Ed25519Key(public_key, sign)


def is_on_token(key: object) -> bool:
    """Say whether a key cannot be written, because it is on a token."""
    return isinstance(key, _EcKey | _RsaKey | _Ed25519Key)


def _stays(*_: Any, **__: Any) -> NoReturn:
    raise NotSupported("the private key is on a token, which never gives it away: it only signs")


class _Stays:
    """What no key on a token does."""

    exchange = decrypt = _stays
    private_numbers = private_bytes = private_bytes_raw = _stays
    __deepcopy__ = _stays

    def __copy__(self) -> Any:
        return self


class _EcKey(_Stays, ec.EllipticCurvePrivateKey):
    def __init__(self, public_key: ec.EllipticCurvePublicKey, sign: Sign) -> None:
        self._public_key, self._sign = public_key, sign

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public_key.curve

    @property
    def key_size(self) -> int:
        return self._public_key.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public_key

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        name, hashed = _hash_of(signature_algorithm.algorithm)
        return self._sign(bytes(data), _chosen(_ECDSA, name), hashed=hashed)


class _RsaKey(_Stays, rsa.RSAPrivateKey):
    def __init__(self, public_key: rsa.RSAPublicKey, sign: Sign) -> None:
        self._public_key, self._sign = public_key, sign

    @property
    def key_size(self) -> int:
        return self._public_key.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        return self._public_key

    def sign(
        self, data: bytes, padding: object, algorithm: Prehashed | HashAlgorithm | NoDigestInfo
    ) -> bytes:
        name, hashed = _hash_of(algorithm)
        match padding:
            case PKCS1v15():
                return self._sign(bytes(data), _chosen(_PKCS1, name), hashed=hashed)
            case PSS():
                return self._sign(bytes(data), _chosen(_PSS, name), hashed=hashed)
            case _:
                raise NotSupported("a key on a token signs by PKCS #1 v1.5 or PSS")


class _Ed25519Key(_Stays, ed25519.Ed25519PrivateKey):
    def __init__(self, public_key: ed25519.Ed25519PublicKey, sign: Sign) -> None:
        self._public_key, self._sign = public_key, sign

    def public_key(self) -> ed25519.Ed25519PublicKey:
        return self._public_key

    def sign(self, data: Any) -> bytes:
        return self._sign(bytes(data), Algorithm.ED25519, hashed=False)


def _hash_of(algorithm: Prehashed | HashAlgorithm | NoDigestInfo) -> tuple[str, bool]:
    if isinstance(algorithm, Prehashed):
        return algorithm._algorithm.name, True  # noqa: SLF001 - it has no other way to tell
    return getattr(algorithm, "name", ""), False


def _chosen(known: dict[str, Algorithm], name: str) -> Algorithm:
    if name not in known:
        raise NotSupported("a key on a token signs with SHA-256, SHA-384 or SHA-512")
    return known[name]
