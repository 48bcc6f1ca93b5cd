"""A small ACME server in a thread, as strict as RFC 8555 lets one be, to hold our client to it.

It validates http-01 by asking 127.0.0.1 at a port of the test's choice, and dns-01 by looking into
`records`. What clients do wrong ends up in `faults` as well as in a problem document.
"""

import contextlib
import hashlib
import hmac
import http.client
import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt as pyjwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.formats import base64url, jwk
from appliance.issuance.acme import challenges
from tests.support.idp import tls_context
from tests.support.web import Certified, new_root

_JSON, _JOSE = "application/json", "application/jose+json"
_PEM = "application/pem-certificate-chain"


class Problem(Exception):
    """What the client is told."""

    def __init__(self, kind: str, detail: str, status: int = 400) -> None:
        super().__init__(detail)
        self.document = {"type": f"urn:ietf:params:acme:error:{kind}", "detail": detail}
        self.status = status


@dataclass(slots=True, kw_only=True)
class Asked:
    """A request whose signature holds."""

    url: str
    payload: Any  # None for POST-as-GET
    jwk: dict[str, Any]
    kid: str


@dataclass(slots=True)
class AcmeServer:
    """The server; its members may be changed while it runs."""

    url: str = ""
    root: Certified = field(default_factory=lambda: new_root("ACME Root"))
    other: Certified = field(default_factory=lambda: new_root("Other Root"))
    http_port: int = 80
    records: list[tuple[str, str]] = field(default_factory=list)  # TXT
    offered: tuple[str, ...] = ("tls-alpn-01", "http-01", "dns-01")
    bad_nonces: int = 0  # how many nonces more are not taken
    looks: int = 0  # how often a client has to look before something is settled
    external: dict[str, bytes] = field(default_factory=dict)  # keys by id; wanted if there are any
    window: tuple[datetime, datetime] | None = None  # of renewal information
    replaceable: bool = True
    faults: list[str] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)  # payloads as they came
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    revoked: dict[int, tuple[int, bool]] = field(default_factory=dict)  # reason, by the account
    issued: list[x509.Certificate] = field(default_factory=list)
    _nonces: set[str] = field(default_factory=set)
    _objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def directory(self) -> str:
        return f"{self.url}/directory"

    def nonce(self) -> str:
        made = secrets.token_urlsafe(12)
        self._nonces.add(made)
        return made

    # ---- requests

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Give status, headers and body."""
        with self._lock:
            try:
                if path == "/directory" and method == "GET":
                    return 200, {"Content-Type": _JSON}, json.dumps(self._described()).encode()
                if path == "/nonce" and method == "HEAD":
                    return 200, {"Replay-Nonce": self.nonce()}, b""
                if path.startswith("/renewal-info/") and method == "GET":
                    return self._renewal_info()
                return self._posted(method, path, headers, body)
            except Problem as problem:
                if not problem.document["type"].endswith(("badNonce", "Required", "Replaced")):
                    self.faults.append(str(problem))
                told = {"Content-Type": "application/problem+json", "Replay-Nonce": self.nonce()}
                return problem.status, told, json.dumps(problem.document).encode()

    def _posted(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        if method != "POST":
            raise Problem("malformed", f"{method} {path} is not allowed", 405)
        if headers.get("Content-Type") != _JOSE:
            raise Problem("malformed", f"content type {headers.get('Content-Type')}", 415)
        asked = self._verified(self.url + path, body)
        kind, _, name = path.strip("/").partition("/")
        made = {
            "new-account": self._new_account,
            "new-order": self._new_order,
            "authz": self._authorization,
            "challenge": self._challenge,
            "order": self._order,
            "finalize": self._finalize,
            "certificate": self._certificate,
            "revoke": self._revoke,
        }[kind](asked, name)
        status, told, document = made
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        return status, {"Content-Type": _JSON, "Replay-Nonce": self.nonce(), **told}, content

    def _verified(self, url: str, body: bytes) -> Asked:
        """Hold a request to RFC 8555 section 6.2."""
        message = json.loads(body)
        if set(message) != {"protected", "payload", "signature"}:
            raise Problem("malformed", f"a JWS with the members {sorted(message)}")
        header = json.loads(base64url.decode(message["protected"]))
        if set(header) not in ({"alg", "nonce", "url", "jwk"}, {"alg", "nonce", "url", "kid"}):
            raise Problem("malformed", f"a header with the members {sorted(header)}")
        if header["url"] != url:
            raise Problem("unauthorized", f"signed for {header['url']}, sent to {url}", 403)
        if header["nonce"] not in self._nonces:
            raise Problem("malformed", "a nonce that was used before or never given")
        self._nonces.remove(header["nonce"])
        if self.bad_nonces:
            self.bad_nonces -= 1
            raise Problem("badNonce", "this nonce is too old")
        kid = header.get("kid", "")
        if kid and kid not in self.accounts:
            raise Problem("accountDoesNotExist", kid)
        key = header.get("jwk") or self.accounts[kid]["jwk"]
        try:
            pyjwt.api_jws.decode(
                f"{message['protected']}.{message['payload']}.{message['signature']}",
                pyjwt.PyJWK(key, algorithm=header["alg"]),
                algorithms=["ES256", "RS256", "EdDSA"],
            )
        except pyjwt.InvalidTokenError as error:
            raise Problem("malformed", f"the signature does not hold: {error}") from error
        text = base64url.decode(message["payload"])
        return Asked(url=url, payload=json.loads(text) if text else None, jwk=key, kid=kid)

    # ---- resources

    def _described(self) -> dict[str, Any]:
        names = {
            "newNonce": "nonce", "newAccount": "new-account", "newOrder": "new-order",
            "revokeCert": "revoke", "renewalInfo": "renewal-info",
        }  # fmt: skip
        if self.window is None:
            del names["renewalInfo"]
        urls: dict[str, Any] = {name: f"{self.url}/{path}" for name, path in names.items()}
        return urls | {"meta": {"externalAccountRequired": bool(self.external)}}

    def _new_account(self, asked: Asked, _: str) -> tuple[int, dict[str, str], Any]:
        if asked.kid:
            raise Problem("malformed", "new-account is signed with jwk")
        contacts = asked.payload.get("contact", [])
        if not all(each.startswith("mailto:") for each in contacts):
            raise Problem("unsupportedContact", str(contacts))
        for url, account in self.accounts.items():
            if account["jwk"] == asked.jwk:
                return 200, {"Location": url}, {"status": "valid"}
        if self.external:
            self._check_binding(asked)
        url = f"{self.url}/account/{len(self.accounts)}"
        self.accounts[url] = {"jwk": asked.jwk, "contact": contacts}
        return 201, {"Location": url}, {"status": "valid", "contact": contacts}

    def _check_binding(self, asked: Asked) -> None:
        """RFC 8555 section 7.3.4."""
        binding = asked.payload.get("externalAccountBinding")
        if binding is None:
            raise Problem("externalAccountRequired", "an external account is required", 403)
        header = json.loads(base64url.decode(binding["protected"]))
        if (header["alg"], header["url"]) != ("HS256", asked.url) or "nonce" in header:
            raise Problem("malformed", f"an external account binding with {header}")
        if json.loads(base64url.decode(binding["payload"])) != asked.jwk:
            raise Problem("malformed", "the binding is of another key")
        signed = f"{binding['protected']}.{binding['payload']}".encode()
        secret = self.external.get(header["kid"], b"")
        if base64url.encode(hmac.digest(secret, signed, "sha256")) != binding["signature"]:
            raise Problem("unauthorized", "the external account's key is another one", 403)

    def _new_order(self, asked: Asked, _: str) -> tuple[int, dict[str, str], Any]:
        self._known(asked)
        self.orders.append(asked.payload)
        if asked.payload.get("replaces") and not self.replaceable:
            raise Problem("alreadyReplaced", "it was replaced before", 409)
        authorizations = []
        for identifier in asked.payload["identifiers"]:
            value = identifier["value"].removeprefix("*.")
            challenges = []
            for kind in self.offered:
                if identifier["value"].startswith("*.") and not kind.startswith("dns-"):
                    continue
                url = f"{self.url}/challenge/{len(self._objects)}"
                made = {
                    "type": kind, "url": url, "status": "pending",
                    "token": secrets.token_urlsafe(16), "name": value, "looks": self.looks,
                }  # fmt: skip
                self._objects[url] = made
                challenges.append(made)
            url = f"{self.url}/authz/{len(self._objects)}"
            self._objects[url] = {
                "identifier": {"type": identifier["type"], "value": value},
                "challenges": challenges,
                "wildcard": identifier["value"].startswith("*."),
            }
            authorizations.append(url)
        url = f"{self.url}/order/{len(self._objects)}"
        self._objects[url] = {
            "identifiers": asked.payload["identifiers"], "authorizations": authorizations,
            "finalize": url.replace("/order/", "/finalize/"), "status": "pending",
            "looks": self.looks,
        }  # fmt: skip
        return 201, {"Location": url}, self._shown(self._objects[url])

    def _authorization(self, asked: Asked, _: str) -> tuple[int, dict[str, str], Any]:
        self._read(asked)
        found = self._objects[asked.url]
        return (
            200,
            {},
            found
            | {
                "status": self._proved(found),
                "challenges": [self._shown(each) for each in found["challenges"]],
            },
        )

    def _challenge(self, asked: Asked, _: str) -> tuple[int, dict[str, str], Any]:
        self._known(asked)
        found = self._objects[asked.url]
        if asked.payload is not None:
            if asked.payload != {} or found["status"] != "pending":
                raise Problem("malformed", f"a challenge answered by {asked.payload}")
            found["status"] = "processing"
        elif found["status"] == "processing":
            found["looks"] -= 1
            if found["looks"] < 0:
                wanted = f"{found['token']}.{jwk.thumbprint(asked.jwk)}"
                self._validate(found, wanted, asked.kid)
        return 200, {"Retry-After": "0"}, self._shown(found)

    def _validate(self, challenge: dict[str, Any], wanted: str, kid: str) -> None:
        if challenge["type"] == "http-01":
            seen = self._fetch(challenge)
        else:
            digest = base64url.encode(hashlib.sha256(wanted.encode()).digest())
            label = f"{challenges.account_label(kid)}." if challenge["type"] != "dns-01" else ""
            there = (f"{label}_acme-challenge.{challenge['name']}", digest) in self.records
            seen = wanted if there else "no such record"
        challenge["status"] = "valid" if seen == wanted else "invalid"
        if seen != wanted:
            challenge["error"] = {
                "type": "urn:ietf:params:acme:error:incorrectResponse", "detail": f"saw {seen!r}",
            }  # fmt: skip

    def _fetch(self, challenge: dict[str, Any]) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=5)
        try:
            path = f"/.well-known/acme-challenge/{challenge['token']}"
            connection.request("GET", path, headers={"Host": challenge["name"]})
            return connection.getresponse().read().decode()
        except OSError as error:
            return str(error.strerror)
        finally:
            connection.close()

    def _order(self, asked: Asked, _: str) -> tuple[int, dict[str, str], Any]:
        self._read(asked)
        found = self._objects[asked.url]
        states = {self._proved(self._objects[url]) for url in found["authorizations"]}
        if found["status"] == "pending" and states == {"valid"}:
            found["status"] = "ready"
        elif found["status"] == "processing":
            found["looks"] -= 1
            found["status"] = "processing" if found["looks"] >= 0 else "valid"
        return 200, {"Retry-After": "0"}, self._shown(found)

    def _finalize(self, asked: Asked, _: str) -> tuple[int, dict[str, str], Any]:
        self._known(asked)
        found = self._objects[asked.url.replace("/finalize/", "/order/")]
        if found["status"] != "ready":
            raise Problem("orderNotReady", found["status"], 403)
        csr = x509.load_der_x509_csr(base64url.decode(asked.payload["csr"]))
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        if {str(each.value) for each in names.value} != {
            each["value"] for each in found["identifiers"]
        }:
            raise Problem("badCSR", "the names are not those of the order")
        now = datetime.now(UTC)
        authority = x509.SubjectKeyIdentifier.from_public_key(self.root.key.public_key())
        made = (
            x509.CertificateBuilder()
            .subject_name(csr.subject)
            .issuer_name(self.root.certificate.subject)
            .public_key(csr.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=2))
            .add_extension(names.value, critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority),
                critical=False,
            )
            .sign(self.root.key, hashes.SHA256())
        )
        self.issued.append(made)
        found |= {
            "status": "processing",
            "certificate": f"{self.url}/certificate/{len(self.issued) - 1}",
        }
        return 200, {}, self._shown(found)

    def _certificate(self, asked: Asked, name: str) -> tuple[int, dict[str, str], Any]:
        self._read(asked)
        number, _, alternate = name.partition("/")
        issuer = self.other if alternate else self.root
        leaf = self.issued[int(number)].public_bytes(serialization.Encoding.PEM)
        link = (
            f'<{self.directory}>;rel="index", <{self.url}/certificate/{number}/1>;rel="alternate"'
        )
        return 200, {"Content-Type": _PEM, "Link": link}, leaf + issuer.pem.encode()

    def _revoke(self, asked: Asked, _: str) -> tuple[int, dict[str, str], Any]:
        certificate = x509.load_der_x509_certificate(base64url.decode(asked.payload["certificate"]))
        if not asked.kid:
            key = certificate.public_key()
            assert isinstance(key, ec.EllipticCurvePublicKey)
            if jwk.public_members(key) != asked.jwk:
                raise Problem("unauthorized", "not the certificate's key", 403)
        if certificate.serial_number in self.revoked:
            raise Problem("alreadyRevoked", "it is revoked")
        reason = asked.payload.get("reason", 0)
        self.revoked[certificate.serial_number] = reason, bool(asked.kid)
        return 200, {}, b""

    def _renewal_info(self) -> tuple[int, dict[str, str], bytes]:
        assert self.window is not None
        start, end = (each.isoformat().replace("+00:00", "Z") for each in self.window)
        document = {"suggestedWindow": {"start": start, "end": end}}
        headers = {"Content-Type": _JSON, "Retry-After": "21600"}
        return 200, headers, json.dumps(document).encode()

    # ---- rules

    def _known(self, asked: Asked) -> None:
        if not asked.kid:
            raise Problem("malformed", "it is signed with kid")

    def _read(self, asked: Asked) -> None:
        self._known(asked)
        if asked.payload is not None:
            raise Problem("malformed", "it is read by POST-as-GET")

    def _proved(self, authorization: dict[str, Any]) -> str:
        states = {each["status"] for each in authorization["challenges"]}
        return next((each for each in ("valid", "invalid") if each in states), "pending")

    def _shown(self, made: dict[str, Any]) -> dict[str, Any]:
        """Leave out what is the server's own, and a certificate that is not there yet."""
        hidden = {"looks", "name"} | ({"certificate"} if made["status"] != "valid" else set())
        return {name: value for name, value in made.items() if name not in hidden}


@contextlib.contextmanager
def acme_server() -> Iterator[AcmeServer]:
    """Run a server until the block ends; its own certificate is issued by its root."""
    server = AcmeServer()

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, headers, content = server.answer(
                self.command, self.path, dict(self.headers.items()), body
            )
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_HEAD = do_POST = _answer  # noqa: N815 - http.server's names

        def log_message(self, *_: Any) -> None:
            """Tell nobody."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    listening.daemon_threads = True
    listening.socket = tls_context(server.root.issue("localhost")).wrap_socket(
        listening.socket, server_side=True, do_handshake_on_connect=False
    )
    server.url = f"https://localhost:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,), name="acme")
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join(5)
