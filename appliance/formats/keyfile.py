"""Private and public keys in PEM, in the forms that step and OpenSSL read and write.

Read: SEC1, PKCS #1, PKCS #8, encrypted PKCS #8 (PBES2), RFC 1423, OpenSSH. Written: SEC1 and
PKCS #1, encrypted as RFC 1423 has it (AES-256-CBC); PKCS #8, encrypted with PBES2 (RFC 8018), for
Ed25519 and on demand.
"""

from collections.abc import Callable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from appliance.formats import der, pem
from appliance.formats.keys import PrivateKey, PublicKey, checked_private, checked_public
from appliance.formats.ssh import private_keys
from appliance.model.errors import FormatError
from appliance.model.secret import Password

ENTROPY = 32  # octets that dump_private_key asks for: a salt and an IV
ITERATIONS = 600_000  # of PBKDF2 in what we write

_CIPHERS: dict[str, tuple[Callable[[bytes], BlockCipherAlgorithm], int, int]] = {
    # with the octets of key and block
    "AES-256-CBC": (AES, 32, 16),
    "AES-192-CBC": (AES, 24, 16),
    "AES-128-CBC": (AES, 16, 16),
    "DES-EDE3-CBC": (TripleDES, 24, 8),
}


class PasswordNeeded(FormatError):
    """The key is encrypted, and no password was given."""

    def __init__(self) -> None:
        super().__init__("the private key is encrypted: a password is needed")


class WrongPassword(FormatError):
    """The password does not open it."""

    def __init__(self, what: str = "the private key") -> None:
        super().__init__(f"the password does not decrypt {what}")


def load_private_key(data: bytes, password: Password | None) -> PrivateKey:
    """Read the first private key of a PEM file; a password is not looked at if none is needed.

    Raises PasswordNeeded, WrongPassword, FormatError.
    """
    for block in pem.blocks(data):
        if block.label.endswith("PRIVATE KEY"):
            return _from_block(block, password)
    raise FormatError("no PEM block of a private key found")


def is_encrypted(data: bytes) -> bool:
    """Say whether the first private key of a PEM file asks for a password. Raises FormatError."""
    try:
        load_private_key(data, None)
    except PasswordNeeded:
        return True
    return False


def dump_private_key(
    key: PrivateKey, password: Password | None, *, entropy: bytes = b"", pkcs8: bool = False
) -> bytes:
    """Write a key as PEM: SEC1 or PKCS #1, or PKCS #8 for Ed25519 and on demand.

    With a password it is encrypted, and `entropy` is ENTROPY fresh random octets.
    """
    if password is not None and len(entropy) != ENTROPY:
        raise ValueError(f"encrypting a key takes {ENTROPY} octets of entropy")
    if pkcs8 or isinstance(key, Ed25519PrivateKey):
        content = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        if password is None:
            return pem.encode("PRIVATE KEY", content).encode()
        return pem.encode("ENCRYPTED PRIVATE KEY", _pbes2(content, password, entropy)).encode()
    label = "EC PRIVATE KEY" if isinstance(key, EllipticCurvePrivateKey) else "RSA PRIVATE KEY"
    content = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    if password is None:
        return pem.encode(label, content).encode()
    initial = entropy[16:]
    encrypted = _encrypt(content, _legacy_key(password, initial[:8], 32), initial)
    headers = {"Proc-Type": "4,ENCRYPTED", "DEK-Info": f"AES-256-CBC,{initial.hex()}"}
    return pem.encode(label, encrypted, headers).encode()


def load_public_key(data: bytes) -> PublicKey:
    """Read the first PUBLIC KEY of a PEM file. Raises FormatError."""
    return public_key_of_der(pem.first(data, "PUBLIC KEY"))


def public_key_of_der(spki: bytes) -> PublicKey:
    """Read a SubjectPublicKeyInfo. Raises FormatError."""
    try:
        return checked_public(load_der_public_key(spki))
    except (ValueError, UnsupportedAlgorithm):
        raise FormatError("a public key that cannot be read") from None


def dump_public_key(key: PublicKey) -> bytes:
    """Write a key as PEM, PUBLIC KEY."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _from_block(block: pem.Block, password: Password | None) -> PrivateKey:
    if block.label == private_keys.LABEL:
        return _from_openssh(block, password)
    if block.label == "ENCRYPTED PRIVATE KEY":
        return _from_encrypted_pkcs8(block.der, password)
    if block.label not in ("PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"):
        raise FormatError(f"PEM blocks of type {block.label} are not supported")
    if "ENCRYPTED" not in block.headers.get("Proc-Type", ""):
        return _from_der(block.der)
    content = _decrypt_legacy(block, password)
    try:
        return _from_der(content)
    except FormatError:  # one in 256 wrong passwords leaves right padding
        raise WrongPassword from None


def _from_der(content: bytes) -> PrivateKey:
    try:
        return checked_private(load_der_private_key(content, None))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise FormatError("a private key that cannot be read") from None


def _from_encrypted_pkcs8(content: bytes, password: Password | None) -> PrivateKey:
    parts = der.items(content)
    if [part.tag for part in parts] != [der.SEQUENCE, der.OCTET_STRING]:
        raise FormatError("an encrypted private key that cannot be read")
    if not password:
        raise PasswordNeeded
    try:
        return checked_private(load_der_private_key(content, password.reveal()))
    except (ValueError, UnsupportedAlgorithm) as error:
        if isinstance(error, UnsupportedAlgorithm) or "nknown key encryption" in str(error):
            raise FormatError("a private key encrypted in a way that is not supported") from None
        raise WrongPassword from None  # the padding does not fit, or what comes out is no key


def _from_openssh(block: pem.Block, password: Password | None) -> PrivateKey:
    sealed = private_keys.read(block.der)
    if sealed.is_encrypted and not password:
        raise PasswordNeeded
    key = private_keys.unsealed(sealed, password)
    if key is None:
        raise WrongPassword
    return key


# ---- RFC 1423, as OpenSSL writes it: the key is made of password and salt by MD5, once


def _legacy_key(password: Password, salt: bytes, size: int) -> bytes:
    """Derive a key as OpenSSL's EVP_BytesToKey does with MD5 and one round."""
    key = last = b""
    while len(key) < size:
        digest = hashes.Hash(hashes.MD5())  # noqa: S303 - the format has no other
        digest.update(last + password.reveal() + salt)
        last = digest.finalize()
        key += last
    return key[:size]


def _decrypt_legacy(block: pem.Block, password: Password | None) -> bytes:
    name, _, hexadecimal = block.headers.get("DEK-Info", "").partition(",")
    if name not in _CIPHERS:
        raise FormatError(f"a private key encrypted with {name[:40]!r}: that is not supported")
    cipher, size, octets = _CIPHERS[name]
    try:
        initial = bytes.fromhex(hexadecimal)
    except ValueError:
        initial = b""
    if len(initial) != octets or not block.der or len(block.der) % octets:
        raise FormatError("an encrypted private key with a broken DEK-Info or length")
    if not password:
        raise PasswordNeeded
    decryptor = Cipher(cipher(_legacy_key(password, initial[:8], size)), CBC(initial)).decryptor()
    unpadder = padding.PKCS7(octets * 8).unpadder()
    try:
        return (
            unpadder.update(decryptor.update(block.der) + decryptor.finalize())
            + unpadder.finalize()
        )
    except ValueError:
        raise WrongPassword from None


def _encrypt(content: bytes, key: bytes, initial: bytes) -> bytes:
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(AES(key), CBC(initial)).encryptor()
    return encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()


# ---- PBES2 (RFC 8018 section 6.2)


def _pbes2(content: bytes, password: Password, entropy: bytes) -> bytes:
    """Write an EncryptedPrivateKeyInfo: PBKDF2 with HMAC-SHA-256, AES-256-CBC."""
    salt, initial = entropy[:16], entropy[16:]
    kdf = PBKDF2HMAC(algorithm=hashes.SHA256(), length=32, salt=salt, iterations=ITERATIONS)
    encrypted = _encrypt(content, kdf.derive(password.reveal()), initial)
    derivation = der.sequence(
        der.oid("1.2.840.113549.1.5.12"),  # PBKDF2
        der.sequence(
            der.octet_string(salt),
            der.integer(ITERATIONS),
            der.sequence(der.oid("1.2.840.113549.2.9"), der.null()),  # HMAC with SHA-256
        ),
    )
    scheme = der.sequence(der.oid("2.16.840.1.101.3.4.1.42"), der.octet_string(initial))
    algorithm = der.sequence(der.oid("1.2.840.113549.1.5.13"), der.sequence(derivation, scheme))
    return der.sequence(algorithm, der.octet_string(encrypted))
