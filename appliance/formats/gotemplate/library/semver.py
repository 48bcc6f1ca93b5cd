"""Semantic versions and constraints on them, as lenient as the library that sprig takes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from appliance.formats.gotemplate.library.declaring import plain
from appliance.formats.gotemplate.library.lists import NIL_POINTER
from appliance.formats.gotemplate.signatures import (
    STRING,
    Function,
    FunctionError,
    Kind,
    Type,
)
from appliance.formats.gotemplate.values import Pointer, Struct, Uint64

_MOST: Final = 2**64
_LONGEST: Final = 500  # characters of a version or constraint
_VERSION: Final = re.compile(
    r"v?(0|[1-9][0-9]*)(?:\.(0|[1-9][0-9]*))?(?:\.(0|[1-9][0-9]*))?"
    r"(?:-((?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
    r"(?:\.(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?"
)
_LOOSE: Final = (
    r"v?([0-9|xX*]+)(\.[0-9|xX*]+)?(\.[0-9|xX*]+)?"
    r"(-([0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*))?(\+([0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*))?"
)
_IDENTIFIER: Final = re.compile(r"[0-9A-Za-z-]+")
_OPERATORS: Final = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^"
_SPACE: Final = r"[\t\n\f\r ]"
_ONE: Final = re.compile(rf"({_OPERATORS}){_SPACE}*({_LOOSE})")
_ALL: Final = re.compile(rf" ?({_OPERATORS}) ?({_LOOSE}) ?(?:[ ,]({_OPERATORS}) ?({_LOOSE}) ?)*")
_SPACES: Final = re.compile(rf"{_SPACE}+")
_COMMA: Final = re.compile(" ?, ?")
_RANGE: Final = re.compile(rf"{_SPACE}*({_LOOSE}){_SPACE}+-{_SPACE}+({_LOOSE}){_SPACE}*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version; the parts that were not written are 0."""

    major: int
    minor: int
    patch: int
    prerelease: str = ""
    metadata: str = ""
    original: str = ""

    def __str__(self) -> str:
        """Write it in full."""
        text = f"{self.major}.{self.minor}.{self.patch}"
        text += f"-{self.prerelease}" if self.prerelease else ""
        return text + (f"+{self.metadata}" if self.metadata else "")


def parse(text: str) -> Version:
    """Read a version such as `v1.2` or `1.2.3-rc.1+build`. Raises FunctionError."""
    match = _VERSION.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise FunctionError("Invalid Semantic Version")
    numbers = [int(match[group] or 0) for group in (1, 2, 3)]
    for number in numbers:
        if number >= _MOST:
            raise FunctionError(
                f'Error parsing version segment: strconv.ParseUint: parsing "{number}": '
                "value out of range"
            )
    major, minor, patch = numbers
    return Version(
        major=major,
        minor=minor,
        patch=patch,
        prerelease=match[4] or "",
        metadata=match[5] or "",
        original=text,
    )


def compare(left: Version, right: Version) -> int:
    """Order two versions: -1, 0 or 1; metadata does not count."""
    ours, theirs = _numbers(left), _numbers(right)
    if ours != theirs:
        return 1 if ours > theirs else -1
    if not left.prerelease or not right.prerelease:
        return (not left.prerelease) - (not right.prerelease)
    return _compare_prereleases(left.prerelease, right.prerelease)


def _numbers(version: Version) -> tuple[int, int, int]:
    return version.major, version.minor, version.patch


def _compare_prereleases(left: str, right: str) -> int:
    ours, theirs = left.split("."), right.split(".")
    for place in range(max(len(ours), len(theirs))):
        one = ours[place] if place < len(ours) else ""
        two = theirs[place] if place < len(theirs) else ""
        if one != two:
            return _compare_parts(one, two)
    return 0


def _compare_parts(left: str, right: str) -> int:
    """Order identifiers: none before numbers before words."""

    def rank(part: str) -> tuple[int, int, str]:
        if not part:
            return 0, 0, ""
        number = int(part) if part.isdigit() else _MOST
        return (1, number, "") if number < _MOST else (2, 0, part)

    return 1 if rank(left) > rank(right) else -1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Constraint:
    """An operator and a version, of which minor and patch may be left open."""

    operator: str
    version: Version
    open: bool = False  # some part is x, * or missing
    open_minor: bool = False
    open_patch: bool = False


def constraints(text: str) -> list[list[_Constraint]]:
    """Read alternatives (`||`) of constraints that hold together. Raises FunctionError."""
    if len(text) > _LONGEST:
        raise FunctionError("improper constraint: it is too long")
    for found in list(_RANGE.finditer(text)):
        text = text.replace(found[0], f">= {found[1]}, <= {found[11]} ", 1)
    return [_alternative(part) for part in text.split("||")]


def _alternative(text: str) -> list[_Constraint]:
    compact = _COMMA.sub(",", _SPACES.sub(" ", text))  # one way to read it, so no backtracking
    if not _ALL.fullmatch(compact):
        raise FunctionError(f"improper constraint: {text}")
    return [_constraint(found) for found in _ONE.finditer(text)]


def _constraint(found: re.Match[str]) -> _Constraint:
    operator, whole, major, minor, patch, prerelease = found.group(1, 2, 3, 4, 5, 6)
    minor, patch, tail = minor or "", patch or "", prerelease or ""
    open_minor = open_patch = False
    text = whole
    if major in _ANY:
        text = f"0.0.0{tail}"
    elif not minor or minor[1:] in _ANY:
        text, open_minor = f"{major}.0.0{tail}", True
    elif not patch or patch[1:] in _ANY:
        text, open_patch = f"{major}{minor}.0{tail}", True
    try:
        version = parse(text)
    except FunctionError:
        raise FunctionError("constraint Parser Error") from None
    return _Constraint(
        operator=operator,
        version=version,
        open=open_minor or open_patch or major in _ANY,
        open_minor=open_minor,
        open_patch=open_patch,
    )


def _holds(version: Version, constraint: _Constraint) -> bool:
    asked = bool(constraint.version.prerelease)
    if version.prerelease and not asked and (constraint.operator != "!=" or constraint.open):
        return False  # who does not ask for prereleases does not mean them
    return _CHECKS[constraint.operator](version, constraint)


def _differs(version: Version, constraint: _Constraint) -> bool:
    wanted = constraint.version
    if constraint.open:
        if wanted.major != version.major:
            return True
        if constraint.open_minor or wanted.minor != version.minor:
            return not constraint.open_minor
        if constraint.open_patch or wanted.patch != version.patch:
            if not constraint.open_patch:
                return True
            return _compare_prereleases(version.prerelease, wanted.prerelease) != 0
    return compare(version, wanted) != 0


def _greater(version: Version, constraint: _Constraint) -> bool:
    wanted = constraint.version
    if not constraint.open or (
        version.major == wanted.major and not (constraint.open_minor or constraint.open_patch)
    ):
        return compare(version, wanted) > 0
    if version.major != wanted.major:
        return version.major > wanted.major
    return constraint.open_patch and version.minor > wanted.minor


def _at_most(version: Version, constraint: _Constraint) -> bool:
    wanted = constraint.version
    if not constraint.open:
        return compare(version, wanted) <= 0
    if version.major != wanted.major:
        return version.major < wanted.major
    return constraint.open_minor or version.minor <= wanted.minor


def _tilde(version: Version, constraint: _Constraint) -> bool:
    wanted = constraint.version
    if compare(version, wanted) < 0:
        return False
    if _numbers(wanted) == (0, 0, 0) and not (constraint.open_minor or constraint.open_patch):
        return True
    return version.major == wanted.major and (
        constraint.open_minor or version.minor == wanted.minor
    )


def _tilde_or_equal(version: Version, constraint: _Constraint) -> bool:
    if constraint.open:
        return _tilde(version, constraint)
    return compare(version, constraint.version) == 0


def _caret(version: Version, constraint: _Constraint) -> bool:
    wanted = constraint.version
    if compare(version, wanted) < 0 or version.major != wanted.major:
        return False
    if wanted.major > 0 or constraint.open_minor:
        return True
    if wanted.minor > 0 or constraint.open_patch:
        return version.minor == wanted.minor
    return version.minor == 0 and version.patch == wanted.patch


_ANY: Final = frozenset({"x", "X", "*"})
_CHECKS: Final[Mapping[str, Callable[[Version, _Constraint], bool]]] = {
    "": _tilde_or_equal,
    "=": _tilde_or_equal,
    "!=": _differs,
    ">": _greater,
    "<": lambda version, constraint: compare(version, constraint.version) < 0,
    ">=": lambda version, constraint: compare(version, constraint.version) >= 0,
    "=>": lambda version, constraint: compare(version, constraint.version) >= 0,
    "<=": _at_most,
    "=<": _at_most,
    "~": _tilde,
    "~>": _tilde,
    "^": _caret,
}


def _compare_with(constraint: str, version: str) -> bool:
    alternatives = constraints(constraint)
    found = parse(version)
    return any(all(_holds(found, each) for each in together) for together in alternatives)


class _VersionStruct(Struct):
    """A version as templates hold it; its fields are hidden, as in Go."""

    __slots__ = ("version",)

    def __init__(self, version: Version) -> None:
        super().__init__(_TYPE, {})
        self.version = version

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _VersionStruct) and self.version == other.version

    def __hash__(self) -> int:
        return hash(self.version)


_METHODS: Final[dict[str, Function]] = {}
_TYPE: Final = Type(
    name="semver.Version",
    kind=Kind.STRUCT,
    methods=_METHODS,
    json=lambda value: str(value.version),
    defined=True,
)
_POINTER_METHODS: Final[dict[str, Function]] = {}
_POINTER: Final = Type(
    name="*semver.Version", kind=Kind.POINTER, element=_TYPE, methods=_POINTER_METHODS
)


def _pointer(version: Version) -> Pointer:
    return Pointer(_POINTER, _VersionStruct(version))


def _method(call: Callable[[Version], object]) -> Function:
    def run(value: _VersionStruct) -> object:
        return call(value.version)

    return Function(call=run)


def _prefixed(version: Version, changed: Version) -> _VersionStruct:
    prefix = "v" if version.original.startswith("v") else ""
    return _VersionStruct(replace(changed, original=f"{prefix}{changed}"))


def _next(version: Version, part: str) -> _VersionStruct:
    bare = replace(version, prerelease="", metadata="")
    if part == "patch":
        step = 0 if version.prerelease else 1
        return _prefixed(version, replace(bare, patch=(version.patch + step) % _MOST))
    if part == "minor":
        return _prefixed(version, replace(bare, patch=0, minor=(version.minor + 1) % _MOST))
    major = (version.major + 1) % _MOST
    return _prefixed(version, replace(bare, patch=0, minor=0, major=major))


def _with_prerelease(value: _VersionStruct, text: str) -> _VersionStruct:
    for part in text.split(".") if text else ():
        if part.isdigit() and len(part) > 1 and part[0] == "0":
            raise FunctionError("Version segment starts with 0")
        if not _IDENTIFIER.fullmatch(part):
            raise FunctionError(f"Invalid {'Prerelease' if part else 'Metadata'} string")
    return _prefixed(value.version, replace(value.version, prerelease=text))


def _with_metadata(value: _VersionStruct, text: str) -> _VersionStruct:
    if text and not all(map(_IDENTIFIER.fullmatch, text.split("."))):
        raise FunctionError("Invalid Metadata string")
    return _prefixed(value.version, replace(value.version, metadata=text))


def _ordering(judge: Callable[[int], object]) -> Function:
    def run(pointer: Any, other: Any) -> object:
        if other.target is None:
            raise FunctionError(NIL_POINTER)
        return judge(compare(pointer.target.version, other.target.version))

    return Function(call=run, parameters=(_POINTER,))


_METHODS.update(
    {
        "String": _method(str),
        "Major": _method(lambda version: Uint64(version.major)),
        "Minor": _method(lambda version: Uint64(version.minor)),
        "Patch": _method(lambda version: Uint64(version.patch)),
        "Prerelease": _method(lambda version: version.prerelease),
        "Metadata": _method(lambda version: version.metadata),
        "IncPatch": _method(lambda version: _next(version, "patch")),
        "IncMinor": _method(lambda version: _next(version, "minor")),
        "IncMajor": _method(lambda version: _next(version, "major")),
        "SetPrerelease": plain(_with_prerelease, STRING),
        "SetMetadata": plain(_with_metadata, STRING),
    }
)
_POINTER_METHODS.update(
    {
        "Original": Function(call=lambda pointer: pointer.target.version.original),
        "Compare": _ordering(lambda order: order),
        "Equal": _ordering(lambda order: order == 0),
        "LessThan": _ordering(lambda order: order < 0),
        "LessThanEqual": _ordering(lambda order: order <= 0),
        "GreaterThan": _ordering(lambda order: order > 0),
        "GreaterThanEqual": _ordering(lambda order: order >= 0),
    }
)

FUNCTIONS: Final[Mapping[str, Function]] = {
    "semver": plain(lambda text: _pointer(parse(text)), STRING),
    "semverCompare": plain(_compare_with, STRING, STRING),
}
