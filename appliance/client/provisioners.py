"""A CA's provisioners, as the person who asks it for something chooses one."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from appliance.client.tokens import SigningKey
from appliance.formats import jwk
from appliance.model.errors import BadRequest, FormatError, NotSupported

_TYPES: Final = {
    name.lower(): name
    for name in (
        "JWK", "OIDC", "GCP", "AWS", "Azure", "ACME", "X5C", "K8sSA", "SSHPOP", "SCEP", "Nebula",
    )
}  # fmt: skip
_HOLDERS: Final = ("ssh/renew", "ssh/rekey", "ssh/revoke")  # what an SSH certificate's holder may


class NoTokens(BadRequest):
    """A provisioner was chosen that has no tokens for certificates; `kind` is its type."""

    def __init__(self, *, kind: str, name: str) -> None:
        super().__init__(
            f"provisioner '{name}' is of type {kind}, which has no tokens for certificates: choose "
            "another one with --provisioner"
        )
        self.kind = kind
        self.name = name


def kind_of(entry: Mapping[str, Any]) -> str:
    """Give the type of a provisioner in step's spelling."""
    written = str(entry.get("type", ""))
    return _TYPES.get(written.lower(), written)


def kid_of(entry: Mapping[str, Any]) -> str:
    """Give what `--kid` compares with: the key's id, or an OIDC client's."""
    match kind_of(entry):
        case "JWK":
            key = entry.get("key")
            return str(key.get("kid", "")) if isinstance(key, Mapping) else ""
        case "OIDC":
            return str(entry.get("clientID", ""))
        case _:
            return ""


def describe(entry: Mapping[str, Any]) -> str:
    """Show a provisioner in one line, as step does in its list."""
    kind, name = kind_of(entry), entry.get("name", "")
    match kind:
        case "JWK":
            return f"{name} ({kind}) [kid: {kid_of(entry)}]"
        case "OIDC":
            return f"{name} ({kind}) [client: {kid_of(entry)}]"
        case "Azure":
            return f"{name} ({kind}) [tenant: {entry.get('tenantID', '')}]"
        case _:
            return f"{name} ({kind})"


def candidates(
    entries: Iterable[Mapping[str, Any]], *, name: str = "", kid: str = "", kind: str = ""
) -> list[Mapping[str, Any]]:
    """Give those that fit the flags; `kind` is the only type of interest, if any.

    Those that are disabled must be named. Raises BadRequest when none fits.
    """
    kinds = (kind,) if kind else tuple(_TYPES.values())
    found = [
        entry
        for entry in entries
        if kind_of(entry) in kinds and (name or entry.get("state") != "Disabled")
    ]
    if not found:
        what = f"any provisioner of type {kind}" if kind else "any provisioner"
        raise BadRequest(f"cannot create a new token: the CA does not have {what} configured")
    for flag, wanted, read in (("kid", kid, kid_of), ("provisioner", name, _name_of)):
        if not wanted:
            continue
        known = [entry for entry in found if read(entry)]
        found = [entry for entry in found if read(entry) == wanted]
        if not found:
            names = ", ".join(read(entry) for entry in known) or "none"
            raise BadRequest(f"invalid value '{wanted}' for flag '--{flag}'; the CA has: {names}")
    return found


def require_tokens(entry: Mapping[str, Any], operation: str = "sign") -> None:
    """Refuse a provisioner that has no tokens for certificates, or whose we do not make.

    Raises NoTokens, NotSupported.
    """
    kind = kind_of(entry)
    if kind == "SSHPOP" and operation in _HOLDERS:
        return
    if kind in ("ACME", "SCEP", "SSHPOP"):
        raise NoTokens(kind=kind, name=_name_of(entry))
    if kind in ("AWS", "GCP", "Azure"):
        raise NotSupported(
            f"provisioner '{_name_of(entry)}' is of type {kind}: this version makes no tokens of "
            "clouds; choose another one with --provisioner, or bring a --token"
        )


def audience_of(entry: Mapping[str, Any], url: str) -> str:
    """Name a provisioner in the audience of its tokens, as all types but JWK want it."""
    kind = kind_of(entry)
    return url if kind == "JWK" else f"{url}#{kind.lower()}/{_name_of(entry)}"


def signing_key(private: Mapping[str, Any], kid: str = "") -> SigningKey:
    """Make the signing key of a private JWK. Raises FormatError."""
    key = jwk.private_key(private)
    algorithm = private.get("alg", "")
    if not isinstance(algorithm, str):
        raise FormatError("a JWK whose alg is not a string")
    members = jwk.public_members(key.public_key())
    known = kid or str(private.get("kid") or "") or jwk.thumbprint(members)
    return SigningKey(key=key, kid=known, algorithm=algorithm)


def _name_of(entry: Mapping[str, Any]) -> str:
    return str(entry.get("name", ""))
