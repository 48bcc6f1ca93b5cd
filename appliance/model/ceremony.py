"""A ceremony: the steps in which the keys of a CA are made, each seen by a person."""

import enum
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


class Role(enum.StrEnum):
    """What a key of the CA is for."""

    ROOT = "root"
    INTERMEDIATE = "intermediate"
    SSH_HOST = "SSH host"
    SSH_USER = "SSH user"


class Step(enum.StrEnum):
    """The steps, in their order."""

    NETWORK = "network"
    TOKENS = "tokens"
    SECRETS = "secrets"
    KEYS = "keys"
    ATTESTATION = "attestation"
    CERTIFICATES = "certificates"
    STORAGE = "storage"
    CHECK = "check"
    CONFIGURATION = "configuration"
    SHEET = "sheet"
    REHEARSAL = "rehearsal"


TITLES: Final = MappingProxyType(
    {
        Step.NETWORK: "Look at the clock and at the network",
        Step.TOKENS: "Look at the tokens",
        Step.SECRETS: "Change PINs, PUKs and management keys; choose passwords",
        Step.KEYS: "Make the keys where they live",
        Step.ATTESTATION: "Have the devices vouch for the keys",
        Step.CERTIFICATES: "Sign root and intermediate",
        Step.STORAGE: "Put the certificates beside their keys",
        Step.CHECK: "Sign and verify with every key",
        Step.CONFIGURATION: "Write the configuration",
        Step.SHEET: "Write the recovery sheet",
        Step.REHEARSAL: "Rehearse a restore",
    }
)
"""What a person reads over each step."""


class StepState(enum.StrEnum):
    """How far a step is."""

    AHEAD = "ahead"
    UNDER_WAY = "under way"
    DONE = "done"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of a ceremony, as a list of all of them shows it."""

    step: Step
    state: StepState

    @property
    def title(self) -> str:
        """What it does, in words."""
        return TITLES[self.step]
