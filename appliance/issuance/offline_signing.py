"""What a certificate is to say that a person signs for a request, with the issuer's key at hand."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from appliance.formats import names
from appliance.formats.certificates import UNREADABLE, load
from appliance.formats.gotemplate import decoding
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.issuance import certificate_json, request_form, request_values
from appliance.issuance.certificate_json import (
    EXTENDED_KEY_USAGES,
    KEY_USAGES,
    BasicConstraints,
    CertificateJson,
    TypedName,
)
from appliance.issuance.requests import SigningRequest
from appliance.issuance.templates import Template
from appliance.model.errors import BadRequest, FormatError
from appliance.model.names import San

T = TypeVar("T", bound=x509.ExtensionType)

_AS_ASKED: Final = Template("{{ toJson .Insecure.CR }}")
_LEAF_USAGES: Final = frozenset((KEY_USAGES["digitalSignature"],))
_RSA_USAGES: Final = frozenset((*_LEAF_USAGES, KEY_USAGES["keyEncipherment"]))
_CA_USAGES: Final = frozenset((KEY_USAGES["certSign"], KEY_USAGES["crlSign"]))
_PURPOSES: Final = (EXTENDED_KEY_USAGES["serverAuth"], EXTENDED_KEY_USAGES["clientAuth"])
_NO_LIMIT: Final = -1


class SigningProfile(enum.StrEnum):
    """What a request is signed as, in step's words."""

    LEAF = "leaf"
    INTERMEDIATE_CA = "intermediate-ca"
    CSR = "csr"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningWish:
    """A request and what goes with it; `path_length` -1 sets no limit."""

    request: SigningRequest
    with_common_name: bool  # as a name, where the request has no others
    path_length: int
    user: Mapping[str, Any]
    context: FunctionContext


def by_profile(profile: SigningProfile, wish: SigningWish) -> CertificateJson:
    """Say what a certificate of this profile has. Raises BadRequest."""
    form = request_form.of(wish.request)
    match profile:
        case SigningProfile.CSR:
            return by_template(_AS_ASKED, wish)
        case SigningProfile.INTERMEDIATE_CA:
            return CertificateJson(
                subject=form.subject,
                key_usage=_CA_USAGES,
                basic_constraints=BasicConstraints(is_ca=True, max_path_length=wish.path_length),
            )
        case SigningProfile.LEAF:
            is_rsa = isinstance(wish.request.public_key, RSAPublicKey)
            return CertificateJson(
                raw_subject=form.raw_subject,
                sans=tuple(
                    TypedName(type=str(san.kind), value=san.value)
                    for san in request_values.by_kind(_names(wish))
                ),
                key_usage=_RSA_USAGES if is_rsa else _LEAF_USAGES,
                ext_key_usage=_PURPOSES,
            )


def by_template(template: Template, wish: SigningWish) -> CertificateJson:
    """Render a template. Raises BadRequest, with its own words when it refuses."""
    data = {
        "Subject": request_values.subject(request_form.of(wish.request).subject),
        "SANs": request_values.alternative_names(_names(wish)),
        "MaxPathLen": wish.path_length,
        "Insecure": {
            "User": decoding.from_decoded(wish.user),
            "CR": request_values.request(wish.request),
        },
    }
    try:
        return certificate_json.read(template.render(data, wish.context))
    except FormatError as error:
        raise BadRequest(f"error executing template: {error.public}") from error


def check_issuer(certificate: bytes, profile: SigningProfile, path_length: int) -> None:
    """Refuse an issuer (DER) that may not sign this. Raises BadRequest (RFC 5280 4.2.1.9)."""
    try:
        extensions = load(certificate).extensions
    except UNREADABLE as error:
        raise BadRequest("the issuer's certificate cannot be read", detail=str(error)) from error
    constraints = _value(extensions, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        raise BadRequest("issuer certificate is not a certificate authority")
    usage = _value(extensions, x509.KeyUsage)
    if usage is None or not usage.key_cert_sign:
        raise BadRequest("issuer certificate does not have the keyCertSign usage")
    most = constraints.path_length
    if profile is not SigningProfile.INTERMEDIATE_CA or most is None:
        return
    refused = "issuer certificate cannot sign an intermediate-ca: pathLenConstraint is"
    if most == 0:
        raise BadRequest(f"{refused} 0")
    if path_length == _NO_LIMIT or path_length >= most:
        raise BadRequest(f"{refused} {most}, want at most {most - 1}")


def _value(extensions: x509.Extensions, kind: type[T]) -> T | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _names(wish: SigningWish) -> tuple[San, ...]:
    """Give the names of the request, or its common name where it has none."""
    common_name = wish.request.common_name
    if wish.request.sans or not wish.with_common_name or not common_name:
        return wish.request.sans
    return (names.classify(common_name),)
