"""Other vendors' PKCS#11 modules than SoftHSM: that of YubiKeys, and that of TPMs."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio

from appliance.config import hierarchy
from appliance.config.hierarchy import Occasion
from appliance.formats.keyuri import parse
from appliance.issuance.algorithms import fits, is_signed
from appliance.issuance.certificates import Prepared
from appliance.keys.pins import PinGuard
from appliance.keys.pkcs11.driver import Pkcs11Token
from appliance.keys.yubikey.driver import YubiKeyToken
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.secret import Password
from appliance.model.tokens import KeyKind, KeyPolicies, PinPolicy, TokenState
from appliance.ports.keys import KeyManager, TokenUnavailable
from appliance.ports.signer import Signer
from tests.support import tpm as tpms
from tests.support.tpm import Tpm
from tests.support.yubikey.computer import SERIAL, Computer
from tests.support.yubikey.fixtures import machine, port, ports

__all__ = ["machine", "port", "ports"]

YKCS11 = sorted(Path("/usr/lib").glob("*/libykcs11.so.2"))
PIN, WRONG = Password(b"123456"), Password(b"999999")
BY_ID = {  # slots, and how ykcs11 numbers them
    "82": ("05", KeyKind.EC_P256),
    "83": ("06", KeyKind.EC_P384),
    "84": ("07", KeyKind.RSA_2048),
    "9c": ("02", KeyKind.EC_P256),
}


@asynccontextmanager
async def running(manager: KeyManager) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        await nursery.start(manager.run)
        yield
        nursery.cancel_scope.cancel()


async def sign_by_all(signer: Signer) -> None:
    for algorithm in SignatureAlgorithm:
        if fits(algorithm, signer.public_key):
            signature = await signer.sign(b"message", algorithm)
            assert is_signed(b"message", signature, algorithm, signer.public_key)


async def wait_until_it_signs(signer: Signer) -> float:
    """Give the seconds that it took."""
    began = trio.current_time()
    with trio.fail_after(60):
        while True:
            try:
                await signer.sign(b"message", SignatureAlgorithm.ECDSA_SHA256)
            except TokenUnavailable:
                await trio.sleep(0.05)
            else:
                return trio.current_time() - began


def by_ykcs11(pin: Password = PIN) -> Pkcs11Token:
    if not YKCS11:
        if os.environ.get("CI"):
            pytest.fail("packaging/setup.sh test installs ykcs11, and it is not here")
        pytest.skip("needs ykcs11")
    uri = parse(f"pkcs11:module-path={YKCS11[0]};serial={SERIAL}")
    return Pkcs11Token(uri, pin=pin, guard=PinGuard(None), looking=0.2)


async def make_keys(port: Computer) -> None:
    direct = YubiKeyToken(parse(f"yubikey:serial={SERIAL}"), pin=PIN, guard=PinGuard(None))
    async with running(direct):
        for slot, (_, kind) in BY_ID.items():
            policies = KeyPolicies(pin=PinPolicy.ALWAYS if slot == "9c" else PinPolicy.ONCE)
            await direct.create_key(parse(f"yubikey:slot-id={slot}"), kind, policies)


async def test_a_yubikey_by_its_vendors_module(port: Computer) -> None:
    """Every algorithm, also of a digest longer than the curve, and with the PIN for each use."""
    await make_keys(port)
    token = by_ykcs11()
    async with running(token):
        kinds = {key.identifier.hex(): key.kind for key in await token.list_keys()}
        assert {number: kinds[number] for number, _ in BY_ID.values()} == dict(BY_ID.values())
        for number, _ in BY_ID.values():
            await sign_by_all(await token.open_signer(parse(f"pkcs11:id={number}")))
    assert port.tries_left() == 3
    token = by_ykcs11(WRONG)
    async with running(token):
        assert token.status.state is TokenState.PIN_NEEDED
    assert port.tries_left() == 2


async def test_its_pulling_and_pcscds_restart_are_survived(port: Computer) -> None:
    """Signing again within two seconds, no person needed although openings were cut off."""
    await make_keys(port)
    token = by_ykcs11()
    async with running(token):
        signer = await token.open_signer(parse("pkcs11:id=05"))
        for away, back in (
            (port.unplug, port.plug),
            (lambda: port.tell("kill"), lambda: port.tell("start")),
        ):
            await trio.to_thread.run_sync(away)
            with pytest.raises(TokenUnavailable) as refusal:
                await signer.sign(b"message", SignatureAlgorithm.ECDSA_SHA256)
            assert refusal.value.state is TokenState.ABSENT
            await trio.sleep(0.5)
            await trio.to_thread.run_sync(back)
            assert await wait_until_it_signs(signer) < 2
    assert port.tries_left() == 3


async def test_a_tpm_by_tpm2_pkcs11(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A root and an intermediate in a TPM, made there by us; a wrong PIN is tried once."""
    with tpms.tpm(tmp_path, monkeypatch) as chip:
        made = {}
        for number, kind in (("01", KeyKind.EC_P384), ("02", KeyKind.EC_P256)):
            async with in_tpm(chip) as token:
                uri = parse(f"pkcs11:id={number};object=key-{number}")
                made[number] = await token.create_key(uri, kind)
        async with in_tpm(chip) as token:
            root, below = [
                await token.open_signer(parse(f"pkcs11:id={each}"), made[each]) for each in made
            ]
            await sign_by_all(below)

            async def sign(prepared: Prepared) -> bytes:
                return await root.sign(prepared.to_be_signed, prepared.algorithm)

            now = Occasion(now=datetime.now(UTC), serial=os.urandom(16))
            certificate = await hierarchy.root("TPM", root.public_key, sign, now)
            await hierarchy.intermediate("TPM", below.public_key, certificate, sign, now)
        async with in_tpm(chip) as token:
            kept = parse("pkcs11:id=01;object=key-01")
            await token.store_certificate(kept, certificate)
            assert await token.load_certificate(kept) == certificate
        async with in_tpm(chip, WRONG) as token:
            assert token.status.state is TokenState.PIN_NEEDED


@asynccontextmanager
async def in_tpm(chip: Tpm, pin: Password = PIN) -> AsyncIterator[Pkcs11Token]:
    token = Pkcs11Token(parse(chip.uri()), pin=pin, guard=PinGuard(None))
    async with running(token):
        yield token
    chip.flush()
