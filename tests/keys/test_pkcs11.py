"""The PKCS#11 driver: what goes wrong in its worker stays there."""

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from appliance.formats.keyuri import parse
from appliance.keys.pins import PinGuard
from appliance.keys.pkcs11 import process
from appliance.keys.pkcs11.driver import Pkcs11Token
from appliance.keys.pkcs11.messages import Done, Load, Look, Open, Request, Seen
from appliance.keys.pkcs11.place import object_name, token_place
from appliance.keys.pkcs11.process import WorkerGone, start_worker
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import BadRequest, FormatError
from appliance.model.secret import Password
from appliance.model.tokens import KeyKind, TokenState
from appliance.ports.keys import TokenUnavailable, WrongPin
from tests.support.softhsm import PIN, SoftHsm

KEY = parse("pkcs11:id=01;object=key")


@pytest.fixture
def hsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftHsm:
    return SoftHsm(tmp_path, monkeypatch).initialise("ca")


def is_ready(token: Pkcs11Token) -> bool:
    return token.status.state is TokenState.READY


@asynccontextmanager
async def running(token: Pkcs11Token) -> AsyncIterator[Pkcs11Token]:
    async with trio.open_nursery() as nursery:
        await nursery.start(token.run)
        yield token
        nursery.cancel_scope.cancel()


async def test_a_thousand_at_once_are_served_in_order_and_the_loop_stays_quick(
    hsm: SoftHsm,
) -> None:
    async with running(hsm.token("ca")) as token:
        await token.create_key(KEY, KeyKind.EC_P256)
        signer = await token.open_signer(KEY)
        served: list[int] = []
        gaps: list[float] = []

        async def one(number: int) -> None:
            await signer.sign(b"%d" % number, SignatureAlgorithm.ECDSA_SHA256)
            served.append(number)

        async def tick() -> None:
            while True:
                before = trio.current_time()
                await trio.sleep(0.002)
                gaps.append(trio.current_time() - before - 0.002)

        async with trio.open_nursery() as ticking:
            ticking.start_soon(tick)
            async with trio.open_nursery() as nursery:
                for number in range(1000):
                    nursery.start_soon(one, number)
            ticking.cancel_scope.cancel()
        assert len(served) == 1000
        gaps.sort()
        assert gaps[len(gaps) * 9 // 10] < 0.02  # but for what the machine does beside


async def test_a_worker_that_dies_costs_one_request_and_comes_back(hsm: SoftHsm) -> None:
    async with running(hsm.token("ca")) as token:
        await token.create_key(KEY, KeyKind.EC_P256)
        signer = await token.open_signer(KEY)
        first = token.worker_pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        with pytest.raises(TokenUnavailable) as raised:
            await signer.sign(b"1", SignatureAlgorithm.ECDSA_SHA256)
        assert raised.value.state is TokenState.NO_SERVICE
        assert "signal 9" in raised.value.detail
        with trio.fail_after(60):
            while not is_ready(token):
                await trio.sleep(0.02)
        await signer.sign(b"2", SignatureAlgorithm.ECDSA_SHA256)
        assert token.worker_pid != first
    assert token.worker_pid is None


async def test_a_module_that_hangs_is_ended_at_its_deadline(hsm: SoftHsm) -> None:
    worker = await start_worker()
    os.kill(worker.pid, signal.SIGSTOP)
    with pytest.raises(WorkerGone, match="no answer within"):
        await worker.ask(Load(str(hsm.module)), within=0.1)
    with pytest.raises(ProcessLookupError):
        os.kill(worker.pid, 0)


async def test_a_worker_ends_with_its_server(hsm: SoftHsm) -> None:
    """Its standard input ends: no signal reaches it from a server that was killed."""
    worker = await start_worker()
    assert isinstance(await worker.ask(Load(str(hsm.module)), within=20), Done)
    pipe = worker._process.stdin
    assert pipe is not None
    await pipe.aclose()
    with trio.fail_after(60):
        assert await worker._process.wait() == 0
    await worker.kill()


async def test_the_worker_leaves_interrupts_to_the_server(hsm: SoftHsm) -> None:
    worker = await start_worker()
    assert isinstance(await worker.ask(Load(str(hsm.module)), within=20), Done)
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(worker.pid, number)
    assert isinstance(await worker.ask(Look(label="ca"), within=20), Seen)
    await worker.kill()


async def test_a_module_that_cannot_be_loaded(tmp_path: Path) -> None:
    uri = parse(f"pkcs11:module-path={tmp_path}/none.so;token=ca?pin-value={PIN}")
    token = Pkcs11Token(uri, pin=Password(PIN.encode()), guard=PinGuard(None))
    async with running(token):
        assert token.status.state is TokenState.NO_SERVICE
        assert "none.so cannot be loaded" in token.status.detail
        assert PIN not in f"{token.status}"
        with pytest.raises(TokenUnavailable):
            await token.open_signer(KEY)


async def test_another_token_than_the_configured_one(hsm: SoftHsm) -> None:
    async with running(hsm.token("other")) as token:
        assert token.status.state is TokenState.WRONG_TOKEN
        assert "'ca'" in token.status.detail


async def test_a_pin_is_asked_for_and_kept_for_when_the_worker_is_new(hsm: SoftHsm) -> None:
    async with running(hsm.token("ca", pin=None)) as token:
        assert token.status.state is TokenState.PIN_NEEDED
        with pytest.raises(WrongPin):
            await token.unlock(Password(b"9999"))
        assert token.status.state is TokenState.PIN_NEEDED
        await token.unlock(Password(PIN.encode()))
        await token.create_key(KEY, KeyKind.EC_P256)
        before = token.worker_pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        with trio.fail_after(60):
            while token.worker_pid in (None, before) or not is_ready(token):
                await trio.sleep(0.02)
        assert len(await token.list_keys()) == 1


async def test_the_process_list_has_no_pin(hsm: SoftHsm) -> None:
    async with running(hsm.token("ca")) as token:
        command = Path(f"/proc/{token.worker_pid}/cmdline").read_bytes()
        environment = Path(f"/proc/{token.worker_pid}/environ").read_bytes()
    assert PIN.encode() not in command.split(b"\0") + environment.split(b"\0")
    request: Request = Open(PIN)
    assert PIN not in repr(request)


def test_the_one_file_puts_the_hosts_libraries_before_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A vendor's module is bound to the host's; the interpreter finds what the host lacks."""
    inside = {"LD_LIBRARY_PATH": "/tmp/_MEI1", "LD_LIBRARY_PATH_ORIG": "/opt/hsm/lib", "A": "b"}
    assert process.environment(inside) == {"LD_LIBRARY_PATH": "/opt/hsm/lib", "A": "b"}
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    first, *host, last = process.environment(inside)["LD_LIBRARY_PATH"].split(":")
    assert (first, last) == ("/opt/hsm/lib", "/tmp/_MEI1")
    assert {"/lib", "/usr/lib64"} < set(host)
    alone = process.environment({"LD_LIBRARY_PATH": "/tmp/_MEI1"})
    assert alone["LD_LIBRARY_PATH"].split(":") == [*host, "/tmp/_MEI1"]
    assert process.command() == [sys.executable, process.WORKER_FLAG]


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("pkcs11:module-path=/m.so", "'token', 'serial' or 'slot-id'"),
        ("pkcs11:token=a;serial=1", "exclude each other"),
        ("pkcs11:serial=1;slot-id=2", "exclude each other"),
        ("pkcs11:slot-id=two", "must be a number"),
        ("pkcs11:token=a;max-sessions=x", "must be a number"),
    ],
)
def test_a_uri_must_name_one_token(uri: str, told: str) -> None:
    with pytest.raises(FormatError, match=told):
        token_place(parse(uri))


def test_a_key_must_be_named() -> None:
    with pytest.raises(BadRequest, match="'id' or 'object'"):
        object_name(parse("pkcs11:token=a"))
