"""device-attest-01: which key does this device vouch for? (draft-ietf-acme-device-attest)

The client answers with a WebAuthn attestation object. Three formats are read: `apple` (Managed
Device Attestation), `step` (a PIV attestation, and a signature over the key authorization), `tpm`
(WebAuthn 8.3). What comes out is the key that the order's request must have.
"""

import hashlib
import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.formats import base64url, cbor, certificates, tpm
from appliance.formats.certificates import UNREADABLE
from appliance.issuance import paths
from appliance.issuance.acme import attestation_names, attestation_roots, finalize
from appliance.model.acme import (
    ERROR_PREFIX,
    AcmeError,
    Identifier,
    IdentifierType,
    ProblemType,
    Subproblem,
)
from appliance.model.errors import FormatError, Unauthorized

FORMATS: Final = ("apple", "step", "tpm")
_REQUIRED: Final = tpm.FIXED_TPM | tpm.FIXED_PARENT | tpm.SENSITIVE_DATA_ORIGIN
_SHORTEST_RSA: Final = 2048
_TPM_HASHES: Final = {-7: "sha256", -257: "sha256", -65535: "sha1"}  # COSE algorithms


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an attestation has to answer. `roots` (DER) replace the vendors', where given."""

    identifier: str
    token: str
    key_authorization: str
    formats: Collection[str]
    roots: Sequence[bytes]
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attested:
    """What a statement says: the key's fingerprint, and whose it is, by any of several names."""

    fingerprint: str
    identifiers: tuple[str, ...]


def fingerprint_of(payload: bytes, asked: Asked) -> str:
    """Judge a client's answer and give the fingerprint of the attested key.

    Raises AcmeError, which is final for the challenge.
    """
    try:
        name, statement = _object(payload)
        if name not in asked.formats:
            state = "not enabled" if name in FORMATS else "not supported"
            raise _bad(f"the attestation format {name[:40]!r} is {state}")
        attested = _JUDGES[name](statement, asked)
    except FormatError as error:
        raise _bad(error.public) from error
    except Unauthorized as error:
        raise _bad(f"the certificate of the attestation is not trusted: {error.public}") from error
    except (InvalidSignature, *UNREADABLE) as error:
        raise _bad("the attestation cannot be verified") from error
    if asked.identifier not in attested.identifiers:
        raise _another_device(asked.identifier, attested.identifiers)
    return attested.fingerprint


def _object(payload: bytes) -> tuple[str, Mapping[str, Any]]:
    """Read `{"attObj": …}`, and the CBOR in it. Raises AcmeError, FormatError."""
    try:
        answer = msgspec.json.decode(payload, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        raise _bad("the payload is no JSON object") from None
    if answer.get("error"):
        raise AcmeError(
            ProblemType.REJECTED_IDENTIFIER,
            f"the device gave no attestation: {str(answer['error'])[:200]}",
        )
    written = answer.get("attObj")
    if not isinstance(written, str) or not written:
        raise _bad("attObj must not be empty")
    try:
        found = cbor.decode(base64url.decode(written.rstrip("=")))
    except ValueError:
        raise _bad("attObj is not in base64url") from None
    if not isinstance(found, dict):
        raise _bad("attObj is no map")
    name, statement = found.get("fmt"), found.get("attStmt")
    if not isinstance(name, str) or not isinstance(statement, dict):
        raise _bad("attObj must have fmt and attStmt")
    return name, statement


def _apple(statement: Mapping[str, Any], asked: Asked) -> _Attested:
    leaf = _trusted(statement, asked.roots or attestation_roots.APPLE, asked.now)
    nonce = attestation_names.extension(leaf, attestation_names.APPLE_NONCE)
    expected = hashlib.sha256(asked.token.encode()).digest()
    if nonce is None or not hmac.compare_digest(nonce, expected):
        raise _bad("the attestation is not for this challenge")
    identifiers = attestation_names.apple(leaf)
    return _Attested(fingerprint=_fingerprint(leaf.public_key()), identifiers=identifiers)


def _step(statement: Mapping[str, Any], asked: Asked) -> _Attested:
    leaf = _trusted(statement, asked.roots or attestation_roots.YUBICO, asked.now)
    signature = cbor.decode(_octets(statement, "sig"))
    if not isinstance(signature, bytes):
        raise _bad("sig is malformed")
    message, key = asked.key_authorization.encode(), leaf.public_key()
    match key:
        case ec.EllipticCurvePublicKey() if isinstance(key.curve, ec.SECP256R1):
            key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        case rsa.RSAPublicKey():
            key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        case ed25519.Ed25519PublicKey():
            key.verify(signature, message)
        case _:
            raise _bad("a key of this kind cannot be attested")
    serial = attestation_names.device_serial(leaf)
    return _Attested(fingerprint=_fingerprint(key), identifiers=(serial,))


def _tpm(statement: Mapping[str, Any], asked: Asked) -> _Attested:
    if statement.get("ver") != "2.0":
        raise _bad("ver must be 2.0")
    if not asked.roots:
        raise _bad("this provisioner has no attestationRoots, which attestations of TPMs need")
    leaf = _trusted(statement, asked.roots, asked.now)
    attestation_names.check_attestation_key(leaf)
    public = tpm.read_public(_octets(statement, "pubArea"))
    information = _octets(statement, "certInfo")
    certified = tpm.read_attest(information)
    _check_signature(leaf, information, statement)
    if certified.magic != tpm.GENERATED:
        raise _bad("certInfo was not made by a TPM")
    if public.attributes & _REQUIRED != _REQUIRED or public.attributes & tpm.RESTRICTED:
        raise _bad("the attested key can leave the TPM, was not made there, or is restricted")
    if isinstance(public.key, rsa.RSAPublicKey) and public.key.key_size < _SHORTEST_RSA:
        raise _bad(f"the attested key has less than {_SHORTEST_RSA} bits")
    if not hmac.compare_digest(certified.name, public.name):
        raise _bad("certInfo is about another key than pubArea")
    expected = hashlib.sha256(asked.key_authorization.encode()).digest()
    if not hmac.compare_digest(certified.extra_data, expected):
        raise _bad("the attestation is not for this challenge")
    return _Attested(
        fingerprint=_fingerprint(public.key),
        identifiers=attestation_names.permanent_identifiers(leaf),
    )


_JUDGES: Final = {"apple": _apple, "step": _step, "tpm": _tpm}


def _check_signature(
    leaf: x509.Certificate, information: bytes, statement: Mapping[str, Any]
) -> None:
    """Check that the attestation key signed certInfo. Raises AcmeError, InvalidSignature."""
    algorithm = statement.get("alg")
    wanted = _TPM_HASHES.get(algorithm) if isinstance(algorithm, int) else None
    signature = tpm.read_signature(_octets(statement, "sig"))
    if wanted is None or signature.hash_name != wanted:
        raise _bad("alg must be -7, -257 or -65535, and the signature's")
    digest: hashes.HashAlgorithm = hashes.SHA1() if wanted == "sha1" else hashes.SHA256()  # noqa: S303
    match leaf.public_key():
        case rsa.RSAPublicKey() as key if not signature.is_ecdsa:
            key.verify(signature.octets, information, padding.PKCS1v15(), digest)
        case ec.EllipticCurvePublicKey() as key if signature.is_ecdsa:
            key.verify(signature.octets, information, ec.ECDSA(digest))
        case _:
            raise _bad("the signature is not of the attestation key's kind")


def _trusted(
    statement: Mapping[str, Any], roots: Sequence[bytes], now: datetime
) -> x509.Certificate:
    """Give the certificate of a statement, once its chain has been verified."""
    chain = statement.get("x5c")
    if not isinstance(chain, list) or not chain:
        raise _bad("x5c is missing or empty")
    if not all(isinstance(each, bytes) for each in chain):
        raise _bad("x5c is malformed")
    leaf = certificates.load(chain[0])
    paths.verify(chain[0], paths.Trust(roots=roots, between=chain[1:]), now=now)
    return leaf


def _octets(statement: Mapping[str, Any], name: str) -> bytes:
    found = statement.get(name)
    if not isinstance(found, bytes) or not found:
        raise _bad(f"{name} is missing or empty")
    return found


def _fingerprint(key: Any) -> str:
    info: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return finalize.key_fingerprint(info)


def _another_device(asked: str, attested: Sequence[str]) -> AcmeError:
    shown = ", ".join(each for each in attested if each) or "none"
    return AcmeError(
        ProblemType.BAD_ATTESTATION_STATEMENT,
        "permanent identifier does not match",
        subproblems=[
            Subproblem(
                type=ERROR_PREFIX + ProblemType.REJECTED_IDENTIFIER.label,
                detail=f"the identifier {asked} is not that of the device; attested: {shown}",
                identifier=Identifier(type=IdentifierType.PERMANENT, value=asked),
            )
        ],
    )


def _bad(text: str) -> AcmeError:
    return AcmeError(ProblemType.BAD_ATTESTATION_STATEMENT, text)
