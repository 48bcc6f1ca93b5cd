"""Hardware tokens, and tokens in software that pass for them: their states, and what is on them."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


class TokenState(enum.StrEnum):
    """What a token can be used for now."""

    READY = "ready"
    LOCKED = "locked"  # there, its PIN known, not yet used since it came
    PIN_NEEDED = "PIN needed"  # a person has to type it
    ABSENT = "absent"
    WRONG_TOKEN = "wrong token"  # noqa: S105 - there is one, but not the one that was configured
    BLOCKED = "blocked"  # no tries are left: only the PUK or the security officer opens it
    BUSY = "busy"  # in use by another program, or by more requests than it can answer
    TOUCH = "touch"  # waits for a finger
    NO_SERVICE = "no service"  # pcscd or the vendor's module does not answer


ADVICE: Final[Mapping[TokenState, str]] = {
    TokenState.READY: "it signs",
    TokenState.LOCKED: "it is opened in a moment",
    TokenState.PIN_NEEDED: "type its PIN: u in the console, or hearth token unlock",
    TokenState.ABSENT: "plug it in",
    TokenState.WRONG_TOKEN: "plug in the one that is configured",
    TokenState.BLOCKED: "unblock its PIN with its PUK, or as its security officer",
    TokenState.BUSY: "end the other program that uses it",
    TokenState.TOUCH: "touch it",
    TokenState.NO_SERVICE: "start pcscd, or look what the log says about its module",
}
"""What a person does about each state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenStatus:
    """One token as it was last seen."""

    name: str  # short and stable, such as "yubikey 12345678" or "ca-token"
    uri: str  # without its secrets
    state: TokenState
    model: str = ""
    serial: str = ""
    firmware: str = ""
    tries_left: int | None = None  # of the PIN; None where the token does not tell
    detail: str = ""  # for people: what happened, and what to do


class KeyKind(enum.StrEnum):
    """What kind of key a token can make; named as step names them."""

    EC_P256 = "P-256"
    EC_P384 = "P-384"
    EC_P521 = "P-521"
    ED25519 = "Ed25519"
    RSA_2048 = "RSA-2048"
    RSA_3072 = "RSA-3072"
    RSA_4096 = "RSA-4096"


class PinPolicy(enum.StrEnum):
    """When a YubiKey wants its PIN."""

    DEFAULT = ""
    NEVER = "never"
    ONCE = "once"
    ALWAYS = "always"


class TouchPolicy(enum.StrEnum):
    """When a YubiKey wants to be touched."""

    DEFAULT = ""
    NEVER = "never"
    CACHED = "cached"  # for fifteen seconds
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPolicies:
    """What a new key is to allow. `extractable` only where a person asked for it."""

    pin: PinPolicy = PinPolicy.DEFAULT
    touch: TouchPolicy = TouchPolicy.DEFAULT
    extractable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDescription:
    """A key on a token. What the token does not tell is empty."""

    uri: str  # names the key, without secrets
    kind: KeyKind | None  # None for kinds that we do not use
    public_key: bytes  # SubjectPublicKeyInfo in DER; empty when it cannot be read
    label: str = ""
    identifier: bytes = b""
    slot: str = ""
    has_certificate: bool = False
    generated: bool | None = None  # made on the token; None: it does not tell
    policies: KeyPolicies = KeyPolicies()
