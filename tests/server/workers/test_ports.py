"""The ports of a worker: what it asks and tells is done by the main process, as if done there."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import pytest
import trio
import trio.testing
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.config.settings import TokenKey, TokenSettings
from appliance.formats import keyuri
from appliance.keys.file import FileSigner
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import Broken, NotFound, Unavailable
from appliance.model.events import Event, EventKind
from appliance.model.tokens import TokenStatus
from appliance.model.webhooks import WebhookKind
from appliance.ports.signer import IssuerKey, Signer
from appliance.ports.store import Operation, PromptStore, Put, Told
from appliance.server.workers.asking import Asking
from appliance.server.workers.link import Link
from appliance.server.workers.messages import from_main
from appliance.server.workers.store import RemoteStore
from appliance.server.workers.telling import RemoteEvents, RemoteOutput
from appliance.server.workers.tokens import RemoteTokenKeys, key_name
from tests.support.web import PATIENCE
from tests.support.workers import joined

PLACE = TokenKey(
    token=TokenSettings(uri=keyuri.parse("yubikey:serial=112233")),
    uri=keyuri.parse("yubikey:slot-id=82"),
)
KEY = ec.generate_private_key(ec.SECP256R1())


class Gated:
    """The part of a store that a commit needs; it is done when the test says so."""

    told: Told

    def submit(self, operations: Sequence[Operation], told: Told) -> None:
        self.told = told


class NeverDone:
    """A signer that is asked for more than it can do."""

    public_key = KEY.public_key()

    async def sign(self, message: bytes, algorithm: SignatureAlgorithm) -> bytes:
        await trio.sleep_forever()
        raise AssertionError


@dataclass
class OneKey:
    """TokenKeys with one key, which may be away, or never come to an end."""

    away: bool = False
    slow: bool = False
    statuses: tuple[TokenStatus, ...] = ()

    def signer(self, place: TokenKey, public_key: IssuerKey) -> Signer:
        assert place == PLACE
        assert public_key == KEY.public_key()
        if self.away:
            raise Unavailable("the token is away", retry_after=7)
        return NeverDone() if self.slow else FileSigner(KEY)

    def public_key(self, place: TokenKey) -> IssuerKey:
        raise NotImplementedError


async def test_a_key_on_a_token_signs_for_a_worker() -> None:
    keys = OneKey()
    async with joined(keys=keys, places=[PLACE]) as joint:
        signer = RemoteTokenKeys(joint.asking, {}).signer(PLACE, KEY.public_key())
        signature = await signer.sign(b"message", SignatureAlgorithm.ECDSA_SHA256)
        KEY.public_key().verify(signature, b"message", ec.ECDSA(hashes.SHA256()))
        keys.away = True
        with pytest.raises(Unavailable, match="the token is away") as raised:
            await signer.sign(b"message", SignatureAlgorithm.ECDSA_SHA256)
        assert raised.value.retry_after == 7


async def test_a_key_that_is_no_longer_configured_signs_nothing() -> None:
    async with joined(keys=OneKey(), places=[]) as joint:
        signer = RemoteTokenKeys(joint.asking, {}).signer(PLACE, KEY.public_key())
        with pytest.raises(Unavailable, match="try again"):
            await signer.sign(b"message", SignatureAlgorithm.ECDSA_SHA256)


async def test_a_key_of_ssh_is_known_by_what_the_main_process_has_learnt() -> None:
    encoded = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    async with joined() as joint:
        keys = RemoteTokenKeys(joint.asking, {key_name(PLACE): encoded})
        assert keys.public_key(PLACE) == KEY.public_key()
        with pytest.raises(NotFound):
            RemoteTokenKeys(joint.asking, {}).public_key(PLACE)


async def test_what_happened_is_counted_and_told_by_the_main_process() -> None:
    event = Event(
        at=datetime(2026, 11, 21, tzinfo=UTC),
        kind=EventKind.ISSUED,
        operation="sign",
        provisioner="admin",
        serial=2**127,
    )
    async with joined() as joint:
        events, output = RemoteEvents(joint.link), RemoteOutput(joint.link)
        events.record(event)
        events.key_used(succeeded=True, seconds=0.002)
        events.key_used(succeeded=False)
        events.webhook_called(WebhookKind.ENRICHING, "admin", succeeded=True)
        output.write("a line")
        with trio.fail_after(PATIENCE):
            await joint.heard.wait()
        counted = {each.name: dict(each.samples) for each in joint.metrics.families()}
    admin = (("provisioner", "admin"), ("success", "true"))
    assert joint.kept.events == [event]
    joint.output.flush()
    assert joint.kept.lines == ["a line"]
    assert counted["step_ca_x509_signed_total"] == {admin: 1}
    assert counted["step_ca_x509_webhook_enriched_total"] == {admin: 1}
    assert counted["step_ca_kms_signed"] == {(): 1}
    assert counted["step_ca_kms_errors"] == {(): 1}


async def test_who_is_cancelled_waits_for_a_commit_and_not_for_a_signature() -> None:
    keys, store = OneKey(slow=True), Gated()
    async with joined(cast(PromptStore, store), keys=keys, places=[PLACE]) as joint:
        signer = RemoteTokenKeys(joint.asking, {}).signer(PLACE, KEY.public_key())
        done = []

        async def commit() -> None:
            await RemoteStore(joint.asking).commit([Put("b", b"k", b"v")])
            done.append("committed")

        with trio.fail_after(PATIENCE), trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(signer.sign, b"message", SignatureAlgorithm.ECDSA_SHA256)
                nursery.start_soon(commit)
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()
                with trio.CancelScope(shield=True):
                    await trio.testing.wait_all_tasks_blocked()
                    assert done == []
                    store.told(None)
        assert done == ["committed"]


async def test_who_waits_when_the_main_process_goes_is_told_that_nothing_is_known() -> None:
    ours, theirs = socket.socketpair()
    link = Link(ours, from_main)
    asking = Asking(link)

    async def ask() -> None:
        with pytest.raises(Broken, match="not known"):
            await RemoteStore(asking).commit([Put("b", b"k", b"v")])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        asking.end()
    await ask()  # and so is who comes later
    link.close()
    theirs.close()
