"""JSON Web Encryption to keys (RFC 7518 section 4): RSA, AES key wrap, ECDH-ES, and no wrap at all.

Messages are written in compact form, read in both. Key pairs of the moment and the random part of
RSA are OpenSSL's own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac, padding
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from appliance.formats import base64url, gojson, jwe, jwk, key_forms
from appliance.formats.jose_keys import JoseKey
from appliance.model.errors import BadRequest, FormatError

Entropy = Callable[[int], bytes]

CONTENT_KEYS: Final = {  # octets of the key for the content
    "A128GCM": 16, "A192GCM": 24, "A256GCM": 32,
    "A128CBC-HS256": 32, "A192CBC-HS384": 48, "A256CBC-HS512": 64,
}  # fmt: skip
_DIGESTS: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "A128CBC-HS256": hashes.SHA256(),
    "A192CBC-HS384": hashes.SHA384(),
    "A256CBC-HS512": hashes.SHA512(),
}
_WRAPS: Final = {"A128KW": 16, "A192KW": 24, "A256KW": 32}
_GCM_WRAPS: Final = {"A128GCMKW": 16, "A192GCMKW": 24, "A256GCMKW": 32}
_DIRECT: Final = "dir"
_AGREED: Final = "ECDH-ES"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wrapped:
    """A content key, as it is sent, and what the header says of it."""

    content_key: bytes
    sent: bytes = b""
    header: Mapping[str, Any]


def encrypt(
    payload: bytes, key: JoseKey, encryption: str, header: Mapping[str, Any], entropy: Entropy
) -> str:
    """Encrypt to a key by its algorithm, in compact form; `entropy` gives random octets.

    Raises BadRequest.
    """
    size = CONTENT_KEYS[encryption]
    wrapped = _wrap(key, encryption, size, entropy)
    full = {**header, **wrapped.header, "alg": key.algorithm, "enc": encryption}
    protected = base64url.encode(gojson.encode(dict(sorted(full.items()))))
    sealed = _seal(encryption, wrapped.content_key, payload, protected.encode(), entropy)
    return ".".join((protected, *map(base64url.encode, (wrapped.sent, *sealed))))


def decrypt(text: str, key: JoseKey) -> bytes:
    """Decrypt with a key; the message must name its algorithm. Raises FormatError, BadRequest."""
    members, header = jwe.parsed(text)
    algorithm, encryption = header.get("alg"), header.get("enc")
    if not isinstance(algorithm, str) or not isinstance(encryption, str):
        raise FormatError("a JWE without alg or enc")
    if encryption not in CONTENT_KEYS:
        raise FormatError(f"a JWE with enc {encryption[:30]!r} is not supported")
    sent = base64url.decode(members["encrypted_key"])
    try:
        content_key = _unwrap(key, algorithm, encryption, sent, header)
    except (ValueError, InvalidUnwrap, InvalidTag):
        raise FormatError("error decrypting data: it was not encrypted to this key") from None
    return jwe.opened(members, header, content_key)


def _wrap(key: JoseKey, encryption: str, size: int, entropy: Entropy) -> _Wrapped:
    """Make a content key and hide it from all but the key's owner."""
    algorithm = key.algorithm
    if algorithm == _DIRECT:
        return _Wrapped(content_key=_secret(key, size, algorithm), header={})
    if algorithm.startswith(_AGREED):
        return _wrap_agreed(key, encryption, entropy)
    content_key = entropy(size)
    match key_forms.public_half(key.key) if not isinstance(key.key, bytes) else key.key:
        case RSAPublicKey() as public:
            try:
                sent = public.encrypt(content_key, _rsa(algorithm))
            except ValueError as error:
                raise BadRequest("the RSA key is too short to encrypt to") from error
            return _Wrapped(content_key=content_key, sent=sent, header={})
        case bytes() if algorithm in _WRAPS:
            wrapping = _secret(key, _WRAPS[algorithm], algorithm)
            return _Wrapped(
                content_key=content_key, sent=aes_key_wrap(wrapping, content_key), header={}
            )
        case bytes() if algorithm in _GCM_WRAPS:
            wrapping, initial = _secret(key, _GCM_WRAPS[algorithm], algorithm), entropy(12)
            sealed = AESGCM(wrapping).encrypt(initial, content_key, None)
            header = {
                "iv": base64url.encode(initial),
                "tag": base64url.encode(sealed[-16:]),
            }
            return _Wrapped(content_key=content_key, sent=sealed[:-16], header=header)
    raise _unfit(key, algorithm)


def _wrap_agreed(key: JoseKey, encryption: str, entropy: Entropy) -> _Wrapped:
    """Agree on a key by a key pair of the moment (RFC 7518 section 4.6)."""
    public = key_forms.public_half(key.key) if not isinstance(key.key, bytes) else None
    if not isinstance(public, EllipticCurvePublicKey):
        raise _unfit(key, key.algorithm)
    passing = generate_private_key(public.curve)
    header = {"epk": jwk.public_members(passing.public_key())}
    agreed = _agree(passing, public, key.algorithm, encryption, {})
    if key.algorithm == _AGREED:
        return _Wrapped(content_key=agreed, header=header)
    content_key = entropy(CONTENT_KEYS[encryption])
    return _Wrapped(content_key=content_key, sent=aes_key_wrap(agreed, content_key), header=header)


def _unwrap(
    key: JoseKey, algorithm: str, encryption: str, sent: bytes, header: Mapping[str, Any]
) -> bytes:
    """Give the content key. Raises FormatError and what the ciphers raise."""
    private = key.key if isinstance(key.key, bytes) else key_forms.private_of(key.key)
    match private:
        case RSAPrivateKey() if algorithm.startswith("RSA"):
            return private.decrypt(sent, _rsa(algorithm))
        case EllipticCurvePrivateKey() if algorithm.startswith(_AGREED):
            epk = header.get("epk")
            peer = jwk.public_key(epk) if isinstance(epk, dict) else None
            if not isinstance(peer, EllipticCurvePublicKey) or peer.curve.name != (
                private.curve.name
            ):
                raise FormatError("a JWE whose epk does not go with the key")
            agreed = _agree(private, peer, algorithm, encryption, header)
            return agreed if algorithm == _AGREED else aes_key_unwrap(agreed, sent)
        case bytes() if algorithm == _DIRECT:
            return _secret(key, CONTENT_KEYS[encryption], algorithm)
        case bytes() if algorithm in _WRAPS:
            return aes_key_unwrap(_secret(key, _WRAPS[algorithm], algorithm), sent)
        case bytes() if algorithm in _GCM_WRAPS:
            initial, tag = (_text(header, name) for name in ("iv", "tag"))
            wrapping = _secret(key, _GCM_WRAPS[algorithm], algorithm)
            return AESGCM(wrapping).decrypt(initial, sent + tag, None)
    raise _unfit(key, algorithm)


def _agree(
    private: EllipticCurvePrivateKey,
    peer: EllipticCurvePublicKey,
    algorithm: str,
    encryption: str,
    header: Mapping[str, Any],
) -> bytes:
    """Derive a key of what both know by the Concat KDF (RFC 7518 section 4.6.2)."""
    if algorithm == _AGREED:
        name, size = encryption, CONTENT_KEYS[encryption]
    else:
        name = algorithm
        wrap = algorithm.removeprefix(f"{_AGREED}+")
        if wrap not in _WRAPS:
            raise FormatError(f"a JWE with alg {algorithm[:30]!r} is not supported")
        size = _WRAPS[wrap]
    parties = (base64url.decode(str(header.get(party, ""))) for party in ("apu", "apv"))
    info = b"".join(len(part).to_bytes(4) + part for part in (name.encode(), *parties))
    kdf = ConcatKDFHash(hashes.SHA256(), size, info + (size * 8).to_bytes(4))
    return kdf.derive(private.exchange(ECDH(), peer))


def _seal(
    encryption: str, key: bytes, payload: bytes, protected: bytes, entropy: Entropy
) -> tuple[bytes, bytes, bytes]:
    """Encrypt the content: IV, ciphertext and tag (RFC 7518 section 5)."""
    digest = _DIGESTS.get(encryption)
    if digest is None:
        initial = entropy(12)
        sealed = AESGCM(key).encrypt(initial, payload, protected)
        return initial, sealed[:-16], sealed[-16:]
    half, initial = len(key) // 2, entropy(16)
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(AES(key[half:]), CBC(initial)).encryptor()
    ciphertext = encryptor.update(padder.update(payload) + padder.finalize())
    code = hmac.HMAC(key[:half], digest)
    code.update(protected + initial + ciphertext + (len(protected) * 8).to_bytes(8))
    return initial, ciphertext, code.finalize()[:half]


def _rsa(algorithm: str) -> rsa_padding.AsymmetricPadding:
    match algorithm:
        case "RSA1_5":
            return rsa_padding.PKCS1v15()
        case "RSA-OAEP":
            digest: hashes.HashAlgorithm = hashes.SHA1()  # noqa: S303 - RFC 7518 section 4.3
        case "RSA-OAEP-256":
            digest = hashes.SHA256()
        case _:
            raise FormatError(f"a JWE with alg {algorithm[:30]!r} is not supported")
    return rsa_padding.OAEP(mgf=rsa_padding.MGF1(digest), algorithm=digest, label=None)


def _secret(key: JoseKey, size: int, algorithm: str) -> bytes:
    if not isinstance(key.key, bytes):
        raise _unfit(key, algorithm)
    if len(key.key) != size:
        raise BadRequest(f"a symmetric key for {algorithm} must have {size} octets here")
    return key.key


def _text(header: Mapping[str, Any], name: str) -> bytes:
    value = header.get(name)
    if not isinstance(value, str):
        raise FormatError(f"a JWE without {name}")
    return base64url.decode(value)


def _unfit(key: JoseKey, algorithm: str) -> BadRequest:
    return BadRequest(f"alg '{algorithm[:30]}' is not compatible with kty '{key.kty}'")
