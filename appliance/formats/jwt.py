"""JSON Web Tokens in compact form (RFC 7515, RFC 7519): taken apart, signed, and verified.

What a token says is worth nothing before `verify`; whether its times and audience hold is judged
elsewhere. The algorithm is always chosen by the verifier's key, never by the token, and `none`
and the HMAC family do not exist here.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from jwt.algorithms import (
    Algorithm,
    ECAlgorithm,
    OKPAlgorithm,
    RSAAlgorithm,
    RSAPSSAlgorithm,
)

from appliance.formats import base64url, jwk, xeddsa
from appliance.formats.keys import PrivateKey, PublicKey
from appliance.model.errors import FormatError


class _Ecdsa(ECAlgorithm):
    """PyJWT's, but that verifying costs little more than OpenSSL's part of it."""

    def __init__(self, digest: type[HashAlgorithm], half: int) -> None:
        super().__init__(digest)
        self._scheme, self._half = ECDSA(digest()), half

    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        """Say whether a signature, r and s of a fixed size (RFC 7518 3.4), holds."""
        half = self._half
        if len(sig) != 2 * half:
            return False
        r, s = int.from_bytes(sig[:half]), int.from_bytes(sig[half:])
        try:
            key.verify(encode_dss_signature(r, s), msg, self._scheme)
        except InvalidSignature:
            return False
        return True


_ALGORITHMS: dict[str, Algorithm] = {
    "ES256": _Ecdsa(ECAlgorithm.SHA256, 32),
    "ES384": _Ecdsa(ECAlgorithm.SHA384, 48),
    "ES512": _Ecdsa(ECAlgorithm.SHA512, 66),
    "EdDSA": OKPAlgorithm(),
    "RS256": RSAAlgorithm(RSAAlgorithm.SHA256),
    "RS384": RSAAlgorithm(RSAAlgorithm.SHA384),
    "RS512": RSAAlgorithm(RSAAlgorithm.SHA512),
    "PS256": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA256),
    "PS384": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA384),
    "PS512": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA512),
}
_RSA = frozenset(name for name in _ALGORITHMS if name.startswith(("RS", "PS")))
_LONGEST = 1 << 20  # characters; far beyond any token that carries certificates
_decoder = msgspec.json.Decoder(dict[str, Any])


class WrongSignature(FormatError):
    """The signature does not hold for this key and algorithm."""


class UnverifiedToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token in its parts. `signed` is what the signature covers."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes
    raw: str


def split(token: str) -> UnverifiedToken:
    """Take a token apart, trusting nothing. Raises FormatError."""
    if len(token) > _LONGEST:
        raise FormatError("a token that is too long")
    try:
        octets = token.encode("ascii")
        signed, dot, signature = octets.rpartition(b".")
        header, middle_dot, payload = signed.partition(b".")
        if not dot or not middle_dot or b"." in payload:
            raise FormatError("not a token: it does not have three parts")
        return UnverifiedToken(
            header=_decoder.decode(base64url.decode(header)),
            claims=_decoder.decode(base64url.decode(payload)),
            signed=signed,
            signature=base64url.decode(signature),
            raw=token,
        )
    except (ValueError, RecursionError):  # UnicodeError and msgspec's errors are ValueErrors
        raise FormatError("not a token: header and claims must be JSON objects") from None


def sign(
    claims: Mapping[str, Any],
    key: PrivateKey | X25519PrivateKey,
    headers: Mapping[str, Any] | None = None,
    *,
    entropy: bytes = b"",
) -> str:
    """Sign claims; `alg` follows from the key unless `headers` name it. Raises FormatError.

    For an X25519 key, `entropy` is xeddsa.ENTROPY fresh random octets; others do not look at it.
    """
    if isinstance(key, X25519PrivateKey):
        signed = _signed({**(headers or {}), "alg": xeddsa.ALGORITHM}, claims)
        return f"{signed}.{base64url.encode(xeddsa.sign(key, signed.encode(), entropy))}"
    header = {"alg": jwk.algorithm(key), **(headers or {})}
    algorithm = fitting(str(header["alg"]), key)
    signed = _signed(header, claims)
    signature: bytes = algorithm.sign(signed.encode(), key)
    return f"{signed}.{base64url.encode(signature)}"


def _signed(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    full = {"typ": "JWT", **header}
    parts = (msgspec.json.encode(full, order="sorted"), msgspec.json.encode(claims))
    return ".".join(map(base64url.encode, parts))


def verify(token: UnverifiedToken, key: PublicKey, algorithm: str) -> None:
    """Check that the key signed the token with the algorithm, which the token must name as well.

    Raises WrongSignature, and FormatError for a token that cannot be judged.
    """
    check_header(token, algorithm)
    if not fitting(algorithm, key).verify(token.signed, key, token.signature):
        raise WrongSignature("the signature of the token does not hold")


def check_header(token: UnverifiedToken, algorithm: str) -> None:
    """Check that a token names the algorithm, and asks for nothing that we do not understand.

    Raises WrongSignature, FormatError.
    """
    named = token.header.get("alg")
    if named != algorithm:
        raise WrongSignature(f"the token is signed with {str(named)[:20]!r}, not {algorithm!r}")
    if "crit" in token.header:  # RFC 7515 section 4.1.11: refuse what is not understood
        raise FormatError("a token with critical header parameters is not supported")


def fitting(name: str, key: PrivateKey | PublicKey) -> Algorithm:
    """Give the algorithm when it goes with the kind and the curve of the key.

    Raises WrongSignature.
    """
    natural = jwk.algorithm(key)
    if name != natural and not (natural == "RS256" and name in _RSA):
        raise WrongSignature(
            f"algorithm {name[:20]!r} does not go with the key, which asks for {natural}"
        )
    return _ALGORITHMS[name]
