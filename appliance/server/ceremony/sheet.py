"""The recovery sheet: what is where, and how to get it back. No secret is on it.

As text, and as a page to print, with QR codes of what nobody wants to type.
"""

import html
import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import segno

from appliance.formats import pem

_WIDTH: Final = 78
_BEGIN, _END = "-----BEGIN HEARTH ENVELOPE-----", "-----END HEARTH ENVELOPE-----"
_STYLE: Final = """body{font:11pt/1.4 serif;max-width:18cm;margin:1cm auto;color:#000}
h1{font-size:18pt}h2{font-size:13pt;margin:1.2em 0 .3em}pre,code,td{font-family:monospace}
table{border-collapse:collapse}td,th{border:1px solid #888;padding:.2em .5em;text-align:left}
pre{white-space:pre-wrap;overflow-wrap:anywhere}figure{display:inline-block;margin:.5em 1em 0 0}
figure,tr,h2{break-inside:avoid}.page{break-before:page}"""
_QR_LARGEST: Final = 2300  # octets that a code of low correction holds and a camera still reads


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one key is, and what opens it."""

    role: str
    where: str
    opened_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """All that the sheet says."""

    name: str
    made: datetime
    url: str
    fingerprint: str
    root: bytes  # DER
    places: Sequence[Place]
    notes: Sequence[str]
    envelope: str = ""
    shares: tuple[int, int] | None = None


def grouped(fingerprint: str) -> str:
    """Write a fingerprint so that two people can compare it aloud."""
    return " ".join(fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4))


def restoring(sheet: Sheet) -> list[str]:
    """Say what to do, by what was lost."""
    opened = (
        f"Its secrets: bring {sheet.shares[0]} of the {sheet.shares[1]} shares together and run "
        "`hearth ca recover` with the envelope below. Or: any SLIP-39 program joins the shares to "
        "16 octets, whose hexadecimal form is the password of the envelope, a JWE "
        "(`step crypto jwe decrypt`)."
        if sheet.shares
        else "Its secrets are where they were written down at the ceremony; they are not here."
    )
    return [
        opened,
        "The box is lost, its token is not: set up a box, put back the last backup of ca.json and "
        "database, plug the token in, start `hearth serve` and give the PIN. Root and "
        "intermediate certificates are on their tokens, beside their keys.",
        "The token in the box is lost: bring the root's token or medium, make new keys on a new "
        "token (`hearth kms create`), have the root sign a new intermediate "
        "(`hearth certificate create --profile intermediate-ca --ca-kms … --ca-key …`) and name "
        "both in ca.json. Clients that trust the root notice nothing.",
        "The PIN was wrong too often: the PUK sets a new one (`ykman piv access unblock-pin`).",
        "The root's token or medium is lost: the CA goes on until the intermediate ends. Make a "
        "new root in time, by a new ceremony, and have clients trust it.",
        "Whoever may have copied a key: revoke what it signed, make a new CA, and have clients "
        "trust the new root in place of this one.",
    ]


def as_text(sheet: Sheet) -> str:
    """Write the sheet for a terminal or a plain printer."""
    lines = [
        f"RECOVERY SHEET of {sheet.name}",
        "",
        f"Made {sheet.made:%Y-%m-%d %H:%M} UTC. The CA is at {sheet.url}",
        "",
        "Fingerprint of the root (SHA-256):",
        f"  {grouped(sheet.fingerprint)[:39]}",
        f"  {grouped(sheet.fingerprint)[40:]}",
        "",
        "WHAT IS WHERE",
    ]
    for place in sheet.places:
        lines += [f"  {place.role}: {place.where}", f"    opened by: {place.opened_by}"]
    lines += ["", "SEEN AT THE CEREMONY", *_wrapped(sheet.notes)]
    lines += ["", "HOW TO RESTORE", *_wrapped(restoring(sheet)), ""]
    if sheet.envelope:
        lines += [_BEGIN, *textwrap.wrap(sheet.envelope, 64, break_on_hyphens=False), _END, ""]
    return "\n".join([*lines, pem.encode("CERTIFICATE", sheet.root)])


def envelope_in(text: str) -> str:
    """Find the envelope in a sheet, or take the text as one."""
    _, begun, rest = text.partition(_BEGIN)
    return "".join((rest.partition(_END)[0] if begun else text).split())


def as_page(sheet: Sheet) -> str:
    """Write the sheet as a page to print; it needs nothing from elsewhere."""
    rows = "".join(
        f"<tr><td>{_safe(each.role)}</td><td>{_safe(each.where)}</td>"
        f"<td>{_safe(each.opened_by)}</td></tr>"
        for each in sheet.places
    )
    parts = [
        f"<h1>Recovery sheet of {_safe(sheet.name)}</h1>",
        f"<p>Made {sheet.made:%Y-%m-%d %H:%M} UTC. The CA is at {_safe(sheet.url)}</p>",
        "<h2>Fingerprint of the root (SHA-256)</h2>",
        f"<pre>{grouped(sheet.fingerprint)}</pre>",
        _code(sheet.fingerprint, "the fingerprint"),
        _code(pem.encode("CERTIFICATE", sheet.root), "the root certificate"),
        f"<h2>What is where</h2><table><tr><th>Key<th>Place<th>Opened by</tr>{rows}</table>",
        f"<h2>Seen at the ceremony</h2>{_list(sheet.notes)}",
        f"<h2>How to restore</h2>{_list(restoring(sheet))}",
    ]
    if sheet.envelope:
        parts.append(f"<h2 class=page>Envelope</h2><pre>{_safe(sheet.envelope)}</pre>")
        parts.append(_code(sheet.envelope, "the envelope"))
    return _page(f"Recovery sheet of {sheet.name}", parts)


def share_page(sheet: Sheet, number: int, words: str) -> str:
    """Write one share as a page to print. It is a secret."""
    threshold, count = sheet.shares or (0, 0)
    title = f"Share {number} of {count} of {sheet.name}"
    parts = [
        f"<h1>{_safe(title)}</h1>",
        f"<p>{threshold} of {count} shares and the recovery sheet open the secrets of this CA. "
        "Keep this page where no other share is, and let nobody copy it.</p>",
        f"<p>Root: <code>{grouped(sheet.fingerprint)[:39]} …</code></p>",
        f"<pre>{_safe(numbered(words))}</pre>",
        _code(words, "the words"),
    ]
    return _page(title, parts)


def numbered(words: str) -> str:
    """Write the words of a share with their numbers, four a line."""
    listed = [f"{number:2}. {word:<9}" for number, word in enumerate(words.split(), 1)]
    return "\n".join("  ".join(listed[at : at + 4]).rstrip() for at in range(0, len(listed), 4))


def _page(title: str, parts: Sequence[str]) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_safe(title)}</title>'
        f"<style>{_STYLE}</style>{''.join(parts)}</html>\n"
    )


def _code(content: str, caption: str) -> str:
    if len(content.encode()) > _QR_LARGEST:
        return ""
    drawing = io.BytesIO()
    segno.make(content, error="l", micro=False, boost_error=False).save(
        drawing, kind="svg", scale=2, xmldecl=False, svgns=True, title=caption
    )
    return f"<figure>{drawing.getvalue().decode()}<figcaption>{caption}</figcaption></figure>"


def _list(items: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{_safe(item)}' for item in items)}</ul>"


def _wrapped(items: Sequence[str]) -> list[str]:
    return [
        line
        for item in items
        for line in textwrap.wrap(
            item, _WIDTH, initial_indent="  - ", subsequent_indent="    ", break_long_words=False
        )
    ]


def _safe(text: str) -> str:
    return html.escape(text)
