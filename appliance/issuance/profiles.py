"""What the options of a provisioner make of the certificates that it grants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.model.names import San
from appliance.model.webhooks import Webhook


class NamePolicy(Protocol):
    """Rules about names."""

    def check(self, common_name: str, sans: Sequence[San]) -> None:
        """Let a certificate's names pass, or raise Forbidden with the name and the rule."""
        ...

    def allowing(self, san: San) -> str:
        """Name the allow rule by which a name passes; nothing where there is none about it."""
        ...


class CertificateTemplate(Protocol):
    """A template in Go's language. One that cannot be read has a `problem`."""

    text: str
    problem: str

    def render(self, data: Mapping[str, Any], context: FunctionContext) -> str:
        """Give the JSON that it makes of the data. Raises TemplateError, TemplateFailure."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class X509Profile:
    """A provisioner's `options.x509` and `options.webhooks`, read and compiled.

    `issuer` names which of several intermediates signs; empty is the first.
    """

    template: CertificateTemplate | None = None  # None: the default of the provisioner's type
    template_data: Mapping[str, object] = field(default_factory=dict)
    policy: NamePolicy | None = None
    webhooks: tuple[Webhook, ...] = ()
    issuer: str = ""


DEFAULT_PROFILE = X509Profile()
