"""Keys in whichever form people keep them: PEM, DER, a line of OpenSSH, or a JWK."""

import binascii
import enum
from typing import Any, TypeAlias

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_ssh_public_key,
)

from appliance.formats import jwe, jwk, keyfile, pem, public_keys
from appliance.formats.keyfile import PasswordNeeded
from appliance.formats.keys import PrivateKey, PublicKey, checked_private, checked_public
from appliance.model.errors import FormatError
from appliance.model.secret import Password

AnyKey: TypeAlias = PrivateKey | PublicKey

_SSH_KINDS = (
    b"ssh-rsa", b"ssh-ed25519", b"ecdsa-sha2-nistp256", b"ecdsa-sha2-nistp384",
    b"ecdsa-sha2-nistp521",
)  # fmt: skip


class Form(enum.Enum):
    """How a key is written."""

    PEM = "pem"
    SSH = "ssh"
    JWK = "jwk"
    DER = "der"


def form_of(content: bytes) -> Form:
    """Tell the form by what it begins with; whatever else is taken for DER."""
    if content.startswith(pem.BEGIN):
        return Form.PEM
    if content.startswith(_SSH_KINDS):
        return Form.SSH
    text = content.decode("utf-8", "replace")
    return Form.JWK if text.startswith("{") or jwe.is_encrypted(text) else Form.DER


def read(content: bytes, password: Password | None = None) -> AnyKey:
    """Read a key of any form; the first one of a PEM file, of a certificate its public key.

    Raises PasswordNeeded, WrongPassword, FormatError.
    """
    match form_of(content):
        case Form.PEM:
            return _pem(content, password)
        case Form.SSH:
            return _ssh(content)
        case Form.JWK:
            return _jwk(content.decode("utf-8", "replace"), password)
        case Form.DER:
            return _der(content)


def private_of(key: AnyKey) -> PrivateKey | None:
    """Give a private key, and None for a public one."""
    if isinstance(key, EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey):
        return key
    return None


def public_half(key: AnyKey) -> PublicKey:
    """Give the public half of a private key, or the public key itself."""
    if isinstance(key, EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey):
        return key.public_key()
    return key


def to_der(key: AnyKey, *, pkcs8: bool = False) -> bytes:
    """Write SEC1 or PKCS #1, PKCS #8 for Ed25519 and on demand; SubjectPublicKeyInfo."""
    if isinstance(key, EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey):
        whole = pkcs8 or isinstance(key, Ed25519PrivateKey)
        form = PrivateFormat.PKCS8 if whole else PrivateFormat.TraditionalOpenSSL
        return key.private_bytes(Encoding.DER, form, NoEncryption())
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def to_ssh(key: AnyKey) -> bytes:
    """Write the line of a public key, or the open PEM of a private one, as OpenSSH does."""
    if isinstance(key, EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey):
        return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b"\n"


def ssh_octets(key: PublicKey) -> bytes:
    """Give the blob that OpenSSH's fingerprints are made of (RFC 4253 section 6.6)."""
    return binascii.a2b_base64(to_ssh(key).split(b" ")[1])


def to_jwk(key: AnyKey) -> bytes:
    """Write a JWK with what defines the key, and nothing about its use."""
    if isinstance(key, EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey):
        return msgspec.json.encode(jwk.private_members(key))
    return msgspec.json.encode(jwk.public_members(key))


def _pem(content: bytes, password: Password | None) -> AnyKey:
    first = next(iter(pem.blocks(content)))
    if first.label.endswith("PRIVATE KEY"):
        return keyfile.load_private_key(content, password)
    return public_keys.of_block(first)


def _ssh(content: bytes) -> PublicKey:
    try:
        return checked_public(load_ssh_public_key(content.strip()))
    except (ValueError, UnsupportedAlgorithm):
        raise FormatError("an OpenSSH public key that cannot be read") from None


def _jwk(text: str, password: Password | None) -> AnyKey:
    if jwe.is_encrypted(text):
        if password is None:
            raise PasswordNeeded
        text = jwe.decrypt(text, password).decode("utf-8", "replace")
    try:
        members = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        raise FormatError("neither a key nor a JWK") from None
    return jwk.private_key(members) if "d" in members else jwk.public_key(members)


def _der(content: bytes) -> AnyKey:
    try:
        return checked_private(load_der_private_key(content, None))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        pass
    for label in ("PUBLIC KEY", "CERTIFICATE", "CERTIFICATE REQUEST"):
        try:
            return public_keys.of_block(pem.Block(label, {}, content))
        except FormatError:
            continue
    raise FormatError("a key that cannot be read: it is neither PEM, OpenSSH, JWK nor DER")
