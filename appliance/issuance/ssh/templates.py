"""SSH certificate templates: from a grant and a request to what the certificate will say.

A template sees the data that step-ca gives it (`.Type`, `.KeyID`, `.Principals`, `.Extensions`,
`.Token`, `.Insecure.CR` …). What step-ca's default templates say is here as text, for those who
add data to it, and compiled by hand (`drafts.by_default`) for everybody else.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct, field

from appliance.formats.gotemplate import decoding
from appliance.formats.gotemplate.errors import TemplateFailure
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.formats.gotemplate.signatures import DICT, STRING, Kind, Type
from appliance.formats.gotemplate.values import TypedMap
from appliance.issuance.ssh import certificate_json, drafts, key_values
from appliance.issuance.ssh.drafts import SshDraft
from appliance.issuance.ssh.grants import SshDefaultTemplate, SshGrant
from appliance.issuance.ssh.requests import SshSigningRequest
from appliance.issuance.templated import impossible
from appliance.issuance.templates import Template
from appliance.model.errors import BadRequest, FormatError
from appliance.model.ssh import CertificateType

_DATA: Final = Type(
    name="sshutil.TemplateData", kind=Kind.MAP, key=STRING, element=DICT.element, defined=True
)

GRANTED_TEXT: Final = """\
{
  "type": {{ toJson .Type }},
  "keyId": {{ toJson .KeyID }},
  "principals": {{ toJson .Principals }},
  "extensions": {{ toJson .Extensions }},
  "criticalOptions": {{ toJson .CriticalOptions }}
}
"""
"""What is granted."""

_REQUESTED: Final = """\
  {{- with .Insecure.CR }}
  "type": {{ toJson .Type }},
  "keyId": {{ toJson .KeyID }},
  "principals": {{ toJson .Principals }}
  {{- end }}
"""
ADMIN_TEXT: Final = f"""\
{{
{_REQUESTED}
  {{{{- if eq .Insecure.CR.Type "user" }}}},
  "extensions": {{{{ toJson .Extensions }}}},
  "criticalOptions": {{{{ toJson .CriticalOptions }}}}
  {{{{- end }}}}
}}
"""
"""What an admin of an identity provider asks for, with the extensions of the data."""

REQUESTED_TEXT: Final = f"""\
{{
{_REQUESTED}
  {{{{- if eq .Insecure.CR.Type "user" }}}},
  "extensions": {{
    {", ".join(f'"{name}": "{value}"' for name, value in drafts.USER_EXTENSIONS.items())}
  }}
  {{{{- end }}}}
}}
"""
"""What a service account asks for, with the usual extensions."""

DEFAULTS: Final[Mapping[SshDefaultTemplate, Template]] = {
    SshDefaultTemplate.GRANTED: Template(GRANTED_TEXT, proven=True),
    SshDefaultTemplate.ADMIN: Template(ADMIN_TEXT, proven=True),
    SshDefaultTemplate.REQUESTED: Template(REQUESTED_TEXT, proven=True),
}


class SshGiven(Struct, frozen=True, kw_only=True):
    """All that a certificate is made of. `user` is the request's own data, by nobody checked.

    `webhooks` are the answers of ENRICHING ones, each by its name.
    """

    grant: SshGrant
    request: SshSigningRequest
    user: object = None
    webhooks: Mapping[str, object] = field(default_factory=dict)
    context: FunctionContext


def asked_for(given: SshGiven) -> SshDraft:
    """Give what the provisioner's template, or else the default one, makes of it.

    Raises BadRequest with the template's own words when it refuses, Broken when it does not work.
    """
    profile = given.grant.profile
    if profile.template is None and not profile.template_data:
        return drafts.by_default(given.request, given.grant)
    template = profile.template or DEFAULTS[given.grant.default]
    try:
        return certificate_json.read(template.render(data(given), given.context))
    except FormatError as error:
        if isinstance(error, TemplateFailure) and error.message:
            raise BadRequest(error.message) from error
        raise impossible(error) from error


def data(given: SshGiven) -> TypedMap:
    """Give what a template sees; only a provisioner's own one sees what the request sent for it."""
    grant = given.grant
    found: dict[str, Any] = {
        "Type": grant.type.label,
        "KeyID": grant.key_id,
        "Principals": key_values.texts(grant.principals),
        "Extensions": _extensions(grant.type),
        "Token": decoding.from_decoded(dict(grant.claims)),
    }
    if grant.authorization is not None:
        found["AuthorizationCrt"] = grant.authorization
    found |= decoding.from_decoded(dict(grant.profile.template_data))
    if given.webhooks:
        before = found.get("Webhooks")
        found["Webhooks"] = {**(before if isinstance(before, dict) else {}), **given.webhooks}
    insecure: dict[str, Any] = {"CR": key_values.request(given.request)}
    if grant.profile.template is not None and given.user is not None:
        insecure["User"] = given.user
    found["Insecure"] = TypedMap(insecure, go_type=_DATA)
    return TypedMap(found, go_type=_DATA)


def _extensions(kind: CertificateType) -> dict[str, Any]:
    """Give the usual extensions; a host's map is nil."""
    usual = drafts.default_extensions(kind)
    return dict(usual) if usual else TypedMap(nil=True)
