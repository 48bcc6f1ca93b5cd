"""Keys for JOSE: read from PEM, JWK, JWK set or bare octets, with what they are to be used for.

Which algorithm a key is used with follows from what was asked for, from the JWK, or, where there is
just one sensible choice, from the key; never from the message.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from appliance.formats import base64url, jwe, jwk, key_forms, pem
from appliance.formats.key_forms import AnyKey
from appliance.formats.keyfile import PasswordNeeded
from appliance.model.errors import BadRequest, FormatError
from appliance.model.secret import Password

HMAC: Final = ("HS256", "HS384", "HS512")
_RSA: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_FOR_ENCRYPTION: Final = {
    "oct": ("dir", "A128GCMKW", "A192GCMKW", "A256GCMKW", "A128KW", "A192KW", "A256KW"),
    "RSA": ("RSA1_5", "RSA-OAEP", "RSA-OAEP-256"),
    "EC": ("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"),
}
_DEFAULT_FOR_ENCRYPTION: Final = {"oct": "A256GCMKW", "RSA": "RSA-OAEP-256", "EC": "ECDH-ES"}

JoseMaterial: TypeAlias = AnyKey | bytes
"""A key, or the octets of a symmetric one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoseKey:
    """A key and what is said about it. `use` is sig, enc or empty."""

    key: JoseMaterial
    kid: str = ""
    algorithm: str = ""
    use: str = ""

    @property
    def kty(self) -> str:
        """The kind of key, as a JWK names it."""
        match self.key:
            case bytes():
                return "oct"
            case RSAPrivateKey() | RSAPublicKey():
                return "RSA"
            case Ed25519PrivateKey() | Ed25519PublicKey():
                return "OKP"
            case _:
                return "EC"

    @property
    def is_public(self) -> bool:
        """Whether it has no secret part."""
        return not isinstance(self.key, bytes) and key_forms.private_of(self.key) is None

    def __repr__(self) -> str:
        """Show nothing of the key."""
        return f"JoseKey({self.kty}, kid={self.kid!r}, alg={self.algorithm!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the reader wants of a key. `guess`: take the usual algorithm of its kind."""

    use: str
    algorithm: str = ""
    kid: str = ""
    subtle: bool = False
    guess: bool = True


def read(content: bytes, name: str, asked: Asked, password: Password | None = None) -> JoseKey:
    """Read the key in a file called `name`.

    Raises PasswordNeeded, WrongPassword, FormatError, and BadRequest when it is not the key asked
    for.
    """
    found = _read(content, asked, password)
    if asked.kid and found.kid and found.kid != asked.kid:
        raise BadRequest(f"kid {asked.kid} does not match the kid on {name}")
    return _chosen(
        replace(found, kid=found.kid or asked.kid, use=found.use or asked.use), name, asked
    )


def read_from_set(
    content: bytes, name: str, asked: Asked, password: Password | None = None
) -> JoseKey:
    """Read the key with the asked kid out of a JWK set. Raises as `read`."""
    entries = [
        entry
        for entry in keys_of_set(decrypted(content, password))
        if entry.get("kid") == asked.kid
    ]
    if not entries:
        raise BadRequest(f"cannot find key with kid {asked.kid} on {name}")
    if len(entries) > 1:
        raise BadRequest(f"multiple keys with kid {asked.kid} have been found on {name}")
    return _chosen(of_members(entries[0]), name, asked)


def keys_of_set(content: bytes) -> list[dict[str, Any]]:
    """Give the keys of a JWK set (RFC 7517 section 5) as they are. Raises FormatError."""
    try:
        keys = msgspec.json.decode(content, type=dict[str, Any]).get("keys")
    except (msgspec.MsgspecError, RecursionError):
        raise FormatError("not a JWK set: it is not a JSON object") from None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise FormatError("not a JWK set: it has no list of keys")
    return keys


def of_members(members: Mapping[str, Any]) -> JoseKey:
    """Read a JWK. Raises FormatError."""
    texts = {name: members.get(name, "") for name in ("kid", "alg", "use")}
    if not all(isinstance(value, str) for value in texts.values()):
        raise FormatError("a JWK whose kid, alg or use is no text")
    key: JoseMaterial
    if members.get("kty") == "oct":
        secret = members.get("k")
        if not isinstance(secret, str):
            raise FormatError("a JWK without k")
        key = base64url.decode(secret)
    else:
        key = jwk.private_key(members) if "d" in members else jwk.public_key(members)
    return JoseKey(key=key, kid=texts["kid"], algorithm=texts["alg"], use=texts["use"])


def members_of(key: JoseKey) -> dict[str, Any]:
    """Write a JWK in the order that step has; of a private or symmetric key it is a secret."""
    match key.key:
        case bytes() as octets:
            made = {"kty": "oct", "k": base64url.encode(octets)}
        case _:
            private = key_forms.private_of(key.key)
            made = (
                jwk.private_members(private)
                if private is not None
                else jwk.public_members(key_forms.public_half(key.key))
            )
    stated = {"use": key.use, "kty": made.pop("kty"), "kid": key.kid, "crv": made.pop("crv", "")}
    return {
        name: value for name, value in (stated | {"alg": key.algorithm}).items() if value
    } | made


def described(key: JoseKey, asked: Asked, *, kid: str) -> JoseKey:
    """Say of a key what it is for, and settle its algorithm."""
    named = replace(key, kid=kid, use=asked.use)
    return replace(named, algorithm=asked.algorithm or _natural(named, guess=asked.guess))


def public(key: JoseKey) -> JoseKey:
    """Give the public half; a symmetric key has none and stays what it is."""
    if isinstance(key.key, bytes):
        return key
    return replace(key, key=key_forms.public_half(key.key))


def thumbprint(key: JoseKey) -> str:
    """Give the SHA-256 thumbprint of an asymmetric key (RFC 7638). Raises FormatError."""
    return jwk.thumbprint(members_of(key))


def check(key: JoseKey) -> None:
    """Check that key and algorithm go together, for its use. Raises BadRequest."""
    if key.use not in ("sig", "enc"):
        return
    if not key.algorithm:
        raise BadRequest("flag '--alg' is required with the given key")
    if key.use == "enc" and key.kty == "OKP":
        raise BadRequest("key Ed25519 cannot be used for encryption")
    allowed = _FOR_ENCRYPTION[key.kty] if key.use == "enc" else _for_signatures(key)
    if key.algorithm not in allowed:
        curve = f" and crv '{_curve(key)}'" if key.kty in ("EC", "OKP") and key.use == "sig" else ""
        raise BadRequest(f"alg '{key.algorithm}' is not compatible with kty '{key.kty}'{curve}")


def decrypted(content: bytes, password: Password | None) -> bytes:
    """Open what is encrypted, and give anything else as it is.

    Raises PasswordNeeded, WrongPassword, FormatError.
    """
    text = content.decode("utf-8", "replace")
    if not jwe.is_encrypted(text):
        return content
    if password is None:
        raise PasswordNeeded
    return jwe.decrypt(text, password)


def _read(content: bytes, asked: Asked, password: Password | None) -> JoseKey:
    if content.startswith(pem.BEGIN) and asked.algorithm not in HMAC:
        key = JoseKey(key=key_forms.read(content, password))
        return key if asked.kid else replace(key, kid=thumbprint(key))
    try:
        members = msgspec.json.decode(decrypted(content, password), type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        if asked.algorithm in HMAC:
            return JoseKey(key=content)
        raise FormatError("unsupported format: neither PEM nor a JWK") from None
    return of_members(members)


def _chosen(key: JoseKey, name: str, asked: Asked) -> JoseKey:
    """Settle the algorithm."""
    algorithm = key.algorithm or asked.algorithm or _natural(key, guess=asked.guess)
    if asked.algorithm and algorithm != asked.algorithm and not asked.subtle:
        raise BadRequest(f"alg {asked.algorithm} does not match the alg on {name}")
    return replace(key, algorithm=asked.algorithm or algorithm)


def _natural(key: JoseKey, *, guess: bool) -> str:
    """Give the algorithm of a key: the only one, or with `guess` the usual one."""
    if key.use == "enc":
        return _DEFAULT_FOR_ENCRYPTION.get(key.kty, "") if guess else ""
    if isinstance(key.key, bytes):
        return "HS256" if guess else ""
    if key.kty == "RSA" and not guess:
        return ""
    return jwk.algorithm(key.key)


def _for_signatures(key: JoseKey) -> tuple[str, ...]:
    if isinstance(key.key, bytes):
        return HMAC
    return _RSA if key.kty == "RSA" else (jwk.algorithm(key.key),)


def _curve(key: JoseKey) -> str:
    return str(members_of(key).get("crv", ""))
