"""The configuration in force, as a person reads it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting as it is in force; `written` in ca.json, or else its default. Never a secret."""

    group: str
    name: str  # its key in ca.json, with dots
    value: str
    written: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A configuration. `changed`: the file is not any more what is in force.

    `problem` is then why a reload would refuse it.
    """

    file: str
    digest: str  # SHA-256 in hex, of the file when it was loaded
    settings: Sequence[Setting]
    warnings: Sequence[str]
    changed: bool = False
    problem: str = ""
