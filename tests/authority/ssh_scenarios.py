"""Requests for SSH certificates, good and bad, for any step-compatible CA.

`record_ssh.py` plays them against step-ca and keeps what it answers; the tests play them against
ours.
"""

import base64
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.formats.keys import PrivateKey
from appliance.formats.ssh import certificate as ssh_certificate
from appliance.formats.ssh import keys, signatures, wire
from appliance.formats.ssh.certificate import SshCertificate
from appliance.formats.ssh.keys import SshPublicKey
from appliance.issuance.algorithms import ECDSA_SCHEMES
from appliance.model.ssh import CertificateType
from tests.support.openssh import key_blob, new_key

KID = "ssh-kid"
URL = "https://ca.example:9000"
PROVISIONER_KEY = new_key()

DIFFERENT = {
    "sign, a certificate instead of a key": 400,
    "sign, a beginning before 1970": 400,
    "sign, an empty principal in the token": 403,
    "rekey, renewal disabled": 401,
    "revoke, a serial that is no number": 400,
    "revoke, a serial with zeros in front": 400,
}
"""What we answer otherwise than step-ca; the handbook says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a CA answered; `certificate` as it is on the wire."""

    status: int
    message: str = ""
    certificate: bytes = b""

    @property
    def parsed(self) -> SshCertificate:
        """The certificate."""
        return ssh_certificate.parse(self.certificate)


class Target(Protocol):
    """A CA that answers. `host_key` signs for hosts: for certificates that it never issued."""

    host_key: ec.EllipticCurvePrivateKey
    user_key: ec.EllipticCurvePrivateKey

    def now(self) -> int:
        """Its clock, in seconds."""
        ...

    async def post(self, path: str, body: object) -> Outcome:
        """Ask."""
        ...


Scenario: TypeAlias = Callable[[Target], Awaitable[Outcome]]
SCENARIOS: dict[str, Scenario] = {}


def provisioners() -> list[dict[str, Any]]:
    """Give the provisioners that the scenarios ask of, as in ca.json."""
    key = {
        **jwt.algorithms.ECAlgorithm.to_jwk(PROVISIONER_KEY.public_key(), as_dict=True),
        "kid": KID,
        "use": "sig",
        "alg": "ES256",
    }
    on = {"enableSSHCA": True}
    bounds = {
        "minUserSSHCertDuration": "1h", "defaultUserSSHCertDuration": "2h",
        "maxUserSSHCertDuration": "3h", "minHostSSHCertDuration": "10m",
        "defaultHostSSHCertDuration": "20m", "maxHostSSHCertDuration": "30m",
    }  # fmt: skip
    return [
        {"type": "JWK", "name": "admin", "key": key, "claims": on},
        {"type": "JWK", "name": "x509", "key": key},
        {"type": "JWK", "name": "brief", "key": key, "claims": {**on, **bounds}},
        {"type": "ACME", "name": "acme"},
        {"type": "SSHPOP", "name": "sshpop", "claims": on},
        {"type": "SSHPOP", "name": "final", "claims": {"disableRenewal": True}},
        {"type": "SSHPOP", "name": "late", "claims": {"allowRenewalAfterExpiry": True}},
        {"type": "SSHPOP", "name": "brief-pop", "claims": bounds},
    ]


def scenario(name: str) -> Callable[[Scenario], Scenario]:
    def add(play: Scenario) -> Scenario:
        assert name not in SCENARIOS, name
        SCENARIOS[name] = play
        return play

    return add


def b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def filled(value: Any, now: int) -> Any:
    """Put times in: a function is given the CA's clock."""
    if callable(value):
        return value(now)
    if isinstance(value, dict):
        return {name: filled(each, now) for name, each in value.items()}
    return value


def at(seconds: int) -> Callable[[int], str]:
    """A time so many seconds from now, in RFC 3339."""
    return lambda now: f"{datetime.fromtimestamp(now + seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def without_nothing(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def token(target: Target, *, key: Any = PROVISIONER_KEY, kid: str = KID, **changes: Any) -> str:
    """Make a token for SSH; None leaves a claim out."""
    now = target.now()
    claims = {
        "iss": "admin", "sub": "jane", "aud": f"{URL}/1.0/ssh/sign", "iat": now,
        "nbf": now, "exp": now + 300, "jti": secrets.token_hex(16),
        "step": {"ssh": {"certType": "user", "keyID": "jane@example", "principals": ["jane"]}},
    } | changes  # fmt: skip
    return jwt.encode(
        without_nothing(filled(claims, now)), key, algorithm="ES256", headers={"kid": kid}
    )


# ---- sign


def signs(
    name: str,
    *,
    body: Mapping[str, Any] | None = None,
    key: str = "P-256",
    path: str = "/ssh/sign",
    ssh: Any = ...,
    **claims: Any,
) -> None:
    """Ask for a certificate with a changed body, a changed token, another key."""

    @scenario(f"sign, {name}")
    async def play(target: Target) -> Outcome:
        changed = dict(claims)
        if ssh is not ...:
            changed["step"] = {"ssh": ssh}
        asked = {"publicKey": b64(key_blob(key)), "ott": token(target, **changed)}
        return await target.post(
            path, without_nothing(asked | filled(dict(body or {}), target.now()))
        )


def host(**more: Any) -> dict[str, Any]:
    return {"certType": "host", "keyID": "h.example", "principals": ["h.example"]} | more


def user(**more: Any) -> dict[str, Any]:
    return {"certType": "user", "keyID": "jane@example", "principals": ["jane"]} | more


signs("a user")
signs("a host", ssh=host())
signs("by the other path", path="/sign-ssh")
for _kind in ("P-384", "P-521", "Ed25519", "RSA-2048", "RSA-3072", "sk-ecdsa", "sk-ed25519"):
    signs(f"a key of kind {_kind}", key=_kind)
signs("a small RSA key", key="RSA-1024")
signs("a DSA key", key="DSA-1024")
signs("no more than a subject", ssh={})
signs("no key id", ssh={"certType": "host", "principals": ["a", "b"]})
signs("no principals", ssh={"certType": "host", "keyID": "x"})
signs("no type, and host asked for", ssh={}, body={"certType": "host"})
signs("a type in capitals", ssh=user(certType="USER"))
signs("a type in capitals, and the same asked for", ssh=user(certType="USER"),
      body={"certType": "user"})  # fmt: skip
signs("a type that is none", ssh=user(certType="root"))
signs("another type asked for", body={"certType": "host"})
signs("the same type asked for", body={"certType": "user"})
signs("an unknown type asked for", body={"certType": "root"})
signs("another key id asked for", body={"keyID": "joe"})
signs("the same principals asked for", ssh=user(principals=["a", "b"]),
      body={"principals": ["b", "a"]})  # fmt: skip
signs("fewer principals asked for", ssh=user(principals=["a", "b"]), body={"principals": ["B"]})
signs("more principals asked for", body={"principals": ["jane", "root"]})
signs("a principal twice", body={"principals": ["jane", "jane"]})
signs("other principals asked for", body={"principals": ["root"]})
signs("principals asked for, none in the token", ssh={}, body={"principals": ["root"]})
signs("an empty principal asked for", ssh={}, body={"principals": [""]})
signs("an empty principal in the token", ssh=user(principals=["jane", ""]))
signs("principals null", body={"principals": None})
signs("principals of the wrong kind", body={"principals": "jane"})
signs("a principal of the wrong kind", body={"principals": [1]})
signs("principals of null", ssh={}, body={"principals": [None]})
signs("a key id and principals beyond ASCII", ssh=user(keyID="jäne", principals=["jäne", "Ünal"]))
signs("many principals", ssh=user(principals=[f"p{n}" for n in range(300)]))
signs("no step", step=None)
signs("no ssh in step", step={})
signs("step null", step={"ssh": None})
signs("step of the wrong kind", step="ssh")
signs("ssh of the wrong kind", ssh=["user"])
signs("principals of the wrong kind in the token", ssh=user(principals="jane"))
signs("a key of another case in the token", ssh={"certtype": "host", "keyID": "x"})

# dates
signs("lasting an hour", body={"validBefore": "1h"})
signs("from later on", body={"validAfter": "10m", "validBefore": "1h"})
signs("from earlier on", body={"validAfter": "-10m"})
signs("a beginning alone", body={"validAfter": "1h"})
signs("both as times", body={"validAfter": at(60), "validBefore": at(7200)})
signs("with an offset", body={"validBefore": lambda now: at(3600 + 7200)(now)[:-1] + "+02:00"})
signs("year 1", body={"validAfter": "0001-01-01T00:00:00Z", "validBefore": "0001-01-01T00:00:00Z"})
signs("too short", body={"validBefore": "1m"})
signs("too long", body={"validBefore": "25h"})
signs("the longest", body={"validBefore": "24h"})
signs("a minute too long", body={"validBefore": "24h1m"})
signs("the longest with a beginning", body={"validAfter": "1h", "validBefore": "25h1m"})
signs("the wrong way round", body={"validAfter": "2h", "validBefore": "1h"})
signs("all in the past", body={"validAfter": "-2h", "validBefore": "-1h"})
signs("a beginning before 1970", body={"validAfter": "1960-01-01T00:00:00Z"})
signs("a time that is none", body={"validBefore": "tomorrow"})
signs("a time of the wrong kind", body={"validBefore": 3600})
signs("dates in the token", ssh=user(validAfter="10m", validBefore="2h"))
signs("dates in the token, the same asked for", ssh=user(validBefore="2h"),
      body={"validBefore": "2h"})  # fmt: skip
signs("dates in the token, others asked for", ssh=user(validBefore="2h"),
      body={"validBefore": "1h"})  # fmt: skip
signs("dates in the token, another form asked for", ssh=user(validBefore="2h"),
      body={"validBefore": at(7200)})  # fmt: skip
signs("an end in the token, a beginning asked for", ssh=user(validBefore="2h"),
      body={"validAfter": "1h"})  # fmt: skip
signs("dates in the token that are none", ssh=user(validBefore="soon"))
signs("dates in the token the wrong way round", ssh=user(validAfter="3h", validBefore="2h"))
signs("a host, too long", ssh=host(), body={"validBefore": "721h"})
signs("a host, the longest", ssh=host(), body={"validBefore": "720h"})
signs("a host of bounds", iss="brief", ssh=host())
signs("a user of bounds", iss="brief")
signs("a user of bounds, too long", iss="brief", body={"validBefore": "4h"})
signs("a user of bounds, too short", iss="brief", body={"validBefore": "30m"})
signs("a host of bounds, too long", iss="brief", ssh=host(), body={"validBefore": "40m"})

# bodies
signs("no key", body={"publicKey": None})
signs("an empty key", body={"publicKey": ""})
signs("a key that is none", body={"publicKey": b64(b"key")})
signs("a key with octets behind", body={"publicKey": b64(key_blob("P-256") + b"x")})
signs("a key that is not base64", body={"publicKey": "***"})
signs("a key in two lines", body={"publicKey": lambda now: b64(key_blob("RSA-2048"))[:60] + "\n" +
      "x"})  # fmt: skip
signs("a key of no type", body={"publicKey": b64(wire.string("ssh-foo") + b"abc")})
signs("no token", body={"ott": None})
signs("an empty token", body={"ott": ""})
signs("a token that is none", body={"ott": "a.b.c"})
signs("template data without a template", body={"templateData": {"a": 1}})

# tokens
signs("the audience of X.509", aud=f"{URL}/sign")
signs("the audience of a renewal", aud=f"{URL}/ssh/renew")
signs("the audience of others", aud="https://other.example/ssh/sign")
signs("the audience of old clients", aud="step-certificate-authority")
signs("an unknown issuer", iss="nobody")
signs("a provisioner without SSH", iss="x509")
signs("no subject", sub=None)
signs("expired", exp=lambda now: now - 61)
signs("not valid yet", nbf=lambda now: now + 61)


@scenario("sign, signed by another")
async def forged(target: Target) -> Outcome:
    ott = token(target, key=new_key())
    return await target.post("/ssh/sign", {"publicKey": b64(key_blob("P-256")), "ott": ott})


@scenario("sign, a certificate instead of a key")
async def certificate_as_key(target: Target) -> Outcome:
    first = await sign(target, new_key())
    body = {"publicKey": b64(first.certificate), "ott": token(target)}
    return await target.post("/ssh/sign", body)


@scenario("sign, a token used before")
async def reused(target: Target) -> Outcome:
    body = {"publicKey": b64(key_blob("P-256")), "ott": token(target)}
    await target.post("/ssh/sign", body)
    return await target.post("/ssh/sign", body)


@scenario("sign, a token used in vain before")
async def used_in_vain(target: Target) -> Outcome:
    body = {"publicKey": b64(key_blob("P-256")), "ott": token(target)}
    await target.post("/ssh/sign", body | {"certType": "host"})
    return await target.post("/ssh/sign", body)


@scenario("sign, a token shown in a bad request before")
async def shown_before(target: Target) -> Outcome:
    body = {"publicKey": b64(key_blob("P-256")), "ott": token(target)}
    await target.post("/ssh/sign", body | {"certType": "root"})
    return await target.post("/ssh/sign", body)


@scenario("sign, no JSON")
async def no_json(target: Target) -> Outcome:
    return await target.post("/ssh/sign", "{")


# ---- what its holder may do


async def sign(target: Target, key: PrivateKey, ssh: Mapping[str, Any] | None = None) -> Outcome:
    """Get a certificate."""
    ott = token(target, step={"ssh": dict(ssh or user())})
    blob = keys.of_key(key.public_key()).blob
    return await target.post("/ssh/sign", {"publicKey": b64(blob), "ott": ott})


def pop(
    target: Target, shown: bytes, key: Any, operation: str, name: str = "sshpop", **changes: Any
) -> str:
    """Make a token with the key of a certificate."""
    now = target.now()
    serial = ssh_certificate.parse(shown).serial
    claims = {
        "iss": name, "sub": str(serial), "aud": f"{URL}/ssh/{operation}#sshpop/{name}",
        "iat": now, "nbf": now, "exp": now + 300, "jti": secrets.token_hex(16),
    } | changes  # fmt: skip
    algorithm = {"ECDSA": "ES256", "ED25519": "EdDSA", "RSA": "RS256"}[
        keys.of_key(key.public_key()).key_form
    ]
    return jwt.encode(
        without_nothing(filled(claims, now)), key, algorithm=algorithm,
        headers={"sshpop": b64(shown)},
    )  # fmt: skip


def own(
    target: Target,
    key: PrivateKey,
    *,
    authority: ec.EllipticCurvePrivateKey | None = None,
    **changes: Any,
) -> bytes:
    """Make a certificate with the CA's key, as it might have, some time ago."""
    signing = authority or target.host_key
    fields: dict[str, Any] = {
        "nonce": b"n" * 32, "key": keys.of_key(key.public_key()), "serial": secrets.randbits(63),
        "type": CertificateType.HOST, "key_id": "h.example", "principals": ("h.example",),
        "valid_after": target.now() - 3600, "valid_before": target.now() + 3600,
        "signature_key": keys.of_key(signing.public_key()),
    }  # fmt: skip
    unsigned = SshCertificate(**(fields | changes))
    algorithm = signatures.algorithm_of(unsigned.signature_key)
    signature = signing.sign(unsigned.to_be_signed, ECDSA_SCHEMES[algorithm])
    return unsigned.signed(signatures.of_signature(algorithm, signature)).blob


def renews(name: str, *, pop_name: str = "sshpop", made: Any = None, **changes: Any) -> None:
    """Renew a host's certificate, by another provisioner, an own one, a changed token."""

    @scenario(f"renew, {name}")
    async def play(target: Target) -> Outcome:
        key = new_key()
        if made is None:
            shown = (await sign(target, key, host())).certificate
        else:
            shown = own(target, key, **filled(dict(made), target.now()))
        return await target.post(
            "/ssh/renew", {"ott": pop(target, shown, key, "renew", pop_name, **changes)}
        )

    @scenario(f"rekey, {name}")
    async def play_rekey(target: Target) -> Outcome:
        key = new_key()
        if made is None:
            shown = (await sign(target, key, host())).certificate
        else:
            shown = own(target, key, **filled(dict(made), target.now()))
        renamed = {
            claim: value.replace("/renew", "/rekey") if isinstance(value, str) else value
            for claim, value in changes.items()
        }
        ott = pop(target, shown, key, "rekey", pop_name, **renamed)
        body = {"ott": ott, "publicKey": b64(key_blob("Ed25519"))}
        return await target.post("/ssh/rekey", body)


renews("a host")
renews("with options", made={"critical_options": {"force-command": "x"}, "extensions": {"y": ""}})
renews("renewal disabled", pop_name="final")
renews("expired", made={"valid_before": lambda now: now - 60})
renews("expired, allowed", pop_name="late", made={"valid_before": lambda now: now - 60})
renews("not valid yet", made={"valid_after": lambda now: now + 600})
renews("without an end", made={"valid_before": 0})
renews("without a beginning", made={"valid_after": 0})
renews("longer than allowed", pop_name="brief-pop")
renews("another subject", sub="jane")
renews("no subject", sub=None)
renews("another issuer", iss="admin")
renews("token expired", exp=lambda now: now - 61)
renews("another audience", aud=f"{URL}/ssh/sign#sshpop/sshpop")
renews("an audience without fragment", aud=f"{URL}/ssh/renew")
renews("the audience of X.509", aud=f"{URL}/renew#sshpop/sshpop")
renews("no key id", made={"key_id": ""})
renews("no principals", made={"principals": ()})


@scenario("renew, a user")
async def renew_user(target: Target) -> Outcome:
    key = new_key()
    shown = (await sign(target, key)).certificate
    return await target.post("/ssh/renew", {"ott": pop(target, shown, key, "renew")})


@scenario("rekey, a user")
async def rekey_user(target: Target) -> Outcome:
    key = new_key()
    ott = pop(target, (await sign(target, key)).certificate, key, "rekey")
    return await target.post("/ssh/rekey", {"ott": ott, "publicKey": b64(key_blob("P-256"))})


@scenario("renew, signed by another CA")
async def renew_foreign(target: Target) -> Outcome:
    key = new_key()
    ott = pop(target, own(target, key, authority=new_key()), key, "renew")
    return await target.post("/ssh/renew", {"ott": ott})


@scenario("renew, signed for a host by the user key")
async def renew_by_user_key(target: Target) -> Outcome:
    key = new_key()
    ott = pop(target, own(target, key, authority=target.user_key), key, "renew")
    return await target.post("/ssh/renew", {"ott": ott})


@scenario("renew, the token of another key")
async def renew_without_key(target: Target) -> Outcome:
    shown = (await sign(target, new_key(), host())).certificate
    return await target.post("/ssh/renew", {"ott": pop(target, shown, new_key(), "renew")})


@scenario("renew, without a certificate")
async def renew_bare(target: Target) -> Outcome:
    ott = token(target, aud=f"{URL}/ssh/renew#sshpop/sshpop", iss="sshpop")
    return await target.post("/ssh/renew", {"ott": ott})


@scenario("renew, by a provisioner's token")
async def renew_by_jwk(target: Target) -> Outcome:
    return await target.post("/ssh/renew", {"ott": token(target, aud=f"{URL}/ssh/renew")})


@scenario("rekey, by a provisioner's token")
async def rekey_by_jwk(target: Target) -> Outcome:
    body = {"ott": token(target, aud=f"{URL}/ssh/rekey"), "publicKey": b64(key_blob("P-256"))}
    return await target.post("/ssh/rekey", body)


@scenario("renew, a token used before")
async def renew_twice(target: Target) -> Outcome:
    key = new_key()
    ott = pop(target, (await sign(target, key, host())).certificate, key, "renew")
    await target.post("/ssh/renew", {"ott": ott})
    return await target.post("/ssh/renew", {"ott": ott})


@scenario("renew, no token")
async def renew_nothing(target: Target) -> Outcome:
    return await target.post("/ssh/renew", {})


@scenario("rekey, no key")
async def rekey_nothing(target: Target) -> Outcome:
    return await target.post("/ssh/rekey", {"ott": token(target)})


@scenario("rekey, a small RSA key")
async def rekey_small(target: Target) -> Outcome:
    key = new_key()
    ott = pop(target, (await sign(target, key, host())).certificate, key, "rekey")
    return await target.post("/ssh/rekey", {"ott": ott, "publicKey": b64(key_blob("RSA-1024"))})


@scenario("sign, by the token of a certificate")
async def sign_by_pop(target: Target) -> Outcome:
    key = new_key()
    ott = pop(target, (await sign(target, key, host())).certificate, key, "sign")
    return await target.post("/ssh/sign", {"ott": ott, "publicKey": b64(key_blob("P-256"))})


# ---- revoke


def revokes(name: str, serial: str = "4711", **more: Any) -> None:
    @scenario(f"revoke, {name}")
    async def play(target: Target) -> Outcome:
        sub = more.get("sub", serial)
        aud = more.get("aud", f"{URL}/ssh/revoke")
        body = {
            "serial": serial, "passive": True, "reasonCode": 1, "reason": "lost",
            "ott": token(target, aud=aud, sub=sub, step=None),
        }  # fmt: skip
        return await target.post("/ssh/revoke", without_nothing(body | more.get("body", {})))


revokes("one that nobody knows")
revokes("another subject", serial="12", sub="13")
revokes("no serial", serial="14", body={"serial": None})
revokes("no token", serial="15", body={"ott": None})
revokes("not passive", serial="16", body={"passive": False})
revokes("a reason that is none", serial="17", body={"reasonCode": 11})
revokes("the audience of X.509", serial="18", aud=f"{URL}/revoke")
revokes("a serial that is no number", serial="nineteen")
revokes("a serial with zeros in front", serial="0020")


@scenario("revoke, twice")
async def revoke_twice(target: Target) -> Outcome:
    outcome = Outcome(status=0)
    for _ in range(2):
        ott = token(target, aud=f"{URL}/ssh/revoke", sub="21")
        outcome = await target.post("/ssh/revoke", {"serial": "21", "passive": True, "ott": ott})
    return outcome


@scenario("revoke, by the certificate itself")
async def revoke_own(target: Target) -> Outcome:
    key = new_key()
    first = await sign(target, key)
    ott = pop(target, first.certificate, key, "revoke")
    serial = str(first.parsed.serial)
    return await target.post("/ssh/revoke", {"serial": serial, "passive": True, "ott": ott})


@scenario("revoke, another by a certificate")
async def revoke_other(target: Target) -> Outcome:
    key = new_key()
    first = await sign(target, key)
    ott = pop(target, first.certificate, key, "revoke", sub="22")
    return await target.post("/ssh/revoke", {"serial": "22", "passive": True, "ott": ott})


async def revoked_host(target: Target) -> tuple[Any, bytes]:
    key = new_key()
    first = await sign(target, key, host())
    serial = str(first.parsed.serial)
    ott = token(target, aud=f"{URL}/ssh/revoke", sub=serial)
    await target.post("/ssh/revoke", {"serial": serial, "passive": True, "ott": ott})
    return key, first.certificate


@scenario("renew, revoked")
async def renew_revoked(target: Target) -> Outcome:
    key, shown = await revoked_host(target)
    return await target.post("/ssh/renew", {"ott": pop(target, shown, key, "renew")})


@scenario("rekey, revoked")
async def rekey_revoked(target: Target) -> Outcome:
    key, shown = await revoked_host(target)
    ott = pop(target, shown, key, "rekey")
    return await target.post("/ssh/rekey", {"ott": ott, "publicKey": b64(key_blob("P-256"))})


# ---- what is kept of it


def view(outcome: Outcome, authorities: Mapping[str, SshPublicKey], now: int) -> dict[str, Any]:
    """Say what is the same whenever it is played; times from now on."""
    made = outcome.parsed
    assert made.signature is not None
    return {
        "type": made.type_name,
        "for": made.type.label,
        "key id": made.key_id,
        "principals": list(made.principals),
        "from": made.valid_after - now,
        "to": made.valid_before - now,
        "options": dict(made.critical_options),
        "extensions": dict(made.extensions),
        "nonce": len(made.nonce),
        "serial": made.serial > 0,
        "signed": made.is_signed_by([authorities[made.type.label]]),
        "form": made.signature.format,
    }
