"""What every Signer and every KeyManager must do (ports.signer, ports.keys).

Subclass, and give the fixtures `signer`; or `manager` (running), `name_of` and `kinds`.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.formats.keyuri import KeyUri
from appliance.issuance.algorithms import ECDSA_DIGESTS, LONG, RSA_SCHEMES, fits, is_signed
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import BadRequest, Broken, NotFound
from appliance.model.tokens import KeyKind, TokenState
from appliance.ports.keys import KeyManager
from appliance.ports.signer import IssuerKey, Signer

NameOf = Callable[[int], KeyUri]


def fitting(key: IssuerKey) -> list[SignatureAlgorithm]:
    return [each for each in SignatureAlgorithm if fits(each, key)]


def digest_for(algorithm: SignatureAlgorithm, message: bytes) -> bytes:
    hashed = ECDSA_DIGESTS.get(algorithm) or RSA_SCHEMES[algorithm][1]
    return hashlib.new(hashed.name, message).digest()


class SignerContract:
    """The suite for all signers."""

    async def test_every_algorithm_of_its_kind_gives_a_signature_that_holds(
        self, signer: Signer
    ) -> None:
        for algorithm in fitting(signer.public_key):
            signature = await signer.sign(b"message", algorithm)
            assert is_signed(b"message", signature, algorithm, signer.public_key)

    async def test_another_kinds_algorithm_is_a_fault(self, signer: Signer) -> None:
        for algorithm in set(SignatureAlgorithm) - set(fitting(signer.public_key)):
            with pytest.raises(Broken):
                await signer.sign(b"message", algorithm)

    async def test_a_long_message_is_signed_as_a_short_one(self, signer: Signer) -> None:
        message = os.urandom(4 * LONG)
        algorithm = fitting(signer.public_key)[0]
        signature = await signer.sign(message, algorithm)
        assert is_signed(message, signature, algorithm, signer.public_key)

    async def test_many_at_once_are_all_served(self, signer: Signer) -> None:
        algorithm = fitting(signer.public_key)[0]
        held = []

        async def one(number: int) -> None:
            message = b"%d" % number
            signature = await signer.sign(message, algorithm)
            held.append(is_signed(message, signature, algorithm, signer.public_key))

        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(one, number)
        assert held == [True] * 20

    async def test_who_gives_up_leaves_nothing_behind(self, signer: Signer) -> None:
        algorithm = fitting(signer.public_key)[0]
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(signer.sign, b"given up", algorithm)
            await trio.sleep(0)
            nursery.cancel_scope.cancel()
        signature = await signer.sign(b"after", algorithm)
        assert is_signed(b"after", signature, algorithm, signer.public_key)


def certificate(common_name: str) -> bytes:
    """A certificate to keep; whose it is does not matter."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    made = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1)
    )
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def spki(key: IssuerKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


class KeyManagerContract:
    """The suite for all tokens: opened, empty, with a right PIN."""

    async def test_it_is_ready(self, manager: KeyManager) -> None:
        assert manager.status.state is TokenState.READY
        assert manager.status.serial

    async def test_keys_of_every_kind_are_made_found_and_sign(
        self, manager: KeyManager, name_of: NameOf, kinds: Sequence[KeyKind]
    ) -> None:
        made = {}
        for number, kind in enumerate(kinds):
            made[number] = await manager.create_key(name_of(number), kind)
            signer = await manager.open_signer(name_of(number))
            assert spki(signer.public_key) == spki(made[number])
            for algorithm in fitting(signer.public_key):
                signature = await signer.sign(b"message", algorithm)
                assert is_signed(b"message", signature, algorithm, made[number])
                if algorithm is not SignatureAlgorithm.ED25519:
                    digest = digest_for(algorithm, b"message")
                    signature = await signer.sign_digest(digest, algorithm)
                    assert is_signed(b"message", signature, algorithm, made[number])
        listed = await manager.list_keys()
        assert {each.public_key: each.kind for each in listed} == {
            spki(made[number]): kind for number, kind in enumerate(kinds)
        }
        assert not any(each.policies.extractable for each in listed)

    async def test_a_key_that_is_not_there(self, manager: KeyManager, name_of: NameOf) -> None:
        with pytest.raises(NotFound):
            await manager.open_signer(name_of(0))
        with pytest.raises(NotFound):
            await manager.delete_key(name_of(0))

    async def test_a_key_is_not_made_over_another(
        self, manager: KeyManager, name_of: NameOf, kinds: Sequence[KeyKind]
    ) -> None:
        first = await manager.create_key(name_of(0), kinds[0])
        with pytest.raises(BadRequest, match="exists already"):
            await manager.create_key(name_of(0), kinds[0])
        assert spki((await manager.open_signer(name_of(0))).public_key) == spki(first)

    async def test_a_key_takes_anothers_place_when_that_is_said(
        self, manager: KeyManager, name_of: NameOf
    ) -> None:
        first = await manager.create_key(name_of(0), KeyKind.EC_P256)
        second = await manager.create_key(name_of(0), KeyKind.EC_P256, replace=True)
        assert spki(second) != spki(first)
        assert spki((await manager.open_signer(name_of(0))).public_key) == spki(second)
        await manager.create_key(name_of(1), KeyKind.EC_P256, replace=True)

    async def test_a_deleted_key_signs_no_more(
        self, manager: KeyManager, name_of: NameOf, kinds: Sequence[KeyKind]
    ) -> None:
        public = await manager.create_key(name_of(0), kinds[0])
        signer = await manager.open_signer(name_of(0))
        await manager.delete_key(name_of(0))
        with pytest.raises((NotFound, Broken)):
            await signer.sign(b"message", fitting(public)[0])

    async def test_another_key_than_the_expected_one_is_a_fault(
        self, manager: KeyManager, name_of: NameOf
    ) -> None:
        await manager.create_key(name_of(0), KeyKind.EC_P256)
        other = ec.generate_private_key(ec.SECP256R1()).public_key()
        signer = await manager.open_signer(name_of(0), other)
        with pytest.raises(Broken, match="does not hold"):
            await signer.sign(b"message", SignatureAlgorithm.ECDSA_SHA256)

    async def test_a_certificate_is_kept_replaced_and_removed(
        self, manager: KeyManager, name_of: NameOf, kinds: Sequence[KeyKind]
    ) -> None:
        await manager.create_key(name_of(0), kinds[0])
        with pytest.raises(NotFound):
            await manager.load_certificate(name_of(0))
        for content in (certificate("one"), certificate("two")):
            await manager.store_certificate(name_of(0), content)
            assert await manager.load_certificate(name_of(0)) == content
        (described,) = await manager.list_keys()
        assert described.has_certificate
        await manager.delete_certificate(name_of(0))
        with pytest.raises(NotFound):
            await manager.load_certificate(name_of(0))
