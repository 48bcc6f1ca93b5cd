"""Our own CA on the network, in a thread of its own, for clients that run Trio themselves."""

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import trio
from cryptography.hazmat.primitives.asymmetric import ec
from hypercorn.typing import ASGIFramework

from appliance.authority.identity import issue_server_certificate
from appliance.authority.revocation import RevocationAuthority
from appliance.authority.tokens import OneTimeTokens
from appliance.authority.x509 import X509Authority
from appliance.cli.clock import SystemClock
from appliance.formats import jwe, jwk, pem
from appliance.issuance.subjects import SubjectDefaults
from appliance.model.secret import Password
from appliance.stores.memory import MemoryStore
from appliance.web.api.routes import ca_routes
from appliance.web.application import build_application
from appliance.web.limits import Limits
from appliance.web.serving import Serving, open_listeners, serve
from appliance.web.tls import TlsHolder, server_context
from tests.support.authority import (
    Hierarchy,
    RecordedEvents,
    SystemChance,
    asking,
    hierarchy,
    registry,
)
from tests.support.web import SETTINGS

PASSWORD = "a password of Jane's"
BACKDATE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Online:
    """Where the CA is, and what it told."""

    url: str
    root: bytes
    sink: RecordedEvents

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.root).hexdigest()

    @property
    def root_pem(self) -> str:
        return pem.encode("CERTIFICATE", self.root)


@dataclass(slots=True, kw_only=True)
class _Server:
    """A server in a thread."""

    app: ASGIFramework
    pki: Hierarchy
    port: int = 0
    started: threading.Event = field(default_factory=threading.Event)
    stop: trio.Event = field(default_factory=trio.Event)
    token: trio.lowlevel.TrioToken | None = None

    async def run(self) -> None:
        self.token = trio.lowlevel.current_trio_token()
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = await issue_server_certificate(
            common_name="Test CA",
            hosts=["localhost", "127.0.0.1"],
            public_key=key.public_key(),
            issuer=self.pki.issuer,
            signer=self.pki.signer,
            chance=SystemChance(),
            now=datetime.now(UTC),
        )
        context = server_context(
            chain=[leaf, self.pki.issuer.certificate],
            key=key,
            client_issuers=[self.pki.root, self.pki.issuer.certificate],
            settings=SETTINGS,
            file="ca.json",
        )
        listeners = await open_listeners("127.0.0.1", 0)
        async with trio.open_nursery() as nursery:
            running: Serving = await nursery.start(self._serve, listeners, TlsHolder(context))
            self.port = running.addresses[0][1]
            self.started.set()

    async def _serve(
        self,
        listeners: list[trio.SocketListener],
        tls: TlsHolder,
        task_status: trio.TaskStatus[Serving],
    ) -> None:
        await serve(
            self.app,
            listeners=listeners,
            tls=tls,
            limits=Limits(drain=1),
            stop=self.stop,
            task_status=task_status,
        )


def jwk_provisioner(name: str = "jane", **members: Any) -> dict[str, Any]:
    """Make an entry of ca.json; its key opens with PASSWORD."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = json.dumps(jwk.private_jwk(key)).encode()
    encrypted = jwe.encrypt(
        private, Password(PASSWORD.encode()), entropy=os.urandom(jwe.ENTROPY), iterations=1000
    )
    public = jwk.public_jwk(key.public_key())
    return {"type": "JWK", "name": name, "key": public, "encryptedKey": encrypted, **members}


@contextmanager
def online(*entries: Mapping[str, Any]) -> Iterator[Online]:
    """Serve a CA with these provisioners while the block runs."""
    clock, sink, store = SystemClock(), RecordedEvents(), MemoryStore()
    pki = hierarchy(clock.now() - timedelta(days=1))
    provisioners = registry(entries, ("localhost", "127.0.0.1"), started_at=None)
    tokens = OneTimeTokens(store)
    x509 = X509Authority(
        registry=provisioners,
        trust=pki.trust,
        issuers=pki.issuing(),
        store=store,
        tokens=tokens,
        clock=clock,
        chance=SystemChance(),
        events=sink,
        webhooks=asking(),
        subject_defaults=SubjectDefaults({}),
        backdate=BACKDATE,
    )
    revocation = RevocationAuthority(
        registry=provisioners,
        trust=pki.trust,
        store=store,
        tokens=tokens,
        clock=clock,
        events=sink,
        persistent=True,
    )
    routes = ca_routes(x509=x509, revocation=revocation, tls=SETTINGS, version="0.0.0")
    app = build_application(routes, chance=SystemChance(), access_log=lambda line: None)
    with served(app, pki) as url:
        yield Online(url=url, root=pki.root, sink=sink)


@contextmanager
def served(app: Any, pki: Hierarchy) -> Iterator[str]:
    """Serve any application in a thread; give its URL."""
    server = _Server(app=app, pki=pki)
    thread = threading.Thread(target=trio.run, args=(server.run,), name="online CA")
    thread.start()
    try:
        assert server.started.wait(10), "the server did not start"
        yield f"https://127.0.0.1:{server.port}"
    finally:
        if server.token is not None:
            server.token.run_sync_soon(server.stop.set)
        thread.join(10)
        assert not thread.is_alive(), "the server did not stop"
