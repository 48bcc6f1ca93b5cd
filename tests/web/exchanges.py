"""Requests to a CA, good and bad, and what of an answer must be the same everywhere.

The same list is sent to step-ca (record.py, which writes golden/exchanges.json) and to ours
(test_golden.py). An answer is reduced to what a client can depend on: status, the headers that mean
something, JSON members and values, certificates by what they say. Error messages are free text and
reduced to nothing.
"""

import base64
import hashlib
import http.client
import json
import secrets
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from tests.support.load import Provisioner, csr
from tests.support.web import Certified, Pki, new_root

GOLDEN = Path(__file__).parent / "golden" / "exchanges.json"
HEADERS = ("content-type", "allow", "x-content-type-options", "retry-after", "location")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One request. `peer` is shown by TLS, with `issuers` behind it."""

    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    peer: Certified | None = None
    issuers: tuple[Certified, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One answer. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Case: TypeAlias = Callable[["World"], Sent]
CASES: dict[str, Case] = {}


class World:
    """A CA's files, its provisioners' keys, and what was issued on the way."""

    def __init__(self, folder: Path) -> None:
        self.pki = Pki.generate()
        self.federated = new_root("Federated")
        self.load = Provisioner.generate("load")
        self.short = Provisioner.generate("short")
        self.issued: dict[str, Certified] = {}
        self.tokens: dict[str, str] = {}
        self.folder = folder

    def configuration(self) -> dict[str, Any]:
        """Write the files, and give a ca.json for them."""
        self.folder.mkdir(parents=True, exist_ok=True)
        files = {
            "root.crt": self.pki.root.pem,
            "federated.crt": self.federated.pem,
            "intermediate.crt": self.pki.intermediate.pem,
            "intermediate.key": self.pki.intermediate.key_pem,
        }
        for name, text in files.items():
            (self.folder / name).write_text(text)
        (self.folder / "intermediate.key").chmod(0o600)
        return {
            "root": str(self.folder / "root.crt"),
            "federatedRoots": [str(self.folder / "federated.crt")],
            "crt": str(self.folder / "intermediate.crt"),
            "key": str(self.folder / "intermediate.key"),
            "address": "127.0.0.1:0",
            "dnsNames": ["localhost", "127.0.0.1"],
            "db": {"type": "badgerv2", "dataSource": str(self.folder / "db")},
            "logger": {"format": "json"},
            "authority": {
                "provisioners": [
                    self.load.entry() | {"encryptedKey": "e30.<&>.e30"},
                    self.short.entry()
                    | {
                        "claims": {
                            "maxTLSCertDuration": "1h0m0s",
                            "defaultTLSCertDuration": "30m0s",
                            "disableRenewal": True,
                        }
                    },
                    {"type": "ACME", "name": "acme"},
                    {"type": "SSHPOP", "name": "sshpop"},
                ]
            },
        }

    @property
    def kid(self) -> str:
        return self.load.public_jwk()["kid"]

    # ---- bodies

    def key(self) -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(ec.SECP256R1())

    def sign(self, name: str, *, provisioner: Provisioner | None = None, **changes: Any) -> bytes:
        """A good body for POST /sign with a new token, with members replaced or (None) removed."""
        key = self.key()
        body = {
            "csr": csr(name, key),
            "ott": (provisioner or self.load).token(name),
            "notAfter": "",
            "notBefore": "",
        } | changes
        return json.dumps({k: v for k, v in body.items() if v is not None}).encode()

    def obtain(self, post: Callable[[Sent], Received], name: str, **changes: Any) -> None:
        """Have a certificate issued and keep it."""
        key = self.key()
        provisioner = changes.pop("provisioner", self.load)
        body = {"csr": csr(name, key), "ott": provisioner.token(name)} | changes
        answer = post(Sent(method="POST", path="/sign", body=json.dumps(body).encode()))
        assert answer.status == 201, answer.body
        certificate = x509.load_pem_x509_certificate(json.loads(answer.body)["crt"].encode())
        self.issued[name] = Certified(certificate=certificate, key=key)

    def revocation(self, name: str, **changes: Any) -> bytes:
        serial = str(self.issued[name].certificate.serial_number)
        audience = "https://localhost/1.0/revoke"
        token = self.load.token(serial, [], aud=audience)
        body = {
            "serial": serial,
            "ott": token,
            "reasonCode": 1,
            "reason": "lost",
            "passive": True,
        } | changes
        return json.dumps({k: v for k, v in body.items() if v is not None}).encode()

    def renewal(self, name: str, **changes: Any) -> dict[str, str]:
        """An Authorization header with a renewal token of an issued certificate's key."""
        shown = self.issued[name]
        signer = Provisioner(name="step-ca-client/1.0", key=shown.key)
        chain = [base64.b64encode(each.der).decode() for each in (shown, self.pki.intermediate)]
        header = {"alg": "ES256", "typ": "JWT", "x5cInsecure": changes.pop("chain", chain)}
        claims = signer.claims(name, [], **({"aud": "https://localhost/1.0/renew"} | changes))
        return {"Authorization": f"Bearer {signer.sign(header, claims)}"}

    # ---- answers

    def reduced(self, received: Received) -> dict[str, Any]:
        """Give what must be the same."""
        headers = {name: received.headers[name] for name in HEADERS if name in received.headers}
        return {
            "status": received.status,
            "headers": headers,
            "request id": "x-request-id" in received.headers,
            "body": self._body(received),
        }

    def _body(self, received: Received) -> Any:
        if not received.body or received.headers.get("content-type") != "application/json":
            return self._text(received.body.decode())
        assert received.body.endswith(b"\n"), received.body
        assert not any(octet in received.body for octet in b"<>&"), received.body
        body = json.loads(received.body)
        if received.status >= 400:
            assert body["message"], body
            assert body.get("status", received.status) == received.status
            return {"error": list(body)}
        return self._value(body)

    def _value(self, value: Any) -> Any:
        if isinstance(value, dict):
            reduced = {name: self._value(member) for name, member in value.items()}
            if "crts" in reduced:
                reduced["crts"].sort()  # step-ca has the federation in no order
            if reduced.get("nextCursor"):
                reduced["nextCursor"] = self._cursor(reduced["nextCursor"])
            return reduced
        if isinstance(value, list):
            return [self._value(member) for member in value]
        return self._text(value) if isinstance(value, str) else value

    def _cursor(self, cursor: str) -> str:
        """Which of the two provisioners with keys a cursor points at."""
        for place, provisioner in enumerate((self.load, self.short)):
            identity = f"{provisioner.name}:{provisioner.public_jwk()['kid']}"
            digest = hashlib.sha1(identity.encode()).digest()
            if cursor == (place.to_bytes(4) + digest[4:]).hex().lstrip("0"):
                return f"{{cursor of {provisioner.name}}}"
        return cursor

    def _text(self, text: str) -> Any:
        known = {
            self.pki.root.pem: "{root}",
            self.pki.intermediate.pem: "{intermediate}",
            self.federated.pem: "{federated}",
        }
        for provisioner in (self.load, self.short):
            jwk = provisioner.public_jwk()
            known |= {jwk[name]: f"{{{provisioner.name}.{name}}}" for name in ("kid", "x", "y")}
        for found, name in known.items():
            text = text.replace(found, name)
        if text.startswith("-----BEGIN CERTIFICATE-----"):
            return described(x509.load_pem_x509_certificate(text.encode()))
        return text


def described(certificate: x509.Certificate) -> dict[str, Any]:
    """What a certificate says, but for keys, serial and absolute times."""
    length = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        sans = [str(name.value) for name in names]
    except x509.ExtensionNotFound:
        sans = []
    return {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "sans": sans,
        "seconds": length.total_seconds(),
        "extensions": sorted(each.oid.dotted_string for each in certificate.extensions),
    }


# ---- the list


def case(name: str) -> Callable[[Case], Case]:
    def add(function: Case) -> Case:
        assert name not in CASES, name
        CASES[name] = function
        return function

    return add


def plain(method: str, path: str, body: bytes = b"", **headers: str) -> None:
    """A request that needs nothing of the world."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    label = f"{method} {path}"
    if body:
        label += f" {body[:60].decode('latin-1')}"
    if named:
        label += f" {named}"
    CASES[label] = lambda _: Sent(method=method, path=path, body=body, headers=named)


for prefix in ("", "/1.0"):
    for path in (
        "/health", "/version", "/roots", "/roots.pem", "/intermediates", "/intermediates.pem",
        "/federation", "/provisioners",
    ):  # fmt: skip
        plain("GET", prefix + path)
for path in ("/health", "/roots", "/roots.pem", "/provisioners", "/root/abc", "/nope", "/sign"):
    plain("HEAD", path)
for path in (
    "/", "/nope", "/1.0", "/1.0/", "/1.0/nope", "/health/", "//health", "/1.0//health",
    "/1.0/1.0/health", "/2.0/health", "/HEALTH", "/health/..", "/./health", "/root/", "/root",
    "/root/a/b", "/provisioners/", "/provisioners/x/encrypted-key/", "/provisioners//encrypted-key",
    "/root/abc", "/root/-", "/root/%2e%2e", "/root/%zz", "/%68ealth", "/health?x=%zz",
    "/health?limit=a;b", "/provisioners?limit=1", "/provisioners?limit=2",
    "/provisioners?limit=0", "/provisioners?limit=-1", "/provisioners?limit=101",
    "/provisioners?limit=a", "/provisioners?limit=", "/provisioners?limit=1.5",
    "/provisioners?limit=%201", "/provisioners?limit=99999999999999999999",
    "/provisioners?limit=+1",
    "/provisioners?cursor=zz", "/provisioners?cursor=1", "/provisioners?cursor=ffffffff",
    "/provisioners?limit=1&limit=3", "/provisioners/nope/encrypted-key", "/sign", "/renew",
    "/revoke",
    "/rekey", "/re-sign", "/1.0/sign", "/admin/admins", "/scep/x",
):  # fmt: skip
    plain("GET", path)
for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO", "get"):
    plain(method, "/health")
for method in ("PUT", "DELETE", "OPTIONS"):
    plain(method, "/sign")
    plain(method, "/nope")
plain("POST", "/root/abc")
plain("POST", "/roots")
plain("GET", "/health", X_Request_Id="an id")
plain("GET", "/health", b"a body on GET")
for path in ("/sign", "/1.0/sign", "/revoke", "/rekey", "/renew"):
    for body in (
        b"", b"{", b"null", b"[]", b'"x"', b"5", b"true", b"{}", b"{} trailing", b" \n{}",
        b'{"unknown": 1}', b"\xff\xfe", b'{"a":1,}', b"<xml/>", b"[" * 100_000,
    ):  # fmt: skip
        plain("POST", path, body)
for body in (
    b'{"csr": 5}', b'{"csr": ""}', b'{"csr": null, "ott": null}', b'{"csr": "junk"}',
    b'{"csr": "-----BEGIN CERTIFICATE REQUEST-----\\nAAAA\\n-----END CERTIFICATE REQUEST-----\\n"}',
    b'{"csr": "-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n"}',
    b'{"ott": 5}', b'{"ott": "x"}', b'{"ott": ["x"]}', b'{"notAfter": 5}', b'{"notAfter": "x"}',
    b'{"notAfter": "1d"}', b'{"notBefore": "2020-01-01"}', b'{"notBefore": true}',
    b'{"NOTAFTER": "x"}', b'{"templateData": 5}',
):  # fmt: skip
    plain("POST", "/sign", body)
for body in (
    b'{"serial": ""}', b'{"serial": 5}', b'{"serial": "x", "passive": true}',
    b'{"serial": "5"}', b'{"serial": "5", "passive": false}', b'{"serial": "5", "passive": true}',
    b'{"serial": "5", "passive": "true"}', b'{"serial": "5", "passive": true, "reasonCode": 11}',
    b'{"serial": "5", "passive": true, "reasonCode": -1}', b'{"serial": "5", "reasonCode": "1"}',
    b'{"serial": "5", "passive": true, "reasonCode": 1.5}',
    b'{"serial": "5", "passive": true, "ott": "x"}', b'{"SERIAL": "5", "Passive": true}',
    b'{"serial": "0x5", "passive": true, "ott": "a.b.c"}', b'{"serial": "-5", "passive": true}',
):  # fmt: skip
    plain("POST", "/revoke", body)
for value in ("", "Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", "bearer x", "Basic eDp5", "x"):
    plain("POST", "/renew", Authorization=value)


@case("root by fingerprint")
def _(world: World) -> Sent:
    return Sent(method="GET", path=f"/root/{_fingerprint(world.pki.root)}")


@case("root by fingerprint, in capitals with hyphens")
def _(world: World) -> Sent:
    digits = _fingerprint(world.pki.root).upper()
    return Sent(method="GET", path=f"/1.0/root/{digits[:8]}-{digits[8:]}")


@case("root by fingerprint, escaped")
def _(world: World) -> Sent:
    digits = _fingerprint(world.pki.root)
    return Sent(method="GET", path=f"/root/%{ord(digits[0]):02x}{digits[1:]}")


@case("federated root by fingerprint")
def _(world: World) -> Sent:
    return Sent(method="GET", path=f"/root/{_fingerprint(world.federated)}")


@case("an intermediate is no root")
def _(world: World) -> Sent:
    return Sent(method="GET", path=f"/root/{_fingerprint(world.pki.intermediate)}")


@case("encrypted key")
def _(world: World) -> Sent:
    return Sent(method="GET", path=f"/provisioners/{world.kid}/encrypted-key")


@case("no encrypted key")
def _(world: World) -> Sent:
    return Sent(
        method="GET", path=f"/1.0/provisioners/{world.short.public_jwk()['kid']}/encrypted-key"
    )


def _fingerprint(shown: Certified) -> str:
    return shown.certificate.fingerprint(hashes.SHA256()).hex()


def signing(name: str, path: str = "/1.0/sign") -> Callable[[Callable[[World], bytes]], None]:
    """A case of POST /sign, by its body."""

    def add(body: Callable[[World], bytes]) -> None:
        CASES[f"sign: {name}"] = lambda world: Sent(method="POST", path=path, body=body(world))

    return add


signing("good")(lambda world: world.sign("a.test"))
signing("good, at the root", "/sign")(lambda world: world.sign("a.test"))
signing("an hour")(lambda world: world.sign("a.test", notAfter="1h"))
signing("in an hour, for one")(lambda world: world.sign("a.test", notBefore="1h", notAfter="1h"))
signing("null times")(lambda world: world.sign("a.test", notBefore=None, notAfter=None))
signing("too long")(lambda world: world.sign("a.test", notAfter="25h"))
signing("too short")(lambda world: world.sign("a.test", notAfter="1s"))
signing("in the past")(lambda world: world.sign("a.test", notAfter="2020-01-01T00:00:00Z"))
signing("ends before it begins")(
    lambda world: world.sign("a.test", notBefore="2h", notAfter="2099-01-01T00:00:00Z")
)
signing("template data")(lambda world: world.sign("a.test", templateData={"x": [1, "y"]}))
signing("no token")(lambda world: world.sign("a.test", ott=None))
signing("an empty token")(lambda world: world.sign("a.test", ott=""))
signing("no csr")(lambda world: world.sign("a.test", csr=None))
signing("another name in the csr")(
    lambda world: world.sign("a.test", csr=csr("b.test", world.key()))
)
signing("trailing octets")(lambda world: world.sign("a.test") + b"}}")
signing("members in capitals")(
    lambda world: json.dumps(
        {k.upper(): v for k, v in json.loads(world.sign("a.test")).items()}
    ).encode()
)


@signing("a csr with a wrong signature")
def _(world: World) -> bytes:
    request = x509.load_pem_x509_csr(csr("a.test", world.key()).encode())
    der = bytearray(request.public_bytes(serialization.Encoding.DER))
    der[-10] ^= 1
    return world.sign("a.test", csr=_pem(bytes(der)))


@signing("a csr with octets behind")
def _(world: World) -> bytes:
    return world.sign("a.test", csr=csr("a.test", world.key()) + "more\n")


@signing("two csrs")
def _(world: World) -> bytes:
    return world.sign("a.test", csr=csr("a.test", world.key()) + csr("b.test", world.key()))


def _pem(der: bytes) -> str:
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{text}-----END CERTIFICATE REQUEST-----\n"


def _csr_of(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, name: str = "a.test") -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, digest)
    return request.public_bytes(serialization.Encoding.PEM).decode()


signing("an RSA key")(
    lambda world: world.sign("a.test", csr=_csr_of(rsa.generate_private_key(65537, 2048)))
)
signing("a short RSA key")(
    lambda world: world.sign("a.test", csr=_csr_of(rsa.generate_private_key(65537, 1024)))
)
signing("an Ed25519 key")(
    lambda world: world.sign("a.test", csr=_csr_of(ed25519.Ed25519PrivateKey.generate()))
)


def faulty(name: str, **changes: Any) -> None:
    """A sign request whose token has other claims."""
    signing(f"token with {name}")(
        lambda world: world.sign("a.test", ott=world.load.token("a.test", **changes))
    )


faulty("another audience", aud="https://localhost/1.0/revoke")
faulty("a foreign audience", aud="https://elsewhere.test/1.0/sign")
faulty("no audience", aud=None)
faulty("an audience with a port", aud="https://localhost:9000/1.0/sign")
faulty("two audiences", aud=["https://x.test/sign", "https://localhost/sign"])
faulty("the literal audience", aud="step-certificate-authority")
faulty("another issuer", iss="nobody")
faulty("no issuer", iss=None)
faulty("an end in the past", exp=1)
faulty("no end", exp=None)
faulty("a far start", nbf=4102444800)
faulty("an issuing time ahead", iat=4102444800)
faulty("an issuing time before the start of the CA", iat=1000)
faulty("no subject", sub=None)
faulty("an empty subject", sub="")
faulty("a number as subject", sub=5)
faulty("no names", sans=None)
faulty("other names", sans=["b.test"])
faulty("a wrong binding", cnf={"x5rt#S256": "AAAA"})


@signing("a token used before")
def _(world: World) -> bytes:
    return world.sign("a.test", ott=world.tokens["used"])


@signing("a forged token")
def _(world: World) -> bytes:
    other = Provisioner.generate("load")
    token = other.sign(world.load.header(), world.load.claims("a.test", ["a.test"]))
    return world.sign("a.test", ott=token)


@signing("a token with alg none")
def _(world: World) -> bytes:
    token = world.load.sign(
        world.load.header() | {"alg": "none"}, world.load.claims("a.test", ["a.test"])
    )
    return world.sign("a.test", ott=token.rpartition(".")[0] + ".")


@signing("a token with alg HS256")
def _(world: World) -> bytes:
    token = world.load.sign(
        world.load.header() | {"alg": "HS256"}, world.load.claims("a.test", ["a.test"])
    )
    return world.sign("a.test", ott=token)


@signing("a token with another kid")
def _(world: World) -> bytes:
    header = world.load.header() | {"kid": "x"}
    return world.sign("a.test", ott=world.load.sign(header, world.load.claims("a.test", [])))


signing("a token that is none")(lambda world: world.sign("a.test", ott="not a token"))
signing("a token of a provisioner with a shorter maximum")(
    lambda world: world.sign("a.test", provisioner=world.short, notAfter="2h")
)


def shown(name: str, method: str, path: str, peer: Callable[[World], Certified | None]) -> None:
    """A request with an optional client certificate and no body."""
    CASES[name] = lambda world: Sent(method=method, path=path, peer=peer(world))


shown("renew: by certificate", "POST", "/renew", lambda world: world.issued["tls.test"])
shown("renew: by certificate, old path", "POST", "/re-sign", lambda world: world.issued["tls.test"])
shown("renew: a certificate of nobody's", "POST", "/1.0/renew",
      lambda world: world.pki.intermediate.issue("plain.test"))  # fmt: skip
shown("renew: not allowed", "POST", "/renew", lambda world: world.issued["short.test"])
shown("renew: revoked", "POST", "/renew", lambda world: world.issued["revoked.test"])
shown("read with a certificate", "GET", "/health", lambda world: world.issued["tls.test"])


@case("renew: a body is ignored")
def _(world: World) -> Sent:
    return Sent(method="POST", path="/renew", body=b"{", peer=world.issued["tls.test"])


@case("renew: by token")
def _(world: World) -> Sent:
    return Sent(method="POST", path="/renew", headers=world.renewal("token.test"))


@case("renew: by token of a revoked certificate")
def _(world: World) -> Sent:
    return Sent(method="POST", path="/renew", headers=world.renewal("revoked.test"))


@case("renew: by token of a provisioner that does not renew")
def _(world: World) -> Sent:
    return Sent(method="POST", path="/renew", headers=world.renewal("short.test"))


def renewing(name: str, **changes: Any) -> None:
    CASES[f"renew: by token with {name}"] = lambda world: Sent(
        method="POST", path="/renew", headers=world.renewal("token.test", **changes)
    )


renewing("another audience", aud="https://localhost/1.0/sign")
renewing("another issuer", iss="nobody")
renewing("the provisioner as issuer", iss="load")
renewing("another subject", sub="other.test")
renewing("an end in the past", exp=1)
renewing("no chain", chain=[])
renewing("junk for a chain", chain=["AAAA"])


@case("rekey")
def _(world: World) -> Sent:
    body = json.dumps({"csr": csr("other.test", world.key())}).encode()
    return Sent(method="POST", path="/rekey", body=body, peer=world.issued["tls.test"])


@case("rekey: no csr")
def _(world: World) -> Sent:
    return Sent(method="POST", path="/rekey", body=b"{}", peer=world.issued["tls.test"])


def revoking(name: str, **changes: Any) -> None:
    CASES[f"revoke: {name}"] = lambda world: Sent(
        method="POST", path="/revoke", body=world.revocation("gone.test", **changes)
    )


revoking("another serial", serial="77")
revoking("not passive", passive=False)
revoking("a sign token", ott="sign")
revoking("by token")
revoking("again")


@case("revoke: an unknown serial, in hexadecimal")
def _(world: World) -> Sent:
    number = secrets.randbits(100)
    token = world.load.token(str(number), [], aud="https://localhost/revoke")
    body = json.dumps({"serial": hex(number), "ott": token, "passive": True}).encode()
    return Sent(method="POST", path="/1.0/revoke", body=body)


@case("revoke: by certificate, another serial")
def _(world: World) -> Sent:
    body = world.revocation("own.test", ott=None, serial="12")
    return Sent(method="POST", path="/revoke", body=body, peer=world.issued["own.test"])


@case("revoke: by certificate")
def _(world: World) -> Sent:
    body = world.revocation("own.test", ott=None)
    return Sent(method="POST", path="/revoke", body=body, peer=world.issued["own.test"])


@case("revoke: by certificate, again")
def _(world: World) -> Sent:
    body = world.revocation("own.test", ott=None)
    return Sent(method="POST", path="/revoke", body=body, peer=world.issued["own.test"])


def prepare(world: World, post: Callable[[Sent], Received]) -> None:
    """Have issued, used and revoked what the cases need."""
    for name in ("tls.test", "token.test", "revoked.test", "gone.test", "own.test"):
        world.obtain(post, name)
    world.obtain(post, "short.test", provisioner=world.short, notAfter="30m")
    answer = post(
        Sent(method="POST", path="/revoke", body=world.revocation("revoked.test", reasonCode=4))
    )
    assert answer.status == 200, answer.body
    world.tokens["used"] = world.load.token("a.test")
    post(Sent(method="POST", path="/sign", body=world.sign("a.test", ott=world.tokens["used"])))


class Client:
    """Sends requests to a CA on a loopback port, each on a connection of its own."""

    def __init__(self, port: int, folder: Path, root: Certified) -> None:
        self._port, self._folder, self._root = port, folder, root

    def send(self, sent: Sent) -> Received:
        context = ssl.create_default_context(cadata=self._root.pem)
        if sent.peer is not None:
            shown = self._folder / "peer.pem"
            chain = "".join(each.pem for each in (sent.peer, *sent.issuers))
            shown.write_text(chain + sent.peer.key_pem)
            context.load_cert_chain(shown)
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self._port, context=context, timeout=20
        )
        try:
            connection.putrequest(sent.method, sent.path)
            for name, value in sent.headers.items():
                connection.putheader(name, value)
            if sent.body or sent.method not in ("GET", "HEAD"):
                connection.putheader("Content-Length", str(len(sent.body)))
            connection.endheaders(sent.body)
            try:
                response = connection.getresponse()
            except http.client.RemoteDisconnected:
                return Received(status=0, headers={}, body=b"")
            headers = {name.lower(): value for name, value in response.getheaders()}
            allowed = response.headers.get_all("Allow")
            if allowed:
                headers["allow"] = ", ".join(sorted(allowed))
            return Received(status=response.status, headers=headers, body=response.read())
        finally:
            connection.close()

    def run(self, world: World) -> dict[str, Any]:
        """Send every case, and give what each answer is reduced to."""
        prepare(world, self.send)
        results = {}
        for name, make in CASES.items():
            try:
                results[name] = world.reduced(self.send(make(world)))
            except AssertionError as error:
                raise AssertionError(f"{name}: {error}") from error
        return results
