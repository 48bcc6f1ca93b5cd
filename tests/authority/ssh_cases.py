"""What requests for SSH certificates are made of: a token, a provisioner, webhooks, a body.

For step-ca and for ours; the requests themselves are in `ssh_grant_cases`. Each has a provisioner
of its own, but for service accounts.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import jwt

from tests.authority import credential_scenarios as credentials
from tests.authority.ssh_scenarios import KID, PROVISIONER_KEY, URL, b64, user
from tests.support.idp import Idp
from tests.support.openssh import key_blob
from tests.support.requests import key_of, signing_request
from tests.support.webhooks import Reply

ON: Final = {"enableSSHCA": True}
SIGN: Final = f"{URL}/1.0/ssh/sign"
EMAIL: Final = "jane@example.com"
UUID: Final = "urn:uuid:12345678-1234-5678-1234-567812345678"


class Clock:
    """Tells the time of the authority that is asked, for those who make credentials."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> int:
        return self._now


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A token of a kind of provisioner, and a request. `ssh` is the token's `step.ssh`."""

    kind: str = "JWK"
    entry: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    ssh: Any = field(default_factory=user)
    claims: Mapping[str, Any] = field(default_factory=dict)  # of the token; None leaves out
    body: Mapping[str, Any] = field(default_factory=dict)
    key: str = "P-256"
    ages: tuple[int, int] | None = None  # of the credential
    holder: Mapping[str, Any] = field(default_factory=dict)  # of a Nebula certificate
    hooks: Sequence[Mapping[str, Any]] = ()
    replies: Mapping[str, Sequence[Reply | Mapping[str, Any]]] = field(default_factory=dict)
    account: str = ""  # kind of the key for making an account
    identity: Sequence[str] | None = None  # names in the CSR of an identity certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Cases that one authority is asked."""

    cases: Mapping[str, Case]
    policy: Mapping[str, Any] | None = None  # `authority.policy.ssh`
    accounts: Mapping[str, Any] = field(default_factory=dict)  # options of the one K8sSA entry


def provisioners(group: Group, idp: Idp, hooks_url: str) -> list[dict[str, Any]]:
    """Give one for each case, and one for service accounts, as in ca.json."""
    listed = []
    for number, case in enumerate(group.cases.values()):
        if case.kind == "K8sSA":
            continue
        hooks = [{**hook, "url": f"{hooks_url}/{number}{hook['url']}"} for hook in case.hooks]
        options = {**case.options, "webhooks": hooks} if hooks else dict(case.options)
        listed.append(
            {"name": f"p{number}", "claims": ON, "options": options}
            | _of_type(case.kind, f"p{number}", idp)
            | dict(case.entry)
        )
    keys = credentials.credential_provisioners()
    (account,) = (each for each in keys if each["type"] == "K8sSA")
    return [*listed, {**account, "claims": ON, "options": dict(group.accounts)}]


def _of_type(kind: str, name: str, idp: Idp) -> dict[str, Any]:
    if kind == "OIDC":
        return idp.entry(name=name, clientID=name)
    if kind in ("X5C", "Nebula"):
        known = credentials.credential_provisioners()
        roots = next(each["roots"] for each in known if each["type"] == kind)
        return {"type": kind, "roots": roots}
    public = jwt.algorithms.ECAlgorithm.to_jwk(PROVISIONER_KEY.public_key(), as_dict=True)
    return {"type": "JWK", "key": {**public, "kid": KID, "use": "sig", "alg": "ES256"}}


KINDS: Final = ("P-256", "Ed25519", "RSA-2048", "sk-ecdsa", "sk-ed25519")


def new_keys() -> dict[str, str]:
    """Make a key of each kind."""
    return {kind: b64(key_blob(kind)) for kind in KINDS}


def request(case: Case, number: int, now: int, idp: Idp, keys: Mapping[str, str]) -> dict[str, Any]:
    """Make the body of POST /ssh/sign for keys by their kinds."""
    asked: dict[str, Any] = {"publicKey": keys[case.key], **case.body}
    if case.account:
        asked["addUserPublicKey"] = keys[case.account]
    if case.identity is not None:
        asked["identityCSR"] = signing_request(key_of("P-256"), "", list(case.identity))
    return {**asked, "ott": token(case, f"p{number}", now, idp)}


def token(case: Case, name: str, now: int, idp: Idp) -> str:
    """Make the token of a case."""
    clock: Any = Clock(now)
    ssh = {} if case.ssh is None else {"step": {"ssh": case.ssh}}
    given = {"iss": name, "sub": "jane", **ssh, **case.claims}
    match case.kind:
        case "X5C":
            ages = {"ages": case.ages} if case.ages else {}
            aud = f"{SIGN}#x5c/{name}"
            return credentials.x5c_ask(clock, **ages).x5c(**{"aud": aud, **given})
        case "Nebula":
            ages = {"ages": case.ages} if case.ages else {}
            ask = credentials.nebula_ask(clock, **ages, **case.holder)
            return ask.nebula(**{"aud": f"{SIGN}#nebula/{name}", **given})
        case "K8sSA":
            return credentials.account_token(clock, **case.claims)
        case "OIDC":
            times = {"iat": now, "exp": now + 300, "aud": name}
            return idp.token(**{**times, **case.claims})
        case _:
            return _jwk(given, now)


def _jwk(given: Mapping[str, Any], now: int) -> str:
    claims = {
        "aud": SIGN, "iat": now, "nbf": now, "exp": now + 300, "jti": secrets.token_hex(16),
        **given,
    }  # fmt: skip
    present = {key: value for key, value in claims.items() if value is not None}
    return jwt.encode(present, PROVISIONER_KEY, "ES256", {"kid": KID})


# ---- what cases are made of


def oidc(body: Mapping[str, Any] | None = None, **more: Any) -> Case:
    claims = more.pop("claims", {})
    return Case(kind="OIDC", ssh=None, body=body or {}, claims=claims, **more)


ADMIN: Final = {"admins": [EMAIL]}
ANY: Final = {"certType": "host", "keyID": "any", "principals": ["h.example", "10.0.0.1"]}
FREE: Final = {"certType": "user", "keyID": "any", "principals": ["root", "anybody"]}
BOUNDS: Final = {
    "claims": {
        **ON, "minUserSSHCertDuration": "1h", "defaultUserSSHCertDuration": "2h",
        "maxUserSSHCertDuration": "3h", "defaultHostSSHCertDuration": "48h",
    }
}  # fmt: skip


def template(text: str, **data: Any) -> dict[str, Any]:
    ssh: dict[str, Any] = {"template": text}
    return {"ssh": {**ssh, "templateData": data} if data else ssh}


def says(**members: str) -> str:
    """Write a template of some keys; the usual ones stand unless they are changed."""
    usual = {"type": "{{ toJson .Type }}", "keyId": "{{ toJson .KeyID }}",
             "principals": "{{ toJson .Principals }}"}  # fmt: skip
    listed = {**usual, **members}
    return "{" + ", ".join(f'"{name}": {value}' for name, value in listed.items() if value) + "}"
