"""JSON Web Encryption with a password (RFC 7516, RFC 7518 section 4.8)."""

from collections.abc import Mapping
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac, padding
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_wrap,
)

from appliance.formats import base64url
from appliance.formats.keyfile import WrongPassword
from appliance.model.errors import FormatError
from appliance.model.secret import Password

ENTROPY = 60  # octets that encrypt asks for: salt 16, content key 32, IV 12
_MOST_ITERATIONS = 1_000_000  # more would let a file keep us busy; the reference's bound
_WRAPPING: dict[str, tuple[hashes.HashAlgorithm, int]] = {
    "PBES2-HS256+A128KW": (hashes.SHA256(), 16),
    "PBES2-HS384+A192KW": (hashes.SHA384(), 24),
    "PBES2-HS512+A256KW": (hashes.SHA512(), 32),
}
_GCM = {"A128GCM": 16, "A192GCM": 24, "A256GCM": 32}
_CBC: dict[str, tuple[hashes.HashAlgorithm, int]] = {  # half of the key, and of the HMAC, in octets
    "A128CBC-HS256": (hashes.SHA256(), 16),
    "A192CBC-HS384": (hashes.SHA384(), 24),
    "A256CBC-HS512": (hashes.SHA512(), 32),
}
_MEMBERS = ("protected", "encrypted_key", "iv", "ciphertext", "tag")


def encrypt(
    payload: bytes,
    password: Password,
    *,
    entropy: bytes,
    iterations: int = 600_000,
    content_type: str = "jwk+json",
) -> str:
    """Encrypt as step does (PBES2-HS256+A128KW, A256GCM), in compact form.

    `entropy` is ENTROPY fresh random octets; `content_type` "" leaves `cty` out.
    """
    if len(entropy) != ENTROPY:
        raise ValueError(f"encrypting takes {ENTROPY} octets of entropy")
    salt, content_key, initial = entropy[:16], entropy[16:48], entropy[48:]
    name = "PBES2-HS256+A128KW"
    header: dict[str, Any] = {"alg": name}
    if content_type:
        header["cty"] = content_type
    header |= {"enc": "A256GCM", "p2c": iterations, "p2s": base64url.encode(salt)}
    protected = base64url.encode(msgspec.json.encode(header))
    wrapped = aes_key_wrap(_wrapping_key(name, password, salt, iterations), content_key)
    sealed = AESGCM(content_key).encrypt(initial, payload, protected.encode())
    parts = (wrapped, initial, sealed[:-16], sealed[-16:])
    return ".".join([protected, *map(base64url.encode, parts)])


def decrypt(token: str, password: Password) -> bytes:
    """Decrypt the compact or the JSON form. Raises WrongPassword, FormatError."""
    members, header = parsed(token)
    return opened(members, header, unwrapped(header, members, password))


def opened(members: Mapping[str, str], header: Mapping[str, Any], content_key: bytes) -> bytes:
    """Decrypt the content with the key that was found for it. Raises FormatError."""
    initial, ciphertext, tag = (base64url.decode(members[name]) for name in _MEMBERS[2:])
    protected = members["protected"].encode()
    if (aad := members.get("aad")) is not None:
        protected += b"." + aad.encode()
    encryption = header.get("enc")
    if not isinstance(encryption, str):
        raise FormatError("a JWE without enc")
    if encryption in _GCM:
        return _open_gcm(encryption, content_key, initial, ciphertext + tag, protected)
    if encryption in _CBC:
        return _open_cbc(encryption, content_key, initial, (ciphertext, tag), protected)
    raise FormatError(f"a JWE with enc {encryption[:30]!r} is not supported")


def is_encrypted(text: str) -> bool:
    """Say whether a text is a JWE at all, in compact or JSON form."""
    try:
        parsed(text)
    except FormatError:
        return False
    return True


def to_json(token: str, *, indent: int | None = 2) -> str:
    """Write a compact JWE in the JSON form of the files that step writes: indented by two."""
    members = dict(zip(_MEMBERS, token.split("."), strict=True))
    if not members["encrypted_key"]:
        del members["encrypted_key"]
    octets = msgspec.json.encode(members)
    return (octets if indent is None else msgspec.json.format(octets, indent=indent)).decode()


def compact(text: str) -> str:
    """Write either form in the compact one. Raises FormatError where that cannot hold it."""
    members, _ = parsed(text)
    if "aad" in members:
        raise FormatError("a JWE with aad has no compact form")
    return ".".join(members[name] for name in _MEMBERS)


def parsed(text: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Give the members of either form, and the joint header. Raises FormatError."""
    text = text.strip()
    if text.startswith("{"):
        document = _json_object(text)
        recipients = document.pop("recipients", None)
        if (
            isinstance(recipients, list)
            and len(recipients) == 1
            and isinstance(recipients[0], dict)
        ):
            document |= recipients[0]
        document.setdefault("encrypted_key", "")  # there is none where keys are agreed on
        header = {
            **_object(document.get("unprotected", {})),
            **_object(document.get("header", {})),
        }
        names = (*_MEMBERS, *(("aad",) if "aad" in document else ()))
        members = {name: document.get(name) for name in names}
    else:
        parts = text.split(".")
        if len(parts) != len(_MEMBERS):
            raise FormatError("not a JWE: it has neither five parts nor the JSON form")
        header = {}
        members = dict(zip(_MEMBERS, parts, strict=True))
    checked = {name: value for name, value in members.items() if isinstance(value, str)}
    if len(checked) != len(members):
        raise FormatError("not a JWE: a member is missing or is no text")
    header |= _json_object(base64url.decode(checked["protected"]))
    if "crit" in header or "zip" in header:
        raise FormatError("a JWE with crit or zip is not supported")
    return checked, header


def _json_object(text: str | bytes) -> dict[str, Any]:
    try:
        return _object(msgspec.json.decode(text))
    except (ValueError, RecursionError):
        raise FormatError("not a JWE: its JSON is broken") from None


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FormatError("not a JWE: an object is missing")
    return value


def _wrapping_key(name: str, password: Password, salt: bytes, iterations: int) -> bytes:
    digest, size = _WRAPPING[name]
    full_salt = name.encode() + b"\0" + salt
    kdf = PBKDF2HMAC(algorithm=digest, length=size, salt=full_salt, iterations=iterations)
    return kdf.derive(password.reveal())


def unwrapped(header: Mapping[str, Any], members: Mapping[str, str], password: Password) -> bytes:
    """Give the content encryption key by a password. Raises WrongPassword, FormatError."""
    encrypted_key = base64url.decode(members["encrypted_key"])
    name, count, salt = header.get("alg"), header.get("p2c"), header.get("p2s")
    if not isinstance(name, str) or name not in _WRAPPING:
        raise FormatError(f"a JWE with alg {str(name)[:30]!r} is not encrypted with a password")
    if not isinstance(count, int) or not 0 < count <= _MOST_ITERATIONS or not isinstance(salt, str):
        raise FormatError("a JWE with a broken salt (p2s) or count (p2c)")
    try:
        return aes_key_unwrap(
            _wrapping_key(name, password, base64url.decode(salt), count), encrypted_key
        )
    except (InvalidUnwrap, ValueError):
        raise WrongPassword("the JWE") from None


def _open_gcm(name: str, key: bytes, initial: bytes, sealed: bytes, protected: bytes) -> bytes:
    if len(key) != _GCM[name] or len(initial) != 12:
        raise FormatError(f"a JWE whose key or iv does not fit {name}")
    try:
        return AESGCM(key).decrypt(initial, sealed, protected)
    except InvalidTag:
        raise FormatError("a JWE whose content was changed") from None


def _open_cbc(
    name: str, key: bytes, initial: bytes, sealed: tuple[bytes, bytes], protected: bytes
) -> bytes:
    digest, half = _CBC[name]
    ciphertext, tag = sealed
    if len(key) != 2 * half or len(initial) != 16 or not ciphertext or len(ciphertext) % 16:
        raise FormatError(f"a JWE whose key, iv or ciphertext does not fit {name}")
    code = hmac.HMAC(key[:half], digest)
    code.update(protected + initial + ciphertext + (len(protected) * 8).to_bytes(8))
    if not bytes_eq(code.finalize()[:half], tag):
        raise FormatError("a JWE whose content was changed")
    decryptor = Cipher(AES(key[half:]), CBC(initial)).decryptor()
    unpadder = padding.PKCS7(128).unpadder()
    try:
        return unpadder.update(decryptor.update(ciphertext)) + unpadder.finalize()
    except ValueError:
        raise FormatError("a JWE whose content was changed") from None
