"""The PIV application of a virtual YubiKey (NIST SP 800-73-4, and what YubiKeys add to it).

    state that power-off, and selecting another application, forget:
        verified   the PIN was given         (slots with policy "once")
        fresh      by the command just before (slots with policy "always"; stricter than a YubiKey)
        admin      the management key was given

A try of PIN or PUK is spent, and written down, before the comparison.
"""

import os
from collections.abc import Callable
from dataclasses import replace

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers import algorithms as ciphers

from tests.support.yubikey import algorithms, attestation
from tests.support.yubikey.memory import (
    FACTORY_MANAGEMENT_KEY,
    FACTORY_PIN,
    FACTORY_PUK,
    GENERATED,
    IMPORTED,
    Memory,
    Tries,
)
from tests.support.yubikey.tlv import (
    BAD_DATA,
    BLOCKED,
    NO_COMMAND,
    NO_FILE,
    NO_REFERENCE,
    NO_SPACE,
    NOT_NOW,
    NOT_SATISFIED,
    Command,
    Status,
    elements,
    inner,
    tlv,
)

AID = bytes.fromhex("a000000308")
SLOTS = {0x9A, 0x9C, 0x9D, 0x9E, *range(0x82, 0x96)}
PIN_OBJECTS = {"5fc109", "5fc103", "5fc108", "5fc121"}  # printed, fingerprints, face, iris
MANAGEMENT = {0x03: (24, 8), 0x08: (16, 16), 0x0A: (24, 16), 0x0C: (32, 16)}  # key, block length
NEVER, ONCE, ALWAYS, CACHED = 1, 2, 3, 3

Answer = bytes | None


class Piv:
    """The application. `touch` is asked for a finger: False when none came in time."""

    def __init__(
        self,
        serial: int,
        version: tuple[int, int, int],
        memory: Memory | None,
        touch: Callable[[int], bool],
    ) -> None:
        self.serial, self.version, self.touch = serial, version, touch
        self.memory = memory or self._new(Memory())
        self.forget()

    def forget(self) -> None:
        """Lose the power, or the selection."""
        self.verified = self.fresh = self.admin = False
        self.witness: bytes | None = None
        self.challenge: bytes | None = None

    def select(self) -> bytes:
        """Tell about the application. Selecting it again keeps its state."""
        identity = tlv(0x4F, bytes.fromhex("000010000100"))
        return tlv(0x61, identity + tlv(0x79, tlv(0x4F, AID)))

    def answer(self, command: Command) -> Answer:
        """Carry out a command."""
        fresh, self.fresh = self.fresh, False
        if command.ins == 0x87:
            return self._authenticate(command.p1, command.p2, command.data, fresh=fresh)
        operations: dict[int, Callable[[int, int, bytes], Answer]] = {
            0x20: self._verify,
            0x24: self._change,
            0x2C: self._unblock,
            0x47: self._generate,
            0xCB: self._get_data,
            0xDB: self._put_data,
            0xF6: self._move,
            0xF7: self._metadata,
            0xF8: lambda *_: self.serial.to_bytes(4),
            0xF9: self._attest,
            0xFA: self._set_tries,
            0xFB: self._reset,
            0xFD: lambda *_: bytes(self.version),
            0xFE: self._import,
            0xFF: self._set_management_key,
        }
        if command.ins not in operations:
            raise Status(NO_COMMAND)
        return operations[command.ins](command.p1, command.p2, command.data)

    def _new(self, memory: Memory) -> Memory:
        memory.management_algorithm = 0x0A if self.version >= (5, 7) else 0x03
        attestation.prepare(memory, self.version)
        return memory

    # PIN, PUK, management key

    def _spend(self, tries: Tries, given: bytes, right: str) -> None:
        if tries.left == 0:
            raise Status(BLOCKED)
        tries.left -= 1
        self.memory.write()
        if given != right.encode().ljust(8, b"\xff"):
            if tries is self.memory.pin_tries:
                self.verified = False
            raise Status(0x63C0 | min(tries.left, 15))
        tries.left = tries.total
        self.memory.write()

    def _verify(self, p1: int, p2: int, data: bytes) -> Answer:
        if p2 != 0x80:
            raise Status(NO_REFERENCE)  # no fingers are known here
        tries = self.memory.pin_tries
        if p1 == 0xFF:
            self.verified = False
        elif data:
            self._spend(tries, data, self.memory.pin)
            self.verified = self.fresh = True
        elif not self.verified:
            raise Status(0x63C0 | min(tries.left, 15) if tries.left else BLOCKED)
        return None

    def _change(self, _: int, p2: int, data: bytes) -> Answer:
        if p2 not in (0x80, 0x81) or len(data) != 16:
            raise Status(BAD_DATA)
        if p2 == 0x80:
            self._spend(self.memory.pin_tries, data[:8], self.memory.pin)
            self.memory.pin = _pin(data[8:])
        else:
            self._spend(self.memory.puk_tries, data[:8], self.memory.puk)
            self.memory.puk = _pin(data[8:])
        self.memory.write()
        return None

    def _unblock(self, _: int, p2: int, data: bytes) -> Answer:
        if p2 != 0x80 or len(data) != 16:
            raise Status(BAD_DATA)
        self._spend(self.memory.puk_tries, data[:8], self.memory.puk)
        self.memory.pin = _pin(data[8:])
        self.memory.pin_tries.left = self.memory.pin_tries.total
        self.memory.write()
        return None

    def _set_tries(self, p1: int, p2: int, _: bytes) -> Answer:
        self._admin_only()
        if not self.verified:
            raise Status(NOT_SATISFIED)
        memory = self.memory
        memory.pin, memory.puk = FACTORY_PIN, FACTORY_PUK
        memory.pin_tries, memory.puk_tries = Tries(p1, p1), Tries(p2, p2)
        memory.write()
        return None

    def _reset(self, *_: object) -> Answer:
        old = self.memory
        if old.pin_tries.left or old.puk_tries.left:
            raise Status(NOT_NOW)
        fresh = Memory(file=old.file)
        fresh.management_algorithm = 0x0A if self.version >= (5, 7) else 0x03
        fresh.keys["f9"], fresh.objects[attestation.OBJECT] = (
            old.keys["f9"],
            old.objects[attestation.OBJECT],
        )
        self.memory = fresh
        self.forget()
        fresh.write()
        return None

    def _admin_only(self) -> None:
        if not self.admin:
            raise Status(NOT_SATISFIED)

    def _set_management_key(self, p1: int, p2: int, data: bytes) -> Answer:
        self._admin_only()
        size = MANAGEMENT.get(data[0], (-9, 0))[0] if data else -9
        if p1 != 0xFF or len(data) != 3 + size or data[1] != 0x9B:
            raise Status(BAD_DATA)
        if data[0] != 3 and self.version < (5, 4):
            raise Status(BAD_DATA)
        self.memory.management_algorithm = data[0]
        self.memory.management_key = data[3:].hex()
        self.memory.management_touch = 2 if p2 == 0xFE else 1
        self.memory.write()
        return None

    def _encrypted(self, block: bytes) -> bytes:
        key = bytes.fromhex(self.memory.management_key)
        kind = TripleDES if self.memory.management_algorithm == 3 else ciphers.AES
        return Cipher(kind(key), modes.ECB()).encryptor().update(block)

    def _authenticate_management(self, algorithm: int, parts: dict[int, bytes]) -> Answer:
        kept = self.memory.management_algorithm
        if algorithm != kept and not (algorithm == 0 and kept == 3):
            raise Status(BAD_DATA)
        block = MANAGEMENT[kept][1]
        if parts.get(0x80) == b"":  # mutual, first step
            self.witness = os.urandom(block)
            return tlv(0x7C, tlv(0x80, self._encrypted(self.witness)))
        if parts.get(0x81) == b"":  # one-sided, first step
            self.challenge = os.urandom(block)
            return tlv(0x7C, tlv(0x81, self.challenge))
        if 0x80 in parts and 0x81 in parts:
            witness, self.witness = self.witness, None
            self.admin = witness is not None and parts[0x80] == witness
            self._admin_only()
            return tlv(0x7C, tlv(0x82, self._encrypted(parts[0x81])))
        if 0x82 in parts:
            challenge, self.challenge = self.challenge, None
            self.admin = challenge is not None and parts[0x82] == self._encrypted(challenge)
            self._admin_only()
            return None
        raise Status(BAD_DATA)

    # data objects

    def _get_data(self, p1: int, p2: int, data: bytes) -> Answer:
        parts = elements(data)
        if (p1, p2) != (0x3F, 0xFF) or not parts or parts[0][0] != 0x5C:
            raise Status(BAD_DATA)
        name = parts[0][1].hex()
        if name == "7e":
            identity = tlv(0x4F, AID + bytes.fromhex("000010000100"))
            return tlv(0x7E, identity + tlv(0x5F2F, b"\x40\0"))
        if name in PIN_OBJECTS and not self.verified:
            raise Status(NOT_SATISFIED)
        if name not in self.memory.objects:
            raise Status(NO_FILE)
        return tlv(0x53, bytes.fromhex(self.memory.objects[name]))

    def _put_data(self, p1: int, p2: int, data: bytes) -> Answer:
        self._admin_only()
        parts = dict(elements(data))
        if (p1, p2) != (0x3F, 0xFF) or 0x5C not in parts or 0x53 not in parts:
            raise Status(BAD_DATA)
        if len(parts[0x53]) > 3052:
            raise Status(NO_SPACE)
        name = parts[0x5C].hex()
        if parts[0x53]:
            self.memory.objects[name] = parts[0x53].hex()
        else:
            self.memory.objects.pop(name, None)
        self.memory.write()
        return None

    # keys

    def _generate(self, _: int, slot: int, data: bytes) -> Answer:
        self._admin_only()
        parts = inner(data, 0xAC)
        algorithm = parts.get(0x80, b"\0")[0]
        self._check(slot, algorithm)
        key = algorithms.generated(algorithm)
        self.memory.keep(slot, algorithm, key, _policies(parts), GENERATED)
        return tlv(0x7F49, algorithms.written(key.public_key()))

    def _import(self, algorithm: int, slot: int, data: bytes) -> Answer:
        self._admin_only()
        self._check(slot, algorithm)
        parts = dict(elements(data))
        key = algorithms.imported(algorithm, parts)
        self.memory.keep(slot, algorithm, key, _policies(parts), IMPORTED)
        return None

    def _check(self, slot: int, algorithm: int) -> None:
        algorithms.check(algorithm, self.version)
        if slot not in SLOTS and slot != attestation.SLOT:
            raise Status(BAD_DATA)

    def _move(self, target: int, slot: int, _: bytes) -> Answer:
        self._admin_only()
        if self.version < (5, 7):
            raise Status(NO_COMMAND)
        key = self.memory.key(slot)
        del self.memory.keys[f"{slot:02x}"]
        if target != 0xFF:
            self.memory.keys[f"{target:02x}"] = replace(key)
        self.memory.write()
        return None

    def _metadata(self, _: int, slot: int, data: bytes) -> Answer:
        if self.version < (5, 3):
            raise Status(NO_COMMAND)
        memory = self.memory
        if slot in (0x80, 0x81):
            pin = slot == 0x80
            tries = memory.pin_tries if pin else memory.puk_tries
            factory = memory.pin == FACTORY_PIN if pin else memory.puk == FACTORY_PUK
            counts = bytes([tries.total, tries.left])
            return tlv(1, b"\xff") + tlv(5, bytes([factory])) + tlv(6, counts)
        if slot == 0x9B:
            factory = memory.management_key == FACTORY_MANAGEMENT_KEY.hex()
            return (
                tlv(1, bytes([memory.management_algorithm]))
                + tlv(2, bytes([0, memory.management_touch]))
                + tlv(5, bytes([factory]))
            )
        key = memory.key(slot)
        return (
            tlv(1, bytes([key.algorithm]))
            + tlv(2, bytes([key.pin_policy, key.touch_policy]))
            + tlv(3, bytes([key.origin]))
            + tlv(4, algorithms.written(key.private.public_key()))
        )

    def _authenticate(self, algorithm: int, slot: int, data: bytes, *, fresh: bool) -> Answer:
        parts = inner(data, 0x7C)
        if slot == 0x9B:
            return self._authenticate_management(algorithm, parts)
        if slot not in SLOTS:
            raise Status(BAD_DATA)
        key = self.memory.key(slot)
        if key.algorithm != algorithm:
            raise Status(BAD_DATA)
        if (key.pin_policy == ONCE and not self.verified) or (
            key.pin_policy == ALWAYS and not fresh
        ):
            raise Status(NOT_SATISFIED)
        if key.touch_policy in (2, 3) and not self.touch(slot):
            raise Status(NOT_SATISFIED)
        if 0x85 in parts:
            result = algorithms.secret(algorithm, key.private, parts[0x85])
        elif 0x81 in parts:
            result = algorithms.signature(algorithm, key.private, parts[0x81])
        else:
            raise Status(BAD_DATA)
        return tlv(0x7C, tlv(0x82, result))

    def _attest(self, slot: int, _: int, data: bytes) -> Answer:
        if slot not in SLOTS:
            raise Status(BAD_DATA)
        return attestation.attested(self.memory, slot, self.serial, self.version)


def _pin(padded: bytes) -> str:
    pin = padded.rstrip(b"\xff")
    if not 6 <= len(pin) <= 8:
        raise Status(BAD_DATA)
    return pin.decode("latin-1")


def _policies(parts: dict[int, bytes]) -> tuple[int, int]:
    return parts.get(0xAA, b"\0")[0], parts.get(0xAB, b"\0")[0]
