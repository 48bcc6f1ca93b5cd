"""An entry of `authority.provisioners` as a form that a person fills in, and back.

Its fields are the rows of `entry_rows`, and three that are no values of their own: the name, and of
type JWK a password, under which a new key is made, or a public key that somebody else keeps.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec

from appliance.config import claims, entry_values, provisioner_edits
from appliance.config.claims import Inherited
from appliance.config.document import Document
from appliance.config.entry_rows import ROWS, Form, Row, Tab
from appliance.config.provisioner_edits import Edit, Put
from appliance.config.schema import Claims
from appliance.formats import goduration, jwe, jwk, public_keys
from appliance.model.errors import ConfigError, FormatError
from appliance.model.provisioners import FieldKind, FieldProblem, FormField
from appliance.model.secret import Password

NAME: Final = "name"
PASSWORD: Final = "password"  # noqa: S105 - the name of a field
PUBLIC_KEY: Final = "jwk"
_ALREADY_SHOWN: Final = frozenset({"type", "name", "disabled", "key", "encryptedkey"})
_KINDS: Final = {
    Form.LIST: FieldKind.LIST,
    Form.WORDS: FieldKind.LIST,
    Form.FILE: FieldKind.FILE,
    Form.FILES: FieldKind.FILE,
    Form.TEMPLATE: FieldKind.LONG,
    Form.OBJECT: FieldKind.LONG,
}
_WORD: Final = re.compile(r"[A-Za-z]+")
_TYPE: Final = re.compile(r"^[A-Z0-9a-z]+(?:, [A-Z0-9]+)*: ")
_PUBLIC: Final = ("use", "kty", "kid", "crv", "alg", "x", "y", "n", "e")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What was typed into the fields of a type, by their names; some of it may be secret."""

    kind: str
    values: Mapping[str, str] = field(repr=False)


def rows(kind: str) -> Iterator[Row]:
    """Give the rows that the form of a type has: what all types have before what only one has."""
    fitting = (row for row in ROWS if row.fits(kind))
    return iter(sorted(fitting, key=lambda row: row.tab is Tab.TEMPLATE and len(row.types) == 1))


def above(document: Document) -> Inherited:
    """Give the claims that entries inherit. Raises ConfigError."""
    authority = provisioner_edits.value_at(document.members, ("authority", "claims"))
    written = None
    if isinstance(authority, dict):
        written = document.read(Claims, authority, "authority.claims")
    return claims.inherit(claims.BUILT_IN, written, document, "authority.claims")


def fields(kind: str, entry: Mapping[str, Any], inherited: Inherited) -> tuple[FormField, ...]:
    """Give the form of an entry, filled in; of an empty one, to be filled in."""
    adding = not entry
    found = [
        FormField(
            name=NAME, label="Name", page=Tab.GENERAL, kind=FieldKind.TEXT, needed=True,
            value=provisioner_edits.text(entry, "name"),
            hint="Tokens, ACME's URLs and renewals go by it: another one ends them."
            if entry else "Short, in small letters: it stands in tokens and URLs.",
        )
    ]  # fmt: skip
    if kind == "JWK":
        found += _of_key(entry)
    held = _texts(inherited)
    for row in rows(kind):
        value = entry_values.shown(row, provisioner_edits.value_at(entry, row.path))
        if _kind(row) is FieldKind.SWITCH:
            value = value or entry_values.NO
        found.append(
            FormField(
                name=row.name,
                label=row.label,
                page=row.tab,
                kind=_kind(row),
                value=value,
                inherited=held.get(row.path[-1], "") if row.is_claim else "",
                hint=_TYPE.sub("", row.help),
                needed=row.needed and kind in row.types and adding,
                choices=row.choices,
            )
        )
    return tuple(found)


def kept(kind: str, entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Name what an entry says that its form has no field for."""
    known = [tuple(part.lower() for part in row.path) for row in rows(kind)]

    def walk(value: object, path: tuple[str, ...]) -> Iterator[str]:
        lowered = tuple(part.lower() for part in path)
        if lowered in known or lowered in {(each,) for each in _ALREADY_SHOWN}:
            return
        inner = any(each[: len(lowered)] == lowered for each in known)
        if isinstance(value, dict) and (not path or inner):
            for key, member in value.items():
                yield from walk(member, (*path, key))
        else:
            yield ".".join(path)

    return tuple(walk(dict(entry), ()))


def edits(
    typed: Typed, entry: Mapping[str, Any], octets: Callable[[int], bytes] | None
) -> tuple[list[Edit], list[FieldProblem]]:
    """Say what the values change in an entry, and all that is wrong with them.

    Without `octets` of chance, a new key is not sealed: that takes a while, and is for a preview.
    """
    problems: list[FieldProblem] = []
    found: list[Edit] = []
    known = {row.name: row for row in rows(typed.kind)}
    for name, text in typed.values.items():
        if name in (NAME, PASSWORD, PUBLIC_KEY):
            continue
        if name not in known:
            problems.append(FieldProblem(field=name, text="is no field of this type"))
            continue
        row = known[name]
        try:
            value = entry_values.read(row, text)
        except FormatError as error:
            problems.append(FieldProblem(field=name, text=error.public))
        else:
            found.append(Put(path=row.path, value=value, instead=row.instead if value else ()))
    problems += _missing(typed, entry)
    if typed.kind == "JWK":
        try:
            found += _key_edits(typed.values, octets)
        except FormatError as error:
            problems.append(FieldProblem(field=PUBLIC_KEY, text=error.public))
    return found, problems


def located(kind: str, error: ConfigError) -> FieldProblem:
    """Say beside which field a fault of the whole file belongs."""
    place = re.sub(r"^authority\.provisioners\[\d+\]\.?", "", error.place)
    if error.place == "authority.provisioners":
        return blamed(kind, error.problem)
    if place == error.place:
        return FieldProblem(field="", text=f"{place}: {error.problem}" if place else error.problem)
    for row in rows(kind):
        path = ".".join(row.path).lower()
        if place.lower() == path or place.lower().startswith((f"{path}.", f"{path}[")):
            return FieldProblem(field=row.name, text=error.problem)
    return FieldProblem(field="", text=f"{place}: {error.problem}" if place else error.problem)


def blamed(kind: str, reason: str) -> FieldProblem:
    """Say beside which field the reason belongs for which a provisioner would not work."""
    words = _WORD.findall(reason)
    for word in words:
        for row in rows(kind):
            if row.path[-1] == word:
                return FieldProblem(field=row.name, text=reason)
    return FieldProblem(field="", text=reason)


# ---- parts


def _kind(row: Row) -> FieldKind:
    if row.secret:
        return FieldKind.SECRET
    if row.form is Form.SWITCH:
        return FieldKind.CLAIM if row.is_claim else FieldKind.SWITCH
    return _KINDS.get(row.form, FieldKind.TEXT)


def _of_key(entry: Mapping[str, Any]) -> list[FormField]:
    key = entry.get("key")
    known = key.get("kid", "") if isinstance(key, dict) else ""
    return [
        FormField(
            name=PASSWORD, label="Password", page=Tab.GENERAL, kind=FieldKind.SECRET,
            value=entry_values.HIDDEN if provisioner_edits.text(entry, "encryptedKey") else "",
            hint="A new key is made, and kept encrypted with it." if not entry
            else "Typing one makes a new key: the old password and key end.",
        ),
        FormField(
            name=PUBLIC_KEY, label="or a public key", page=Tab.GENERAL, kind=FieldKind.FILE,
            value=f"({str(known)[:16]}…)" if known else "",
            hint="Whose private half is kept elsewhere: a JWK or PEM.",
        ),
    ]  # fmt: skip


def _missing(typed: Typed, entry: Mapping[str, Any]) -> Iterator[FieldProblem]:
    """Name what a type cannot do without."""
    name = typed.values.get(NAME, provisioner_edits.text(entry, "name"))
    if not name.strip():
        yield FieldProblem(field=NAME, text="a name is needed")
    for row in rows(typed.kind):
        there = provisioner_edits.value_at(entry, row.path)
        text = typed.values.get(row.name, "x" if there else "")
        if row.needed and typed.kind in row.types and not text.strip():
            yield FieldProblem(field=row.name, text="this is needed")
    keys = typed.values.get(PASSWORD, "") + typed.values.get(PUBLIC_KEY, "").strip()
    if typed.kind == "JWK" and not entry.get("key") and not keys:
        yield FieldProblem(field=PASSWORD, text="a password is needed, or a public key")


def _key_edits(values: Mapping[str, str], octets: Callable[[int], bytes] | None) -> Sequence[Edit]:
    password, public = values.get(PASSWORD, ""), values.get(PUBLIC_KEY, "")
    if password:
        key = ec.generate_private_key(ec.SECP256R1())
        secret = json.dumps(jwk.private_jwk(key), separators=(",", ":")).encode()
        sealed = entry_values.HIDDEN
        if octets is not None:
            sealed = jwe.encrypt(secret, Password(password.encode()), entropy=octets(jwe.ENTROPY))
        return [
            Put(path=("key",), value=jwk.public_jwk(key.public_key())),
            Put(path=("encryptedKey",), value=sealed),
        ]
    if public.strip():
        return [
            Put(path=("key",), value=_public(public)),
            Put(path=("encryptedKey",), value=None),
        ]
    return []


def _public(text: str) -> dict[str, Any]:
    """Read a public key as a JWK; of a private one, only its public half. Raises FormatError."""
    if not text.lstrip().startswith("{"):
        keys = public_keys.read_all(text.encode())
        if not keys:
            raise FormatError("it is neither a JWK nor a key in PEM")
        return jwk.public_jwk(keys[0])
    try:
        members = json.loads(text)
    except ValueError:
        raise FormatError("it is not JSON") from None
    key = jwk.public_key(members)
    known = {each: members[each] for each in _PUBLIC if each in members}
    return {"kid": jwk.thumbprint(members), "alg": jwk.algorithm(key)} | known


def _texts(inherited: Inherited) -> dict[str, str]:
    """Write claims by their keys in ca.json."""
    found = {
        "enableSSHCA": inherited.enable_ssh,
        "disableRenewal": inherited.disable_renewal,
        "allowRenewalAfterExpiry": inherited.allow_renewal_after_expiry,
        "disableSmallstepExtensions": inherited.disable_step_extension,
    }
    texts = {key: entry_values.YES if on else entry_values.NO for key, on in found.items()}
    for kind, span in (
        ("TLS", inherited.tls),
        ("UserSSH", inherited.user_ssh),
        ("HostSSH", inherited.host_ssh),
    ):
        for name, length in (
            ("min", span.shortest), ("max", span.longest), ("default", span.default),
        ):  # fmt: skip
            text = entry_values.brief(goduration.format_duration(length))
            texts[f"{name}{kind}CertDuration"] = text
    return texts
