"""OpenSSH's own form of private keys, `openssh-key-v1` (PROTOCOL.key of OpenSSH).

An encrypted one is sealed with a cipher whose key bcrypt makes of the password.
"""

from dataclasses import dataclass, field
from typing import Final

import bcrypt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import rsa_crt_iqmp
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, CTR
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from appliance.formats import pem
from appliance.formats.keys import PrivateKey, checked_private
from appliance.formats.ssh import keys, wire
from appliance.formats.ssh.wire import Reader
from appliance.model.errors import FormatError
from appliance.model.secret import Password

LABEL: Final = "OPENSSH PRIVATE KEY"
ENTROPY: Final = 20  # octets that dump asks for: a check number and a salt
ROUNDS: Final = 16  # of bcrypt in what we write, as ssh-keygen does

_MAGIC: Final = b"openssh-key-v1\0"
_NONE: Final = "none"
_KDF: Final = "bcrypt"
_WRITTEN: Final = "aes256-ctr"
_BLOCK: Final = 16  # octets of AES
_OPEN_BLOCK: Final = 8  # octets to which an open key is padded
_MOST_ROUNDS: Final = 4096  # some ten seconds; a file is no reason to calculate for hours
_CIPHERS: Final = {
    f"aes{bits}-{name}": (bits // 8, mode)
    for bits in (128, 192, 256)
    for name, mode in (("ctr", CTR), ("cbc", CBC))
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedKey:
    """A private key as it is in a file, sealed or open."""

    cipher: str
    kdf: str
    kdf_options: bytes
    public_key: bytes  # its blob
    content: bytes = field(repr=False)

    @property
    def is_encrypted(self) -> bool:
        """Say whether it takes a password."""
        return self.cipher != _NONE

    @property
    def octets(self) -> bytes:
        """Write it."""
        return b"".join(
            (
                _MAGIC,
                wire.strings((self.cipher, self.kdf, self.kdf_options)),
                wire.uint32(1),
                wire.strings((self.public_key, self.content)),
            )
        )


def dump(key: PrivateKey, password: Password | None, *, entropy: bytes, comment: str = "") -> bytes:
    """Write a key as PEM, encrypted where there is a password.

    `entropy` is ENTROPY fresh random octets.
    """
    if len(entropy) != ENTROPY:
        raise ValueError(f"writing a key takes {ENTROPY} octets of entropy")
    check, salt = entropy[:4], entropy[4:]
    public_key = keys.of_key(key.public_key())
    content = check * 2 + wire.string(public_key.type) + _fields(key) + wire.string(comment)
    if password is None:
        sealed = SealedKey(
            cipher=_NONE,
            kdf=_NONE,
            kdf_options=b"",
            public_key=public_key.blob,
            content=_padded(content, _OPEN_BLOCK),
        )
    else:
        options = wire.string(salt) + wire.uint32(ROUNDS)
        encryptor = _cipher(_WRITTEN, options, password).encryptor()
        sealed = SealedKey(
            cipher=_WRITTEN,
            kdf=_KDF,
            kdf_options=options,
            public_key=public_key.blob,
            content=encryptor.update(_padded(content, _BLOCK)) + encryptor.finalize(),
        )
    return pem.encode(LABEL, sealed.octets).encode()


def read(octets: bytes) -> SealedKey:
    """Read what a PEM block of LABEL holds. Raises FormatError."""
    if not octets.startswith(_MAGIC):
        raise FormatError("an OpenSSH private key that cannot be read")
    reader = Reader(octets[len(_MAGIC) :])
    cipher, kdf, options = reader.text(), reader.text(), reader.string()
    if reader.uint32() != 1:
        raise FormatError("an OpenSSH private key file with several keys is not supported")
    return SealedKey(
        cipher=cipher,
        kdf=kdf,
        kdf_options=options,
        public_key=reader.string(),
        content=reader.string(),
    )


def unsealed(sealed: SealedKey, password: Password | None) -> PrivateKey | None:
    """Open a key; None says that the password is not the right one. Raises FormatError."""
    content = sealed.content
    if sealed.is_encrypted:
        if sealed.kdf != _KDF or sealed.cipher not in _CIPHERS:
            raise FormatError(
                f"an OpenSSH private key encrypted with {sealed.cipher[:40]!r} is not supported"
            )
        if not password:
            return None
        decryptor = _cipher(sealed.cipher, sealed.kdf_options, password).decryptor()
        if len(content) % _BLOCK:
            raise FormatError("an OpenSSH private key that cannot be read")
        content = decryptor.update(content) + decryptor.finalize()
        if content[:4] != content[4:8]:
            return None
    plain = SealedKey(
        cipher=_NONE, kdf=_NONE, kdf_options=b"", public_key=sealed.public_key, content=content
    )
    try:
        text = pem.encode(LABEL, plain.octets).encode()
        return checked_private(load_ssh_private_key(text, None))
    except (ValueError, TypeError, RuntimeError, UnsupportedAlgorithm):  # the third: odd points
        raise FormatError("an OpenSSH private key that cannot be read") from None


def secret_fields(key: PrivateKey) -> bytes:
    """Write what a certificate leaves unsaid of its key, as the agent takes it."""
    if isinstance(key, EllipticCurvePrivateKey):
        return wire.mpint(key.private_numbers().private_value)
    if isinstance(key, Ed25519PrivateKey):
        public = key.public_key().public_bytes_raw()
        return wire.strings((public, key.private_bytes_raw() + public))
    numbers = key.private_numbers()
    coefficient = rsa_crt_iqmp(numbers.p, numbers.q)
    return b"".join(map(wire.mpint, (numbers.d, coefficient, numbers.p, numbers.q)))


def _fields(key: PrivateKey) -> bytes:
    """Write all of a key behind its type; Ed25519 has its public half twice, RSA in its order."""
    if isinstance(key, Ed25519PrivateKey):
        return secret_fields(key)
    if isinstance(key, EllipticCurvePrivateKey):
        blob = keys.of_key(key.public_key())
        return blob.blob.removeprefix(wire.string(blob.type)) + secret_fields(key)
    public = key.private_numbers().public_numbers
    return wire.mpint(public.n) + wire.mpint(public.e) + secret_fields(key)


def _padded(content: bytes, size: int) -> bytes:
    return content + bytes(range(1, -len(content) % size + 1))


def _cipher(name: str, options: bytes, password: Password) -> "Cipher[CTR | CBC]":
    """Make the cipher of a password. Raises FormatError."""
    size, mode = _CIPHERS[name]
    reader = Reader(options)
    salt, rounds = reader.string(), reader.uint32()
    reader.finish("the options of a private key's encryption")
    if not salt or not 0 < rounds <= _MOST_ROUNDS:
        raise FormatError("an OpenSSH private key whose encryption cannot be read")
    made = bcrypt.kdf(password.reveal(), salt, size + _BLOCK, rounds, ignore_few_rounds=True)
    return Cipher(AES(made[:size]), mode(made[size:]))
