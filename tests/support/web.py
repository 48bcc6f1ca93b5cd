"""A served ASGI application with certificates of its own, and clients that may misbehave."""

import ipaddress
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypercorn.typing import ASGIFramework

from appliance.config.settings import TlsSettings
from appliance.web.limits import Limits
from appliance.web.serving import Serving, open_listeners, serve
from appliance.web.tls import TlsHolder, server_context
from appliance.web.visits import AccessLog

SETTINGS = TlsSettings(
    cipher_suites=(
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    ),
    min_version=1.2,
    max_version=1.3,
    renegotiation=False,
)
PATIENCE = 60  # seconds until a test gives up


def kept_in(lines: list[Mapping[str, object]]) -> AccessLog:
    """Give an access log that keeps its fields."""
    return lambda fields: lines.append(fields())


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        encoded = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return encoded.decode()

    def issue(
        self,
        name: str,
        *,
        ca: bool = False,
        start: timedelta = timedelta(minutes=-5),
        end: timedelta = timedelta(days=1),
        usages: Sequence[x509.ObjectIdentifier] = (
            ExtendedKeyUsageOID.SERVER_AUTH,
            ExtendedKeyUsageOID.CLIENT_AUTH,
        ),
    ) -> "Certified":
        """Issue a certificate below this one; `start` and `end` count from now."""
        return _certify(name, self, ca=ca, start=start, end=end, usages=usages)


def new_root(name: str = "Root") -> Certified:
    return _certify(
        name, None, ca=True, start=timedelta(minutes=-5), end=timedelta(days=9), usages=()
    )


def _certify(
    name: str,
    issuer: Certified | None,
    *,
    ca: bool,
    start: timedelta,
    end: timedelta,
    usages: Sequence[x509.ObjectIdentifier],
) -> Certified:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuing_key = issuer.key if issuer else key
    now = datetime.now(UTC)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuing_key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + start)
        .not_valid_after(now + end)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(authority, critical=False)
    )
    if not ca:
        names: list[x509.GeneralName] = [x509.DNSName(name)]
        if name == "localhost":
            names.append(x509.IPAddress(ipaddress.IPv4Address("127.0.0.1")))
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    return Certified(certificate=builder.sign(issuing_key, hashes.SHA256()), key=key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pki:
    """A root, an intermediate, and what the server shows; `plain` without TLS: nothing."""

    root: Certified
    intermediate: Certified
    server: Certified
    plain: bool = False

    @classmethod
    def generate(cls) -> "Pki":
        root = new_root()
        intermediate = root.issue("Intermediate", ca=True, end=timedelta(days=8), usages=())
        return cls(root=root, intermediate=intermediate, server=intermediate.issue("localhost"))

    def context(
        self, server: Certified | None = None, settings: TlsSettings = SETTINGS
    ) -> ssl.SSLContext:
        """The server's context, with another certificate or other settings if given."""
        shown = server or self.server
        return server_context(
            chain=[shown.der, self.intermediate.der],
            key=shown.key,
            client_issuers=[self.root.der, self.intermediate.der],
            settings=settings,
            file="ca.json",
        )

    def client(
        self, alpn: str = "http/1.1", files: tuple[str, str] | None = None
    ) -> ssl.SSLContext:
        """A client's context that trusts the root and may show a certificate."""
        context = ssl.create_default_context(cadata=self.root.pem)
        context.set_alpn_protocols([alpn])
        if files:
            context.load_cert_chain(*files)
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A running server."""

    serving: Serving
    stop: trio.Event
    holder: TlsHolder
    pki: Pki

    @property
    def port(self) -> int:
        return self.serving.addresses[0][1]

    async def connect(self, context: ssl.SSLContext | None = None) -> Any:
        """Connect, and shake hands: an SSLStream, or the socket's own where TLS is not spoken."""
        if self.pki.plain:
            return await trio.open_tcp_stream("127.0.0.1", self.port)
        stream = await trio.open_ssl_over_tcp_stream(
            "127.0.0.1",
            self.port,
            ssl_context=context or self.pki.client(),
            https_compatible=True,
        )
        try:
            await stream.do_handshake()
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return stream

    async def ask(self, raw: bytes, context: ssl.SSLContext | None = None) -> bytes:
        """Send the octets on a new connection and give what comes until the server closes."""
        stream = await self.connect(context)
        try:
            await stream.send_all(raw)
            return await until_closed(stream)
        finally:
            await trio.aclose_forcefully(stream)

    async def get(self, path: str = "/json", context: ssl.SSLContext | None = None) -> bytes:
        """Ask once, politely."""
        return await self.ask(
            b"GET %b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % path.encode(),
            context,
        )


async def until_closed(stream: trio.abc.ReceiveStream) -> bytes:
    """Read to the end of the connection, however it ends."""
    got = b""
    with trio.fail_after(PATIENCE):
        while True:
            try:
                data = await stream.receive_some(65536)
            except (trio.BrokenResourceError, OSError):
                return got
            if not data:
                return got
            got += data


@asynccontextmanager
async def serving(
    app: ASGIFramework, pki: Pki, limits: Limits | None = None
) -> AsyncIterator[Served]:
    """Serve the application on a free port while the block runs."""
    holder, stop = TlsHolder(pki.context()), trio.Event()
    listeners = await open_listeners("127.0.0.1", 0)
    async with trio.open_nursery() as nursery:

        async def run(task_status: trio.TaskStatus[Serving]) -> None:
            await serve(
                app,
                listeners=listeners,
                tls=None if pki.plain else holder,
                limits=limits or Limits(drain=1),
                stop=stop,
                task_status=task_status,
            )

        running: Serving = await nursery.start(run)
        yield Served(serving=running, stop=stop, holder=holder, pki=pki)
        stop.set()
        with trio.CancelScope(deadline=trio.current_time() + PATIENCE) as scope:
            while running.connections:
                await trio.sleep(0.01)
        assert not scope.cancelled_caught, "connections stay open after the drain"
