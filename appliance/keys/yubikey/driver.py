"""A KeyManager for one YubiKey.

    monitor ──plugged, pulled, pcscd gone──> state; opens the card at once when it comes
    requests ──turns──> session ──thread──> card

A request for a card that is away is refused at once, without a turn.
"""

import binascii
import secrets
from collections.abc import Callable, Sequence
from typing import Final, TypeVar, final

import trio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from yubikit.piv import PIN_POLICY, SLOT, TOUCH_POLICY

from appliance.formats.keys import PublicKey
from appliance.formats.keyuri import KeyUri
from appliance.keys.pins import PinGuard
from appliance.keys.turns import Turns
from appliance.keys.verified import VerifiedSigner
from appliance.keys.yubikey import pcsc
from appliance.keys.yubikey.blocks import block_of
from appliance.keys.yubikey.card import OpenCard, SlotKey
from appliance.keys.yubikey.hold import Hold
from appliance.keys.yubikey.pcsc import CardFault, Readers, Trouble
from appliance.keys.yubikey.session import GENERATION, OPERATION, CardSession
from appliance.keys.yubikey.slots import (
    KINDS,
    PIN_POLICIES,
    SLOTS,
    TOUCH_POLICIES,
    pin_policy,
    slot_of,
    slot_uri,
    touch_policy,
    type_of,
)
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import BadRequest, Broken, FormatError, HearthError, NotFound
from appliance.model.secret import Password
from appliance.model.tokens import (
    KeyDescription,
    KeyKind,
    KeyPolicies,
    TokenStatus,
)
from appliance.ports.keys import DEFAULT_POLICIES
from appliance.ports.signer import DigestSigner, IssuerKey

LOOKING: Final = 1.0  # seconds that a look at the readers lasts when nothing changes
HANGING: Final = 4.0  # seconds after which a look that has not ended counts as silence
_PAUSE: Final = 0.25  # seconds between two looks, when there was something to see
_SILENCE: Final = 0.5  # seconds between two attempts to reach the service
_STOPPING: Final = 5.0
_HELD_UP: Final = 0.3  # seconds of delay, beyond which a deadline says nothing about others
_MANAGEMENT_KEY_OCTETS: Final = (16, 24, 32)

T = TypeVar("T")


@final
class YubiKeyToken:
    """One YubiKey: the one with the serial number in the URI, or the only one that is there."""

    def __init__(
        self,
        uri: KeyUri,
        *,
        pin: Password | None,
        guard: PinGuard,
        management_key: Password | None = None,
        told: Callable[[TokenStatus], None] = lambda _status: None,
        patience: float | None = None,
    ) -> None:
        """Prepare for the YubiKey that the URI names. Raises FormatError.

        `management_key` is hexadecimal; without one, the factory's is used if the YubiKey still
        has it. There is no such thing for the PIN.
        """
        serial = uri.integer("serial")
        name = "" if serial is None else str(serial)
        self._management_key = _management_key(management_key)
        self._session = CardSession(
            serial=name,
            uri=uri.without("pin-value", "management-key").shown,
            pin=pin,
            guard=guard,
            told=told,
        )
        self._looking = trio.CapacityLimiter(1)
        self._with_pin: set[SLOT] = set()  # whose keys are known to want the PIN
        label = f"yubikey {name}".rstrip()
        self._turns = Turns(label) if patience is None else Turns(label, patience=patience)

    @property
    def status(self) -> TokenStatus:
        """The token as last seen."""
        return self._session.status

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Watch the readers until cancelled."""
        try:
            known = await self._look({}, 0)
            await self._open()
            task_status.started()
            while True:
                before = known
                known = await self._look(known, LOOKING)
                await self._open()
                if known != before:
                    await trio.sleep(_PAUSE)
        finally:
            with trio.move_on_after(_STOPPING, shield=True):
                await self._let_go()

    async def unlock(self, pin: Password, *, last_try: bool = False) -> None:
        """Use a PIN that a person typed."""
        await self._turns.take(lambda: self._session.unlock(pin, last_try=last_try))

    async def open_signer(self, uri: KeyUri, public_key: IssuerKey | None = None) -> DigestSigner:
        """Give the key in the slot that the URI names."""
        slot = slot_of(uri)
        if public_key is None:
            public_key = (await self._do(lambda hold: hold.connected().key(slot))).public_key
        return VerifiedSigner(_SlotSigner(self, slot, public_key), name=f"{slot:02x}")

    async def create_key(
        self,
        uri: KeyUri,
        kind: KeyKind,
        policies: KeyPolicies = DEFAULT_POLICIES,
        *,
        replace: bool = False,
    ) -> IssuerKey:
        """Make a key in a slot."""
        slot, type_ = slot_of(uri), type_of(kind)
        if policies.extractable:
            raise BadRequest("keys that are made on a YubiKey cannot leave it")

        def make(hold: Hold) -> PublicKey:
            card = hold.connected()
            if not replace and _has_key(card, slot):
                raise BadRequest(
                    f"a key exists already in slot {slot:02x} of the YubiKey: delete it first, "
                    "or choose another slot"
                )
            card.authenticate(self._management_key)
            pin, touch = PIN_POLICIES[policies.pin], TOUCH_POLICIES[policies.touch]
            return card.generate(slot, type_, pin, touch)

        return await self._do(make, within=GENERATION)

    async def list_keys(self) -> Sequence[KeyDescription]:
        """Describe the keys in all slots."""

        def listed(hold: Hold) -> list[KeyDescription]:
            card = hold.connected()
            return [_described(card, slot) for slot in SLOTS.values() if _has_key(card, slot)]

        return await self._do(listed)

    async def delete_key(self, uri: KeyUri) -> None:
        """Destroy a key; firmware before 5.7 cannot."""
        slot = slot_of(uri)
        await self._administer(lambda card: card.delete_key(slot))

    async def load_certificate(self, uri: KeyUri) -> bytes:
        """Give the certificate in a slot."""
        slot = slot_of(uri)
        return await self._do(lambda hold: hold.connected().certificate(slot))

    async def store_certificate(self, uri: KeyUri, certificate: bytes) -> None:
        """Keep a certificate in a slot."""
        slot = slot_of(uri)
        try:
            read = x509.load_der_x509_certificate(certificate)
        except ValueError as error:
            raise BadRequest("this is no certificate in DER") from error
        await self._administer(lambda card: card.store(slot, read))

    async def delete_certificate(self, uri: KeyUri) -> None:
        """Remove a certificate."""
        slot = slot_of(uri)
        await self._administer(lambda card: card.delete_certificate(slot))

    async def attest(self, uri: KeyUri) -> Sequence[bytes]:
        """Have the YubiKey state that a slot's key was made in it, and how it is kept."""
        slot = slot_of(uri)
        return await self._do(lambda hold: hold.connected().attested(slot))

    async def sign(
        self,
        slot: SLOT,
        message: bytes,
        algorithm: SignatureAlgorithm,
        public_key: IssuerKey,
        *,
        hashed: bool = False,
    ) -> bytes:
        """Sign with the key in a slot, which must be the one that is expected."""

        def signed(hold: Hold) -> bytes:
            card = hold.connected()
            key = card.key(slot)
            _check_same(key, public_key, slot, card.serial)
            block = block_of(message, algorithm, key.type, secrets.token_bytes(64), hashed=hashed)
            if key.pin is PIN_POLICY.ALWAYS or (key.pin is None and slot is SLOT.SIGNATURE):
                self._with_pin.add(slot)
                hold.prove_again()
            elif key.pin is not PIN_POLICY.NEVER:
                self._with_pin.add(slot)
                hold.prove()
            if key.waits_for_touch:
                self._session.wait_for_touch()
            return card.use(slot, key.type, block)

        return await self._do(signed, proven=slot in self._with_pin)

    async def _administer(self, operation: Callable[[OpenCard], T]) -> T:
        def administered(hold: Hold) -> T:
            card = hold.connected()
            card.authenticate(self._management_key)
            return operation(card)

        return await self._do(administered)

    async def _do(
        self, operation: Callable[[Hold], T], *, proven: bool = False, within: float | None = None
    ) -> T:
        self._session.check(proven=proven)
        return await self._turns.take(
            lambda: self._session.do(operation, proven=proven, within=within or OPERATION)
        )

    # ---- the monitor

    async def _look(self, known: Readers, patience: float) -> Readers:
        """See what is plugged in; nothing, when the service is silent."""
        try:
            end = trio.current_time() + patience + HANGING
            with trio.move_on_at(end):
                seen = await trio.to_thread.run_sync(
                    pcsc.look, known, patience, limiter=self._looking, abandon_on_cancel=True
                )
                self._session.noticed(seen)
                return seen
            if trio.current_time() > end + _HELD_UP:  # it was this program that did not listen
                return await self._look(known, 0)
            fault = CardFault(Trouble.NO_SERVICE, "pcscd does not answer")
        except CardFault as error:
            fault = error
        self._session.heard_nothing(fault)
        await trio.sleep(_SILENCE if patience else 0)
        return {}

    async def _open(self) -> None:
        """Open the card where it should be; what is wrong is in the status then."""
        if not self._session.wants_opening or not self._turns.is_free():
            return
        try:
            await self._turns.take(self._session.open)
        except HearthError:
            return

    async def _let_go(self) -> None:
        try:
            await self._turns.take(self._session.close)
        except (HearthError, CardFault):
            return


@final
class _SlotSigner:
    """The key in a slot, as a DigestSigner."""

    def __init__(self, token: YubiKeyToken, slot: SLOT, public_key: IssuerKey) -> None:
        self._token = token
        self._slot = slot
        self._public_key = public_key

    @property
    def public_key(self) -> IssuerKey:
        """Its public half."""
        return self._public_key

    async def sign(self, message: bytes, algorithm: SignatureAlgorithm) -> bytes:
        """Sign the message on the YubiKey."""
        return await self._token.sign(self._slot, message, algorithm, self._public_key)

    async def sign_digest(self, digest: bytes, algorithm: SignatureAlgorithm) -> bytes:
        """Sign what was hashed already."""
        return await self._token.sign(self._slot, digest, algorithm, self._public_key, hashed=True)


def _check_same(key: SlotKey, expected: IssuerKey, slot: SLOT, serial: str) -> None:
    if _encoded(key.public_key) != _encoded(expected):
        raise Broken(
            "the signing key does not hold: it is not the one that belongs to the certificate",
            detail=f"slot {slot:02x} of YubiKey {serial} has another key",
        )


def _has_key(card: OpenCard, slot: SLOT) -> bool:
    try:
        card.key(slot)
    except NotFound:
        return False
    return True


def _described(card: OpenCard, slot: SLOT) -> KeyDescription:
    key = card.key(slot)
    return KeyDescription(
        uri=slot_uri(slot, card.serial),
        kind=KINDS.get(key.type),
        public_key=_encoded(key.public_key),
        slot=f"{slot:02x}",
        has_certificate=card.has_certificate(slot),
        generated=key.generated,
        policies=KeyPolicies(
            pin=pin_policy(key.pin or PIN_POLICY.DEFAULT),
            touch=touch_policy(key.touch or TOUCH_POLICY.DEFAULT),
        ),
    )


def _encoded(key: PublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _management_key(text: Password | None) -> bytes | None:
    if text is None:
        return None
    try:
        key = binascii.unhexlify(text.reveal().strip())
    except (binascii.Error, ValueError) as error:
        raise FormatError("the management key must be hexadecimal") from error
    if len(key) not in _MANAGEMENT_KEY_OCTETS:
        raise FormatError("the management key must have 16, 24 or 32 octets, in hexadecimal")
    return key
