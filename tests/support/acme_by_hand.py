"""ACME by hand: a client that does what it is told, wrong things too, and a whole server in memory.

The client signs with its own code, not with the server's. It speaks to an application in this
process (`in_process`), or over HTTPS to any server (`over_https`).
"""

import base64
import hashlib
import http.client
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from appliance.authority.acme.accounts import Accounts, Binding
from appliance.authority.acme.authorizations import Authorization, Authorizations, Outcome
from appliance.authority.acme.chains import Chains
from appliance.authority.acme.external_accounts import ExternalAccounts
from appliance.authority.acme.finalization import Finalization
from appliance.authority.acme.nonces import Nonces
from appliance.authority.acme.orders import Orders
from appliance.authority.acme.records import ChallengeRow, Held
from appliance.authority.acme.renewal_info import RenewalInfo
from appliance.authority.acme.revocation import AcmeRevocation
from appliance.issuance.acme.states import ChallengeEvent
from appliance.issuance.policy import NamePolicy
from appliance.model.acme import AcmeError, ChallengeType, ProblemType
from appliance.ports.outbound import Outbound
from appliance.ports.store import Store
from appliance.provisioners.acme import AcmeProvisioner
from appliance.stores.memory import MemoryStore
from appliance.web.acme.routes import AcmeEndpoints
from appliance.web.application import Application, build_application
from tests.support.authority import OUTBOUND, Appliance, StandingClock, SystemChance

HOST = "ca.example:8443"
DIRECTORY = f"https://{HOST}/acme/acme/directory"
JOSE = "application/jose+json"
ACME_ENTRY: Mapping[str, Any] = {"type": "ACME", "name": "acme"}
PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def encode(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _number(number: int, size: int | None = None) -> str:
    return encode(number.to_bytes(size or (number.bit_length() + 7) // 8))


@dataclass(frozen=True)
class Answer:
    """What a server said. Header names are lower case; those that come twice are in order."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return next((text for each, text in self.headers if each == name), "")

    def all(self, name: str) -> list[str]:
        return [text for each, text in self.headers if each == name]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """The problem's type without its prefix."""
        assert self.header("content-type") == "application/problem+json", self
        return str(self.json["type"]).removeprefix("urn:ietf:params:acme:error:")


Transport: TypeAlias = Callable[[str, str, Mapping[str, str], bytes], Awaitable[Answer]]


def in_process(application: Application) -> Transport:
    """Speak to an application without a network."""

    async def send(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        parts = urlsplit(url)
        scope: Any = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.1"},
            "http_version": "1.1",
            "method": method,
            "scheme": "https",
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": [
                (b"host", parts.netloc.encode()),
                *((name.encode(), text.encode()) for name, text in headers.items()),
            ],
            "client": ("192.0.2.1", 4711),
            "server": ("127.0.0.1", 443),
            "state": {},
            "extensions": {},
        }
        sent: list[Any] = []
        queue = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            if not queue:
                await trio.sleep_forever()
            return queue.pop()

        async def take(message: Any) -> None:
            sent.append(message)

        await application(scope, receive, take)
        start = next(each for each in sent if each["type"] == "http.response.start")
        return Answer(
            start["status"],
            [(name.decode().lower(), text.decode()) for name, text in start["headers"]],
            b"".join(each.get("body", b"") for each in sent if each is not start),
        )

    return send


def over_https(context: ssl.SSLContext, port: int | None = None) -> Transport:
    """Speak to a server; every request on a connection of its own."""

    def ask(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        parts = urlsplit(url)
        connection = http.client.HTTPSConnection(
            parts.hostname or "", port or parts.port or 443, timeout=30, context=context
        )
        try:
            connection.request(method, parts.path, body, dict(headers))
            answer = connection.getresponse()
            found = [(name.lower(), text) for name, text in answer.getheaders()]
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    async def send(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        return await trio.to_thread.run_sync(ask, method, url, headers, body)

    return send


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def jwk(key: PrivateKey) -> dict[str, str]:
    """The public half as a JWK."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        point = key.public_key().public_numbers()
        size = (key.key_size + 7) // 8
        curve = {256: "P-256", 384: "P-384", 521: "P-521"}[key.key_size]
        return {"kty": "EC", "crv": curve, "x": _number(point.x, size), "y": _number(point.y, size)}
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": encode(key.public_key().public_bytes_raw())}
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}


def thumbprint(key: PrivateKey) -> str:
    """RFC 7638, by hand."""
    text = json.dumps(jwk(key), sort_keys=True, separators=(",", ":"))
    return encode(hashlib.sha256(text.encode()).digest())


def algorithm(key: PrivateKey) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {256: "ES256", 384: "ES384", 521: "ES512"}[key.key_size]
    return "EdDSA" if isinstance(key, ed25519.Ed25519PrivateKey) else "RS256"


def signature(key: PrivateKey, name: str, message: bytes) -> bytes:
    digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}.get(
        name[-3:], hashes.SHA256()
    )
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(digest)))
        size = (key.key_size + 7) // 8
        return r.to_bytes(size) + s.to_bytes(size)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    if name.startswith("PS"):
        pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
        return key.sign(message, pss, digest)
    return key.sign(message, padding.PKCS1v15(), digest)


def signed(key: PrivateKey, header: Mapping[str, Any], payload: bytes) -> dict[str, str]:
    """A flattened JWS; `alg` is the key's where the header has none."""
    full = {"alg": algorithm(key), **header}
    protected, body = encode(json.dumps(full).encode()), encode(payload)
    made = signature(key, str(full["alg"]), f"{protected}.{body}".encode())
    return {"protected": protected, "payload": body, "signature": encode(made)}


def csr(
    *names: str, key: PrivateKey | None = None, common_name: str = "", more: Sequence[Any] = ()
) -> bytes:
    """A request in DER for DNS names and addresses, and `more` general names."""
    import ipaddress  # noqa: PLC0415  tests alone

    def general(name: str) -> x509.GeneralName:
        try:
            return x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            return x509.DNSName(name)

    subject = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    found = [*map(general, names), *more]
    if found:
        builder = builder.add_extension(x509.SubjectAlternativeName(found), critical=False)
    return builder.sign(key or new_key(), hashes.SHA256()).public_bytes(Encoding.DER)


@dataclass
class Client:
    """One account with a server."""

    send: Transport
    directory_url: str = DIRECTORY
    key: PrivateKey = field(default_factory=new_key)
    kid: str = ""
    nonce: str = ""
    directory: dict[str, Any] = field(default_factory=dict)

    async def begin(self) -> "Client":
        """Read the directory."""
        self.directory = (await self.send("GET", self.directory_url, {}, b"")).json
        return self

    async def fresh_nonce(self) -> str:
        answer = await self.send("HEAD", self.directory["newNonce"], {}, b"")
        return answer.header("replay-nonce")

    async def post(
        self,
        url: str,
        payload: object = None,
        *,
        key: PrivateKey | None = None,
        by_key: bool = False,
        header: Mapping[str, Any] | None = None,
        without: Sequence[str] = (),
        content_type: str = JOSE,
    ) -> Answer:
        """Send a signed request; None as a payload is POST-as-GET, bytes go as they are.

        `header` adds to the protected header or replaces in it, `without` takes out.
        """
        nonce = self.nonce or await self.fresh_nonce()
        self.nonce = ""
        key = key or self.key
        protected: dict[str, Any] = {"nonce": nonce, "url": url}
        protected |= {"jwk": jwk(key)} if by_key or not self.kid else {"kid": self.kid}
        protected |= header or {}
        for name in without:
            protected.pop(name, None)
        octets = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        body = signed(key, protected, b"" if payload is None else octets)
        return await self.raw(url, json.dumps(body).encode(), content_type)

    async def raw(self, url: str, body: bytes, content_type: str = JOSE) -> Answer:
        """Send a body as it is, and keep the nonce that comes back."""
        answer = await self.send("POST", url, {"content-type": content_type}, body)
        self.nonce = answer.header("replay-nonce")
        return answer

    async def register(self, **members: Any) -> Answer:
        """Make the account, or find it."""
        if not self.directory:
            await self.begin()
        asked = {"termsOfServiceAgreed": True, **members}
        answer = await self.post(self.directory["newAccount"], asked, by_key=True)
        self.kid = answer.header("location") or self.kid
        return answer

    async def order(self, *names: str, **members: Any) -> Answer:
        """Order DNS names and addresses."""
        identifiers = [
            {"type": "ip" if ":" in name or name[-1].isdigit() else "dns", "value": name}
            for name in names
        ]
        return await self.post(self.directory["newOrder"], {"identifiers": identifiers, **members})

    async def authorize(self, order: Mapping[str, Any], kind: str = "http-01") -> None:
        """Respond to a challenge of each authorization that is open."""
        for url in order["authorizations"]:
            authorization = (await self.post(url)).json
            if authorization["status"] == "pending":
                (challenge,) = (
                    each for each in authorization["challenges"] if each["type"] == kind
                )
                answer = await self.post(challenge["url"], {})
                assert answer.status == 200, answer

    async def finalize(self, order: Mapping[str, Any], request: bytes) -> Answer:
        return await self.post(order["finalize"], {"csr": encode(request)})

    async def issue(self, *names: str, request: bytes | None = None) -> list[x509.Certificate]:
        """Go the whole way: the certificate and its issuers."""
        order = (await self.order(*names)).json
        await self.authorize(order)
        done = await self.finalize(order, request or csr(*names))
        assert done.status == 200, done
        chain = await self.post(done.json["certificate"])
        assert chain.header("content-type") == "application/pem-certificate-chain"
        return x509.load_pem_x509_certificates(chain.body)


@dataclass
class PromptValidator:
    """Settles each challenge as soon as it is begun: met, but for the names in `failing`.

    Those in `hanging` stay in process.
    """

    failing: set[str] = field(default_factory=set)
    hanging: set[str] = field(default_factory=set)
    begun: list[str] = field(default_factory=list)
    authorizations: Authorizations | None = None
    types: frozenset[ChallengeType] = frozenset(
        {ChallengeType.HTTP_01, ChallengeType.DNS_01, ChallengeType.TLS_ALPN_01}
    )

    async def begin(
        self,
        found: Authorization,
        challenge: Held[ChallengeRow],
        *,
        provisioner: AcmeProvisioner,
        thumbprint: str,
        account_url: str,
        payload: bytes,
    ) -> None:
        value = challenge.row.value
        self.begun.append(value)
        if value in self.hanging:
            return
        assert self.authorizations is not None
        problem = AcmeError(ProblemType.INCORRECT_RESPONSE, "something else was there")
        failed = value in self.failing
        await self.authorizations.settle(
            found.row.id,
            challenge.row.id,
            Outcome(
                event=ChallengeEvent.FAILED if failed else ChallengeEvent.PROVEN,
                problem=problem if failed else None,
            ),
            (found, challenge),
        )

    async def recheck(self, provisioner: AcmeProvisioner, found: Sequence[Authorization]) -> None:
        await trio.lowlevel.checkpoint()


@dataclass
class AcmeWorld:
    """A whole ACME server in memory. `entries` are of ca.json."""

    entries: Sequence[Mapping[str, Any]] = (ACME_ENTRY,)
    store: Store = field(default_factory=MemoryStore)
    clock: StandingClock = field(default_factory=StandingClock)
    validator: PromptValidator = field(default_factory=PromptValidator)
    policy: NamePolicy | None = None
    binding: Binding | None = None
    outbound: Outbound = OUTBOUND
    appliance: Appliance = field(init=False)
    endpoints: AcmeEndpoints = field(init=False)
    send: Transport = field(init=False)

    def __post_init__(self) -> None:
        self.appliance = Appliance(
            entries=self.entries,
            store=self.store,
            clock=self.clock,
            policy=self.policy,
            outbound=self.outbound,
        )
        chance = SystemChance()
        binding = self.binding or ExternalAccounts(store=self.store, clock=self.clock)
        authorizations = Authorizations(
            store=self.store, clock=self.clock, chance=chance, validator=self.validator
        )
        self.validator.authorizations = authorizations
        orders = Orders(
            store=self.store,
            clock=self.clock,
            chance=chance,
            authorizations=authorizations,
            policy=self.policy,
            binding=binding,
        )
        endpoints = AcmeEndpoints(
            registry=self.appliance.x509.registry,
            nonces=Nonces(self.store, self.clock, chance),
            accounts=Accounts(store=self.store, clock=self.clock, chance=chance, binding=binding),
            authorizations=authorizations,
            orders=orders,
            finalization=Finalization(
                orders=orders,
                x509=self.appliance.x509,
                store=self.store,
                clock=self.clock,
                chance=chance,
            ),
            revocation=AcmeRevocation(
                revocation=self.appliance.revocation,
                authorizations=authorizations,
                store=self.store,
            ),
            renewal=RenewalInfo(
                store=self.store, clock=self.clock, issuers=self.appliance.x509.issuers
            ),
            chains=Chains(trust=self.appliance.x509.trust),
            host=HOST,
        )
        self.serve(endpoints)

    def serve(self, endpoints: AcmeEndpoints) -> None:
        """Serve these, as after a reload."""
        self.endpoints = endpoints
        application = build_application(
            endpoints.routes(), chance=SystemChance(), access_log=lambda line: None
        )
        self.send = in_process(application)

    async def client(self, provisioner: str = "acme", key: PrivateKey | None = None) -> Client:
        """A client with an account."""
        url = f"https://{HOST}/acme/{provisioner}/directory"
        made = await Client(self.send, url, key or new_key()).begin()
        answer = await made.register()
        assert answer.status in (200, 201), answer
        return made
