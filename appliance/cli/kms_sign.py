"""`hearth kms sign`: a signature by a key on a token, of a file or of what was hashed already."""

import base64
import hashlib
import sys
from dataclasses import dataclass
from typing import Any, Final

import click
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

from appliance.cli.command import StepCommand
from appliance.cli.files import read_file
from appliance.cli.keys import read_private_key
from appliance.cli.kms_flags import chosen, kms_uri
from appliance.formats import base64url
from appliance.formats.keys import PublicKey
from appliance.issuance.algorithms import ECDSA_DIGESTS, RSA_SCHEMES, is_digest_signed, is_signed
from appliance.model.algorithms import SignatureAlgorithm as Algorithm
from appliance.model.errors import BadRequest, Broken

_ECDSA: Final = {
    32: Algorithm.ECDSA_SHA256,
    48: Algorithm.ECDSA_SHA384,
    64: Algorithm.ECDSA_SHA512,
}
_OF_CURVES: Final = {256: 32, 384: 48, 521: 64}
_RSA: Final = {
    ("SHA256", False): Algorithm.RSA_SHA256,
    ("SHA384", False): Algorithm.RSA_SHA384,
    ("SHA512", False): Algorithm.RSA_SHA512,
    ("SHA256", True): Algorithm.RSA_PSS_SHA256,
    ("SHA384", True): Algorithm.RSA_PSS_SHA384,
    ("SHA512", True): Algorithm.RSA_PSS_SHA512,
}
_DIGEST_OCTETS: Final = {"SHA256": 32, "SHA384": 48, "SHA512": 64}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flags:
    """The flags as given, checked."""

    alg: str
    pss: bool
    salt_length: str
    format: str
    in_: str | None
    verify: bool


@click.command("sign", cls=StepCommand, no_context=True)
@click.argument("uri", metavar="<uri>")
@click.argument("digest", metavar="[<digest>]", required=False)
@kms_uri
@click.option("--alg", default="SHA256", metavar="<alg>", help="The hash, of RSA keys: SHA256.")
@click.option("--pss", is_flag=True, help="Sign by RSA-PSS, not by PKCS #1 v1.5.")
@click.option(
    "--salt-length", default="auto", metavar="<length>", help="Of PSS: as long as the hash."
)
@click.option(
    "--format", default="base64", metavar="<format>", help="base64 (default), hex, jws or raw."
)
@click.option("--in", "in_", metavar="<file>", help="The file to sign; Ed25519 keys need it.")
@click.option("--verify", is_flag=True, help="Verify the signature, which is done in any case.")
def sign(*, uri: str, digest: str | None, kms: str | None, **given: Any) -> None:
    """Sign a file, or a digest: in hexadecimal as <digest>, or as it is from standard input.

    \b
    Examples:
      $ hearth kms sign --in data.bin 'yubikey:slot-id=82'
      $ hearth kms sign --format jws --in data.jwt 'yubikey:slot-id=82'
    """
    flags = _Flags(**given)
    form = chosen("format", flags.format, ("base64", "hex", "jws", "raw"))
    alg = chosen("alg", flags.alg, ("SHA256", "SHA384", "SHA512"))
    _check_salt(flags.salt_length, _DIGEST_OCTETS[alg])
    key = read_private_key(uri, kms=kms or "")
    public = key.public_key()
    if isinstance(key, Ed25519PrivateKey):
        signature = _of_message(uri, digest, flags, key)
    else:
        hashed = _hashed(digest, flags, _octets(public, alg))
        algorithm = _algorithm(public, alg, len(hashed), pss=flags.pss)
        signature = _of_digest(hashed, algorithm, key)
        _check(is_digest_signed(hashed, signature, algorithm, public))
    _show(signature, form, public)


def _of_digest(
    hashed: bytes, algorithm: Algorithm, key: EllipticCurvePrivateKey | RSAPrivateKey
) -> bytes:
    if isinstance(key, EllipticCurvePrivateKey):
        return key.sign(hashed, ECDSA(Prehashed(ECDSA_DIGESTS[algorithm])))
    padding, digest = RSA_SCHEMES[algorithm]
    return key.sign(hashed, padding, Prehashed(digest))


def _of_message(uri: str, digest: str | None, flags: _Flags, key: Ed25519PrivateKey) -> bytes:
    if digest is not None and not flags.in_:
        raise BadRequest(f"flag --in is required for an Ed25519 key: '{uri}' signs no digests")
    message = read_file(flags.in_) if flags.in_ else sys.stdin.buffer.read()
    signature = key.sign(message)
    _check(is_signed(message, signature, Algorithm.ED25519, key.public_key()))
    return signature


def _hashed(digest: str | None, flags: _Flags, octets: int) -> bytes:
    """Give what is to be signed, as a digest of so many octets. Raises BadRequest."""
    if flags.in_:
        name = {32: "sha256", 48: "sha384", 64: "sha512"}[octets]
        return hashlib.new(name, read_file(flags.in_)).digest()
    if digest is None:
        return sys.stdin.buffer.read()
    try:
        return bytes.fromhex(digest)
    except ValueError:
        raise BadRequest("the digest must be hexadecimal; or name a file with --in") from None


def _octets(public: PublicKey, alg: str) -> int:
    if isinstance(public, EllipticCurvePublicKey):
        return _OF_CURVES[public.key_size]
    return _DIGEST_OCTETS[alg]


def _algorithm(public: PublicKey, alg: str, octets: int, *, pss: bool) -> Algorithm:
    """Choose by the key, and for EC by the digest's length. Raises BadRequest."""
    if isinstance(public, RSAPublicKey):
        if octets != _DIGEST_OCTETS[alg]:
            raise BadRequest(
                f"a digest of {alg} has {_DIGEST_OCTETS[alg]} octets, and this one {octets}: "
                "say which hash it is with --alg"
            )
        return _RSA[alg, pss]
    if octets not in _ECDSA:
        raise BadRequest(f"a digest has 32, 48 or 64 octets, and this one {octets}")
    return _ECDSA[octets]


def _check_salt(given: str, octets: int) -> None:
    """Only salts as long as the hash are made, which is what certificates have."""
    if given.lower() in ("", "auto", "equal-hash", "hash", "0", "-1", str(octets)):
        return
    raise BadRequest(f"invalid value '{given}' for flag '--salt-length': auto or equal-hash")


def _check(held: bool) -> None:  # noqa: FBT001
    if not held:
        raise Broken("failed to verify the signature")


def _show(signature: bytes, form: str, public: PublicKey) -> None:
    match form:
        case "raw":
            sys.stdout.buffer.write(signature)
            sys.stdout.buffer.flush()
        case "hex":
            click.echo(signature.hex())
        case "jws":
            click.echo(base64url.encode(_jws(signature, public)))
        case _:
            click.echo(base64.b64encode(signature).decode())


def _jws(signature: bytes, public: PublicKey) -> bytes:
    """Write r and s as RFC 7518 section 3.4 does."""
    if not isinstance(public, EllipticCurvePublicKey):
        return signature
    size = (public.key_size + 7) // 8
    return b"".join(number.to_bytes(size) for number in decode_dss_signature(signature))
