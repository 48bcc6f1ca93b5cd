"""Requests by credentials of others: X.509 and Nebula certificates, service accounts.

As in `scenarios`, for step-ca and for ours.
"""

import base64
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.formats import xeddsa
from appliance.formats.nebula import Curve
from tests.authority.scenarios import URL, Ask, Outcome, Scenario, Target, later, serial_of
from tests.support import nebula
from tests.support.requests import key_of

CREDENTIAL_SCENARIOS: dict[str, Scenario] = {}
DIFFERENT = {
    "nebula, foreign name in the token alone": 403,
    "nebula, foreign address in the token alone": 403,
    "nebula, bound to another request": 403,
    "x5c, reused without jti in other lines": 401,
}
"""What we answer otherwise than step-ca; the handbook says why."""


def scenario(name: str) -> Callable[[Scenario], Scenario]:
    def add(play: Scenario) -> Scenario:
        assert name not in CREDENTIAL_SCENARIOS
        CREDENTIAL_SCENARIOS[name] = play
        return play

    return add


def b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


# ---- X.509


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    certificate: x509.Certificate
    key: Any

    @property
    def text(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def usage(*, sign: bool = True) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=sign, content_commitment=not sign, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


CLIENT = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
SERVER = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
ANY = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
ODD = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
LONG = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC))


def certificate(
    name: str,
    key: Any,
    issuer: Authority | None,
    *extensions: x509.ExtensionType,
    dates: tuple[datetime, datetime] = LONG,
    digest: Any = hashes.SHA256(),  # noqa: B008
) -> x509.Certificate:
    """Make a certificate; critical is what is not known to everybody."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer.key if issuer else key
    builder = x509.CertificateBuilder(
        issuer.certificate.subject if issuer else subject, subject, key.public_key(),
        x509.random_serial_number(), *dates,
    )  # fmt: skip
    for each in extensions:
        critical = isinstance(
            each, x509.BasicConstraints | x509.NameConstraints | x509.UnrecognizedExtension
        )
        builder = builder.add_extension(each, critical=critical)
    return builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else digest)


def authority(name: str, issuer: Authority | None, *extensions: x509.ExtensionType) -> Authority:
    key = key_of("P-256")
    given = extensions or (x509.BasicConstraints(ca=True, path_length=None),)
    return Authority(certificate=certificate(name, key, issuer, *given), key=key)


ROOT = authority("X5C Root", None)
INTERMEDIATE = authority("X5C Intermediate", ROOT)
FOREIGN = authority("Foreign Root", None)
NOT_A_CA = authority("X5C no CA", ROOT, x509.BasicConstraints(ca=False, path_length=None))
WITHOUT_CONSTRAINTS = authority("X5C no constraints", ROOT, usage())
FOR_SERVERS = authority(
    "X5C Servers", ROOT, x509.BasicConstraints(ca=True, path_length=None), SERVER
)
CONSTRAINED = authority(
    "X5C Constrained",
    ROOT,
    x509.BasicConstraints(ca=True, path_length=None),
    x509.NameConstraints([x509.DNSName("inside.example")], None),
)
NARROW = authority("X5C Narrow", ROOT, x509.BasicConstraints(ca=True, path_length=0))
BELOW_NARROW = authority("X5C Below", NARROW)


def leaf(
    target: Target,
    key: Any,
    issuer: Authority = INTERMEDIATE,
    *extensions: x509.ExtensionType,
    ages: tuple[int, int] = (-3600, 30 * 86400),
    digest: Any = hashes.SHA256(),  # noqa: B008
) -> x509.Certificate:
    """Make a client's certificate, valid from and to so many seconds from now."""
    now = target.now()
    begin, end = (datetime.fromtimestamp(now + age, UTC) for age in ages)
    given = extensions or (usage(), CLIENT)
    return certificate("leaf.example", key, issuer, *given, dates=(begin, end), digest=digest)


@dataclass(slots=True, kw_only=True)
class X5cAsk(Ask):
    """A request with a token of an X5C provisioner."""

    chain: Sequence[x509.Certificate]
    leaf_key: Any

    def x5c(
        self, *, header: Any = None, algorithm: str = "ES256", by: Any = None, **more: Any
    ) -> str:
        listed = [b64(each.public_bytes(Encoding.DER)) for each in self.chain]
        headers = {"x5c": listed} if header is None else header
        claims = self.claims(**{"iss": "x5c", "aud": f"{URL}/1.0/sign#x5c/x5c", **more})
        return jwt.encode(claims, by or self.leaf_key, algorithm, headers)


def x5c_ask(target: Target, *extensions: x509.ExtensionType, **options: Any) -> X5cAsk:
    """Prepare a good request."""
    key = options.pop("key", None) or key_of("P-256")
    issuer = options.pop("issuer", INTERMEDIATE)
    above = options.pop("above", [issuer])
    made = leaf(target, key, issuer, *extensions, **options)
    return X5cAsk(target=target, chain=[made, *(each.certificate for each in above)], leaf_key=key)


def x5c(
    name: str,
    *extensions: x509.ExtensionType,
    csr: Mapping[str, Any] | None = None,
    body: Mapping[str, Any] | None = None,
    token: Mapping[str, Any] | None = None,
    **options: Any,
) -> None:
    """Add a scenario of one sign request."""

    async def play(target: Target) -> Outcome:
        ask = x5c_ask(target, *extensions, **options)
        claims = {
            key: value(target) if callable(value) else value for key, value in (token or {}).items()
        }
        return await ask.sign(ask.x5c(**claims), ask.csr(**(csr or {})), **(body or {}))

    scenario(f"x5c, {name}")(play)


BASE = f"{URL}/1.0/sign"
x5c("good")
x5c("directly below the root", issuer=ROOT, above=[])
x5c("with the root in the chain", issuer=INTERMEDIATE, above=[INTERMEDIATE, ROOT])
x5c(
    "names in the token", token={"sans": ["a.example", "10.0.0.1", "b@c.example"]}, csr={"sans": []}
)
x5c("names in the request too", token={"sans": ["a.example", "10.0.0.1"]},
    csr={"sans": ["10.0.0.1", "a.example"]})  # fmt: skip
x5c("fewer names in the request", token={"sans": ["a.example", "b.example"]},
    csr={"sans": ["a.example"]})  # fmt: skip
x5c("foreign names in the request", csr={"sans": ["other.example"]})
x5c("foreign common name", csr={"common_name": "other.example"})
x5c("common name of the names", token={"sans": ["host.example", "a.example"]},
    csr={"common_name": "a.example", "sans": []})  # fmt: skip
x5c("no common name", csr={"common_name": ""})
x5c("empty names", token={"sans": []})
x5c("without its intermediate", above=[])
x5c("of another root", issuer=FOREIGN, above=[FOREIGN])
x5c("below what is no CA", issuer=NOT_A_CA)
x5c("below what has no constraints", issuer=WITHOUT_CONSTRAINTS)
x5c("below a CA for servers", issuer=FOR_SERVERS)
x5c("outside of name constraints", usage(), CLIENT,
    x509.SubjectAlternativeName([x509.DNSName("leaf.outside.example")]),
    issuer=CONSTRAINED)  # fmt: skip
x5c("inside of name constraints", usage(), CLIENT,
    x509.SubjectAlternativeName([x509.DNSName("leaf.inside.example")]),
    issuer=CONSTRAINED)  # fmt: skip
x5c("below too many", issuer=BELOW_NARROW, above=[BELOW_NARROW, NARROW])
x5c("expired", ages=(-7200, -60))
x5c("not valid yet", ages=(60, 7200))
x5c("for servers", usage(), SERVER)
x5c("for anything", usage(), ANY)
x5c("for nothing named", usage())
x5c("without key usage", CLIENT)
x5c("not for signatures", usage(sign=False), CLIENT)
x5c("with a critical extension", usage(), CLIENT, ODD)
x5c("signed with SHA-384", digest=hashes.SHA384())
x5c("P-384", key=key_of("P-384"), token={"algorithm": "ES384"})
x5c("P-521", key=key_of("P-521"), token={"algorithm": "ES512"})
x5c("RSA", key=key_of("RSA-2048"), token={"algorithm": "RS256"})
x5c("RSA-PSS", key=key_of("RSA-2048"), token={"algorithm": "PS256"})
x5c("RSA with another hash", key=key_of("RSA-2048"), token={"algorithm": "RS512"})
x5c("Ed25519", key=key_of("Ed25519"), token={"algorithm": "EdDSA"})
x5c("signed by another key", token={"by": key_of("P-256")})
x5c("algorithm of another kind", token={"algorithm": "HS256", "by": b"0" * 64})
x5c("no certificates", token={"header": {"kid": "x"}})
x5c("empty list", token={"header": {"x5c": []}})
x5c("certificates a text", token={"header": {"x5c": "AAAA"}})
x5c("certificates not base64", token={"header": {"x5c": ["%%%"]}})
x5c("certificates junk", token={"header": {"x5c": [b64(b"junk")]}})
x5c("certificates numbers", token={"header": {"x5c": [1]}})
x5c("without fragment", token={"aud": BASE})
x5c("with another fragment", token={"aud": f"{BASE}#x5c/other"})
x5c("with another type's fragment", token={"aud": f"{BASE}#nebula/x5c"})
x5c("without version", token={"aud": f"{URL}/sign#x5c/x5c"})
x5c("without port", token={"aud": "https://ca.example/1.0/sign#x5c/x5c"})
x5c("audience of SSH", token={"aud": f"{URL}/1.0/ssh/sign#x5c/x5c"})
x5c("audience of revoke", token={"aud": f"{URL}/1.0/revoke#x5c/x5c"})
x5c("audience of another server", token={"aud": "https://else.example/1.0/sign#x5c/x5c"})
x5c("audience of old clients", token={"aud": "step-certificate-authority#x5c/x5c"})
x5c("escaped fragment", token={"aud": f"{BASE}#x5c%2Fx5c"})
x5c("one audience of many", token={"aud": ["https://else.example/x", f"{BASE}#x5c/x5c"]})
x5c("fragment in another audience", token={"aud": [BASE, "https://else.example/x#x5c/x5c"]})
x5c("a name with spaces", token={"iss": "x5c spaced", "aud": f"{BASE}#x5c/x5c spaced"})
x5c("a name with spaces escaped", token={"iss": "x5c spaced", "aud": f"{BASE}#x5c/x5c%20spaced"})
x5c("wrong issuer", token={"iss": "nobody"})
x5c("no subject", token={"sub": None})
x5c("token expired", token={"exp": later(-70)})
x5c("token before the start", token={"iat": later(-3600), "nbf": None})
x5c("bound to another request", token={"cnf": {"x5rt#S256": "AAAA"}})
x5c("clipped", ages=(-3600, 3600))
x5c("just long enough", ages=(-3600, 300))
x5c("too short to issue for", ages=(-3600, 60))
x5c("longer than the default", ages=(-3600, 90 * 86400))
x5c("asked to the end", ages=(-3600, 7200), body={"notAfter": "1h"})
x5c("asked beyond the end", ages=(-3600, 3600), body={"notAfter": "2h"})
x5c("asked from before the beginning", ages=(-3600, 3600), body={"notBefore": "-2h"})
x5c("asked from the future", ages=(-3600, 3600), body={"notBefore": "30m"})
x5c("asked from after the end", ages=(-3600, 3600), body={"notBefore": "2h"})
x5c("fresh", ages=(0, 3600))


@scenario("x5c, insecure header")
async def x5c_insecure(target: Target) -> Outcome:
    ask = x5c_ask(target)
    listed = [b64(each.public_bytes(Encoding.DER)) for each in ask.chain]
    return await ask.sign(ask.x5c(header={"x5cInsecure": listed}))


@scenario("x5c, reused")
async def x5c_reused(target: Target) -> Outcome:
    ask = x5c_ask(target)
    token = ask.x5c()
    assert (await ask.sign(token)).status == 201
    return await ask.sign(token)


@scenario("x5c, reused without jti")
async def x5c_reused_hash(target: Target) -> Outcome:
    ask = x5c_ask(target)
    token = ask.x5c(jti=None)
    assert (await ask.sign(token)).status == 201
    return await ask.sign(token)


@scenario("x5c, a root that may sign for itself")
async def x5c_root(target: Target) -> Outcome:
    ask = X5cAsk(target=target, chain=[SIGNING_ROOT.certificate], leaf_key=SIGNING_ROOT.key)
    return await ask.sign(ask.x5c())


@scenario("x5c, a root that may not sign")
async def x5c_bare_root(target: Target) -> Outcome:
    ask = X5cAsk(target=target, chain=[ROOT.certificate], leaf_key=ROOT.key)
    return await ask.sign(ask.x5c())


SIGNING_ROOT = authority(
    "X5C Signing Root", None, x509.BasicConstraints(ca=True, path_length=None), usage()
)


@scenario("x5c, renewed")
async def x5c_renewed(target: Target) -> Outcome:
    ask = x5c_ask(target, ages=(-3600, 7200))
    outcome = await ask.sign(ask.x5c())
    assert outcome.status == 201, outcome
    return await target.renew(outcome.chain, ask.key)


@scenario("x5c, revoked")
async def x5c_revoked(target: Target) -> Outcome:
    ask = x5c_ask(target)
    outcome = await ask.sign(ask.x5c())
    serial = serial_of(outcome.chain)
    token = ask.x5c(sub=serial, aud=f"{URL}/1.0/revoke#x5c/x5c")
    return await ask.revoke(serial, token)


@scenario("x5c, revoked with a token for another")
async def x5c_revoked_other(target: Target) -> Outcome:
    ask = x5c_ask(target)
    return await ask.revoke("1234", ask.x5c(sub="1235", aud=f"{URL}/1.0/revoke#x5c/x5c"))


@scenario("x5c, revoked with a token to sign")
async def x5c_revoked_sign(target: Target) -> Outcome:
    ask = x5c_ask(target)
    return await ask.revoke("1234", ask.x5c(sub="1234"))


@scenario("x5c, revoked by what has expired")
async def x5c_revoked_expired(target: Target) -> Outcome:
    ask = x5c_ask(target, ages=(-7200, -60))
    return await ask.revoke("1234", ask.x5c(sub="1234", aud=f"{URL}/1.0/revoke#x5c/x5c"))


# ---- Nebula

V1: dict[str, Any] = {"version": 1, "curve": Curve.CURVE25519}
V2: dict[str, Any] = {"version": 2, "curve": Curve.CURVE25519}
V1_P256: dict[str, Any] = {"version": 1, "curve": Curve.P256}
V2_P256: dict[str, Any] = {"version": 2, "curve": Curve.P256}
NEBULA_CA = nebula.holder("ca", is_ca=True, networks=["10.1.0.0/16"], groups=["a", "b"], **V1)
NEBULA_CA_P256 = nebula.holder("ca p256", is_ca=True, **V1_P256)
NEBULA_CA_V2 = nebula.holder(
    "ca v2", is_ca=True, networks=["10.1.0.0/16", "fd00::/64"],
    unsafe_networks=["192.168.0.0/16"], **V2,
)  # fmt: skip
NEBULA_CA_V2_P256 = nebula.holder("ca v2 p256", is_ca=True, **V2_P256)
NEBULA_OTHER = nebula.holder("other ca", is_ca=True, **V1)
NEBULA_ROOTS = (NEBULA_CA, NEBULA_CA_P256, NEBULA_CA_V2, NEBULA_CA_V2_P256)
NEBULA_NAME = "host.example"


@dataclass(slots=True, kw_only=True)
class NebulaAsk(Ask):
    """A request with a token of a Nebula provisioner."""

    host: nebula.Holder

    def nebula(
        self, *, header: Any = None, by: Any = None, algorithm: str = "", **more: Any
    ) -> str:
        headers = {"nebula": b64(self.host.certificate.raw)} if header is None else header
        claims = self.claims(**{"iss": "nebula", "aud": f"{BASE}#nebula/nebula", **more})
        key = by or self.host.key
        if not isinstance(key, X25519PrivateKey):
            natural = "EdDSA" if isinstance(key, ed25519.Ed25519PrivateKey) else "ES256"
            return jwt.encode(claims, key, algorithm or natural, headers)
        parts = ({"alg": algorithm or "XEdDSA", "typ": "JWT", **headers}, claims)
        signed = ".".join(map(_segment, (json.dumps(part).encode() for part in parts)))
        return f"{signed}.{_segment(xeddsa.sign(key, signed.encode(), os.urandom(64)))}"


def _segment(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def nebula_ask(target: Target, **options: Any) -> NebulaAsk:
    """Prepare a good request of a host."""
    given: dict[str, Any] = {
        "name": NEBULA_NAME, "authority": NEBULA_CA, "networks": ["10.1.2.3/24"],
        "groups": ["a"], **V1, **options,
    }  # fmt: skip
    if ages := given.pop("ages", None):
        given["dates"] = tuple(target.now() + age for age in ages)
    return NebulaAsk(target=target, name=given["name"], host=nebula.holder(**given))


def of_nebula(
    title: str,
    /,
    *,
    csr: Mapping[str, Any] | None = None,
    body: Mapping[str, Any] | None = None,
    token: Mapping[str, Any] | None = None,
    **options: Any,
) -> None:
    """Add a scenario of one sign request."""

    async def play(target: Target) -> Outcome:
        ask = nebula_ask(target, **options)
        claims = {
            key: value(target) if callable(value) else value for key, value in (token or {}).items()
        }
        return await ask.sign(ask.nebula(**claims), ask.csr(**(csr or {})), **(body or {}))

    scenario(f"nebula, {title}")(play)


of_nebula("good")
of_nebula("P-256", **V1_P256, authority=NEBULA_CA_P256)
of_nebula("version 2", **V2, authority=NEBULA_CA_V2, networks=["10.1.2.3/24", "fd00::7/64"])
of_nebula("version 2, routing", **V2, authority=NEBULA_CA_V2, unsafe_networks=["192.168.7.0/24"])
of_nebula("version 2, P-256", **V2_P256, authority=NEBULA_CA_V2_P256)
of_nebula("no names in the request", csr={"sans": [], "common_name": ""})
of_nebula("all names in the request", csr={"sans": [NEBULA_NAME, "10.1.2.3"]})
of_nebula("address in the request", csr={"sans": ["10.1.2.3"]})
of_nebula("foreign address in the request", csr={"sans": ["10.1.2.4"]})
of_nebula("foreign name in the request", csr={"sans": ["other.example"]})
of_nebula("two names in the request", csr={"sans": [NEBULA_NAME, "other.example"]})
of_nebula("email in the request", csr={"sans": ["a@b.example"]})
of_nebula("URI in the request", csr={"sans": ["https://a.example/"]})
of_nebula("foreign common name", csr={"common_name": "other.example"})
of_nebula("its name in the token", token={"sans": [NEBULA_NAME]})
of_nebula("its address in the token", token={"sans": ["10.1.2.3"]}, csr={"sans": []})
of_nebula("empty names in the token", token={"sans": []}, csr={"sans": []})
of_nebula("foreign name in the token alone", token={"sans": ["other.example"]}, csr={"sans": []})
of_nebula("foreign address in the token alone", token={"sans": ["10.9.9.9"]}, csr={"sans": []})
of_nebula("foreign name in token and request", token={"sans": ["other.example"]},
          csr={"sans": ["other.example"]})  # fmt: skip
of_nebula("another subject", token={"sub": "else"}, csr={"common_name": "else", "sans": []})
of_nebula("a name that is an email", name="a@b.example", csr={"sans": ["a@b.example"]})
of_nebula("a name that is an address", name="10.1.9.9", csr={"sans": ["10.1.9.9", "10.1.2.3"]})
of_nebula("without a name", name="", token={"sub": "host"}, csr={"sans": [], "common_name": ""})
of_nebula("expired", ages=(-7200, -60))
of_nebula("not valid yet", ages=(60, 7200))
of_nebula("of another CA", authority=NEBULA_OTHER)
of_nebula("longer than its CA", dates=(nebula.ALWAYS[0], nebula.ALWAYS[1] + 1))
of_nebula("earlier than its CA", dates=(nebula.ALWAYS[0] - 1, nebula.ALWAYS[1]))
of_nebula("group that its CA lacks", groups=["a", "c"])
of_nebula("outside of its CA's networks", networks=["10.2.0.1/24"])
of_nebula("in a larger network than its CA's", networks=["10.1.0.1/8"])
of_nebula("routing outside of its CA's", **V2, authority=NEBULA_CA_V2,
          unsafe_networks=["172.16.0.0/24"])  # fmt: skip
of_nebula("signed by another key", token={"by": X25519PrivateKey.generate()})
of_nebula("signed as EdDSA", token={"algorithm": "EdDSA"})
of_nebula("no certificate", token={"header": {"kid": "x"}})
of_nebula("certificate a number", token={"header": {"nebula": 5}})
of_nebula("certificate not base64", token={"header": {"nebula": "%%%"}})
of_nebula("certificate junk", token={"header": {"nebula": b64(b"junk")}})
of_nebula("certificate empty", token={"header": {"nebula": ""}})
of_nebula("without fragment", token={"aud": BASE})
of_nebula("with another fragment", token={"aud": f"{BASE}#nebula/other"})
of_nebula("wrong issuer", token={"iss": "nobody"})
of_nebula("no subject", token={"sub": None})
of_nebula("token expired", token={"exp": later(-70)})
of_nebula("bound to another request", token={"cnf": {"x5rt#S256": "AAAA"}})
of_nebula("clipped", ages=(-3600, 3600))
of_nebula("asked beyond the end", ages=(-3600, 3600), body={"notAfter": "2h"})
of_nebula("asked from before the beginning", ages=(-3600, 3600), body={"notBefore": "-2h"})


@scenario("nebula, the CA itself")
async def nebula_authority(target: Target) -> Outcome:
    ask = NebulaAsk(target=target, host=NEBULA_CA)
    return await ask.sign(ask.nebula())


@scenario("nebula, a CA below the CA")
async def nebula_below(target: Target) -> Outcome:
    below = nebula.holder(NEBULA_NAME, authority=NEBULA_CA, is_ca=True,
                          networks=["10.1.2.0/24"], groups=["a"], **V1)  # fmt: skip
    ask = NebulaAsk(target=target, host=below)
    return await ask.sign(ask.nebula(), ask.csr(sans=[]))


@scenario("nebula, a changed certificate")
async def nebula_changed(target: Target) -> Outcome:
    ask = nebula_ask(target)
    raw = bytearray(ask.host.certificate.raw)
    raw[6] ^= 1  # in its name
    return await ask.sign(ask.nebula(header={"nebula": b64(bytes(raw))}))


@scenario("nebula, reused")
async def nebula_reused(target: Target) -> Outcome:
    ask = nebula_ask(target)
    token = ask.nebula()
    assert (await ask.sign(token)).status == 201
    return await ask.sign(token)


@scenario("nebula, renewed")
async def nebula_renewed(target: Target) -> Outcome:
    ask = nebula_ask(target)
    outcome = await ask.sign(ask.nebula())
    assert outcome.status == 201, outcome
    return await target.renew(outcome.chain, ask.key)


@scenario("nebula, revoked")
async def nebula_revoked(target: Target) -> Outcome:
    ask = nebula_ask(target)
    return await ask.revoke("1234", ask.nebula(sub="1234", aud=f"{URL}/1.0/revoke#nebula/nebula"))


# ---- Kubernetes

CLUSTER_KEYS = (key_of("RSA-2048"), key_of("P-256"))
_ACCOUNT = "kubernetes.io/serviceaccount"


def account_token(
    target: Target, *, by: Any = CLUSTER_KEYS[0], algorithm: str = "RS256", **changes: Any
) -> str:
    """Make a service account token of the lasting kind."""
    claims = {
        "iss": "kubernetes/serviceaccount",
        f"{_ACCOUNT}/namespace": "home",
        f"{_ACCOUNT}/secret.name": "web-token-x",
        f"{_ACCOUNT}/service-account.name": "web",
        f"{_ACCOUNT}/service-account.uid": "0-0",
        "sub": "system:serviceaccount:home:web",
        **{key: value(target) if callable(value) else value for key, value in changes.items()},
    }
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, by, algorithm, {"kid": ""})


def k8ssa(
    name: str,
    *,
    csr: Mapping[str, Any] | None = None,
    body: Mapping[str, Any] | None = None,
    **claims: Any,
) -> None:
    """Add a scenario of one sign request."""

    async def play(target: Target) -> Outcome:
        ask = Ask(target=target)
        return await ask.sign(
            account_token(target, **claims), ask.csr(**(csr or {})), **(body or {})
        )

    scenario(f"k8ssa, {name}")(play)


k8ssa("good")
k8ssa(
    "any names",
    csr={"common_name": "x", "sans": ["b.example", "10.0.0.1", "a@b.example", "a.example"]},
)
k8ssa("no names", csr={"common_name": "", "sans": []})
k8ssa("the other key", by=CLUSTER_KEYS[1], algorithm="ES256")
k8ssa("a foreign key", by=key_of("RSA-2048"))
k8ssa("RSA-PSS", algorithm="PS512")
k8ssa("wrong issuer", iss="https://kubernetes.default.svc")
k8ssa("no subject", sub=None)
k8ssa("no account", **{f"{_ACCOUNT}/service-account.name": None})
k8ssa("expired", exp=later(-70))
k8ssa("expired within the leeway", exp=later(-50))
k8ssa("not valid yet", nbf=later(70))
k8ssa("issued in the future", iat=later(70))
k8ssa("issued before the start", iat=later(-3600))
k8ssa("an audience of its own", aud=["https://kubernetes.default.svc"])
k8ssa("our audience", aud=BASE)
k8ssa("a fragment in a foreign audience", aud="https://else.example/x#x5c/x5c")
k8ssa("asked too long", body={"notAfter": "25h"})


@scenario("k8ssa, with a line end")
async def k8ssa_line_end(target: Target) -> Outcome:
    return await Ask(target=target).sign(account_token(target) + "\n")


@scenario("x5c, broken into lines")
async def x5c_lines(target: Target) -> Outcome:
    ask = x5c_ask(target)
    token = ask.x5c()
    return await ask.sign(f" {token[:40]}\r\n\t{token[40:]}")


@scenario("x5c, reused without jti in other lines")
async def x5c_other_lines(target: Target) -> Outcome:
    ask = x5c_ask(target)
    token = ask.x5c(jti=None)
    assert (await ask.sign(token)).status == 201
    return await ask.sign(token + "\n")


@scenario("k8ssa, used twice")
async def k8ssa_again(target: Target) -> Outcome:
    token = account_token(target)
    assert (await Ask(target=target).sign(token)).status == 201
    return await Ask(target=target).sign(token)


@scenario("k8ssa, revoked")
async def k8ssa_revoked(target: Target) -> Outcome:
    return await Ask(target=target).revoke("1234", account_token(target))


@scenario("k8ssa, renewed")
async def k8ssa_renewed(target: Target) -> Outcome:
    ask = Ask(target=target)
    outcome = await ask.sign(account_token(target))
    return await target.renew(outcome.chain, ask.key)


# ---- templates see the credential

_X5C_TEMPLATE = """{
 "subject": {"commonName": {{ toJson .AuthorizationCrt.Subject.CommonName }},
             "organization": {{ toJson .AuthorizationCrt.Issuer.CommonName }}},
 "sans": {{ toJson .SANs }},
 "dnsNames": {{ toJson .AuthorizationCrt.DNSNames }},
 "keyUsage": ["digitalSignature"],
 "notAfter": {{ toJson .AuthorizationCrt.NotAfter }},
 "extKeyUsage": ["clientAuth"]}"""
_NEBULA_TEMPLATE = """{
 "subject": {"commonName": {{ toJson .AuthorizationCrt.Name }},
             "organizationalUnit": {{ toJson .AuthorizationCrt.Groups }}},
 "sans": {{ toJson .SANs }},
 "keyUsage": ["digitalSignature"]}"""


@scenario("templates, x5c")
async def x5c_template(target: Target) -> Outcome:
    ask = x5c_ask(target, usage(), CLIENT, x509.SubjectAlternativeName([x509.DNSName("l.example")]),
                  ages=(-3600, 7200))  # fmt: skip
    return await ask.sign(ask.x5c(iss="x5c templated", aud=f"{BASE}#x5c/x5c templated"))


@scenario("templates, nebula")
async def nebula_template(target: Target) -> Outcome:
    ask = nebula_ask(target)
    return await ask.sign(ask.nebula(iss="nebula templated", aud=f"{BASE}#nebula/nebula templated"))


# ---- who a token names


def names_nobody(name: str, **claims: Any) -> None:
    async def play(target: Target) -> Outcome:
        ask = Ask(target=target)
        return await ask.sign(ask.token(**claims))

    scenario(f"names, {name}")(play)


names_nobody("an unknown client", aud="client")
names_nobody("an unknown party", aud="client", azp="party")
names_nobody("an unknown tenant", aud="client", tid="tenant")
names_nobody("an unknown tenant with an email", aud="client", tid="tenant", email="a@b.example")
names_nobody("a party that is no text", aud="client", azp=5)
names_nobody("the id of X5C as a client", aud="x5c/x5c")
names_nobody("the id of X5C as a party", aud="client", azp="x5c/x5c")
names_nobody("the id of JWK as a client", aud="admin:scenario-kid")
names_nobody("SCEP", aud=f"{BASE}#scep/scep")
names_nobody("ACME as a client", aud="acme/acme")
names_nobody("the service accounts", aud=f"{BASE}#k8ssa/k8sSA-default")
names_nobody("an email that is no text", email=5)


def credential_provisioners() -> list[dict[str, Any]]:
    """Give the provisioners that these scenarios ask of, as in ca.json."""
    cluster = "".join(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        for key in CLUSTER_KEYS
    )
    roots = b64(ROOT.text + SIGNING_ROOT.text)
    hosts = "".join(each.text for each in NEBULA_ROOTS).encode()
    return [
        {"type": "X5C", "name": "x5c", "roots": roots},
        {"type": "X5C", "name": "x5c spaced", "roots": roots},
        {"type": "Nebula", "name": "nebula", "roots": b64(hosts)},
        {"type": "X5C", "name": "x5c templated", "roots": roots, **_templated(_X5C_TEMPLATE)},
        {"type": "Nebula", "name": "nebula templated", "roots": b64(hosts),
         **_templated(_NEBULA_TEMPLATE)},
        {"type": "K8sSA", "name": "k8s", "publicKeys": b64(cluster.encode())},
        {"type": "SCEP", "name": "scep"},
    ]  # fmt: skip


def _templated(template: str) -> dict[str, Any]:
    return {"options": {"x509": {"template": template}}}
