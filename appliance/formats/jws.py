"""JSON Web Signatures over any payload (RFC 7515), as people sign and read them by hand.

The authority's own tokens are `jwt`'s, which knows no symmetric keys. Here too, the algorithm is
that of the key, and a message that names another one is refused.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from appliance.formats import base64url, gojson, jwt, key_forms
from appliance.formats.jose_keys import JoseKey
from appliance.formats.jwt import WrongSignature
from appliance.model.errors import BadRequest, FormatError

_HMAC: Final = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
_MOST: Final = 16 << 20  # octets


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A signed message in its parts, of which nothing has been verified."""

    header_text: bytes
    header: dict[str, Any]
    payload: bytes
    signature: bytes
    signed: bytes


def sign(payload: bytes, key: JoseKey, header: Mapping[str, Any]) -> str:
    """Sign in compact form; `alg` is the key's. Raises BadRequest."""
    full = dict(sorted({**header, "alg": key.algorithm}.items()))
    signed = f"{base64url.encode(gojson.encode(full))}.{base64url.encode(payload)}"
    return f"{signed}.{base64url.encode(_signature(signed.encode(), key))}"


def split(text: str) -> Message:
    """Take a message apart, in compact or JSON form with one signature. Raises FormatError."""
    pieces = parts(text)
    try:
        header_text, payload, signature = map(base64url.decode, pieces)
        header = msgspec.json.decode(header_text, type=dict[str, Any])
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        raise FormatError("not a signed message: its header is not a JSON object") from None
    return Message(
        header_text=header_text,
        header=header,
        payload=payload,
        signature=signature,
        signed=f"{pieces[0]}.{pieces[1]}".encode(),
    )


def parts(text: str) -> list[str]:
    """Give the three parts of a message in compact or JSON form. Raises FormatError."""
    if len(text) > _MOST:
        raise FormatError("a message that is too long")
    found = _of_json(text) if text.lstrip().startswith("{") else text.split(".")
    if len(found) != 3:
        raise FormatError("not a signed message: it must have three parts")
    return found


def verify(message: Message, key: JoseKey) -> None:
    """Check that the key signed it by its algorithm. Raises WrongSignature, BadRequest."""
    if "crit" in message.header:
        raise BadRequest("validation failed: unrecognized critical headers (crit)")
    named = message.header.get("alg")
    if named != key.algorithm:
        raise BadRequest(
            f"alg {key.algorithm} does not match the alg of the message ({str(named)[:20]})"
        )
    if isinstance(key.key, bytes):
        holds = hmac.compare_digest(_signature(message.signed, key), message.signature)
    else:
        algorithm = jwt.fitting(key.algorithm, key_forms.public_half(key.key))
        holds = algorithm.verify(message.signed, key_forms.public_half(key.key), message.signature)
    if not holds:
        raise WrongSignature("validation failed: invalid signature")


def shown(message: Message, *, payload_is_json: bool) -> bytes:
    """Write its parts as JSON for people, as step does; header and payload as they were sent.

    Raises FormatError when the payload is no JSON and should be.
    """
    payload = message.payload if payload_is_json else f'"{_quoted(message.payload)}"'.encode()
    signature = f'"{_quoted(message.signature)}"'.encode()
    whole = b'{"header":%b,"payload":%b,"signature":%b}' % (message.header_text, payload, signature)
    try:
        return msgspec.json.format(gojson.escaped(whole), indent=2)
    except msgspec.MsgspecError:
        raise FormatError("the payload of the token is not JSON") from None


def _quoted(octets: bytes) -> str:
    return base64url.encode(octets)


def _signature(signed: bytes, key: JoseKey) -> bytes:
    if isinstance(key.key, bytes):
        return hmac.digest(key.key, signed, _HMAC[key.algorithm])
    private = key_forms.private_of(key.key)
    if private is None:
        raise BadRequest("cannot use a public key for signing")
    made: bytes = jwt.fitting(key.algorithm, private).sign(signed, private)
    return made


def _of_json(text: str) -> list[str]:
    """Give the three parts of the flattened JSON form, or of the general one with one signature."""
    try:
        document = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        raise FormatError("not a signed message: its JSON is broken") from None
    several = document.get("signatures", [document])
    if not isinstance(several, list) or len(several) != 1 or not isinstance(several[0], dict):
        raise FormatError("validation failed: multiple signatures are not supported")
    only = several[0]
    if "header" in only:
        raise FormatError("a message with an unprotected header is not supported")
    found = [only.get("protected"), document.get("payload"), only.get("signature")]
    if not all(isinstance(part, str) for part in found):
        raise FormatError("not a signed message: a member is missing or is no text")
    return [str(part) for part in found]
