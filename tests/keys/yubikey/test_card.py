"""The PIV application of a YubiKey, without a reader: keys, policies, PINs, faults, firmware."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from yubikit.core import TRANSPORT
from yubikit.piv import KEY_TYPE, MANAGEMENT_KEY_TYPE, PIN_POLICY, SLOT, TOUCH_POLICY, PivSession

from appliance.formats.keyuri import parse
from appliance.issuance.algorithms import ECDSA_DIGESTS, RSA_SCHEMES, is_signed
from appliance.keys.pins import Tries
from appliance.keys.yubikey.blocks import block_of
from appliance.keys.yubikey.card import NotSatisfied, OpenCard
from appliance.keys.yubikey.pcsc import CardFault, Trouble
from appliance.keys.yubikey.slots import SLOTS, slot_of
from appliance.model.algorithms import SignatureAlgorithm as Algorithm
from appliance.model.errors import Broken, Forbidden, FormatError, NotFound, NotSupported
from appliance.model.secret import Password
from appliance.ports.keys import WrongPin
from tests.support.yubikey.card import Card
from tests.support.yubikey.direct import DirectConnection

PIN = Password(b"123456")
ENTROPY = bytes(range(64))
FIRMWARES = [(4, 3, 5), (5, 2, 4), (5, 4, 3), (5, 7, 1)]
ALGORITHMS: dict[KEY_TYPE, tuple[Algorithm, ...]] = {
    KEY_TYPE.ECCP256: tuple(ECDSA_DIGESTS),
    KEY_TYPE.ECCP384: tuple(ECDSA_DIGESTS),
    KEY_TYPE.RSA2048: tuple(RSA_SCHEMES),
    KEY_TYPE.RSA3072: (Algorithm.RSA_SHA256, Algorithm.RSA_PSS_SHA256),
    KEY_TYPE.ED25519: (Algorithm.ED25519,),
}


def opened(card: Card) -> OpenCard:
    return OpenCard(DirectConnection(card))


def with_key(
    card: Card,
    type_: KEY_TYPE = KEY_TYPE.ECCP256,
    pin: PIN_POLICY = PIN_POLICY.DEFAULT,
    touch: TOUCH_POLICY = TOUCH_POLICY.DEFAULT,
) -> OpenCard:
    opening = opened(card)
    opening.authenticate(None)
    opening.generate(SLOT.RETIRED1, type_, pin, touch)
    return opening


@pytest.mark.parametrize("type_", ALGORITHMS)
def test_signs_with_every_algorithm_of_a_key(type_: KEY_TYPE) -> None:
    """Hashing and RSA's padding are ours: no key is made for each signature."""
    card = with_key(Card(version=(5, 7, 1)), type_)
    card.verify(PIN)
    key = card.key(SLOT.RETIRED1)
    for algorithm in ALGORITHMS[type_]:
        block = block_of(b"message", algorithm, type_, ENTROPY)
        signature = card.use(SLOT.RETIRED1, type_, block)
        assert is_signed(b"message", signature, algorithm, key.public_key), algorithm
    for algorithm in set(Algorithm) - set(ALGORITHMS[type_]):
        if type_ is not KEY_TYPE.RSA3072:
            with pytest.raises(Broken):
                block_of(b"message", algorithm, type_, ENTROPY)


def test_an_ed25519_key_signs_no_more_than_a_command_carries() -> None:
    card = with_key(Card(version=(5, 7, 1)), KEY_TYPE.ED25519)
    card.verify(PIN)
    block = block_of(bytes(3000), Algorithm.ED25519, KEY_TYPE.ED25519, ENTROPY)
    assert card.use(SLOT.RETIRED1, KEY_TYPE.ED25519, block)
    with pytest.raises(NotSupported, match="3,000"):
        block_of(bytes(3001), Algorithm.ED25519, KEY_TYPE.ED25519, ENTROPY)


@pytest.mark.parametrize("version", FIRMWARES)
def test_every_firmware_tells_serial_tries_and_keys(version: tuple[int, int, int]) -> None:
    chip = Card(serial=4711, version=version)
    card = with_key(chip)
    assert (card.serial, card.firmware) == ("4711", ".".join(map(str, version)))
    assert card.tries() == Tries(full=True, left=3)
    with pytest.raises(WrongPin) as wrong:
        card.verify(Password(b"999999"))
    assert wrong.value.tries_left == 2
    assert card.tries() == Tries(full=False, left=2)
    again = opened(chip)
    assert again.key(SLOT.RETIRED1).generated
    with pytest.raises(NotFound):
        again.key(SLOT.RETIRED2)
    again.verify(PIN)
    assert again.tries().full
    block = block_of(b"m", Algorithm.ECDSA_SHA256, KEY_TYPE.ECCP256, ENTROPY)
    assert again.use(SLOT.RETIRED1, KEY_TYPE.ECCP256, block)


def test_reading_the_tries_costs_none() -> None:
    for version in FIRMWARES:
        chip = Card(version=version)
        card = opened(chip)
        for _ in range(5):
            card.tries()
            card.is_verified()
        assert chip.memory.pin_tries.left == 3


def test_a_blocked_card_says_so() -> None:
    for version in FIRMWARES:
        card = opened(Card(version=version))
        for left in (2, 1, 0):
            with pytest.raises(WrongPin) as wrong:
                card.verify(Password(b"999999"))
            assert wrong.value.tries_left == left
        assert card.tries() == Tries(full=False, left=0, blocked=True)
        with pytest.raises(WrongPin) as wrong:
            card.verify(PIN)
        assert wrong.value.tries_left == 0


def test_an_imported_key_is_no_generated_one_and_has_no_attestation() -> None:
    for version in FIRMWARES[2:]:
        chip = Card(version=version)
        piv = PivSession(DirectConnection(chip))
        piv.authenticate(bytes.fromhex("0102030405060708" * 3))
        piv.put_key(SLOT.RETIRED1, ec.generate_private_key(ec.SECP256R1()))
        card = opened(chip)
        assert card.key(SLOT.RETIRED1).generated is False
        with pytest.raises(NotFound, match="slot 82"):
            card.attested(SLOT.RETIRED1)


def test_the_pin_is_wanted_as_the_policy_says() -> None:
    block = block_of(b"m", Algorithm.ECDSA_SHA256, KEY_TYPE.ECCP256, ENTROPY)
    expected = {PIN_POLICY.NEVER: [True] * 3, PIN_POLICY.ONCE: [False, True, True]}
    expected[PIN_POLICY.ALWAYS] = [False, True, False]
    for policy, outcomes in expected.items():
        card = with_key(Card(), pin=policy)
        for number, outcome in enumerate(outcomes):
            if number == 1:
                card.verify(PIN)
            if outcome:
                assert card.use(SLOT.RETIRED1, KEY_TYPE.ECCP256, block)
            else:
                with pytest.raises(NotSatisfied):
                    card.use(SLOT.RETIRED1, KEY_TYPE.ECCP256, block)


def test_a_touch_that_does_not_come_is_no_fault_of_the_card() -> None:
    card = with_key(Card(touch=lambda slot: False), touch=TOUCH_POLICY.ALWAYS)
    card.verify(PIN)
    assert card.key(SLOT.RETIRED1).waits_for_touch
    with pytest.raises(NotSatisfied):
        card.use(SLOT.RETIRED1, KEY_TYPE.ECCP256, bytes(32))
    assert card.is_verified()


@pytest.mark.parametrize("type_", MANAGEMENT_KEY_TYPE)
def test_takes_management_keys_of_every_kind(type_: MANAGEMENT_KEY_TYPE) -> None:
    chip = Card()
    key = bytes(range(type_.key_len))
    piv = PivSession(DirectConnection(chip))
    piv.authenticate(bytes.fromhex("0102030405060708" * 3))
    piv.set_management_key(type_, key)
    card = opened(chip)
    with pytest.raises(Forbidden, match="of its own"):
        card.authenticate(None)
    with pytest.raises(Forbidden, match="refused"):
        card.authenticate(bytes(type_.key_len))
    with pytest.raises(Forbidden, match="octets"):
        card.authenticate(bytes(9))
    card.authenticate(key)
    card.generate(SLOT.RETIRED1, KEY_TYPE.ECCP256, PIN_POLICY.DEFAULT, TOUCH_POLICY.DEFAULT)


def test_without_the_management_key_nothing_is_made() -> None:
    card = opened(Card())
    with pytest.raises(NotSatisfied):
        card.generate(SLOT.RETIRED1, KEY_TYPE.ECCP256, PIN_POLICY.DEFAULT, TOUCH_POLICY.DEFAULT)


@pytest.mark.parametrize("extra", [10, 4000])
def test_keeps_certificates_long_ones_compressed(extra: int) -> None:
    """A data object of a YubiKey holds about 3 KB."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name.from_rfc4514_string("CN=Long")
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("a" * 50)] * (extra // 50)), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    card = opened(Card())
    card.authenticate(None)
    card.store(SLOT.RETIRED1, certificate)
    assert card.certificate(SLOT.RETIRED1) == certificate.public_bytes(Encoding.DER)
    assert card.has_certificate(SLOT.RETIRED1)
    assert not card.has_certificate(SLOT.RETIRED2)


def test_short_commands_work_too() -> None:
    """As by NFC, or through a reader that is not at USB."""
    card = OpenCard(DirectConnection(Card(), TRANSPORT.NFC))
    card.authenticate(None)
    card.generate(SLOT.RETIRED1, KEY_TYPE.RSA2048, PIN_POLICY.DEFAULT, TOUCH_POLICY.DEFAULT)
    card.verify(PIN)
    block = block_of(b"m", Algorithm.RSA_SHA256, KEY_TYPE.RSA2048, ENTROPY)
    signature = card.use(SLOT.RETIRED1, KEY_TYPE.RSA2048, block)
    public_key = card.key(SLOT.RETIRED1).public_key
    assert is_signed(b"m", signature, Algorithm.RSA_SHA256, public_key)
    assert len(card.attested(SLOT.RETIRED1)) == 2


def answering(ins: int, answer: bytes | BaseException) -> Callable[[bytes], object]:
    return lambda apdu: answer if apdu[1] == ins else None


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (bytes.fromhex("6f00"), Broken),
        (bytes.fromhex("6982"), NotSatisfied),
        (bytes.fromhex("7c029000"), Broken),  # a length without its content
        (bytes.fromhex("9000"), Broken),
        (CardFault(Trouble.GONE, "pulled"), CardFault),
    ],
)
def test_a_fault_while_signing_is_told_as_what_it_is(
    answer: bytes | BaseException, error: type[Exception]
) -> None:
    chip = Card()
    card = with_key(chip)
    card.verify(PIN)
    chip.fault = answering(0x87, answer)  # type: ignore[assignment]
    with pytest.raises(error):
        card.use(SLOT.RETIRED1, KEY_TYPE.ECCP256, bytes(32))


def test_a_card_without_piv_is_refused() -> None:
    chip = Card()
    chip.fault = lambda apdu: bytes.fromhex("6a82") if apdu[1] == 0xA4 else None
    with pytest.raises(Broken):
        opened(chip)


def test_slots_are_named_as_step_names_them() -> None:
    assert len(SLOTS) == 24
    for written in ("9C", "9c", "0x9c"):
        assert slot_of(parse(f"yubikey:slot-id={written}")) is SLOT.SIGNATURE
    for wrong in ("yubikey:", "yubikey:slot-id=81", "yubikey:slot-id=f9", "yubikey:slot-id=x"):
        with pytest.raises(FormatError):
            slot_of(parse(wrong))
