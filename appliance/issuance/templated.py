"""From what a template asks for to the draft of a certificate."""

from appliance.formats.keys import PublicKey
from appliance.issuance import (
    algorithms,
    certificate_extensions,
    certificate_names,
    subjects,
    wellformed,
)
from appliance.issuance import extensions as ext
from appliance.issuance.certificate_json import CertificateJson
from appliance.issuance.drafts import CertifiedKey, Draft
from appliance.issuance.extensions import Extension
from appliance.issuance.issuers import Issuer
from appliance.issuance.requests import SigningRequest
from appliance.issuance.subjects import SubjectDefaults
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import Broken, FormatError
from appliance.model.grants import ProvisionerRef
from appliance.model.validity import Validity


def draft(
    wanted: CertificateJson,
    key: SigningRequest | CertifiedKey,
    validity: Validity,
    issuer: Issuer | None,
    *,
    defaults: SubjectDefaults,
    provisioner: ProvisionerRef | None,
    pointers: tuple[Extension, ...] = (),
) -> Draft:
    """Draft what a template asks for, the step provisioner extension last.

    Without an issuer the certificate signs itself. A copy of that extension in the template is
    replaced where it stands; with no `provisioner` to name it passes. `pointers` are added where
    the template has none of their kind. Raises Broken for what cannot be in a certificate.
    """
    try:
        return _draft(wanted, key, validity, issuer, defaults, provisioner, pointers)
    except FormatError as error:
        raise impossible(error) from error


def impossible(error: FormatError) -> Broken:
    """Give the error for a template that does not make a certificate, which is the CA's fault."""
    return Broken("error applying certificate template", detail=error.public)


def _draft(
    wanted: CertificateJson,
    key: SigningRequest | CertifiedKey,
    validity: Validity,
    issuer: Issuer | None,
    defaults: SubjectDefaults,
    provisioner: ProvisionerRef | None,
    pointers: tuple[Extension, ...],
) -> Draft:
    name = certificate_names.filled(wanted.subject, defaults.attributes)
    subject = wanted.raw_subject or certificate_names.encode_name(name)
    encoded = certificate_extensions.encode(
        wanted,
        public_key_info=key.public_key_info,
        authority_key_id=_authority_key_id(wanted, subject, issuer),
        subject_empty=subject == subjects.EMPTY,
    )
    present = {each.oid for each in encoded}
    added = (each for each in pointers if each.oid not in present)
    extensions = _with_provisioner((*encoded, *added), provisioner)
    wellformed.check(subject, extensions)
    names = next((each for each in extensions if each.oid == ext.SUBJECT_ALT_NAME), None)
    return Draft(
        common_name=subjects.common_name(subject),
        sans=ext.read_names(names.value) if names else (),
        subject=subject,
        public_key_info=key.public_key_info,
        validity=validity,
        extensions=extensions,
        serial=_serial(wanted),
        algorithm=chosen_algorithm(wanted, issuer.public_key if issuer else key.public_key),
    )


def _authority_key_id(
    wanted: CertificateJson, subject: bytes, issuer: Issuer | None
) -> Extension | None:
    """Name the issuer's key; the template may only where the issuer has no name for it."""
    if issuer is not None and issuer.authority_key_id is not None and subject != issuer.subject:
        return issuer.authority_key_id
    return ext.authority_key_id(wanted.authority_key_id) if wanted.authority_key_id else None


def _with_provisioner(
    encoded: tuple[Extension, ...], provisioner: ProvisionerRef | None
) -> tuple[Extension, ...]:
    if provisioner is None:
        return encoded
    own = ext.step_provisioner(provisioner)
    for index, each in enumerate(encoded):
        if each.oid == own.oid:
            return (*encoded[:index], own, *encoded[index + 1 :])
    return (*encoded, own)


def _serial(wanted: CertificateJson) -> int | None:
    serial = wanted.serial_number
    if serial is not None and serial <= 0:
        raise FormatError("the serial number must be positive (RFC 5280 4.1.2.2)")
    return serial


def chosen_algorithm(wanted: CertificateJson, signer: PublicKey) -> SignatureAlgorithm | None:
    """Give what is written, where the key can sign so. Raises FormatError."""
    if not wanted.signature_algorithm:
        return None
    try:
        algorithm = SignatureAlgorithm(wanted.signature_algorithm)
    except ValueError:
        raise FormatError(
            f"the signature algorithm {wanted.signature_algorithm} is too weak, or nobody has it"
        ) from None
    if not algorithms.fits(algorithm, signer):
        raise FormatError(f"the issuer's key cannot sign with {algorithm}")
    return algorithm
