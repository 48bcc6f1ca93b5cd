"""A draft becomes a certificate in two steps, between which only a signature is made.

`prepare` gives the octets to be signed; `assemble` takes the signature, and gives the certificate
only when the issuer's key did sign exactly those.
"""

from msgspec import Struct

from appliance.formats import der
from appliance.formats.keys import PublicKey
from appliance.issuance.algorithms import IDENTIFIERS, is_signed
from appliance.issuance.drafts import Draft
from appliance.issuance.issuers import Issuer
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import Broken

SERIAL_OCTETS = 16
_VERSION_3 = der.context(0, der.integer(2))


class Prepared(Struct, frozen=True, kw_only=True):
    """What the issuer's key is to sign, and with which algorithm."""

    serial: int
    to_be_signed: bytes
    algorithm: SignatureAlgorithm
    public_key: PublicKey  # of the issuer


def serial_number(octets: bytes) -> int:
    """Make a positive serial number of 16 random octets (RFC 5280 4.1.2.2: 20 at most)."""
    return int.from_bytes(octets[:SERIAL_OCTETS]) or 1


def prepare(draft: Draft, issuer: Issuer, serial: int) -> Prepared:
    """Encode the TBSCertificate (RFC 5280 4.1.2); the draft's own serial and algorithm win."""
    return _prepared(
        draft,
        draft.serial or serial,
        issuer.subject,
        draft.algorithm or issuer.algorithm,
        issuer.public_key,
    )


def prepare_root(
    draft: Draft, serial: int, algorithm: SignatureAlgorithm, public_key: PublicKey
) -> Prepared:
    """Encode the TBSCertificate of one that signs itself; the draft's own choices win."""
    chosen = draft.algorithm or algorithm
    return _prepared(draft, draft.serial or serial, draft.subject, chosen, public_key)


def assemble(prepared: Prepared, signature: bytes) -> bytes:
    """Give the certificate in DER. Raises Broken when the signature is not the issuer's."""
    if not is_signed(prepared.to_be_signed, signature, prepared.algorithm, prepared.public_key):
        raise Broken(
            "the certificate could not be signed",
            detail=f"serial {prepared.serial}: the signature is not that of the issuer's key",
        )
    return der.sequence(
        prepared.to_be_signed, IDENTIFIERS[prepared.algorithm], der.bit_string(signature)
    )


def _prepared(
    draft: Draft,
    serial: int,
    issuer: bytes,
    algorithm: SignatureAlgorithm,
    public_key: PublicKey,
) -> Prepared:
    validity = draft.validity
    extensions = der.sequence(*[each.der for each in draft.extensions])
    to_be_signed = der.sequence(
        _VERSION_3,
        der.integer(serial),
        IDENTIFIERS[algorithm],
        issuer,
        der.sequence(der.time(validity.not_before), der.time(validity.not_after)),
        draft.subject,
        draft.public_key_info,
        der.context(3, extensions),
    )
    return Prepared(
        serial=serial, to_be_signed=to_be_signed, algorithm=algorithm, public_key=public_key
    )
