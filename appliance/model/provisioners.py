"""Provisioners as an operator sees and changes them: a form, a change, and what comes of it."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionerSummary:
    """One in the list. `state` is why it does not serve; empty: it does."""

    name: str
    type: str
    disabled: bool
    state: str
    names: str  # what it may certify, in short
    lifetime: str  # how long its certificates last by default, in Go's spelling; "": it has none
    issued: int  # certificates that are known of it, of X.509 and SSH


class FieldKind(enum.StrEnum):
    """How a field of a form is filled in."""

    TEXT = "text"
    LIST = "list"  # words between commas
    SWITCH = "switch"  # yes, or no by default
    CLAIM = "claim"  # yes or no; empty: inherited
    FILE = "file"  # the content of a file
    LONG = "long"  # lines of text
    SECRET = "secret"  # noqa: S105 - never shown


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """A field. `value` is what is there: of a file a description, of a secret dots.

    `inherited` is what holds while it is empty. `page` is one of general, names, lifetimes and
    template.
    """

    name: str
    label: str
    page: str
    kind: FieldKind
    value: str = field(default="", repr=False)
    inherited: str = ""
    hint: str = ""
    needed: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What to type, or to write, for a client to use a provisioner."""

    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionerForm:
    """All that can be said of a provisioner. `kept` are keys that the form has no field for."""

    name: str  # "" for one that is not there yet
    type: str
    fields: tuple[FormField, ...]
    disabled: bool = False
    served: bool = True  # the server does more for its type than to list it
    state: str = ""
    asks: str = ""  # who may ask, and for what, as the type has it
    kept: tuple[str, ...] = ()
    recipes: tuple[Recipe, ...] = ()


class Deed(enum.StrEnum):
    """What is done to a provisioner."""

    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"
    DISABLE = "disable"
    ENABLE = "enable"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionerChange:
    """A deed; `values` are those of the fields that shall be different, by the fields' names."""

    deed: Deed
    name: str
    type: str = ""
    values: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProblem:
    """What is wrong with a field; "": with the whole."""

    field: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOutcome:
    """What a change would make of ca.json, or has made; with problems, nothing.

    `diff` has lines that begin with `-`, `+`, `@` or a blank, without secrets; `basis` names the
    ca.json that was looked at.
    """

    problems: tuple[FieldProblem, ...] = ()
    diff: tuple[str, ...] = ()
    basis: str = ""


class Side(enum.StrEnum):
    """What certificates names are for."""

    X509 = "x509"
    SSH_USER = "ssh-user"
    SSH_HOST = "ssh-host"


@dataclass(frozen=True, slots=True, kw_only=True)
class NameJudgement:
    """Whether the rules let a name pass, and which one decides."""

    name: str
    allowed: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesJudged:
    """The judgements, or what is wrong with the rules."""

    problems: tuple[FieldProblem, ...] = ()
    judgements: tuple[NameJudgement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateTried:
    """What a template makes of an example: its text, the certificate, or why there is none."""

    rendered: str = ""
    certificate: str = ""
    problem: str = ""
