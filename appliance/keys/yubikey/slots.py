"""The words of key URIs and of the port in those of PIV: slots, kinds of keys, policies."""

from typing import Final

from yubikit.piv import KEY_TYPE, PIN_POLICY, SLOT, TOUCH_POLICY

from appliance.formats.keyuri import KeyUri
from appliance.model.errors import FormatError, NotSupported
from appliance.model.tokens import KeyKind, PinPolicy, TouchPolicy

SLOTS: Final = {
    f"{slot:02x}": slot
    for slot in (
        *(SLOT.AUTHENTICATION, SLOT.SIGNATURE, SLOT.KEY_MANAGEMENT, SLOT.CARD_AUTH),
        *(SLOT(number) for number in range(SLOT.RETIRED1, SLOT.RETIRED20 + 1)),
    )
}
"""By their numbers: 9a, 9c, 9d, 9e and the retired ones, 82 to 95."""

TYPES: Final = {
    KeyKind.EC_P256: KEY_TYPE.ECCP256,
    KeyKind.EC_P384: KEY_TYPE.ECCP384,
    KeyKind.ED25519: KEY_TYPE.ED25519,
    KeyKind.RSA_2048: KEY_TYPE.RSA2048,
    KeyKind.RSA_3072: KEY_TYPE.RSA3072,
    KeyKind.RSA_4096: KEY_TYPE.RSA4096,
}
KINDS: Final = {each: kind for kind, each in TYPES.items()}
PIN_POLICIES: Final = {
    PinPolicy.DEFAULT: PIN_POLICY.DEFAULT,
    PinPolicy.NEVER: PIN_POLICY.NEVER,
    PinPolicy.ONCE: PIN_POLICY.ONCE,
    PinPolicy.ALWAYS: PIN_POLICY.ALWAYS,
}
TOUCH_POLICIES: Final = {
    TouchPolicy.DEFAULT: TOUCH_POLICY.DEFAULT,
    TouchPolicy.NEVER: TOUCH_POLICY.NEVER,
    TouchPolicy.CACHED: TOUCH_POLICY.CACHED,
    TouchPolicy.ALWAYS: TOUCH_POLICY.ALWAYS,
}


def slot_of(uri: KeyUri) -> SLOT:
    """Give the slot that `slot-id` names. Raises FormatError."""
    name = uri.get("slot-id").lower().removeprefix("0x")
    if not name:
        raise FormatError(f"'{uri.shown}' names no key: add slot-id, such as slot-id=9c")
    if name not in SLOTS:
        raise FormatError(
            f"'{uri.shown}': a YubiKey has no slot for keys of this number: use 82 to 95, 9a, 9c, "
            "9d or 9e"
        )
    return SLOTS[name]


def slot_uri(slot: SLOT, serial: str) -> str:
    """Name a slot's key, of the YubiKey with this serial number."""
    attributes = (("slot-id", f"{slot:02x}"), *((("serial", serial),) if serial else ()))
    return str(KeyUri(scheme="yubikey", attributes=attributes))


def type_of(kind: KeyKind) -> KEY_TYPE:
    """Give the kind of key in PIV's terms. Raises NotSupported."""
    if kind not in TYPES:
        raise NotSupported(f"YubiKeys have no {kind} keys: use P-256, P-384, Ed25519 or RSA")
    return TYPES[kind]


def pin_policy(policy: PIN_POLICY) -> PinPolicy:
    """Read a policy; those of fingers are not told apart from those of PINs."""
    return next((ours for ours, theirs in PIN_POLICIES.items() if theirs == policy), PinPolicy.ONCE)


def touch_policy(policy: TOUCH_POLICY) -> TouchPolicy:
    """Read a policy."""
    return next(ours for ours, theirs in TOUCH_POLICIES.items() if theirs == policy)
