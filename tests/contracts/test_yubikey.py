"""The contracts of signers and tokens, on a virtual YubiKey behind a real pcscd."""

from collections.abc import AsyncIterator, Sequence

import pytest
import trio

from appliance.formats.keyuri import parse
from appliance.keys.pins import PinGuard
from appliance.keys.yubikey.driver import YubiKeyToken
from appliance.model.secret import Password
from appliance.model.tokens import KeyKind
from appliance.ports.signer import Signer
from tests.contracts.keys import KeyManagerContract, NameOf, SignerContract
from tests.support.yubikey.computer import SECOND_SERIAL, Computer
from tests.support.yubikey.fixtures import machine, ports

__all__ = ["machine", "ports"]


@pytest.fixture
async def token(ports: Computer) -> AsyncIterator[YubiKeyToken]:
    """The one with firmware 5.7: others cannot delete keys."""
    uri = parse(f"yubikey:serial={SECOND_SERIAL}")
    token = YubiKeyToken(uri, pin=Password(b"123456"), guard=PinGuard(None))
    async with trio.open_nursery() as nursery:
        await nursery.start(token.run)
        yield token
        nursery.cancel_scope.cancel()


class TestYubiKeySigner(SignerContract):
    @pytest.fixture
    async def signer(self, token: YubiKeyToken) -> Signer:
        uri = parse("yubikey:slot-id=82")
        await token.create_key(uri, KeyKind.EC_P384)
        return await token.open_signer(uri)


class TestYubiKey(KeyManagerContract):
    @pytest.fixture
    async def manager(self, token: YubiKeyToken) -> YubiKeyToken:
        return token

    @pytest.fixture
    def name_of(self) -> NameOf:
        return lambda number: parse(f"yubikey:slot-id={0x82 + number:x}")

    @pytest.fixture
    def kinds(self) -> Sequence[KeyKind]:
        """RSA of more bits is left out for the time that it takes to make."""
        return [KeyKind.EC_P256, KeyKind.EC_P384, KeyKind.ED25519, KeyKind.RSA_2048]
