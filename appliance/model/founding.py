"""The first run: what a person answers on the way to a CA, and what is found and made meanwhile.

Nothing secret is in a draft, which is on disk between two steps; passwords travel alone.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final, TypeAlias

from appliance.model.ceremony import Stage
from appliance.model.secret import Password


class Topic(enum.StrEnum):
    """The steps of the first run, in their order."""

    NAME = "name"
    CLOCK = "clock"
    KEYS = "keys"
    SERVICES = "services"
    ACCESS = "access"
    START = "start"
    MAKING = "making"
    SHEET = "sheet"


TITLES: Final = MappingProxyType(
    {
        Topic.NAME: "Name and addresses",
        Topic.CLOCK: "The clock",
        Topic.KEYS: "Where the keys live",
        Topic.SERVICES: "What is served",
        Topic.ACCESS: "Who may ask",
        Topic.START: "How it starts",
        Topic.MAKING: "Make it",
        Topic.SHEET: "Keep this",
    }
)
"""What a person reads over each step; the first certificate comes after them."""


class Mark(enum.StrEnum):
    """How bad a finding is."""

    GOOD = "good"
    LOOK = "look"
    ACT = "act"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was found about an answer. `field` is the draft's, where it is about one alone."""

    mark: Mark
    text: str
    field: str = ""


class Unlock(enum.StrEnum):
    """Who opens the keys when the CA starts."""

    ASK = "ask"
    FILE = "file"
    SEALED = "sealed"  # a file that only this machine can read


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The answers. `root_at` and `keys_at` are token URIs or directories; "" is the usual file."""

    name: str = ""
    dns_names: str = ""
    address: str = ""
    root_at: str = ""
    keys_at: str = ""
    acme: bool = True
    ssh: bool = False
    published: bool = False  # revocation lists and OCSP
    insecure_address: str = ""
    provisioner: str = ""
    service: bool = False  # it is to start at boot
    unlock: Unlock = Unlock.ASK


@dataclass(frozen=True, slots=True, kw_only=True)
class Passwords:
    """That of the keys in files and that of the first provisioner; empty ones are made."""

    keys: Password = field(default_factory=lambda: Password(b""))
    provisioner: Password = field(default_factory=lambda: Password(b""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A token that was found. `is_factory`: what opens it is what everybody knows."""

    uri: str
    model: str
    serial: str
    firmware: str
    state: str  # of its PIN, in words
    is_factory: bool = False


class ClockState(enum.StrEnum):
    """How far a clock can be trusted."""

    SYNCHRONISED = "synchronised"
    UNSURE = "unsure"
    PAST = "past"  # before things that have happened


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSeen:
    """The time here; it cannot be before `floor`, when something here was made."""

    now: datetime
    floor: datetime
    is_synchronised: bool

    @property
    def state(self) -> ClockState:
        """Judge it."""
        if self.now < self.floor:
            return ClockState.PAST
        return ClockState.SYNCHRONISED if self.is_synchronised else ClockState.UNSURE


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """Whether a service can be made of the CA from here; `otherwise` is what to do if not.

    `can_ask` and `can_seal`: at its start a password can be typed, or be sealed to the machine.
    """

    is_possible: bool = False
    can_ask: bool = False
    can_seal: bool = False
    otherwise: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where the first run is. `stopped_at` is the ceremony's step that was interrupted, if any."""

    draft: Draft
    topic: Topic
    resumed: bool = False
    stopped_at: str = ""
    wants_passwords: bool = True  # to go on with what was interrupted
    directory: str = ""  # where everything is written
    addresses: tuple[str, ...] = ()  # of this machine, for clients without DNS
    boot: Boot = Boot()


@dataclass(frozen=True, slots=True, kw_only=True)
class Founded:
    """A CA that was made. `code` is the fingerprint's QR code, row by row, dark modules true."""

    name: str
    url: str
    fingerprint: str
    words: tuple[str, ...]
    code: tuple[tuple[bool, ...], ...]
    configuration: str
    sheet: str
    start: str  # the command that starts it from now on; for a service, that shows it
    is_service: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstCertificate:
    """The first certificate, and where it is."""

    subject: str
    serial: int
    not_after: datetime
    certificate_file: str
    key_file: str
    root_file: str


# ---- what is said while the keys are made


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """A step of the ceremony begins."""

    stages: tuple[Stage, ...]
    current: Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Something was done or found."""

    text: str


class QuestionKind(enum.Enum):
    """What is asked, and by what it is answered."""

    AGREE = "agree"  # yes or no
    WAIT = "wait"  # that something was done
    SHOW = "show"  # that secrets were written down
    RETYPE = "retype"  # a secret, unseen
    DICTATE = "dictate"  # words, seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A person has to answer before it goes on."""

    kind: QuestionKind
    text: str
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


Utterance: TypeAlias = Began | Told | Question
