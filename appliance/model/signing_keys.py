"""The keys of a CA: what each signs, where it lives, until when; and the way to the next one."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


class KeyRole(enum.StrEnum):
    """What a key is for."""

    ROOT = "root"
    INTERMEDIATE = "intermediate"
    SSH_USER = "SSH users"
    SSH_HOST = "SSH hosts"
    OCSP = "OCSP"
    SERVER = "this server"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyHolding:
    """A key as it is held. What does not apply is empty.

    `place` is for people: a file, a token with its slot or label, `in memory`, `not here`. `uri`
    names a key on a token, as `attestation` takes it.
    """

    role: KeyRole
    state: str  # what it does now: signing, standby, retiring, retired, kept away
    kind: str  # EC P-256, RSA 3072, Ed25519
    place: str
    signs: str
    name: str = ""  # of an intermediate beside the first
    subject: str = ""
    token: str = ""  # the name of the token that it is on
    uri: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    fingerprint: str = ""


class IssuerChange(enum.StrEnum):
    """A step from one intermediate to the next."""

    CREATE = "create"
    ACTIVATE = "activate"
    RETIRE = "retire"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerStep:
    """A step that can be taken. Without `here`, only the command on the box takes it.

    `due` says that it is time; `text` says what it does.
    """

    change: IssuerChange
    issuer: str
    text: str
    command: str
    here: bool
    due: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyReport:
    """All keys, and the steps to the next intermediate, the next one first."""

    keys: Sequence[KeyHolding]
    steps: Sequence[IssuerStep]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAttestation:
    """What a device states of a key. `problem`: why that is no proof."""

    text: str
    problem: str = ""
    chain: Sequence[bytes] = ()  # DER, leaf first
