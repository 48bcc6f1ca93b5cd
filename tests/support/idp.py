"""An OpenID Connect provider in a thread: discovery, keys, log-in, device log-in, and faults.

Whoever is sent to its log-in page is `person` at once and is sent back. Over TLS it is what the
real step client asks for.
"""

import contextlib
import hashlib
import json
import secrets
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt as pyjwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from appliance.formats import base64url, jwk, jwt
from tests.support.requests import key_of
from tests.support.web import Certified

CLIENT, SECRET = "hearth-test", "not a secret"
CODE_GRANT = "authorization_code"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
BEARER_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Mood(Enum):
    """How it answers."""

    WELL = auto()
    DOWN = auto()  # the connection is closed without an answer
    HANGING = auto()  # there is no answer, until the end
    FAILING = auto()  # 500 and JSON that says so
    TALKING = auto()  # 200 and a page for people


@dataclass(slots=True)
class Idp:
    """The provider; its members may be changed while it runs."""

    url: str = ""
    issuer: str = ""  # as the discovery document has it; its URL unless set
    person: dict[str, Any] = field(
        default_factory=lambda: {"sub": "1234", "email": "jane@example.com"}
    )
    mood: Mood = Mood.WELL
    cache_control: str = "max-age=3600"
    discovery: dict[str, Any] = field(default_factory=dict)  # members to replace; None leaves out
    pending: int = 0  # polls of a device that come too early
    interval: int = 1  # seconds between them, as the provider wishes it
    seen: list[str] = field(default_factory=list)  # the path of every request
    authorizations: list[dict[str, str]] = field(default_factory=list)  # what log-ins asked for
    refusal: str = ""  # what a log-in ends with instead
    keys: dict[str, SigningKey] = field(default_factory=dict)
    published: list[dict[str, Any]] = field(default_factory=list)  # further members of the key set
    stopped: threading.Event = field(default_factory=threading.Event)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)
    assertions: list[dict[str, Any]] = field(default_factory=list)  # of service accounts

    def rotate(self, kind: str = "P-256", *, keep: bool = False) -> str:
        """Sign with another key from now on; give its id."""
        if not keep:
            self.keys.clear()
        kid = f"key-{secrets.token_hex(4)}"
        key = key_of(kind)
        assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
        self.keys[kid] = key
        return kid

    def token(
        self, *, key: SigningKey | None = None, header: dict[str, Any] | None = None, **claims: Any
    ) -> str:
        """Make an identity token for the person; a claim of None is left out."""
        kid, current = list(self.keys.items())[-1]
        now = int(time.time())
        wanted = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": secrets.token_hex(8),
            **self.person,
            **claims,
        }
        kept = {name: value for name, value in wanted.items() if value is not None}
        return jwt.sign(kept, key or current, {"kid": kid, **(header or {})})

    def entry(self, **members: Any) -> dict[str, Any]:
        """Give the provisioner for it, as in ca.json."""
        return {
            "type": "OIDC",
            "name": "idp",
            "clientID": CLIENT,
            "clientSecret": SECRET,
            "configurationEndpoint": self.url,
            **members,
        }

    def asked(self, path: str) -> int:
        """Count the requests for a path."""
        return self.seen.count(path)

    # ---- what it answers: status, content type or location, body

    def answer(self, method: str, target: str, form: dict[str, str]) -> tuple[int, str, Any]:
        parts = urlsplit(target)
        asked = form if method == "POST" else _flat(parts.query)
        match method, parts.path.removeprefix(urlsplit(self.url).path):
            case "GET", "/.well-known/openid-configuration":
                return 200, "json", self._described()
            case "GET", "/keys":
                return 200, "json", {"keys": [*self.published, *map(self._public, self.keys)]}
            case "GET", "/authorize":
                return self._authorize(asked)
            case "POST", "/token":
                return self._exchange(asked)
            case "POST", "/device":
                return self._device(asked)
            case _:
                return 404, "json", {"error": "not_found"}

    def _described(self) -> dict[str, Any]:
        members = {
            "issuer": self.issuer,
            "jwks_uri": f"{self.url}/keys",
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "device_authorization_endpoint": f"{self.url}/device",
            **self.discovery,
        }
        return {name: value for name, value in members.items() if value is not None}

    def _public(self, kid: str) -> dict[str, Any]:
        return {**jwk.public_members(self.keys[kid].public_key()), "kid": kid, "use": "sig"}

    def _authorize(self, asked: dict[str, str]) -> tuple[int, str, Any]:
        self.authorizations.append(asked)
        if self.refusal:
            back = {"error": self.refusal, "state": asked["state"]}
        else:
            code = secrets.token_urlsafe(16)
            self._codes[code] = asked
            back = {"code": code, "state": asked["state"]}
        if asked["redirect_uri"].startswith("urn:"):
            return 200, "json", back
        return 302, f"{asked['redirect_uri']}?{urlencode(back)}", ""

    def _exchange(self, asked: dict[str, str]) -> tuple[int, str, Any]:
        grant = asked.get("grant_type")
        if grant == BEARER_GRANT:
            claims = pyjwt.decode(asked["assertion"], options={"verify_signature": False})
            self.assertions.append(claims)
            return 200, "json", {"access_token": "for the account", "token_type": "Bearer"}
        if (asked.get("client_id"), asked.get("client_secret")) != (CLIENT, SECRET):
            return 401, "json", {"error": "invalid_client"}
        if grant == DEVICE_GRANT:
            if self.pending > 0:
                self.pending -= 1
                return 400, "json", {"error": "authorization_pending"}
            if self.refusal:
                return 400, "json", {"error": self.refusal}
            begun = self._codes.pop(asked.get("device_code", ""), None)
        else:
            begun = self._codes.pop(asked.get("code", ""), None)
            if begun is not None and not _proven(begun, asked):
                begun = None
        if begun is None:
            return 400, "json", {"error": "invalid_grant", "error_description": "no such code"}
        nonce: dict[str, Any] = {"nonce": begun["nonce"]} if "nonce" in begun else {}
        return 200, "json", {
            "access_token": "access",
            "id_token": self.token(**nonce),
            "refresh_token": "refresh",
            "expires_in": 300,
            "token_type": "Bearer",
            "scope": begun.get("scope", ""),
        }  # fmt: skip

    def _device(self, asked: dict[str, str]) -> tuple[int, str, Any]:
        if (asked.get("client_id"), asked.get("client_secret")) != (CLIENT, SECRET):
            return 401, "json", {"error": "invalid_client"}
        code = secrets.token_urlsafe(16)
        self._codes[code] = {"scope": asked.get("scope", "")}
        return 200, "json", {
            "device_code": code, "user_code": "WDJB-MJHT", "verification_uri": f"{self.url}/verify",
            "expires_in": 30, "interval": self.interval, **self.discovery.get("device", {}),
        }  # fmt: skip


def _proven(begun: dict[str, str], asked: dict[str, str]) -> bool:
    """Hold a code to who began: the same redirect, and the secret of PKCE (RFC 7636, 4.6)."""
    digest = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
    return (
        begun["redirect_uri"] == asked.get("redirect_uri")
        and begun.get("code_challenge_method") == "S256"
        and begun.get("code_challenge") == base64url.encode(digest)
    )


def _flat(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


@contextlib.contextmanager
def idp(server: Certified | None = None) -> Iterator[Idp]:
    """Run a provider until the block ends, over TLS when it gets a certificate."""
    provider = Idp()
    provider.rotate()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            self._answer(_flat(self.rfile.read(length).decode()))

        def _answer(self, form: dict[str, str]) -> None:
            provider.seen.append(urlsplit(self.path).path)
            if provider.mood is Mood.HANGING:
                provider.stopped.wait(30)
            if provider.mood in (Mood.DOWN, Mood.HANGING):
                self.close_connection = True
                return
            status, kind, body = provider.answer(self.command, self.path, form)
            if provider.mood is Mood.FAILING:
                status, kind, body = 500, "json", {"error": "server_error"}
            if provider.mood is Mood.TALKING:
                status, kind, body = 200, "html", "<title>Sign in</title>"
            content = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", kind)
            else:
                self.send_header("Content-Type", f"application/{kind}")
            self.send_header("Cache-Control", provider.cache_control)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Tell nobody."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    listening.daemon_threads = True
    if server is not None:
        listening.socket = tls_context(server).wrap_socket(
            listening.socket, server_side=True, do_handshake_on_connect=False
        )
    scheme = "http://127.0.0.1" if server is None else "https://localhost"
    provider.url = provider.issuer = f"{scheme}:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,), name="idp")
    thread.start()
    try:
        yield provider
    finally:
        provider.stopped.set()
        listening.shutdown()
        listening.server_close()
        thread.join(5)


def tls_context(server: Certified) -> ssl.SSLContext:
    """Make the context of a server that shows a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(server.pem + server.key_pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context
