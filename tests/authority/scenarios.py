"""Requests, good and bad, for any step-compatible CA: our authority, or step-ca itself.

`record.py` plays them against step-ca and keeps what it answers; the tests play them against ours.
"""

import base64
import copy
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from tests.support.requests import Key, key_of, signing_request

KID = "scenario-kid"
URL = "https://ca.example:9000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a CA answered. `chain` is leaf and issuers in PEM."""

    status: int
    message: str = ""
    chain: tuple[str, ...] = ()


class Target(Protocol):
    """A CA that answers."""

    def now(self) -> int:
        """Its clock, in seconds."""
        ...

    async def sleep(self, seconds: int) -> None:
        """Let time go by."""
        ...

    async def sign(self, body: Mapping[str, Any]) -> Outcome:
        """POST /sign."""
        ...

    async def renew(self, chain: Sequence[str], key: Key) -> Outcome:
        """POST /renew, by TLS."""
        ...

    async def renew_with_token(self, token: str) -> Outcome:
        """POST /renew, by token."""
        ...

    async def rekey(self, chain: Sequence[str], key: Key, csr: str) -> Outcome:
        """POST /rekey."""
        ...

    async def revoke(
        self, body: Mapping[str, Any], shown: tuple[Sequence[str], Key] | None = None
    ) -> Outcome:
        """POST /revoke, by token or TLS."""
        ...


PROVISIONER_KEY = ec.generate_private_key(ec.SECP256R1())


def provisioners() -> list[dict[str, Any]]:
    """Give the provisioners that the scenarios ask of, as in ca.json."""
    key = {
        **jwt.algorithms.ECAlgorithm.to_jwk(PROVISIONER_KEY.public_key(), as_dict=True),
        "kid": KID,
        "use": "sig",
        "alg": "ES256",
    }
    brief = {"minTLSCertDuration": "1s"}
    plain = {"disableSmallstepExtensions": True}
    return [
        {"type": "JWK", "name": "admin", "key": key},
        {"type": "JWK", "name": "plain", "key": key, "claims": plain},
        {"type": "JWK", "name": "final", "key": key, "claims": {"disableRenewal": True}},
        {"type": "JWK", "name": "brief", "key": key, "claims": brief},
        {"type": "JWK", "name": "late", "key": key,
         "claims": {**brief, "allowRenewalAfterExpiry": True}},
        {"type": "ACME", "name": "acme"},
    ]  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Ask:
    """One request in the making; the defaults make a good one."""

    target: Target
    name: str = "host.example"
    key: Key = field(default_factory=lambda: key_of("P-256"))

    def csr(self, common_name: str | None = None, sans: Sequence[str] | None = None) -> str:
        """Make the CSR."""
        return signing_request(
            self.key,
            self.name if common_name is None else common_name,
            [self.name] if sans is None else sans,
        )

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Make the claims; None leaves one out."""
        now = self.target.now()
        claims = {
            "iss": "admin",
            "aud": f"{URL}/1.0/sign",
            "sub": self.name,
            "jti": secrets.token_hex(16),
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(
        self,
        *,
        by: Any = PROVISIONER_KEY,
        algorithm: str = "ES256",
        kid: str | None = KID,
        **changes: Any,
    ) -> str:
        """Make the token. Raw encoding, since a good library refuses some of what is asked."""
        headers = {} if kid is None else {"kid": kid}
        return jwt.encode(self.claims(**changes), by, algorithm, headers)

    async def sign(self, token: str | None = None, csr: str | None = None, **more: Any) -> Outcome:
        """Ask for the certificate."""
        return await self.target.sign(
            {
                "csr": self.csr() if csr is None else csr,
                "ott": self.token() if token is None else token,
                "notBefore": "",
                "notAfter": "",
                **more,
            }
        )

    async def issued(self, issuer: str = "admin", **more: Any) -> tuple[str, ...]:
        """Get a certificate."""
        outcome = await self.sign(self.token(iss=issuer), **more)
        assert outcome.status == 201, outcome
        return outcome.chain

    def renewal_token(
        self, chain: Sequence[str], *, by: Key | None = None, header: object = None, **changes: Any
    ) -> str:
        """Make a renewal token."""
        listed = [
            base64.b64encode(
                x509.load_pem_x509_certificate(each.encode()).public_bytes(
                    serialization.Encoding.DER
                )
            ).decode()
            for each in chain
        ]
        claims = self.claims(**{"iss": "step-ca-client/1.0", "aud": f"{URL}/1.0/renew", **changes})
        headers = {"x5cInsecure": listed if header is None else header}
        return jwt.encode(claims, by or self.key, "ES256", headers)  # type: ignore[arg-type]

    async def revoke(self, serial: str, token: str | None = None, **more: Any) -> Outcome:
        """Ask for a revocation."""
        ott = token
        if ott is None:
            ott = self.token(sub=serial, aud=f"{URL}/1.0/revoke")
        body = {"serial": serial, "ott": ott, "reasonCode": 0, "reason": "", "passive": True}
        return await self.target.revoke({**body, **more})


Scenario: TypeAlias = Callable[[Target], Awaitable[Outcome]]
SCENARIOS: dict[str, Scenario] = {}


def signs(name: str, csr: Mapping[str, Any] | None = None, **claims: Any) -> None:
    """Add a scenario of one sign request with other claims, or another CSR."""

    async def play(target: Target) -> Outcome:
        ask = Ask(target=target)
        changed = {
            key: value(target) if callable(value) else value for key, value in claims.items()
        }
        return await ask.sign(ask.token(**changed), ask.csr(**(csr or {})))

    SCENARIOS[name] = play


def asks(name: str, **body: Any) -> None:
    """Add a scenario of one sign request whose body says something else."""

    async def play(target: Target) -> Outcome:
        return await Ask(target=target).sign(**body)

    SCENARIOS[name] = play


def scenario(name: str) -> Callable[[Scenario], Scenario]:
    """Add a scenario of any kind."""

    def add(play: Scenario) -> Scenario:
        SCENARIOS[name] = play
        return play

    return add


def later(seconds: int) -> Callable[[Target], int]:
    """Give a time from now."""
    return lambda target: target.now() + seconds


def serial_of(chain: Sequence[str]) -> str:
    """Give the serial of the leaf in decimal."""
    return str(x509.load_pem_x509_certificate(chain[0].encode()).serial_number)


# ---- tokens

signs("good")
signs("no jti", jti=None)
signs("no times at all", exp=None, nbf=None, iat=None)
signs("times null", exp=None, nbf=None, iat=None, jti=None)
signs("audience without a port", aud="https://ca.example/1.0/sign")
signs("audience without the version", aud=f"{URL}/sign")
signs("audience of ssh", aud=f"{URL}/1.0/ssh/sign")
signs("audience of old clients", aud="step-certificate-authority")
signs("one audience of many", aud=["https://other.example/sign", f"{URL}/sign"])
signs("audience with capital scheme", aud="HTTPS://ca.example/sign")
signs("audience with capital host", aud="https://CA.example/sign")
signs("audience with a query", aud=f"{URL}/sign?x=1")
signs("audience an IPv6 address", aud="https://[::1]:9000/sign")
signs("audience the other name", aud="https://10.1.2.3/sign")
signs("expired within the leeway", exp=later(-50))
signs("early within the leeway", nbf=later(50))
signs("issued early within the leeway", iat=later(50))
signs("expired", exp=later(-70))
signs("expired long ago, in fractions", exp=1.5)
signs("not valid yet", nbf=later(70))
signs("issued in the future", iat=later(70), nbf=None)
signs("issued before the start", iat=later(-3600), nbf=None)
signs("wrong audience", aud="https://elsewhere.example/1.0/sign")
signs("audience of revoke", aud=f"{URL}/1.0/revoke")
signs("audience of renew", aud=f"{URL}/1.0/renew")
signs("no audience", aud=None)
signs("empty audience", aud=[])
signs("audience with unknown fragment", aud=f"{URL}/1.0/sign#x5c/none")
signs("audience of ACME", aud=f"{URL}/1.0/sign#acme/acme")
signs("wrong issuer", iss="nobody")
signs("no issuer", iss=None)
signs("no subject", sub=None)
signs("empty subject", sub="")
signs("subject a number", sub=5)
signs("names not a list", sans="host.example")
signs("names not texts", sans=[1, 2])
signs("empty names", sans=[])
signs("expiry a text", exp="tomorrow")
signs("audience a number", aud=5)
signs("wrong key", by=ec.generate_private_key(ec.SECP256R1()))
signs("wrong kid", kid="other")
signs("no kid", kid=None)
signs("algorithm none", by=None, algorithm="none")
signs("HMAC with the public key", algorithm="HS256", by=b"0" * 64)
signs("algorithm of another curve", algorithm="ES384", by=ec.generate_private_key(ec.SECP384R1()))
signs("bound to another request", cnf={"x5rt#S256": "AAAA"})
signs("bound to nonsense", cnf={"x5rt#S256": "%%%"})
signs("bound to nothing", cnf={"x5rt#S256": ""})
signs("name that no certificate can carry", sans=["bücher.example"], csr={"sans": []})

asks("no token", token="")
asks("token a word", token="junk")
asks("token three words", token="a.b.c")
asks("token of JSON arrays", token="W10.W10.AA")


@scenario("reused")
async def reused(target: Target) -> Outcome:
    ask = Ask(target=target)
    token = ask.token()
    assert (await ask.sign(token)).status == 201
    return await ask.sign(token)


@scenario("reused, without jti")
async def reused_hash(target: Target) -> Outcome:
    ask = Ask(target=target)
    token = ask.token(jti=None)
    assert (await ask.sign(token)).status == 201
    return await ask.sign(token)


@scenario("reused with its other signature")
async def reused_malleated(target: Target) -> Outcome:
    """Whoever sees an ECDSA signature can make the one other that holds as well."""
    ask = Ask(target=target)
    token = ask.token(jti=None)
    assert (await ask.sign(token)).status == 201
    head, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    other = raw[:32] + (order - int.from_bytes(raw[32:])).to_bytes(32)
    return await ask.sign(f"{head}.{base64.urlsafe_b64encode(other).decode().rstrip('=')}")


@scenario("used for a refused request")
async def used_by_refusal(target: Target) -> Outcome:
    ask = Ask(target=target)
    token = ask.token()
    assert (await ask.sign(token, ask.csr("other.example"))).status == 403
    return await ask.sign(token)


@scenario("used for a request that cannot be read")
async def unused_by_bad_request(target: Target) -> Outcome:
    ask = Ask(target=target)
    token = ask.token()
    assert (await ask.sign(token, "junk")).status == 400
    return await ask.sign(token)


@scenario("changed after signing")
async def changed(target: Target) -> Outcome:
    ask = Ask(target=target)
    head, _, signature = ask.token().split(".")
    other = ask.token(sub="evil.example").split(".")[1]
    return await ask.sign(f"{head}.{other}.{signature}")


@scenario("a forged token with the jti of a good one")
async def forged_first(target: Target) -> Outcome:
    ask = Ask(target=target)
    good = ask.token(jti="0" * 32 + secrets.token_hex(8))
    claims = jwt.decode(good, options={"verify_signature": False})
    forged = ask.token(by=ec.generate_private_key(ec.SECP256R1()), **claims)
    assert (await ask.sign(forged)).status == 401
    return await ask.sign(good)


# ---- requests

asks("CSR empty", csr="")
asks("CSR a word", csr="junk")
asks(
    "CSR of junk in PEM",
    csr="-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
)
asks("CSR cut off", csr="-----BEGIN CERTIFICATE REQUEST-----\nMIIB")  # fmt: skip
signs("no names in the CSR", csr={"common_name": "", "sans": []})
signs("common name one of the names", sans=["a.example", "b.example"],
      csr={"common_name": "b.example", "sans": ["b.example", "a.example"]})  # fmt: skip
signs("wrong common name", csr={"common_name": "evil.example"})
signs("common name with other case", csr={"common_name": "HOST.example"})
signs("wrong DNS name", csr={"sans": ["evil.example"]})
signs("one DNS name more", csr={"sans": ["host.example", "evil.example"]})
signs("one DNS name less", sans=["host.example", "b.example"], csr={"sans": ["host.example"]})
signs("an address more", csr={"sans": ["host.example", "10.0.0.1"]})
signs("an email more", csr={"sans": ["host.example", "a@b.example"]})
signs("a URI more", csr={"sans": ["host.example", "https://b.example"]})
signs("one kind left out", sans=["host.example", "10.0.0.1"], csr={"sans": ["10.0.0.1"]})


def keyed(kind: str) -> None:
    """Add a scenario of a CSR with a key of a kind."""

    @scenario(f"{kind} key")
    async def play(target: Target) -> Outcome:
        return await Ask(target=target, key=key_of(kind)).sign()


for each in ("RSA-1024", "RSA-2048", "Ed25519", "P-384", "P-521", "P-224", "K-256", "DSA-2048"):
    keyed(each)


@scenario("CSR with a wrong signature")
async def wrong_csr_signature(target: Target) -> Outcome:
    ask = Ask(target=target)
    request = x509.load_pem_x509_csr(ask.csr().encode())
    octets = bytearray(request.public_bytes(serialization.Encoding.DER))
    place = octets.index(request.signature)
    r, s = decode_dss_signature(request.signature)
    other = encode_dss_signature(r, s ^ 1)
    octets[place:] = other.ljust(len(request.signature), b"\0")[: len(request.signature)]
    body = base64.encodebytes(bytes(octets)).decode()
    label = "CERTIFICATE REQUEST"
    return await ask.sign(csr=f"-----BEGIN {label}-----\n{body}-----END {label}-----\n")


# ---- times

asks("longest", notAfter="24h")
asks("longer than the longest, within the backdate", notAfter="24h1m", notBefore="1s")
asks("too long", notAfter="25h")
asks("shortest", notAfter="5m")
asks("too short", notAfter="3m")
asks("too short, at a time of its own", notBefore="0s", notAfter="4m59s")
asks("ends in the past", notAfter="-1h", notBefore="-2h")
asks("ends before it begins", notBefore="2h", notAfter="-1h")
asks("begins later", notBefore="1h", notAfter="1h")
asks("fixed times", notBefore="2020-01-01T00:00:00Z", notAfter="2020-01-02T00:00:00Z")
asks("year one means unset", notBefore="0001-01-01T00:00:00Z", notAfter="0001-01-01T00:00:00Z")
asks("beyond the calendar", notAfter="9999-12-31T23:59:59Z")


@scenario("wrong name and too long: the name is told")
async def two_faults(target: Target) -> Outcome:
    ask = Ask(target=target)
    return await ask.sign(csr=ask.csr("evil.example"), notAfter="25h")


# ---- renewal


@scenario("renew by TLS")
async def renew(target: Target) -> Outcome:
    ask = Ask(target=target)
    return await target.renew(await ask.issued(), ask.key)


@scenario("renew by TLS what names no provisioner")
async def renew_plain(target: Target) -> Outcome:
    ask = Ask(target=target)
    return await target.renew(await ask.issued("plain"), ask.key)


@scenario("renew by TLS where renewal is disabled")
async def renew_final(target: Target) -> Outcome:
    ask = Ask(target=target)
    return await target.renew(await ask.issued("final"), ask.key)


@scenario("renew by TLS before it is valid")
async def renew_early(target: Target) -> Outcome:
    ask = Ask(target=target)
    chain = await ask.issued(notBefore="2s")
    await target.sleep(0)
    return await target.renew_with_token(ask.renewal_token(chain))


@scenario("renew by TLS what is revoked")
async def renew_revoked(target: Target) -> Outcome:
    ask = Ask(target=target)
    chain = await ask.issued()
    assert (await ask.revoke(serial_of(chain))).status == 200
    return await target.renew(chain, ask.key)


@scenario("rekey")
async def rekey(target: Target) -> Outcome:
    ask = Ask(target=target)
    csr = signing_request(key_of("P-256"), "ignored.example", [])
    return await target.rekey(await ask.issued(), ask.key, csr)


@scenario("rekey with a small RSA key")
async def rekey_small(target: Target) -> Outcome:
    ask = Ask(target=target)
    csr = signing_request(key_of("RSA-1024"), "", [])
    return await target.rekey(await ask.issued(), ask.key, csr)


def renews(name: str, issuer: str = "admin", **changes: Any) -> None:
    """Add a scenario of one renewal by token."""

    @scenario(f"renew by token: {name}")
    async def play(target: Target) -> Outcome:
        ask = Ask(target=target)
        chain = await ask.issued(issuer)
        changed = {
            key: value(target) if callable(value) else value for key, value in changes.items()
        }
        return await target.renew_with_token(ask.renewal_token(chain, **changed))


renews("good")
renews("issuer the provisioner", iss="admin")
renews("without jti", jti=None)
renews("wrong audience", aud=f"{URL}/1.0/sign")
renews("wrong issuer", iss="nobody")
renews("wrong subject", sub="evil.example")
renews("expired token", exp=later(-70))
renews("early token", nbf=later(70))
renews("wrong key", by=ec.generate_private_key(ec.SECP256R1()))
renews("no certificate", header=[])
renews("certificate not base64", header=["%%%"])
renews("certificate junk", header=["AAAA"])
renews("header a text", header="AAAA")
renews("renewal disabled", issuer="final")
renews("names no provisioner, but recorded", issuer="plain")


@scenario("renew by token: reused")
async def renew_reused(target: Target) -> Outcome:
    ask = Ask(target=target)
    token = ask.renewal_token(await ask.issued())
    assert (await target.renew_with_token(token)).status == 201
    return await target.renew_with_token(token)


@scenario("renew by token: a certificate without its issuer")
async def renew_without_chain(target: Target) -> Outcome:
    ask = Ask(target=target)
    return await target.renew_with_token(ask.renewal_token((await ask.issued())[:1]))


@scenario("renew by token: a certificate of somebody else")
async def renew_foreign(target: Target) -> Outcome:
    ask = Ask(target=target)
    leaf = x509.load_pem_x509_certificate((await ask.issued())[0].encode())
    forged = (
        x509.CertificateBuilder()
        .subject_name(leaf.subject)
        .issuer_name(leaf.issuer)
        .public_key(ask.key.public_key())
        .serial_number(leaf.serial_number)
        .not_valid_before(leaf.not_valid_before_utc)
        .not_valid_after(leaf.not_valid_after_utc)
    )
    for extension in leaf.extensions:
        forged = forged.add_extension(extension.value, critical=extension.critical)
    own = forged.sign(ask.key, hashes.SHA256())
    return await target.renew_with_token(
        ask.renewal_token([own.public_bytes(serialization.Encoding.PEM).decode()])
    )


@scenario("renew by token: revoked")
async def renew_token_revoked(target: Target) -> Outcome:
    ask = Ask(target=target)
    chain = await ask.issued()
    assert (await ask.revoke(serial_of(chain))).status == 200
    return await target.renew_with_token(ask.renewal_token(chain))


def expires(name: str, issuer: str) -> None:
    """Add a scenario of a renewal after the end."""

    @scenario(name)
    async def play(target: Target) -> Outcome:
        ask = Ask(target=target)
        chain = await ask.issued(issuer, notAfter="2s")
        await target.sleep(4)
        return await target.renew_with_token(ask.renewal_token(chain))


expires("renew by token: expired", "brief")
expires("renew by token: expired, and allowed", "late")


# ---- revocation


def revokes(name: str, serial: str | None = None, **more: Any) -> None:
    """Add a scenario of one revocation of an issued certificate."""

    @scenario(f"revoke: {name}")
    async def play(target: Target) -> Outcome:
        ask = Ask(target=target)
        number = serial_of(await ask.issued())
        token = ask.token(**{"sub": number, "aud": f"{URL}/1.0/revoke", **more.pop("claims", {})})
        asked = number if serial is None else serial.format(number=int(number))
        return await ask.revoke(asked, token, **copy.deepcopy(more))


revokes("by token")
revokes("serial in hexadecimal", "{number:#x}")
revokes("serial in binary", "{number:#b}")
revokes("with a reason", reasonCode=4, reason="superseded")
revokes("reason 11", reasonCode=11)
revokes("reason -1", reasonCode=-1)
revokes("not passive", passive=False)
revokes("no serial", "")
revokes("serial a word", "abc")
revokes("another serial", "12345")
revokes("audience of sign", claims={"aud": f"{URL}/1.0/sign"})
revokes("audience of old clients", claims={"aud": "step-certificate-authority"})
revokes("subject in hexadecimal", claims={"sub": "0x1"})
revokes("expired token", claims={"exp": 1})


@scenario("revoke: unknown certificate")
async def revoke_unknown(target: Target) -> Outcome:
    return await Ask(target=target).revoke(str(secrets.randbits(120)))


@scenario("revoke: twice")
async def revoke_twice(target: Target) -> Outcome:
    ask = Ask(target=target)
    serial = serial_of(await ask.issued())
    assert (await ask.revoke(serial)).status == 200
    return await ask.revoke(serial)


@scenario("revoke: token reused")
async def revoke_reused(target: Target) -> Outcome:
    ask = Ask(target=target)
    serial = str(secrets.randbits(120))
    token = ask.token(sub=serial, aud=f"{URL}/1.0/revoke")
    assert (await ask.revoke(serial, token)).status == 200
    return await ask.revoke(serial, token)


@scenario("revoke: by TLS")
async def revoke_by_tls(target: Target) -> Outcome:
    ask = Ask(target=target)
    chain = await ask.issued()
    body = {"serial": serial_of(chain), "ott": "", "reasonCode": 0, "reason": "", "passive": True}
    return await target.revoke(body, (chain, ask.key))


@scenario("revoke: by TLS, another serial")
async def revoke_other_by_tls(target: Target) -> Outcome:
    ask = Ask(target=target)
    body = {"serial": "12345", "ott": "", "reasonCode": 0, "reason": "", "passive": True}
    return await target.revoke(body, (await ask.issued(), ask.key))


@scenario("revoke: neither token nor TLS")
async def revoke_bare(target: Target) -> Outcome:
    body = {"serial": "12345", "ott": "", "reasonCode": 0, "reason": "", "passive": True}
    return await target.revoke(body)
