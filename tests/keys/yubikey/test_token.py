"""A YubiKey as a token of the authority: through pcscd, pulled, plugged in, locked, in use."""

import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
import trio.testing
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.formats.keyuri import parse
from appliance.issuance.algorithms import is_signed, natural_algorithm
from appliance.issuance.yubikey_attestation import YUBICO, checked
from appliance.keys.pins import PinGuard
from appliance.keys.yubikey import driver, pcsc
from appliance.keys.yubikey.driver import YubiKeyToken
from appliance.model.errors import (
    BadRequest,
    Broken,
    Forbidden,
    NotFound,
    NotSupported,
    Unauthorized,
)
from appliance.model.secret import Password
from appliance.model.tokens import (
    KeyKind,
    KeyPolicies,
    PinPolicy,
    TokenState,
    TokenStatus,
    TouchPolicy,
)
from appliance.ports.keys import TokenUnavailable, WrongPin
from appliance.ports.signer import Signer
from tests.support.yubikey.computer import REPOSITORY, SECOND_SERIAL, SERIAL, Computer

PIN = Password(b"123456")
RIGHT, WRONG = b"123456", b"999999"
SLOT = parse("yubikey:slot-id=82")
VERIFY, USE = 0x20, 0x87


@asynccontextmanager
async def at_work(
    serial: int | None = SERIAL,
    pin: bytes | None = RIGHT,
    guard: PinGuard | None = None,
    states: list[TokenState] | None = None,
    patience: float | None = None,
) -> AsyncIterator[YubiKeyToken]:
    def told(status: TokenStatus) -> None:
        if states is not None:
            states.append(status.state)

    token = YubiKeyToken(
        parse("yubikey:" if serial is None else f"yubikey:serial={serial}"),
        pin=None if pin is None else Password(pin),
        guard=guard or PinGuard(None),
        told=told,
        patience=patience,
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(token.run)
        yield token
        nursery.cancel_scope.cancel()


async def key_in_slot(token: YubiKeyToken, kind: KeyKind = KeyKind.EC_P256) -> Signer:
    public_key = await token.create_key(SLOT, kind)
    return await token.open_signer(SLOT, public_key)


async def sign(signer: Signer) -> None:
    algorithm = natural_algorithm(signer.public_key)
    signature = await signer.sign(b"message", algorithm)
    assert is_signed(b"message", signature, algorithm, signer.public_key)


async def until(token: YubiKeyToken, state: TokenState, seconds: float = 3) -> float:
    """Wait for a state; give the seconds that it took."""
    began = trio.current_time()
    with trio.fail_after(seconds):
        while token.status.state is not state:
            await trio.sleep(0.01)
    return trio.current_time() - began


async def test_tells_who_it_is_and_is_ready(ports: Computer) -> None:
    async with at_work() as token:
        status = token.status
        assert status.state is TokenState.READY
        assert status.name == f"yubikey {SERIAL}"
        assert (status.serial, status.firmware, status.tries_left) == (str(SERIAL), "5.4.3", 3)


@pytest.mark.parametrize("kind", [KeyKind.EC_P256, KeyKind.EC_P384, KeyKind.RSA_2048])
async def test_signs_with_keys_that_it_made(ports: Computer, kind: KeyKind) -> None:
    async with at_work() as token:
        await sign(await key_in_slot(token, kind))


async def test_firmware_5_7_has_more_kinds_of_keys(ports: Computer) -> None:
    async with at_work(SECOND_SERIAL) as token:
        await sign(await key_in_slot(token, KeyKind.ED25519))
    async with at_work(SERIAL) as token:
        for kind in (KeyKind.ED25519, KeyKind.RSA_3072, KeyKind.RSA_4096):
            with pytest.raises(NotSupported, match=r"5\.7"):
                await token.create_key(SLOT, kind)
        with pytest.raises(NotSupported, match="P-521"):
            await token.create_key(SLOT, KeyKind.EC_P521)


async def test_a_key_is_never_replaced_unasked(ports: Computer) -> None:
    async with at_work() as token:
        signer = await key_in_slot(token)
        with pytest.raises(BadRequest, match="slot 82"):
            await token.create_key(SLOT, KeyKind.EC_P256)
        await sign(signer)
        with pytest.raises(NotSupported, match=r"5\.7"):
            await token.delete_key(SLOT)
    async with at_work(SECOND_SERIAL) as token:
        await key_in_slot(token)
        await token.delete_key(SLOT)
        with pytest.raises(NotFound):
            await token.delete_key(SLOT)
        with pytest.raises(NotFound):
            await token.open_signer(SLOT)


async def test_lists_keys_with_policies_and_certificates(ports: Computer) -> None:
    async with at_work() as token:
        policies = KeyPolicies(pin=PinPolicy.ALWAYS, touch=TouchPolicy.CACHED)
        await token.create_key(SLOT, KeyKind.EC_P256, policies)
        await token.create_key(parse("yubikey:slot-id=9C"), KeyKind.EC_P384)
        chain = [x509.load_der_x509_certificate(each) for each in await token.attest(SLOT)]
        await token.store_certificate(SLOT, chain[0].public_bytes(Encoding.DER))
        by_slot = {key.slot: key for key in await token.list_keys()}
        assert set(by_slot) == {"82", "9c"}
        key = by_slot["82"]
        assert (key.policies, key.has_certificate, key.generated) == (policies, True, True)
        assert key.uri == f"yubikey:slot-id=82;serial={SERIAL}"
        assert not by_slot["9c"].has_certificate
        assert by_slot["9c"].policies.pin is PinPolicy.ALWAYS
        loaded = await token.load_certificate(SLOT)
        assert loaded == chain[0].public_bytes(Encoding.DER)
        chain[0].verify_directly_issued_by(chain[1])
        await token.delete_certificate(SLOT)
        for gone in (token.load_certificate, token.delete_certificate):
            with pytest.raises(NotFound, match="slot 82"):
                await gone(SLOT)


async def test_a_key_that_wants_its_pin_each_time_gets_it(ports: Computer) -> None:
    async with at_work() as token:
        await token.create_key(SLOT, KeyKind.EC_P256, KeyPolicies(pin=PinPolicy.ALWAYS))
        signer = await token.open_signer(SLOT)
        for _ in range(3):
            await sign(signer)
    assert ports.tries_left() == 3


async def test_a_key_that_wants_no_pin_signs_while_none_is_known(ports: Computer) -> None:
    async with at_work(pin=None) as token:
        await token.create_key(SLOT, KeyKind.EC_P256, KeyPolicies(pin=PinPolicy.NEVER))
        await sign(await token.open_signer(SLOT))
        assert token.status.state is TokenState.PIN_NEEDED


async def test_never_tries_the_factory_pin_unasked(ports: Computer) -> None:
    async with at_work(pin=None) as token:
        signer = await key_in_slot(token)
        with pytest.raises(TokenUnavailable) as refusal:
            await sign(signer)
        assert refusal.value.state is TokenState.PIN_NEEDED
        assert VERIFY not in ports.commands()
        await token.unlock(PIN)
        assert token.status.state is TokenState.READY
        await sign(signer)


async def test_pulled_under_load_refuses_at_once_and_signs_again_when_plugged_in(
    port: Computer,
) -> None:
    """Within 2 seconds, without a restart; the PIN costs no try."""
    states: list[TokenState] = []
    async with at_work(states=states) as token:
        signer = await key_in_slot(token)
        port.tell("delay", seconds=0.02)
        outcomes: list[tuple[float, bool]] = []

        async def ask() -> None:
            for _ in range(20):
                began = trio.current_time()
                try:
                    await sign(signer)
                except TokenUnavailable:
                    outcomes.append((trio.current_time() - began, False))
                    await trio.sleep(0.02)
                else:
                    outcomes.append((trio.current_time() - began, True))

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(ask)
            await trio.sleep(0.2)
            await trio.to_thread.run_sync(port.unplug)
            assert await until(token, TokenState.ABSENT) < 1
        refused = [seconds for seconds, signed in outcomes if not signed]
        assert len(refused) > 20
        assert max(refused) < 1
        assert any(signed for _, signed in outcomes)
        began = trio.current_time()
        await trio.to_thread.run_sync(port.plug)
        await until(token, TokenState.READY)
        await sign(signer)
        assert trio.current_time() - began < 2
        assert port.tries_left() == 3
        assert [each for each in states if each is not TokenState.LOCKED][-2:] == [
            TokenState.ABSENT,
            TokenState.READY,
        ]


async def test_survives_a_restart_of_pcscd(port: Computer) -> None:
    async with at_work() as token:
        signer = await key_in_slot(token)
        await trio.to_thread.run_sync(lambda: port.tell("kill"))
        await until(token, TokenState.NO_SERVICE)
        with pytest.raises(TokenUnavailable, match="pcscd"):
            await sign(signer)
        began = trio.current_time()
        await trio.to_thread.run_sync(lambda: port.tell("start"))
        await until(token, TokenState.READY)
        await sign(signer)
        assert trio.current_time() - began < 2.5


@pytest.mark.parametrize("seconds", [0.0, 0.3])
async def test_a_card_that_was_pulled_for_a_moment_is_used_again(
    port: Computer, seconds: float
) -> None:
    async with at_work() as token:
        signer = await key_in_slot(token)
        await trio.to_thread.run_sync(port.unplug)
        await trio.sleep(seconds)
        await trio.to_thread.run_sync(port.plug)
        with trio.fail_after(60):
            while True:
                try:
                    await sign(signer)
                    break
                except TokenUnavailable:
                    await trio.sleep(0.05)


SIGNING = """
from yubikit.piv import PivSession, SLOT, KEY_TYPE
from smartcard.System import readers
from ykman.pcsc import ScardSmartCardConnection
from cryptography.hazmat.primitives.hashes import SHA256
reader = [each for each in readers() if each.name.endswith("00 00")][0]
piv = PivSession(ScardSmartCardConnection(reader.createConnection()))
print(len(piv.sign(SLOT.RETIRED1, KEY_TYPE.ECCP256, b"theirs", SHA256())))
"""


async def test_no_other_process_signs_with_the_pin_that_we_gave(ports: Computer) -> None:
    """Not while we hold the card, and not after we are gone."""
    async with at_work() as token:
        signer = await key_in_slot(token)
        await sign(signer)
        seen = await trio.to_thread.run_sync(
            lambda: ports.run(sys.executable, "-c", SIGNING, check=False)
        )
        assert "haring violation" in seen
        await sign(signer)
    after = await trio.to_thread.run_sync(
        lambda: ports.run(sys.executable, "-c", SIGNING, check=False)
    )
    assert "6982" in after


HOLDING = """
import os, signal, sys
from appliance.keys.pins import PinGuard
from appliance.keys.yubikey.hold import Hold
from appliance.model.secret import Password
hold = Hold("12345678", Password(b"123456"), PinGuard(None))
hold.prove()
os.kill(os.getpid(), signal.SIGKILL)
"""


async def test_a_killed_process_leaves_no_pin_behind(ports: Computer) -> None:
    async with at_work() as token:
        await key_in_slot(token)
    killed = subprocess.run(
        [sys.executable, "-c", HOLDING], env=ports.environment, cwd=REPOSITORY, check=False
    )
    assert killed.returncode == -9
    with trio.fail_after(60):
        while True:
            seen = ports.run(sys.executable, "-c", SIGNING, check=False)
            if "haring violation" not in seen:
                break
    assert "6982" in seen


async def test_a_card_in_use_elsewhere_is_busy_until_it_is_let_go(ports: Computer) -> None:
    async with at_work() as token:
        signer = await key_in_slot(token)
        async with at_work() as other:
            assert other.status.state is TokenState.BUSY
            await sign(signer)
            with pytest.raises(TokenUnavailable) as refusal:
                await other.list_keys()
            assert refusal.value.state is TokenState.BUSY


async def test_another_yubikey_than_the_configured_one_gets_no_pin(port: Computer) -> None:
    port.commands()
    async with at_work(SECOND_SERIAL) as token:
        assert token.status.state is TokenState.WRONG_TOKEN
        assert str(SERIAL) in token.status.detail
        assert VERIFY not in port.commands()
        await trio.to_thread.run_sync(port.plug, 1)
        await until(token, TokenState.READY)
        assert token.status.serial == str(SECOND_SERIAL)


async def test_a_key_of_another_certificate_does_not_sign(ports: Computer) -> None:
    async with at_work(SECOND_SERIAL) as other:
        public_key = await other.create_key(SLOT, KeyKind.EC_P256)
    async with at_work() as token:
        await key_in_slot(token)
        with pytest.raises(Broken, match="not the one"):
            await sign(await token.open_signer(SLOT, public_key))


async def test_twelve_restarts_with_a_wrong_stored_pin_cost_one_try(
    ports: Computer, tmp_path: Path
) -> None:
    async with at_work() as token:
        public_key = (await key_in_slot(token)).public_key
    for _ in range(12):
        guard = PinGuard(tmp_path / "pins.json")
        async with at_work(pin=WRONG, guard=guard) as token:
            assert token.status.state is TokenState.PIN_NEEDED
            signer = await token.open_signer(SLOT, public_key)
            with pytest.raises(TokenUnavailable) as refusal:
                await sign(signer)
            assert refusal.value.state is TokenState.PIN_NEEDED
    assert ports.tries_left() == 2
    async with at_work(pin=WRONG, guard=PinGuard(tmp_path / "pins.json")) as token:
        signer = await token.open_signer(SLOT, public_key)
        await token.unlock(PIN)
        await sign(signer)
    assert ports.tries_left() == 3
    async with at_work(guard=PinGuard(tmp_path / "pins.json")) as token:
        assert token.status.state is TokenState.READY


async def test_a_person_is_told_of_wrong_pins_and_blocks_the_card_only_on_purpose(
    ports: Computer,
) -> None:
    async with at_work(pin=None) as token:
        signer = await key_in_slot(token)
        for left in (2, 1):
            with pytest.raises(WrongPin) as wrong:
                await token.unlock(Password(WRONG))
            assert wrong.value.tries_left == left
        with pytest.raises(TokenUnavailable, match="one try"):
            await token.unlock(Password(WRONG))
        assert ports.tries_left() == 1
        with pytest.raises(WrongPin):
            await token.unlock(Password(WRONG), last_try=True)
        assert token.status.state is TokenState.BLOCKED
        for last_try in (False, True):
            with pytest.raises(TokenUnavailable, match="PUK"):
                await token.unlock(PIN, last_try=last_try)
        with pytest.raises(TokenUnavailable) as refusal:
            await sign(signer)
        assert refusal.value.state is TokenState.BLOCKED
    async with at_work() as token:
        assert token.status.state is TokenState.BLOCKED
        assert token.status.tries_left == 0


async def test_what_can_be_no_pin_is_not_tried(ports: Computer) -> None:
    async with at_work(pin=None) as token:
        for pin in (b"123", b"123456789", b"\xff\xfe12345"):
            with pytest.raises(Forbidden, match="six to eight"):
                await token.unlock(Password(pin))
    assert ports.tries_left() == 3


async def test_waits_for_a_touch_and_shows_it(ports: Computer) -> None:
    states: list[TokenState] = []
    async with at_work(states=states) as token:
        await token.create_key(SLOT, KeyKind.EC_P256, KeyPolicies(touch=TouchPolicy.ALWAYS))
        signer = await token.open_signer(SLOT)
        ports.tell("finger", waits=True, patience=10)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sign, signer)
            await until(token, TokenState.TOUCH)
            await trio.sleep(0.1)
            await trio.to_thread.run_sync(lambda: ports.tell("touch"))
        assert token.status.state is TokenState.READY
        ports.tell("finger", waits=True, patience=0.2)
        with pytest.raises(TokenUnavailable, match="not touched"):
            await sign(signer)
        assert token.status.state is TokenState.READY
        ports.tell("finger", waits=False, patience=15)
        await sign(signer)
    assert ports.tries_left() == 3


async def test_a_pin_that_the_card_forgot_is_given_once_more(ports: Computer) -> None:
    async with at_work() as token:
        signer = await key_in_slot(token)
        ports.tell("fail", ins=USE, word=0x6982, times=1)
        with pytest.raises(Broken, match="refuses"):
            await sign(signer)
        await sign(signer)
    assert ports.tries_left() == 3


async def test_signs_with_one_command_each_in_turn_and_the_loop_goes_on_meanwhile(
    ports: Computer,
) -> None:
    """So nothing but the card takes time; `make bench ARGS=token` gives the figures."""
    async with at_work() as token:
        signer = await key_in_slot(token)
        await sign(signer)
        ports.tell("delay", seconds=0.02)
        ports.commands()
        ended, ticks = list[int](), 0
        ticks_at_end = []

        async def ask(number: int) -> None:
            await sign(signer)
            ended.append(number)
            ticks_at_end.append(ticks)

        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(ask, number)
                await trio.testing.wait_all_tasks_blocked()
            while len(ended) < 10:
                await trio.sleep(0.001)
                ticks += 1
        assert ports.commands() == [USE] * 10
        assert ended == list(range(10))
        assert ticks_at_end == sorted(set(ticks_at_end))  # while the card is busy, the loop is not


async def test_one_of_two_yubikeys_that_is_pulled_is_absent_and_the_other_one_undisturbed(
    ports: Computer,
) -> None:
    async with at_work() as token, at_work(SECOND_SERIAL) as other:
        signer, others = await key_in_slot(token), await key_in_slot(other)
        await trio.to_thread.run_sync(ports.unplug)
        await until(token, TokenState.WRONG_TOKEN)  # nobody asked; the other one says nothing
        assert str(SECOND_SERIAL) in token.status.detail
        await sign(others)
        await trio.to_thread.run_sync(ports.plug)
        await until(token, TokenState.READY)
        await sign(signer)
        await sign(others)
    assert ports.tries_left(0) == ports.tries_left(1) == 3


async def test_without_a_serial_number_the_only_yubikey_is_meant(port: Computer) -> None:
    """With two of them, none gets the PIN: it would cost the other one a try."""
    async with at_work(serial=None) as token:
        assert token.status.state is TokenState.READY
    await trio.to_thread.run_sync(port.plug, 1)
    port.wait_for_cards(2)
    for card in (0, 1):
        port.commands(card)
    async with at_work(serial=None) as token:
        assert token.status.state is TokenState.WRONG_TOKEN
        assert "serial=" in token.status.detail
        for card in (0, 1):
            assert VERIFY not in port.commands(card)


async def test_a_service_that_hangs_costs_its_requests_and_comes_back(
    port: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No request waits longer than an operation may take; the loop and other threads go on."""
    monkeypatch.setattr(driver, "OPERATION", 0.5)
    monkeypatch.setattr(driver, "HANGING", 0.3)
    async with at_work() as token:
        signer = await key_in_slot(token)
        await trio.to_thread.run_sync(lambda: port.tell("stop"))
        for _ in range(2):
            began = trio.current_time()
            with pytest.raises(TokenUnavailable) as refusal:
                await sign(signer)
            assert refusal.value.state is TokenState.NO_SERVICE
            assert trio.current_time() - began < 1
        await trio.to_thread.run_sync(lambda: port.tell("continue"))
        await until(token, TokenState.READY, 5)
        await trio.to_thread.run_sync(lambda: port.tell("stop"))
        await until(token, TokenState.NO_SERVICE)  # although nobody asked for anything
        await trio.to_thread.run_sync(lambda: port.tell("continue"))
        await until(token, TokenState.READY, 5)
        await sign(signer)


async def test_a_program_that_did_not_listen_for_a_while_does_not_blame_the_service(
    port: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that waited for what a person types."""
    monkeypatch.setattr(driver, "LOOKING", 0.1)
    monkeypatch.setattr(driver, "HANGING", 0.1)
    states: list[TokenState] = []
    async with at_work(states=states) as token:
        signer = await key_in_slot(token)
        await trio.sleep(1)
        time.sleep(0.8)
        await sign(signer)
        await trio.sleep(0.2)
        await sign(signer)
    assert TokenState.NO_SERVICE not in states


async def test_its_attestation_holds_for_its_key_alone_and_leads_to_a_given_root(
    ports: Computer,
) -> None:
    async with at_work() as token:
        policies = KeyPolicies(pin=PinPolicy.ONCE, touch=TouchPolicy.ALWAYS)
        public_key = await token.create_key(SLOT, KeyKind.EC_P256, policies)
        chain = await token.attest(SLOT)
        now = datetime.now(UTC)
        attested = checked(chain, public_key, now=now, roots=chain[-1:])
        assert (attested.serial, attested.firmware) == (str(SERIAL), "5.4.3")
        assert attested.policies == policies
        with pytest.raises(Unauthorized):
            checked(chain, public_key, now=now, roots=YUBICO)
        other = await token.create_key(parse("yubikey:slot-id=83"), KeyKind.EC_P256)
        for wrong in (chain, []):
            with pytest.raises(BadRequest):
                checked(wrong, other, now=now, roots=chain[-1:])


async def test_a_machine_without_the_smart_card_library_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pcsc, "_LIBRARY", "libnowhere.so.1")
    pcsc._library.cache_clear()
    async with at_work() as token:
        assert token.status.state is TokenState.NO_SERVICE
        assert "not installed" in token.status.detail
        with pytest.raises(TokenUnavailable):
            await token.list_keys()


def test_without_a_yubikey_in_the_configuration_its_libraries_are_not_loaded() -> None:
    probe = (
        "import sys, appliance.server.run, appliance.cli.main\n"
        "assert not {'yubikit', 'smartcard', 'ykman'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", probe], cwd=REPOSITORY, check=True)
