"""A revocation list in two steps, between which only a signature is made (RFC 5280 section 5).

A large list takes a while to join, hash and check: callers do that in a thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from cryptography import x509

from appliance.formats import crl, der, x509_fields
from appliance.formats.keys import PublicKey
from appliance.issuance.algorithms import IDENTIFIERS, is_signed
from appliance.issuance.extensions import extension, key_id
from appliance.issuance.issuers import Issuer
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import Broken, FormatError

KEY_PLACE: Final = "{key}"
KEPT: Final = timedelta(hours=1)
"""How long a certificate that has expired stays listed: a list that is read late still has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListDraft:
    """What a list says. `entries` are encoded; one item may be several, joined."""

    issuer: Issuer
    number: int
    this_update: datetime
    next_update: datetime
    url: str  # where it is found
    entries: Sequence[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedList:
    """What the issuer's key is to sign, and with which algorithm."""

    number: int
    to_be_signed: bytes
    algorithm: SignatureAlgorithm
    public_key: PublicKey


def url_of(first: str, name: str, issuer: Issuer) -> str:
    """Give where the list of an issuer is found, below that of the first one, which has no name.

    `{key}` in the URL stands for the issuer's key: such a place stays the same when another issuer
    becomes the first one.
    """
    if KEY_PLACE in first:
        return first.replace(KEY_PLACE, key_name(issuer))
    return f"{first.rstrip('/')}/{quote(name, safe='')}" if name else first


def key_name(issuer: Issuer) -> str:
    """Give the identifier of an issuer's key in hexadecimal digits."""
    return key_id(x509_fields.certificate(issuer.certificate).public_key.raw).hex()


def check_issuer(issuer: Issuer) -> None:
    """See that relying parties will take its lists. Raises FormatError saying why not."""
    certificate = x509.load_der_x509_certificate(issuer.certificate)
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        usage = None
    except ValueError as error:
        raise FormatError("not an X.509 certificate", detail=str(error)) from error
    if usage is not None and not usage.crl_sign:  # RFC 5280 4.2.1.3: without it, every usage
        raise FormatError("its key usage does not allow to sign revocation lists (cRLSign)")
    if issuer.authority_key_id is None:
        raise FormatError("it has no subject key identifier, which a revocation list must name")


def prepare(draft: ListDraft) -> PreparedList:
    """Encode the TBSCertList. Raises FormatError for a URL that no list can carry."""
    issuer = draft.issuer
    identifier = issuer.authority_key_id
    number = extension(crl.NUMBER, der.integer(draft.number))
    place = crl.issuing_distribution_point(draft.url)
    extensions = [
        *([identifier.der] if identifier else ()),
        number.der,
        extension(crl.DISTRIBUTION_POINT, place, critical=True).der,
    ]
    to_be_signed = crl.to_be_signed(
        algorithm=IDENTIFIERS[issuer.algorithm],
        issuer=issuer.subject,
        this_update=draft.this_update,
        next_update=draft.next_update,
        entries=draft.entries,
        extensions=extensions,
    )
    return PreparedList(
        number=draft.number,
        to_be_signed=to_be_signed,
        algorithm=issuer.algorithm,
        public_key=issuer.public_key,
    )


def assemble(prepared: PreparedList, signature: bytes) -> bytes:
    """Give the list in DER. Raises Broken when the signature is not the issuer's."""
    if not is_signed(prepared.to_be_signed, signature, prepared.algorithm, prepared.public_key):
        raise Broken(
            "the revocation list could not be signed",
            detail=f"number {prepared.number}: the signature is not that of the issuer's key",
        )
    return der.sequence(
        prepared.to_be_signed, IDENTIFIERS[prepared.algorithm], der.bit_string(signature)
    )
