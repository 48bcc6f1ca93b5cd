"""Certificate templates: from a grant and a request to the JSON of a certificate.

A template sees the data that step-ca gives it (`.Subject`, `.SANs`, `.Token`, `.Insecure.CR` …).
Where a provisioner has none of its own, what step-ca's default templates say is said here: as text
for those who add data to it, and compiled by hand for everybody else, since that is the usual case
and should cost nothing.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from msgspec import Struct, field

from appliance.formats import gourl, laxjson
from appliance.formats.gotemplate import decoding
from appliance.formats.gotemplate.errors import PARSE, TemplateError, TemplateFailure
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.formats.gotemplate.signatures import DICT, STRING, Kind, Type
from appliance.formats.gotemplate.values import TypedMap
from appliance.issuance import (
    certificate_json,
    request_form,
    request_values,
)
from appliance.issuance.certificate_json import (
    EXTENDED_KEY_USAGES,
    KEY_USAGES,
    CertificateJson,
    Name,
    TypedName,
)
from appliance.issuance.grants import DefaultTemplate, Grant
from appliance.issuance.requests import SigningRequest
from appliance.issuance.templated import impossible
from appliance.model.errors import BadRequest, FormatError

if TYPE_CHECKING:
    from appliance.issuance.template_engine import Rendering

_DATA: Final = Type(
    name="x509util.TemplateData", kind=Kind.MAP, key=STRING, element=DICT.element, defined=True
)
_USAGES_OF_RSA: Final = frozenset((KEY_USAGES["digitalSignature"], KEY_USAGES["keyEncipherment"]))
_USAGES: Final = frozenset((KEY_USAGES["digitalSignature"],))
_PURPOSES: Final = (EXTENDED_KEY_USAGES["serverAuth"], EXTENDED_KEY_USAGES["clientAuth"])

_USAGE_TEXT: Final = """\
  {{- $usages := list "digitalSignature" }}
  {{- if typeIs "*rsa.PublicKey" .Insecure.CR.PublicKey }}
  {{- $usages = append $usages "keyEncipherment" }}
  {{- end }}
  "keyUsage": {{ toJson $usages }},
  "extKeyUsage": ["serverAuth", "clientAuth"]
}
"""
LEAF_TEXT: Final = f"""\
{{
  "subject": {{{{ toJson .Subject }}}},
  "sans": {{{{ toJson .SANs }}}},
{_USAGE_TEXT}"""
"""The granted subject and names, for servers and clients."""

ADMIN_LEAF_TEXT: Final = f"""\
{{
  {{{{- with .Insecure.CR }}}}
  "subject": {{{{ toJson .Subject }}}},
  "dnsNames": {{{{ toJson .DNSNames }}}},
  "emailAddresses": {{{{ toJson .EmailAddresses }}}},
  "ipAddresses": {{{{ toJson .IPAddresses }}}},
  "uris": {{{{ toJson .URIs }}}},
  {{{{- end }}}}
{_USAGE_TEXT}"""
"""Subject and names of the request itself, for servers and clients."""

SERVER_LEAF_TEXT: Final = LEAF_TEXT.replace(', "clientAuth"', "")
"""The granted subject and names, for servers."""

ATTESTED_LEAF_TEXT: Final = LEAF_TEXT.replace('"serverAuth", ', "")
"""The granted subject and names, for clients: devices that have attested their keys."""


class Template:
    """A template in Go's language, read.

    One that cannot be read has a `problem`; as in step-ca that is told when it is used, so that
    other provisioners, and renewal, go on. A `proven` one, of ours, is read when it is used.
    """

    __slots__ = ("_rendering", "problem", "text")

    def __init__(self, text: str, *, problem: str = "", proven: bool = False) -> None:
        self.text = text
        self.problem = problem
        self._rendering: Rendering | None = None
        if not problem and not proven:
            self.load()

    def load(self) -> None:
        """Read it where that is still to be done."""
        # Most CAs have default templates alone, which need no engine.
        from appliance.issuance import template_engine  # noqa: PLC0415

        try:
            self._rendering = self._rendering or template_engine.read(self.text)
        except TemplateError as error:
            self.problem = error.public

    def render(self, data: Mapping[str, Any], context: FunctionContext) -> str:
        """Give what it makes of the data. Raises TemplateError, TemplateFailure."""
        if self._rendering is None:
            self.load()
        if self._rendering is None:
            raise TemplateError(self.problem, stage=PARSE)
        return self._rendering(data, context)


def load_engine() -> None:
    """Bring the engine now, for who cannot wait for it when a default template is rendered."""
    LEAF.load()


def of_option(written: str) -> Template:
    """Read `options.x509.template`: a template, or one in base64 where it begins with no brace."""
    text = written.strip()
    if text.startswith("{"):
        return Template(text)
    try:
        return Template(laxjson.base64_of(text, "it").decode("utf-8", "surrogateescape"))
    except FormatError:
        return Template(written, problem="it neither begins with { nor is base64")


LEAF: Final = Template(LEAF_TEXT, proven=True)
ADMIN_LEAF: Final = Template(ADMIN_LEAF_TEXT, proven=True)
ATTESTED_LEAF: Final = Template(ATTESTED_LEAF_TEXT, proven=True)
_DEFAULTS: Final = {
    DefaultTemplate.LEAF: LEAF,
    DefaultTemplate.ADMIN_LEAF: ADMIN_LEAF,
    DefaultTemplate.SERVER_LEAF: Template(SERVER_LEAF_TEXT, proven=True),
    DefaultTemplate.CLIENT_LEAF: ATTESTED_LEAF,
    DefaultTemplate.ATTESTED_LEAF: ATTESTED_LEAF,
}
_OF_NAMES: Final = {
    DefaultTemplate.LEAF: _PURPOSES,
    DefaultTemplate.SERVER_LEAF: _PURPOSES[:1],
    DefaultTemplate.CLIENT_LEAF: _PURPOSES[1:],
}
"""The purposes of those that have the granted names."""

_PERMANENT_IDENTIFIER: Final = "permanentIdentifier"


class Given(Struct, frozen=True, kw_only=True):
    """What a certificate is made of.

    `user` is the request's `templateData` (None: nothing was sent), `webhooks` what ENRICHING ones
    answered, each by its name; both as Go values.
    """

    grant: Grant
    request: SigningRequest
    user: object = None
    webhooks: Mapping[str, object] = field(default_factory=dict)
    context: FunctionContext


def user_data(sent: object) -> object:
    """Show `templateData` of a request, decoded JSON; what is no object counts as an empty one."""
    if sent is None:
        return None
    try:
        return decoding.from_decoded(sent) if isinstance(sent, Mapping) else {}
    except FormatError:
        return {}


def asked_for(given: Given) -> CertificateJson:
    """Give the certificate that the provisioner's template, or its default, makes of a request.

    Raises BadRequest with the template's own words when it refuses, Broken when it does not work.
    """
    profile = given.grant.profile
    if profile.template is None and not profile.template_data:
        return _default(given.grant, given.request)
    default = _DEFAULTS[given.grant.default]
    try:
        text = (profile.template or default).render(data(given), given.context)
        return certificate_json.read(text)
    except FormatError as error:
        if isinstance(error, TemplateFailure) and error.message:
            raise BadRequest(error.message) from error
        raise impossible(error) from error


def is_plain_leaf(grant: Grant) -> bool:
    """Say whether `drafts.leaf` gives the same as `asked_for` and `templated.draft`."""
    profile = grant.profile
    return (
        grant.default is DefaultTemplate.LEAF
        and profile.template is None
        and not profile.template_data
    )


def data(given: Given) -> TypedMap:
    """Give what a template sees; only a provisioner's own one sees what the request sent for it."""
    grant = given.grant
    found: dict[str, Any] = {
        "Subject": request_values.subject(Name(common_name=grant.subject)),
        "Token": decoding.from_decoded(dict(grant.claims)),
    }
    if grant.permanent_identifier:
        found["SANs"] = request_values.alternative_name(
            _PERMANENT_IDENTIFIER, grant.permanent_identifier
        )
    elif grant.sans or grant.default is DefaultTemplate.LEAF:
        found["SANs"] = request_values.alternative_names(grant.sans)
    if grant.authorization is not None:
        found["AuthorizationCrt"] = grant.authorization
    found |= decoding.from_decoded(dict(grant.profile.template_data))
    if given.webhooks:
        before = found.get("Webhooks")
        found["Webhooks"] = {**(before if isinstance(before, dict) else {}), **given.webhooks}
    insecure: dict[str, Any] = {"CR": request_values.request(given.request)}
    if grant.profile.template is not None and given.user is not None:
        insecure["User"] = given.user
    found["Insecure"] = TypedMap(insecure, go_type=_DATA)
    return TypedMap(found, go_type=_DATA)


def _default(grant: Grant, request: SigningRequest) -> CertificateJson:
    """Give what the default templates give, without rendering them."""
    is_rsa = isinstance(request.public_key, RSAPublicKey)
    usual = CertificateJson(
        key_usage=_USAGES_OF_RSA if is_rsa else _USAGES, ext_key_usage=_PURPOSES
    )
    if grant.default in _OF_NAMES:
        sans = tuple(
            TypedName(type=str(san.kind), value=san.value)
            for san in request_values.by_kind(grant.sans)
        )
        return replace(
            usual,
            subject=Name(common_name=grant.subject),
            sans=sans,
            ext_key_usage=_OF_NAMES[grant.default],
        )
    if grant.default is DefaultTemplate.ATTESTED_LEAF:
        return replace(
            usual,
            subject=Name(common_name=grant.subject),
            sans=(TypedName(type=_PERMANENT_IDENTIFIER, value=grant.permanent_identifier),),
            ext_key_usage=_PURPOSES[1:],
        )
    form = request_form.of(request)
    return replace(
        usual,
        subject=form.subject,
        dns_names=form.dns_names,
        email_addresses=form.email_addresses,
        ip_addresses=tuple(map(ipaddress.ip_address, form.ip_addresses)),
        uris=tuple(map(gourl.parse, form.uris)),
    )
