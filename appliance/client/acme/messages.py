"""What an ACME server says, as far as a client needs it (RFC 8555 sections 7.1 and 6.7)."""

import re
from typing import Final

import msgspec

from appliance.model.acme import ERROR_PREFIX
from appliance.model.errors import Broken

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")  # it becomes a file's name


class NamedIdentifier(msgspec.Struct):
    """An identifier of any type, also one that is not ours."""

    type: str = ""
    value: str = ""


class Subproblem(msgspec.Struct):
    """What is wrong with one of several."""

    type: str = ""
    detail: str = ""
    identifier: NamedIdentifier | None = None


class Problem(msgspec.Struct):
    """A problem document; servers leave out what they like."""

    type: str = ""
    detail: str = ""
    title: str = ""
    subproblems: list[Subproblem] | None = None

    @property
    def label(self) -> str:
        """Its type without the prefix that all have."""
        return self.type.removeprefix(ERROR_PREFIX)

    @property
    def text(self) -> str:
        """All that it says, in one line."""
        said = self.detail or self.title or "the server does not say why"
        parts = [_subproblem(each) for each in self.subproblems or ()]
        inner = "; ".join(dict.fromkeys(part for part in parts if part and part not in said))
        text = f"{said}: {inner}" if inner else said
        return f"{text} ({self.label})" if self.label else text


class Meta(msgspec.Struct, rename="camel"):
    """What a directory tells of the server."""

    terms_of_service: str = ""
    external_account_required: bool = False
    profiles: dict[str, str] | None = None


class Directory(msgspec.Struct, rename="camel"):
    """Where to send what."""

    new_nonce: str
    new_account: str
    new_order: str
    revoke_cert: str = ""
    renewal_info: str = ""
    meta: Meta | None = None


class Challenge(msgspec.Struct):
    """One way to prove control."""

    type: str
    url: str
    status: str = "pending"
    token: str = ""
    error: Problem | None = None

    @property
    def checked_token(self) -> str:
        """The token, if it is made of the letters that RFC 8555 section 8.1 has. Raises Broken."""
        if not _TOKEN.fullmatch(self.token):
            raise Broken(f"the ACME server gave a {self.type} challenge with a malformed token")
        return self.token


class Authorization(msgspec.Struct):
    """What is to be proved for one identifier."""

    status: str
    identifier: NamedIdentifier
    challenges: list[Challenge] = []
    wildcard: bool = False

    @property
    def name(self) -> str:
        """The identifier as it was ordered."""
        return f"*.{self.identifier.value}" if self.wildcard else self.identifier.value


class Order(msgspec.Struct):
    """An order, with its own address in `url`."""

    status: str
    finalize: str = ""
    authorizations: list[str] = []
    certificate: str = ""
    error: Problem | None = None


class Window(msgspec.Struct):
    """When to renew, in RFC 3339."""

    start: str
    end: str


class RenewalInfo(msgspec.Struct, rename="camel"):
    """RFC 9773 section 4.2."""

    suggested_window: Window
    explanation_url: str = msgspec.field(name="explanationURL", default="")


def _subproblem(each: Subproblem) -> str:
    said = each.detail or each.type.removeprefix(ERROR_PREFIX)
    return f"{each.identifier.value}: {said}" if each.identifier and said else said
