"""`authority.policy`, and the rules in `options.x509` of a provisioner: read and compiled."""

from typing import Any

from msgspec import Struct, field

from appliance.config.document import Document, is_off
from appliance.issuance.policy import BadPattern, NamePolicy

_PLACE = "authority.policy"


class Names(Struct, kw_only=True):
    """`allow` or `deny` for X.509: patterns by the kind of name."""

    cn: list[str] | None = None
    dns: list[str] | None = None
    ip: list[str] | None = None
    email: list[str] | None = None
    uri: list[str] | None = None

    def patterns(self) -> dict[str, list[str]]:
        """Give what is written, by kind."""
        return {kind: found for kind in self.__struct_fields__ if (found := getattr(self, kind))}


class X509Policy(Struct, rename="camel", kw_only=True):
    """`policy.x509`, and so much of `options.x509`."""

    allow: Names | None = None
    deny: Names | None = None
    allow_wildcard_names: bool = False


class SshNames(Struct, kw_only=True):
    """`allow` or `deny` for SSH."""

    dns: list[str] | None = None
    ip: list[str] | None = None
    email: list[str] | None = None
    principal: list[str] | None = None

    def patterns(self) -> dict[str, list[str]]:
        """Give those that have a form to be checked."""
        return {"dns": self.dns or [], "ip": self.ip or [], "email": self.email or []}


class SshSide(Struct, kw_only=True):
    """`policy.ssh.user` or `policy.ssh.host`."""

    allow: SshNames | None = None
    deny: SshNames | None = None


class SshPolicy(Struct, kw_only=True):
    """`policy.ssh`."""

    user: SshSide | None = None
    host: SshSide | None = None


class Policy(Struct, kw_only=True):
    """`authority.policy`."""

    x509: X509Policy | None = None
    ssh: SshPolicy | None = field(default=None)


def read(given: Any, document: Document, warnings: list[str]) -> NamePolicy | None:
    """Read the authority's policy; None when it has no rules.

    Raises ConfigError with the place of what is wrong. What it says about SSH is checked only.
    """
    if given is None:
        return None
    written = document.read(Policy, given, _PLACE)
    for side in ("user", "host"):
        _check_ssh(getattr(written.ssh, side, None), document, f"{_PLACE}.ssh.{side}")
    if not is_off(given.get("ssh")):
        warnings.append(f"{_PLACE}.ssh: kept for SSH, which is not served yet")
    x509 = written.x509 or X509Policy()
    return compile_names(x509, document, f"{_PLACE}.x509", called=f"{_PLACE}.x509")


def compile_names(
    written: X509Policy, document: Document, place: str, *, called: str
) -> NamePolicy | None:
    """Compile rules that stand at `place`; refusals call them `called`. Raises ConfigError."""
    allow = written.allow.patterns() if written.allow else {}
    deny = written.deny.patterns() if written.deny else {}
    try:
        policy = NamePolicy.compile(
            allow, deny, wildcards=written.allow_wildcard_names, place=called
        )
    except BadPattern as error:
        raise document.wrong(error.public, f"{place}.{error.place}") from None
    return policy or None


def _check_ssh(side: SshSide | None, document: Document, place: str) -> None:
    allow, deny = (side.allow, side.deny) if side else (None, None)
    try:
        NamePolicy.compile(allow.patterns() if allow else {}, deny.patterns() if deny else {})
    except BadPattern as error:
        raise document.wrong(error.public, f"{place}.{error.place}") from None
