"""A whole SSH authority in memory, asked as its clients ask it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from appliance.authority.ssh.keys import KnownKey, SshKeys, SshSigningKey
from appliance.authority.ssh.revocation import SshRevocationAuthority
from appliance.authority.ssh.signing import NewAccount, SshAuthority
from appliance.authority.ssh.webhooks import SshWebhooks
from appliance.authority.tokens import OneTimeTokens
from appliance.config.settings import SshSettings
from appliance.formats.keys import PrivateKey
from appliance.formats.ssh import keys
from appliance.issuance.ssh.profiles import PrincipalPolicy
from appliance.keys.file import FileSigner
from appliance.model.events import Event
from appliance.model.ssh import CertificateType
from appliance.ports.outbound import Outbound
from appliance.ports.signer import Signer
from appliance.ports.store import Store
from appliance.stores.memory import MemoryStore
from appliance.web import answers
from appliance.web.api.ssh import SshEndpoints
from appliance.web.http import Request, Response
from tests.support.authority import (
    BACKDATE,
    OUTBOUND,
    Appliance,
    RecordedEvents,
    StandingClock,
    SystemChance,
    asking,
    registry,
)
from tests.support.openssh import new_key

USER_KEY, HOST_KEY = new_key(), new_key()


@dataclass(slots=True, kw_only=True)
class SshAppliance:
    """Everything about SSH that has routes, with keys of its own; None: there is no such key."""

    entries: Sequence[Mapping[str, Any]]
    user_key: PrivateKey | Signer | None = USER_KEY
    host_key: PrivateKey | Signer | None = HOST_KEY
    known: Sequence[KnownKey] = ()
    clock: StandingClock = field(default_factory=StandingClock)
    store: Store = field(default_factory=MemoryStore)
    sink: RecordedEvents = field(default_factory=RecordedEvents)
    persistent: bool = True
    outbound: Outbound = OUTBOUND
    policy: PrincipalPolicy | None = None
    log: dict[str, object] = field(default_factory=dict)  # of the last request
    ssh: SshAuthority = field(init=False)
    revocation: SshRevocationAuthority = field(init=False)
    endpoints: SshEndpoints = field(init=False)

    def __post_init__(self) -> None:
        """Join it."""
        ssh_keys = SshKeys(
            user=_signing(self.user_key), host=_signing(self.host_key), known=self.known
        )
        provisioners = registry(
            self.entries, ssh={kind: ssh_keys.roots(kind) for kind in CertificateType}
        )
        tokens = OneTimeTokens(self.store)
        self.ssh = SshAuthority(
            registry=provisioners,
            keys=ssh_keys,
            store=self.store,
            tokens=tokens,
            clock=self.clock,
            chance=SystemChance(),
            events=self.sink,
            backdate=BACKDATE,
            persistent=self.persistent,
            policy=self.policy,
            webhooks=SshWebhooks(webhooks=asking(self.outbound, self.clock).webhooks),
            account=NewAccount(principal="provisioner", command=SshSettings().add_user_command),
        )
        self.revocation = SshRevocationAuthority(
            registry=provisioners,
            store=self.store,
            tokens=tokens,
            clock=self.clock,
            events=self.sink,
            persistent=self.persistent,
        )
        beside = Appliance(entries=self.entries, clock=self.clock, store=self.store, sink=self.sink)
        self.endpoints = SshEndpoints(self.ssh, self.revocation, beside.x509)

    @property
    def events(self) -> list[Event]:
        """What was told."""
        return self.sink.events

    async def ask(self, method: str, path: str, body: object = None) -> Response:
        """Ask one of the routes, as the application does."""
        (route,) = (
            each for each in self.endpoints.routes() if (each.method, each.path) == (method, path)
        )
        request = Request(
            method=method, path=path, parameters={}, query="", headers={}, client="192.0.2.1",
            body=body.encode() if isinstance(body, str) else json.dumps(body).encode(),
            peer=None, request_id="request-1",
        )  # fmt: skip
        try:
            return await route.endpoint(request)
        except Exception as error:  # noqa: BLE001 - as the application maps it
            return answers.failure(error, request)
        finally:
            self.log = request.log


def _signing(key: PrivateKey | Signer | None) -> SshSigningKey | None:
    if key is None:
        return None
    signer = FileSigner(key) if isinstance(key, PrivateKey) else key
    return SshSigningKey.of(signer)


def blob_of(key: PrivateKey) -> bytes:
    """Give the public half of a key as it is on the wire."""
    return keys.of_key(key.public_key()).blob
