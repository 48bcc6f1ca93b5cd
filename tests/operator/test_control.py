"""The control socket: the same Operator on both sides, and nobody else's way in."""

import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio

from appliance.authority.inventory import Inventory
from appliance.model.backups import BackupOrder, ProofOrder
from appliance.model.errors import (
    BadRequest,
    Broken,
    Forbidden,
    HearthError,
    NotFound,
    NotSupported,
    Unavailable,
)
from appliance.model.events import Event, EventKind, NumberedEvent
from appliance.model.external_keys import ExternalKeyOrder, ExternalKeyQuery
from appliance.model.inventory import (
    CertificateDetail,
    CertificateKind,
    CertificatePage,
    CertificateQuery,
    CertificateState,
)
from appliance.model.journal import JournalQuery
from appliance.model.orders import RevokeOrder, SignOrder
from appliance.model.overview import Overview
from appliance.model.signing_keys import IssuerChange, KeyReport
from appliance.model.tokens import TokenState, TokenStatus
from appliance.operator import calls, control, wire
from appliance.operator.box_calls import BeginBackupCall, BoxCall
from appliance.operator.control import serve_control
from appliance.operator.endpoint import NAME
from appliance.operator.interface import Operator
from appliance.operator.remote import NotListening, RemoteOperator, connected
from appliance.stores.memory import MemoryStore
from tests.support.external_keys import SECRET, KeptKeys
from tests.support.history import StoredHistory
from tests.support.inventory import START, Sample, revoke
from tests.support.kept_alerts import KeptAlerts
from tests.support.kept_box import KeptBox
from tests.support.kept_issuing import KeptIssuing
from tests.support.kept_provisioners import KeptProvisioners
from tests.support.kept_revocations import KeptRevocations
from tests.support.key_tokens import SAMPLE_PIN, KeptTokens
from tests.support.sample_box import SampleBox

NOW = START + timedelta(hours=1)
OVERVIEW = Overview(
    name="Test CA", url="https://ca", address="127.0.0.1:443", fingerprint="ab", store="memory",
    version="1", started_at=START, now=NOW, intermediate_not_after=START, root_not_after=START,
    issued=3, renewed=2, revoked=1, refused=0, provisioners=("admin", "acme"),
)  # fmt: skip


@dataclass
class Appliance(
    StoredHistory, KeptKeys, KeptTokens, KeptAlerts, KeptBox, KeptRevocations, SampleBox,
    KeptProvisioners, KeptIssuing,
):  # fmt: skip
    """An Operator over a store in memory; `fault` is raised instead of an overview."""

    store: MemoryStore = field(default_factory=MemoryStore)
    fault: Exception | None = None
    patience: float = 0.0

    async def overview(self) -> Overview:
        await trio.sleep(self.patience)
        if self.fault:
            raise self.fault
        return OVERVIEW

    async def events(self, after: int = 0) -> Sequence[NumberedEvent]:
        event = Event(
            at=NOW, kind=EventKind.REFUSED, operation="sign", reason="näh", serial=2**158, took=0.5
        )
        return [NumberedEvent(number=number, event=event) for number in range(after + 1, 4)]

    async def certificates(self, query: CertificateQuery) -> CertificatePage:
        return await Inventory(self.store).page(query, NOW)

    async def certificate(
        self, serial: int, kind: CertificateKind = CertificateKind.X509
    ) -> CertificateDetail:
        return await Inventory(self.store).certificate(serial, NOW, kind)


@asynccontextmanager
async def serving(operator: Operator, directory: Path) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        await nursery.start(serve_control, operator, directory)
        yield
        nursery.cancel_scope.cancel()


@pytest.fixture
async def appliance(tmp_path: Path) -> AsyncIterator[Appliance]:
    appliance = Appliance()
    async with serving(appliance, tmp_path):
        yield appliance


@pytest.fixture
async def remote(appliance: Appliance, tmp_path: Path) -> AsyncIterator[RemoteOperator]:
    async with connected(tmp_path) as remote:
        yield remote


async def raw(directory: Path) -> trio.SocketStream:
    return await trio.open_unix_socket(str(directory / NAME))


async def exchange(stream: trio.SocketStream, message: bytes) -> dict[str, dict[str, str]]:
    await wire.send(stream, message)
    received = await wire.receive(stream, wire.LARGEST_RESPONSE, within=5)
    assert received is not None
    answer: dict[str, dict[str, str]] = json.loads(received)
    return answer


# ---- the same values and errors as in the process


@dataclass
class Orders:
    """Issuance that says what it was asked; `fault` is raised instead."""

    asked: list[object] = field(default_factory=list)
    fault: Exception | None = None

    async def sign(self, order: SignOrder) -> Sequence[bytes]:
        self.asked.append(order)
        if self.fault:
            raise self.fault
        return (b"leaf", b"issuer")

    async def renew(self, chain: Sequence[bytes]) -> Sequence[bytes]:
        self.asked.append(tuple(chain))
        return (b"renewed",)

    async def renew_with_token(self, token: str) -> Sequence[bytes]:
        self.asked.append(token)
        return (b"renewed",)

    async def rekey(self, chain: Sequence[bytes], csr: bytes) -> Sequence[bytes]:
        self.asked.append((tuple(chain), csr))
        return (b"rekeyed",)

    async def revoke(self, order: RevokeOrder, chain: Sequence[bytes] = ()) -> None:
        self.asked.append((order, tuple(chain)))


async def test_orders_arrive_as_they_were_given(tmp_path: Path) -> None:
    orders = Orders()
    sign = SignOrder(csr=b"\x30\x00", token="a.b.c", not_after="1h", template_data={"a": [1, None]})
    taken = RevokeOrder(serial=2**159, token="t", reason_code=4, reason="näh")
    async with trio.open_nursery() as nursery:
        await nursery.start(serve_control, Appliance(), tmp_path, orders)
        async with connected(tmp_path) as remote:
            assert await remote.sign(sign) == [b"leaf", b"issuer"]
            assert await remote.renew((b"a", b"b")) == [b"renewed"]
            assert await remote.renew_with_token("t") == [b"renewed"]
            assert await remote.rekey([b"a"], b"csr") == [b"rekeyed"]
            await remote.revoke(taken, [b"a"])
            orders.fault = Forbidden("not for you")
            with pytest.raises(Forbidden, match="not for you"):
                await remote.sign(sign)
        nursery.cancel_scope.cancel()
    assert orders.asked == [sign, (b"a", b"b"), "t", ((b"a",), b"csr"), (taken, (b"a",)), sign]


async def test_a_server_that_takes_no_orders_says_so(remote: RemoteOperator) -> None:
    with pytest.raises(NotSupported, match="takes no orders"):
        await remote.renew([b"a"])


async def test_both_sides_give_the_same(appliance: Appliance, remote: RemoteOperator) -> None:
    for number in range(5):
        await appliance.store.commit(
            Sample(
                serial=2**120 + number, issued_at=START + number * timedelta(hours=1)
            ).operations()
        )
    await revoke(appliance.store, 2**120, NOW)
    assert await remote.overview() == OVERVIEW
    assert await remote.events() == await appliance.events()
    assert await remote.events(2) == await appliance.events(2)
    for query in (
        CertificateQuery(),
        CertificateQuery(limit=2),
        CertificateQuery(state=CertificateState.REVOKED, name="host.example.com"),
        CertificateQuery(expires_before=START + timedelta(hours=26), expires_after=NOW),
    ):
        page = await remote.certificates(query)
        assert page == await appliance.certificates(query)
        assert page.certificates
    assert await remote.certificate(2**120) == await appliance.certificate(2**120)
    assert await remote.offers() == list(await appliance.offers())


async def test_errors_come_over_with_their_kind_and_public_part(
    appliance: Appliance, remote: RemoteOperator
) -> None:
    with pytest.raises(NotFound, match="no certificate with serial number 5"):
        await remote.certificate(5)
    with pytest.raises(BadRequest, match="cursor"):
        await remote.certificates(CertificateQuery(cursor="x"))
    appliance.fault = Unavailable("later", detail="inner", retry_after=7)
    with pytest.raises(Unavailable) as raised:
        await remote.overview()
    assert (raised.value.public, raised.value.detail) == ("later", "")
    assert raised.value.retry_after == 7
    appliance.fault = None
    assert await remote.overview() == OVERVIEW


async def test_a_fault_of_ours_stays_in_the_log(
    appliance: Appliance, remote: RemoteOperator, caplog: pytest.LogCaptureFixture
) -> None:
    appliance.fault = ValueError("inner matter")
    with pytest.raises(Broken, match="a fault in the server") as raised:
        await remote.overview()
    assert "inner matter" not in str(raised.value)
    assert "inner matter" in caplog.text


async def test_many_ask_at_once(appliance: Appliance, tmp_path: Path) -> None:
    async def ask() -> None:
        async with connected(tmp_path) as remote, trio.open_nursery() as calls:
            for _ in range(5):
                calls.start_soon(remote.overview)

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(ask)


async def test_after_a_cancelled_call_no_answer_is_taken_for_another_s(
    appliance: Appliance, remote: RemoteOperator
) -> None:
    appliance.patience = 0.2
    with trio.move_on_after(0.05):
        await remote.overview()
    with pytest.raises(Unavailable, match="connection to the server is lost"):
        await remote.events()


async def test_the_box_is_told_of_and_asked_alike(
    appliance: Appliance, remote: RemoteOperator
) -> None:
    assert await remote.keys() == KeyReport(
        keys=[*appliance.key_report.keys], steps=[*appliance.key_report.steps]
    )
    assert (await remote.attestation("yubikey:slot-id=9c")).chain == [b"leaf"]
    await remote.change_issuer(IssuerChange.ACTIVATE, "2036")
    assert await remote.backups() == appliance.backup_report
    order, proof = BackupOrder(place="/mnt", passphrase="s3cret"), ProofOrder(name="a")
    begun = [
        await remote.begin_backup(order),
        await remote.begin_proof(proof),
        await remote.begin_journal_check(),
    ]
    assert appliance.asked == ((IssuerChange.ACTIVATE, "2036"), order, proof, None)
    assert await remote.works() == begun
    configured = await remote.configuration()
    assert configured.settings == [*appliance.configured.settings]
    assert (await remote.log_lines(5)).last == 6
    assert len((await remote.log_lines(5)).lines) == 1
    page = await remote.journal_events(JournalQuery(newest_first=True, limit=2))
    assert page == await appliance.journal_events(JournalQuery(newest_first=True, limit=2))
    await remote.reload()
    appliance.refused = "it is wrong"
    with pytest.raises(BadRequest, match="it is wrong"):
        await remote.reload()
    assert "s3cret" not in repr(BoxCall) + repr(BeginBackupCall(order))


# ---- who may come in


async def test_the_socket_is_its_user_s_alone(appliance: Appliance, tmp_path: Path) -> None:
    status = (tmp_path / NAME).stat()
    assert stat.S_ISSOCK(status.st_mode)
    assert status.st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == [NAME]


async def test_another_user_s_process_is_turned_away(
    appliance: Appliance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where somebody has opened the socket's mode to all."""
    monkeypatch.setattr(control, "peer_uid", lambda _: 12345)
    with pytest.raises(Forbidden, match="for the server's user and for root only"):
        async with connected(tmp_path) as remote:
            await remote.overview()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_another_user_cannot_even_connect(appliance: Appliance, tmp_path: Path) -> None:
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.setresuid(65534, 65534, 65534)
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(tmp_path / NAME))
        except PermissionError:
            os.write(write, b"refused")
        finally:
            os._exit(0)
    await trio.to_thread.run_sync(os.waitpid, child, 0)
    os.close(write)
    assert os.read(read, 100) == b"refused"
    os.close(read)


# ---- what others may send


@pytest.mark.parametrize(("message", "said"), [
    (b"junk", "not a request of the control protocol"),
    (b"", "not a request of the control protocol"),
    (b"[" * 5000, "not a request of the control protocol"),
    (b'{"version":1,"call":{"method":"format"}}', "not a request of the control protocol"),
    (b'{"version":1,"call":{"method":"certificate"}}', "not a request of the control protocol"),
    (b'{"version":2,"call":{"method":"later"}}', "version 1 of the control protocol, not 2"),
    (b'{"version":1,"call":{"method":"certificates","query":'
     b'{"expires_before":"2026-01-01T00:00:00"}}}', "a time without a zone"),
    (b'{"version":1,"call":{"method":"certificates","query":{"limit":-1}}}', "ask for 1 or more"),
])  # fmt: skip
async def test_a_bad_request_is_told_and_the_connection_goes_on(
    appliance: Appliance, tmp_path: Path, message: bytes, said: str
) -> None:
    async with await raw(tmp_path) as stream:
        answer = await exchange(stream, message)
        assert answer["failure"]["kind"] == "BadRequest"
        assert said in answer["failure"]["message"]
        assert "result" in await exchange(stream, wire.write_request(calls.OverviewCall()))


async def test_a_message_that_is_too_long_ends_the_connection(
    appliance: Appliance, tmp_path: Path
) -> None:
    async with await raw(tmp_path) as stream:
        await stream.send_all((wire.LARGEST_REQUEST + 1).to_bytes(4))
        received = await wire.receive(stream, wire.LARGEST_RESPONSE, within=5)
        assert received is not None
        assert b"octets, more than" in received
        assert await stream.receive_some() == b""


async def test_a_message_that_ends_early_or_takes_too_long_ends_the_connection(
    appliance: Appliance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_RECEIVING", 0.05)
    async with await raw(tmp_path) as stream:
        await stream.send_all(b"\0\0\0\x10half")
        assert await stream.receive_some() == b""
    async with await raw(tmp_path) as stream:
        await stream.send_all(b"\0\0\0\x10half")
        await stream.send_eof()
        assert b"ends too early" in await stream.receive_some()
    async with connected(tmp_path) as remote:
        assert await remote.overview() == OVERVIEW


async def test_a_silent_connection_ends(
    appliance: Appliance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_IDLE", 0.05)
    async with await raw(tmp_path) as stream:
        assert await stream.receive_some() == b""


async def test_an_answer_that_takes_too_long_is_given_up(
    appliance: Appliance, remote: RemoteOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_ANSWERING", 0.05)
    appliance.patience = 10
    with pytest.raises(Unavailable, match="no answer within"):
        await remote.overview()
    appliance.patience = 0
    assert await remote.overview() == OVERVIEW


async def test_there_is_an_end_to_connections(
    appliance: Appliance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = [await raw(tmp_path) for _ in range(control._MOST_CONNECTIONS)]
    for stream in streams:
        assert "result" in await exchange(stream, wire.write_request(calls.OverviewCall()))
    with pytest.raises(Unavailable, match="too many connections"):
        async with connected(tmp_path) as remote:
            await remote.overview()
    for stream in streams:
        await stream.aclose()
    with trio.fail_after(60):
        while True:
            try:
                async with connected(tmp_path) as remote:
                    assert await remote.overview() == OVERVIEW
                    return
            except Unavailable:
                await trio.sleep(0.01)


async def test_a_page_that_is_too_long_is_told(
    appliance: Appliance, remote: RemoteOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "LARGEST_RESPONSE", 100)
    assert b"ask for fewer at a time" in wire.write_result(OVERVIEW)


@pytest.mark.parametrize("answer", [b"junk", b'{"result":{"name":5}}', b"{}"])
def test_an_answer_that_cannot_be_read_is_broken(answer: bytes) -> None:
    with pytest.raises(Broken, match="cannot be read"):
        wire.read_response(answer, Overview)


def test_a_failure_of_a_kind_we_do_not_know_is_broken() -> None:
    with pytest.raises(Broken, match="later kind"):
        wire.read_response(b'{"failure":{"kind":"Later","message":"later kind"}}', Overview)


@pytest.mark.parametrize("error", [
    BadRequest("x"), Forbidden("x"), NotFound("x"), Unavailable("x", retry_after=3), Broken("x"),
])  # fmt: skip
def test_every_error_of_the_family_crosses_as_itself(error: HearthError) -> None:
    with pytest.raises(type(error), match="x") as raised:
        wire.read_response(wire.write_failure(error), Overview)
    assert type(raised.value) is type(error)


# ---- the socket's life


async def test_nobody_listens_without_a_server(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "missing"):
        with pytest.raises(NotListening, match="no server listens on"):
            async with connected(directory):
                pass
    async with serving(Appliance(), tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


async def test_what_a_killed_server_left_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / NAME))
    with pytest.raises(NotListening):
        async with connected(tmp_path):
            pass
    async with serving(Appliance(), tmp_path), connected(tmp_path) as remote:
        assert await remote.overview() == OVERVIEW


async def test_a_socket_that_is_listened_on_is_not_taken(
    appliance: Appliance, remote: RemoteOperator, tmp_path: Path
) -> None:
    with pytest.raises(Broken, match="another server listens"):
        await serve_control(appliance, tmp_path)
    assert await remote.overview() == OVERVIEW


async def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("mine")
    with pytest.raises(Broken, match="is in the way: it is not a socket"):
        await serve_control(Appliance(), tmp_path)
    assert (tmp_path / NAME).read_text() == "mine"


async def test_a_socket_that_took_its_place_is_left_alone(tmp_path: Path) -> None:
    async with serving(Appliance(), tmp_path):
        (tmp_path / NAME).unlink()
        (tmp_path / NAME).touch()
    assert (tmp_path / NAME).exists()


async def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Broken, match=f"{tmp_path / 'no' / NAME} cannot be made: No such file"):
        await serve_control(Appliance(), tmp_path / "no")


async def test_paths_longer_than_an_address_work(tmp_path: Path) -> None:
    """An address of a Unix socket has room for 107 octets."""
    directory = tmp_path / ("d" * 200) / ("e" * 200)
    directory.mkdir(parents=True)
    async with serving(Appliance(), directory), connected(directory) as remote:
        assert await remote.overview() == OVERVIEW
    assert list(directory.iterdir()) == []


def test_times_have_their_zone() -> None:
    """What comes over is UTC, as it was."""
    read = wire.read_response(wire.write_result(OVERVIEW), Overview)
    assert read.now.tzinfo == UTC
    assert isinstance(read.now, datetime)


async def test_external_account_keys_are_made_listed_and_removed(remote: RemoteOperator) -> None:
    order = ExternalKeyOrder(
        provisioner="acme", reference="nas", names=("nas.example",), not_after=NOW
    )
    made = await remote.add_external_key(order)
    assert (made.secret, made.key.names, made.key.not_after) == (SECRET, ("nas.example",), NOW)
    query = ExternalKeyQuery(provisioner="acme")
    assert (await remote.external_keys(query)).keys == (made.key,)
    await remote.remove_external_key("acme", made.key.id)
    assert (await remote.external_keys(query)).keys == ()
    with pytest.raises(NotFound, match="no external account key"):
        await remote.remove_external_key("acme", made.key.id, revoke_account=True)


async def test_tokens_are_seen_and_opened(remote: RemoteOperator, appliance: Appliance) -> None:
    waiting = TokenStatus(name="ca", uri="pkcs11:token=ca", state=TokenState.PIN_NEEDED)
    appliance.token_states = (waiting,)
    assert list(await remote.tokens()) == [waiting]
    with pytest.raises(Forbidden, match="refused the PIN"):
        await remote.unlock_token("ca", "9999")
    assert (await remote.unlock_token("", SAMPLE_PIN)).state is TokenState.READY
    assert "9999" not in repr(calls.UnlockTokenCall("ca", "9999"))
