"""JSON Web Signatures in the flattened form in which ACME is spoken (RFC 8555 6.2).

The algorithms are step-ca's. A signature is verified with a key that the caller chose, of a kind
that goes with the algorithm which the message names.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from appliance.formats import base64url, jwk, jwt
from appliance.formats.jws import Message
from appliance.formats.jwt import WrongSignature
from appliance.formats.keys import PublicKey
from appliance.model.errors import FormatError

ALGORITHMS: Final = (
    "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA",
)  # fmt: skip
"""What a request may be signed with."""

_SMALLEST_RSA: Final = 2048
_SIZES: Final[Mapping[str, int]] = {"ES256": 64, "ES384": 96, "ES512": 132}


class _Flattened(msgspec.Struct):
    protected: str
    payload: str
    signature: str
    header: Any = None
    signatures: Any = None


_decoder: Final = msgspec.json.Decoder(_Flattened)
_header_decoder: Final = msgspec.json.Decoder(dict[str, Any])


def read(body: bytes) -> Message:
    """Take a message apart, trusting nothing. Raises FormatError."""
    try:
        found = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise FormatError(
            "the request is no JWS in flattened JSON: protected, payload and signature"
        ) from None
    if found.header is not None:
        raise FormatError("a JWS with an unprotected header is not allowed")
    if found.signatures is not None:
        raise FormatError("a JWS with several signatures is not allowed")
    header_text = base64url.decode(found.protected)
    try:
        header = _header_decoder.decode(header_text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise FormatError("the protected header of the JWS is no JSON object") from None
    if "crit" in header:
        raise FormatError("a JWS with critical header parameters is not supported")
    return Message(
        header_text=header_text,
        header=header,
        payload=base64url.decode(found.payload),
        signature=base64url.decode(found.signature),
        signed=f"{found.protected}.{found.payload}".encode(),
    )


def public_key(written: Mapping[str, Any]) -> PublicKey:
    """Read the key that a message brings. Raises FormatError for a private, weak or odd one."""
    if "d" in written:
        raise FormatError("the jwk of the JWS holds a private key")
    key = jwk.public_key(written)
    if isinstance(key, RSAPublicKey) and key.key_size < _SMALLEST_RSA:
        raise FormatError(f"RSA keys must have at least {_SMALLEST_RSA} bits")
    return key


def verify(message: Message, key: PublicKey) -> None:
    """Check that the key signed it, by the algorithm that it names. Raises WrongSignature.

    Apple's clients leave leading zeros out of either half of an ECDSA signature.
    """
    name = str(message.header.get("alg"))
    algorithm = jwt.fitting(name, key)
    if algorithm.verify(message.signed, key, message.signature):
        return
    if not any(
        algorithm.verify(message.signed, key, each) for each in _shortened(name, message.signature)
    ):
        raise WrongSignature("the signature of the JWS does not hold")


def _shortened(algorithm: str, signature: bytes) -> Iterator[bytes]:
    """Give what a signature may be that is too short."""
    size = _SIZES.get(algorithm, 0)
    half = size // 2
    if size and len(signature) == size - 1:
        yield b"\0" + signature
        yield signature[:half] + b"\0" + signature[half:]
    elif size and len(signature) == size - 2:
        yield b"\0" + signature[: half - 1] + b"\0" + signature[half - 1 :]
