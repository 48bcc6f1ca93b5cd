"""A CA certificate as what signs under it needs to know it."""

from dataclasses import dataclass

from appliance.formats import der
from appliance.formats.certificates import UNREADABLE, load
from appliance.formats.keys import PublicKey, checked_public
from appliance.issuance import algorithms, parsed
from appliance.issuance.extensions import SUBJECT_KEY_ID, Extension, authority_key_id
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import FormatError
from appliance.model.validity import Validity


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Whoever signs. `subject` is DER; the key identifier is left out when it has none itself.

    `pointers` say in all that it issues by default where revocation is published.
    """

    certificate: bytes  # DER
    subject: bytes
    public_key: PublicKey
    algorithm: SignatureAlgorithm
    authority_key_id: Extension | None
    validity: Validity
    pointers: tuple[Extension, ...] = ()


def of_certificate(certificate: bytes) -> Issuer:
    """Read what to sign with from a CA certificate in DER. Raises FormatError."""
    fields = parsed.parse(certificate)
    try:
        loaded = load(certificate)
        public_key = checked_public(loaded.public_key())
        algorithm = algorithms.issuer_algorithm(loaded, public_key)
    except UNREADABLE as error:
        raise FormatError("not an X.509 certificate", detail=str(error)) from error
    identifier = fields.extension(SUBJECT_KEY_ID)
    return Issuer(
        certificate=certificate,
        subject=fields.subject,
        public_key=public_key,
        algorithm=algorithm,
        authority_key_id=(
            authority_key_id(der.read(identifier.value).value) if identifier else None
        ),
        validity=fields.validity,
    )
