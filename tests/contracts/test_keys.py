"""The contracts of signers and tokens, driver by driver."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from appliance.formats.keys import PrivateKey
from appliance.formats.keyuri import parse
from appliance.keys.file import FileSigner
from appliance.keys.pkcs11.driver import Pkcs11Token
from appliance.model.tokens import KeyKind
from appliance.ports.signer import Signer
from tests.contracts.keys import KeyManagerContract, NameOf, SignerContract
from tests.support.softhsm import SoftHsm

FILE_KEYS: list[PrivateKey] = [
    ec.generate_private_key(ec.SECP384R1()),
    ed25519.Ed25519PrivateKey.generate(),
    rsa.generate_private_key(65537, 2048),
]


class TestFileSigner(SignerContract):
    @pytest.fixture(params=FILE_KEYS, ids=["EC", "Ed25519", "RSA"])
    def signer(self, request: pytest.FixtureRequest) -> Signer:
        return FileSigner(request.param)


@pytest.fixture
def hsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftHsm:
    return SoftHsm(tmp_path, monkeypatch).initialise("contract")


@pytest.fixture
async def token(hsm: SoftHsm) -> AsyncIterator[Pkcs11Token]:
    token = hsm.token("contract")
    async with trio.open_nursery() as nursery:
        await nursery.start(token.run)
        yield token
        nursery.cancel_scope.cancel()


class TestSoftHsmSigner(SignerContract):
    @pytest.fixture
    async def signer(self, token: Pkcs11Token) -> Signer:
        uri = parse("pkcs11:id=01;object=key")
        await token.create_key(uri, KeyKind.EC_P384)
        return await token.open_signer(uri)


class TestSoftHsm(KeyManagerContract):
    @pytest.fixture
    async def manager(self, token: Pkcs11Token) -> Pkcs11Token:
        return token

    @pytest.fixture
    def name_of(self) -> NameOf:
        return lambda number: parse(f"pkcs11:id={number + 16:02x};object=key{number}")

    @pytest.fixture
    def kinds(self) -> Sequence[KeyKind]:
        """RSA of 4096 bits is left out for the time that it takes to make."""
        return [each for each in KeyKind if each is not KeyKind.RSA_4096]
