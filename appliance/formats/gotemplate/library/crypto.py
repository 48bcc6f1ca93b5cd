"""sprig's functions for digests, passwords, AES and chance."""

import hashlib
import hmac
import zlib
from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from appliance.formats import bcrypt_hashes
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.formats.gotemplate.library.declaring import metered, plain
from appliance.formats.gotemplate.library.encoding import from_base64, to_base64
from appliance.formats.gotemplate.signatures import (
    INT,
    STRING,
    UINT32,
    Function,
    FunctionError,
    Meter,
)
from appliance.formats.gotemplate.values import octets, text
from appliance.model.errors import FormatError

_BLOCK: Final = 16
_SCRYPT_STEPS: Final = 100_000  # about what one derivation takes, in microseconds
_BCRYPT_STEPS: Final = 50_000
_SCRYPT_MEMORY: Final = 1 << 27  # octets
_SEED: Final = b"com.lyndir.masterpassword"
_PASSWORD_FORMS: Final[Mapping[str, tuple[str, ...]]] = {
    "maximum": ("anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"),
    "long": (
        "CvcvnoCvcvCvcv", "CvcvCvcvnoCvcv", "CvcvCvcvCvcvno", "CvccnoCvcvCvcv", "CvccCvcvnoCvcv",
        "CvccCvcvCvcvno", "CvcvnoCvccCvcv", "CvcvCvccnoCvcv", "CvcvCvccCvcvno", "CvcvnoCvcvCvcc",
        "CvcvCvcvnoCvcc", "CvcvCvcvCvccno", "CvccnoCvccCvcv", "CvccCvccnoCvcv", "CvccCvccCvcvno",
        "CvcvnoCvccCvcc", "CvcvCvccnoCvcc", "CvcvCvccCvccno", "CvccnoCvcvCvcc", "CvccCvcvnoCvcc",
        "CvccCvcvCvccno",
    ),
    "medium": ("CvcnoCvc", "CvcCvcno"),
    "short": ("Cvcn",),
    "basic": ("aaanaaan", "aannaaan", "aaannaaa"),
    "pin": ("nnnn",),
}  # fmt: skip
_SMALL: Final = "bcdfghjklmnpqrstvwxyz"
_LETTERS: Final = f"AEIOUaeiou{_SMALL.upper()}{_SMALL}"
_CLASSES: Final[Mapping[str, str]] = {
    "C": _SMALL.upper(),
    "v": "aeiou",
    "c": _SMALL,
    "a": _LETTERS,
    "n": "0123456789",
    "o": "@&%?,=[]_:-+*$#!'^~;()/.",
    "x": f"{_LETTERS}0123456789!@#$%^&*()",
}


def _counted(string: str) -> bytes:
    data = octets(string)
    return len(data).to_bytes(4) + data


def _derived(meter: Meter, counter: int, form: str, password: str, user: str, site: str) -> str:
    """Derive a site's password by the Master Password algorithm."""
    forms = _PASSWORD_FORMS.get(form)
    if forms is None:
        return f"cannot find password template {form}"
    meter.spend(_SCRYPT_STEPS)
    key = hashlib.scrypt(
        octets(password),
        salt=_SEED + _counted(user),
        n=32_768,
        r=8,
        p=2,
        dklen=64,
        maxmem=_SCRYPT_MEMORY,
    )
    message = _SEED + _counted(site) + int(counter).to_bytes(4)
    seed = hmac.digest(key, message, "sha256")
    chosen = forms[seed[0] % len(forms)]
    classes = [_CLASSES[letter] for letter in chosen]
    return "".join(
        letters[octet % len(letters)] for letters, octet in zip(classes, seed[1:], strict=False)
    )


def _aes_key(password: str) -> algorithms.AES:
    return algorithms.AES(octets(password)[:32].ljust(32, b"\0"))


def _decrypt(password: str, encrypted: str) -> str:
    if not encrypted:
        return ""
    data = from_base64(encrypted)
    if len(data) < _BLOCK:
        room = len(octets(encrypted)) // 4 * 3
        raise FunctionError(
            f"runtime error: slice bounds out of range [:{_BLOCK}] with capacity {room}"
        )
    start, body = data[:_BLOCK], data[_BLOCK:]
    if not body:
        raise FunctionError("runtime error: index out of range [-1]")
    if len(body) % _BLOCK:
        raise FunctionError("crypto/cipher: input not full blocks")
    decryptor = Cipher(_aes_key(password), modes.CBC(start)).decryptor()
    padded = decryptor.update(body) + decryptor.finalize()
    size = len(padded) - padded[-1]
    if size < 0:
        raise FunctionError(f"runtime error: slice bounds out of range [:{size}]")
    return text(padded[:size])


FUNCTIONS: Final[Mapping[str, Function]] = {
    "sha1sum": plain(lambda string: hashlib.sha1(octets(string)).hexdigest(), STRING),  # noqa: S324
    "sha256sum": plain(lambda string: hashlib.sha256(octets(string)).hexdigest(), STRING),
    "sha512sum": plain(lambda string: hashlib.sha512(octets(string)).hexdigest(), STRING),
    "adler32sum": plain(lambda string: str(zlib.adler32(octets(string))), STRING),
    "derivePassword": metered(_derived, UINT32, STRING, STRING, STRING, STRING),
    "decryptAES": plain(_decrypt, STRING, STRING),
}


def random_functions(context: FunctionContext) -> Mapping[str, Function]:
    """Give the functions that draw octets."""

    def encrypt(password: str, string: str) -> str:
        if not string:
            return ""
        data = octets(string)
        missing = _BLOCK - len(data) % _BLOCK
        start = context.entropy(_BLOCK)
        encryptor = Cipher(_aes_key(password), modes.CBC(start)).encryptor()
        body = encryptor.update(data + bytes((missing,)) * missing) + encryptor.finalize()
        return to_base64(start + body)

    def drawn(meter: Meter, count: int) -> str:
        if count < 0:
            raise FunctionError("runtime error: makeslice: len out of range")
        meter.reserve(2 * count)
        return to_base64(context.entropy(count) if count else b"")

    def identifier() -> str:
        number = bytearray(context.entropy(16))
        number[6] = number[6] & 0x0F | 0x40  # RFC 9562 section 5.4
        number[8] = number[8] & 0x3F | 0x80
        digits = number.hex()
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def hashed(meter: Meter, password: str) -> str:
        meter.spend(_BCRYPT_STEPS)
        try:
            return bcrypt_hashes.encode(octets(password), context.entropy(bcrypt_hashes.SALT))
        except FormatError as error:
            return f"failed to encrypt string with bcrypt: {error}"

    def credentials(meter: Meter, user: str, password: str) -> str:
        if ":" in user:
            return f"invalid username: {user}"
        return f"{user}:{hashed(meter, password)}"

    return {
        "bcrypt": metered(hashed, STRING),
        "htpasswd": metered(credentials, STRING, STRING),
        "encryptAES": plain(encrypt, STRING, STRING),
        "randBytes": metered(drawn, INT),
        "uuidv4": plain(identifier),
    }
