"""`authority.policy`, and the rules in `options` of a provisioner: read and compiled."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from appliance.config.document import Document
from appliance.config.schema import SshOptions, X509Options
from appliance.issuance.policy import BadPattern, NamePolicy
from appliance.issuance.ssh.policy import PrincipalPolicy, PrincipalRules

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
        """Give what is written, by kind."""
        return {kind: found for kind in self.__struct_fields__ if (found := getattr(self, kind))}


class SshSide(Struct, kw_only=True):
    """`policy.ssh.user` or `policy.ssh.host`, and the same in `options.ssh`."""

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


def read(given: Any, document: Document) -> NamePolicy | None:
    """Read what the authority's policy says about X.509; None when it has no rules.

    Raises ConfigError with the place of what is wrong.
    """
    if given is None:
        return None
    written = document.read(Policy, given, _PLACE)
    return _compiled(written.x509 or X509Policy(), document, f"{_PLACE}.x509")


def read_ssh(given: Any, document: Document) -> PrincipalPolicy | None:
    """Read what it says about SSH. Raises as `read` does."""
    if given is None:
        return None
    written = document.read(Policy, given, _PLACE).ssh or SshPolicy()
    return _compiled_ssh(written.user, written.host, document, f"{_PLACE}.ssh")


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


def of_provisioner_ssh(
    options: SshOptions, document: Document, place: str
) -> PrincipalPolicy | None:
    """Read the rules among a provisioner's `options.ssh`; None when there are none.

    Raises ConfigError.
    """
    user, host = (
        None if given is None else document.read(SshSide, given, f"{place}.{name}")
        for name, given in (("user", options.user), ("host", options.host))
    )
    return _compiled_ssh(user, host, document, place)


def _compiled(written: X509Policy, document: Document, place: str) -> NamePolicy | None:
    allow, deny = _patterns(written)
    wildcards = written.allow_wildcard_names
    try:
        return NamePolicy.compile(allow, deny, wildcards=wildcards, place=place) or None
    except BadPattern as error:
        raise document.wrong(error.public, f"{place}.{error.place}") from None


def _compiled_ssh(
    user: SshSide | None, host: SshSide | None, document: Document, place: str
) -> PrincipalPolicy | None:
    policy = PrincipalPolicy(
        place=place,
        user=_compiled_side(user, document, f"{place}.user"),
        host=_compiled_side(host, document, f"{place}.host"),
    )
    return policy or None


def _compiled_side(
    written: SshSide | None, document: Document, place: str
) -> PrincipalRules | None:
    allow, deny = _patterns(written or SshSide())
    try:
        return PrincipalRules.compile(allow, deny, place=place) or None
    except BadPattern as error:
        raise document.wrong(error.public, f"{place}.{error.place}") from None


def _patterns(written: X509Policy | SshSide) -> Sequence[Mapping[str, Sequence[str]]]:
    """Give the patterns of both lists, by kind."""
    return [each.patterns() if each else {} for each in (written.allow, written.deny)]
