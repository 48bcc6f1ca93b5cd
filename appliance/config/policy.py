"""`authority.policy`, and the rules in `options.x509` of a provisioner: read and compiled."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from appliance.config.document import Document, is_off
from appliance.config.schema import X509Options
from appliance.issuance.policy import BadPattern, NamePolicy

_PLACE: Final = "authority.policy"


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
    ssh: SshPolicy | None = None


def read(given: Any, document: Document, warnings: list[str]) -> NamePolicy | None:
    """Read the authority's policy; None when it has no rules.

    Raises ConfigError with the place of what is wrong. What it says about SSH is checked only.
    """
    if given is None:
        return None
    written = document.read(Policy, given, _PLACE)
    for side in ("user", "host"):
        rules = getattr(written.ssh, side, None)
        if rules is not None:
            _compiled(rules, document, f"{_PLACE}.ssh.{side}")
    if written.ssh is not None and not is_off(msgspec.to_builtins(written.ssh)):
        warnings.append(f"{_PLACE}.ssh: kept for SSH, which is not served yet")
    return _compiled(written.x509 or X509Policy(), document, f"{_PLACE}.x509")


def of_provisioner(options: X509Options, document: Document, place: str) -> NamePolicy | None:
    """Read the rules among a provisioner's `options.x509`; None when there are none.

    Raises ConfigError.
    """
    allow, deny = (
        None if given is None else document.read(Names, given, f"{place}.{name}")
        for name, given in (("allow", options.allow), ("deny", options.deny))
    )
    written = X509Policy(allow=allow, deny=deny, allow_wildcard_names=options.allow_wildcard_names)
    return _compiled(written, document, place)


def _compiled(written: X509Policy | SshSide, document: Document, place: str) -> NamePolicy | None:
    allow = written.allow.patterns() if written.allow else {}
    deny = written.deny.patterns() if written.deny else {}
    wildcards = isinstance(written, X509Policy) and written.allow_wildcard_names
    try:
        return NamePolicy.compile(allow, deny, wildcards=wildcards, place=place) or None
    except BadPattern as error:
        raise document.wrong(error.public, f"{place}.{error.place}") from None
