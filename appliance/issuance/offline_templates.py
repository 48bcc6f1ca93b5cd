"""Certificates and requests that a person makes of a template, with the key at hand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from appliance.formats import der, names
from appliance.formats.gotemplate import decoding
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.formats.gotemplate.values import Pointer
from appliance.formats.keys import PublicKey
from appliance.issuance import (
    algorithms,
    certificate_extensions,
    certificate_json,
    certificate_names,
    certificates,
    drafts,
    request_values,
    templated,
)
from appliance.issuance import extensions as ext
from appliance.issuance.certificate_json import CertificateJson, Name
from appliance.issuance.certificates import Prepared
from appliance.issuance.extensions import Extension
from appliance.issuance.issuers import Issuer
from appliance.issuance.requests import SigningRequest
from appliance.issuance.subjects import SubjectDefaults
from appliance.issuance.templates import Template
from appliance.model.errors import BadRequest, Broken, FormatError
from appliance.model.validity import Validity

_NO_DEFAULTS: Final = SubjectDefaults({})
_EXTENSION_REQUEST: Final = "1.2.840.113549.1.9.14"  # RFC 2985 section 5.4.2


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateWish:
    """What a template is rendered with: names as bare text, and what the person set.

    `request` is None where only a public key is known.
    """

    template: Template
    subject: str
    sans: tuple[str, ...]
    user: Mapping[str, Any]
    key: PublicKey
    request: SigningRequest | None
    context: FunctionContext


def asked_for(wish: TemplateWish) -> CertificateJson:
    """Render the template. Raises BadRequest, with the template's own words when it refuses."""
    request: Pointer = (
        request_values.request(wish.request)
        if wish.request is not None
        else request_values.bare(wish.key)
    )
    sans = tuple(names.classify(san) for san in wish.sans if san)
    data = {
        "Subject": request_values.subject(Name(common_name=wish.subject)),
        "SANs": request_values.alternative_names(sans),
        "Insecure": {"User": decoding.from_decoded(wish.user), "CR": request},
    }
    try:
        return certificate_json.read(wish.template.render(data, wish.context))
    except FormatError as error:
        raise BadRequest(f"error executing template: {error.public}") from error


def prepare(
    wanted: CertificateJson,
    key: PublicKey,
    validity: Validity,
    issuer: Issuer | None,
    serial: int,
) -> Prepared:
    """Encode what is to be signed, by the issuer or, without one, by the key itself.

    The template's dates are not looked at. Raises BadRequest.
    """
    certified = drafts.certified(key)
    try:
        draft = templated.draft(
            wanted, certified, validity, issuer, defaults=_NO_DEFAULTS, provisioner=None
        )
    except Broken as error:
        raise BadRequest(f"error creating certificate: {error.detail}") from error
    if issuer is not None:
        return certificates.prepare(draft, issuer, serial)
    return certificates.prepare_root(draft, serial, algorithms.natural_algorithm(key), key)


def prepare_request(wanted: CertificateJson, key: PublicKey) -> Prepared:
    """Encode the CertificationRequestInfo (RFC 2986 section 4.1). Raises BadRequest."""
    try:
        subject = wanted.raw_subject or certificate_names.encode_name(wanted.subject)
        requested = tuple(_requested(wanted))
        algorithm = templated.chosen_algorithm(wanted, key) or algorithms.natural_algorithm(key)
    except FormatError as error:
        raise BadRequest(f"error creating certificate request: {error.public}") from error
    listed = der.sequence(*(each.der for each in requested))
    attribute = der.sequence(der.oid(_EXTENSION_REQUEST), der.set_of(listed))
    to_be_signed = der.sequence(
        der.integer(0),
        subject,
        drafts.certified(key).public_key_info,
        der.context(0, attribute if requested else b""),
    )
    return Prepared(serial=0, to_be_signed=to_be_signed, algorithm=algorithm, public_key=key)


def _requested(wanted: CertificateJson) -> Iterator[Extension]:
    """Give the extensions in step's order: usual names, constraints, usages, what is raw."""
    extra = tuple(certificate_extensions.raw(wanted))
    written = {each.oid for each in extra}
    if ext.SUBJECT_ALT_NAME not in written and (usual := certificate_names.usual_names(wanted)):
        yield ext.extension(ext.SUBJECT_ALT_NAME, usual)
    for made in (
        certificate_extensions.basic_constraints(wanted.basic_constraints),
        certificate_extensions.extended_key_usage(wanted),
        None if ext.KEY_USAGE in written else certificate_extensions.key_usage(wanted),
    ):
        if made is not None:
            yield made
    yield from extra
