"""The inventory on paper: text for people, JSON and CSV for programs, PEM.

The forms of programs are promises: members and columns are only ever added.
"""

import base64
import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from appliance.formats import pem
from appliance.formats.ssh.wire import Reader
from appliance.model.inventory import (
    CertificateDetail,
    CertificateKind,
    CertificateState,
    CertificateSummary,
)

_DIGITS: Final = 10  # of a serial number in a list; enough to be the only one that begins so
_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_REASONS: Final = (  # RFC 5280 5.3.1
    "unspecified", "key compromise", "CA compromise", "affiliation changed", "superseded",
    "cessation of operation", "certificate hold", "", "remove from CRL", "privilege withdrawn",
    "AA compromise",
)  # fmt: skip

COLUMNS: Final = (
    "serial", "serial_hex", "subject", "sans", "provisioner", "provisioner_type", "not_before",
    "not_after", "issued_at", "state", "revoked_at", "reason_code", "reason", "kind",
    "certificate_type",
)  # fmt: skip
_FORMULA: Final = re.compile(r"\s*[=+\-@]|[\t\r]")


def serial_hex(serial: int) -> str:
    """Write a serial number as octets in hexadecimal."""
    text = f"{serial:x}"
    return "0x" + text.zfill(len(text) + len(text) % 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a list is written: the head, each certificate, what is between two, the tail."""

    head: str
    entry: Callable[[CertificateSummary, bytes], str]  # given the DER, empty unless asked for
    between: str = ""
    tail: str = ""
    end: Callable[[str], str] = lambda _: ""  # told the cursor, where there are more
    with_octets: bool = False


def table(now: datetime) -> Form:
    """Give a line for each certificate, 80 columns wide, times relative to `now`."""
    return Form(head=_line(_HEADINGS), entry=lambda each, _: _line(_cells(each, now)))


def as_json(*, with_octets: bool) -> Form:
    """Give `{"certificates":[…]}`, a line for each certificate; `with_octets` adds `pem`.

    Where there are more, `cursor` is what to go on with.
    """
    return Form(
        head='{"certificates":[\n',
        entry=lambda each, der: compact(as_object(each, der)),
        between=",\n",
        tail="\n]",
        end=lambda cursor: f',"cursor":{json.dumps(cursor)}}}\n' if cursor else "}\n",
        with_octets=with_octets,
    )


def as_csv() -> Form:
    """Give a header and a row for each (RFC 4180, but lines end in LF)."""
    return Form(head=_row(COLUMNS), entry=lambda each, _: _row(_columns(each)))


def as_pem() -> Form:
    """Give the certificates, one after the other."""
    return Form(head="", entry=lambda _, der: pem.encode("CERTIFICATE", der), with_octets=True)


def as_openssh() -> Form:
    """Give SSH certificates as lines of OpenSSH, one for each."""
    return Form(head="", entry=lambda _, blob: f"{openssh(blob)}\n", with_octets=True)


def openssh(blob: bytes) -> str:
    """Write an SSH certificate as its file has it."""
    return f"{Reader(blob).text()} {base64.b64encode(blob).decode('ascii')}"


# ---- text

_HEADINGS: Final = ("SERIAL", "NAME", "PROVISIONER", "ISSUED", "EXPIRES")
_WIDTHS: Final = (12, 30, 12, 9, 9)  # 80 columns with two spaces between


def _cells(each: CertificateSummary, now: datetime) -> tuple[str, ...]:
    return (
        serial_hex(each.serial)[: 2 + _DIGITS],
        _names(each),
        each.provisioner or "-",
        f"{_span(now - each.issued_at)} ago",
        _end(each, now),
    )


def details(detail: CertificateDetail, now: datetime) -> Iterator[str]:
    """Give all that is known, with full times, and the certificate."""
    each = detail.summary
    provisioner = each.provisioner or "-"
    if each.provisioner_type:
        provisioner += f" ({each.provisioner_type})"
    rows = [
        ("Serial", str(each.serial)),
        ("", serial_hex(each.serial)),
        *_names_of(each),
        ("Provisioner", provisioner),
        ("Issued", _moment(each.issued_at, now)),
        ("Not before", _moment(each.not_before, now)),
        ("Not after", _moment(each.not_after, now)),
        ("State", each.state.value),
    ]
    if each.revocation is not None:
        rows += [
            ("Revoked", _moment(each.revocation.at, now)),
            ("Reason", _reason(each.revocation.reason_code, each.revocation.reason)),
        ]
        if each.revocation.provisioner_id or each.revocation.means:
            by = (each.revocation.provisioner_id, each.revocation.means)
            rows.append(("Revoked by", ", ".join(part for part in by if part)))
    rows += _history(detail)
    for label, value in rows:
        yield f"{label:12} {printable(value)}".rstrip()
    yield ""
    if each.kind is CertificateKind.SSH:
        yield openssh(detail.der)
    else:
        yield pem.encode("CERTIFICATE", detail.der).rstrip("\n")


def _history(detail: CertificateDetail) -> list[tuple[str, str]]:
    """Say who asked, and what it was renewed from and by."""
    rows: list[tuple[str, str]] = []
    if (origin := detail.origin) is not None:
        asked = (origin.operation, origin.asked_by)
        rows.append(("Asked by", ", ".join(part for part in asked if part)))
        rows += [("From", origin.client)] if origin.client else []
    rows += _labelled("Renews", [serial_hex(each) for each in reversed(detail.before)])
    rows += _labelled("Renewed by", [serial_hex(each) for each in detail.renewed_by])
    return rows


def history_object(detail: CertificateDetail) -> dict[str, Any]:
    """Give the members that only one certificate's answer has."""
    origin = detail.origin
    return {
        "origin": None
        if origin is None
        else {
            "operation": origin.operation,
            "asked_by": origin.asked_by,
            "client": origin.client,
            "replaces": "" if origin.replaces is None else str(origin.replaces),
        },
        "renews": [str(each) for each in detail.before],
        "renewed_by": [str(each) for each in detail.renewed_by],
    }


def _names_of(each: CertificateSummary) -> list[tuple[str, str]]:
    if each.kind is CertificateKind.SSH:
        return [
            ("Type", f"SSH {each.certificate_type}"),
            ("Key ID", each.subject or "-"),
            *_labelled("Principals", each.sans or ("any",)),
        ]
    return [("Subject", each.subject or "-"), *_labelled("Names", each.sans or ("-",))]


def printable(text: str) -> str:
    """Write text that a stranger chose so that it cannot steer a terminal."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def _line(cells: Sequence[str]) -> str:
    fitted = (
        _fit(printable(cell), width).ljust(width)
        for cell, width in zip(cells, _WIDTHS, strict=True)
    )
    return "  ".join(fitted).rstrip() + "\n"


def _fit(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _names(each: CertificateSummary) -> str:
    """Give the subject, or else its first name, and how many names there are beside it."""
    first = each.subject or (each.sans[0] if each.sans else "-")
    others = len(set(each.sans) - {first})
    more = f" +{others}" if others else ""
    return _fit(first, _WIDTHS[1] - len(more)) + more


def _end(each: CertificateSummary, now: datetime) -> str:
    match each.state:
        case CertificateState.REVOKED:
            return "revoked"
        case CertificateState.EXPIRED:
            return f"{_span(now - each.not_after)} ago"
        case CertificateState.ACTIVE:
            return f"in {_span(each.not_after - now)}"


def _span(span: timedelta) -> str:
    """Write a time span in its largest unit, or two of them where that is a small number."""
    seconds = max(int(span.total_seconds()), 0)
    for place, (unit, size) in enumerate(_UNITS):
        if seconds >= size:
            count, rest = divmod(seconds, size)
            if count < 3 and place + 1 < len(_UNITS):
                smaller, smaller_size = _UNITS[place + 1]
                if part := rest // smaller_size:
                    return f"{count}{unit}{part}{smaller}"
            return f"{count}{unit}"
    return "0s"


def _moment(moment: datetime, now: datetime) -> str:
    span = moment - now
    relative = f"in {_span(span)}" if span >= timedelta() else f"{_span(-span)} ago"
    return f"{_time(moment)} ({relative})"


def _labelled(label: str, values: Sequence[str]) -> list[tuple[str, str]]:
    return [(label if place == 0 else "", value) for place, value in enumerate(values)]


def _reason(code: int, text: str) -> str:
    name = _REASONS[code] if 0 <= code < len(_REASONS) else ""
    return f"{code}{f' {name}' if name else ''}{f': {text}' if text else ''}"


# ---- JSON


def compact(value: object) -> str:
    """Write JSON on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def as_object(each: CertificateSummary, der: bytes = b"") -> dict[str, Any]:
    """Give the members of a certificate, times in RFC 3339.

    Where its octets are given, `pem` or for SSH `openssh` has them.
    """
    revocation = each.revocation
    fields: dict[str, Any] = {
        "serial": str(each.serial),
        "serial_hex": serial_hex(each.serial),
        "subject": each.subject,
        "sans": list(each.sans),
        "provisioner": each.provisioner,
        "provisioner_type": each.provisioner_type,
        "not_before": _time(each.not_before),
        "not_after": _time(each.not_after),
        "issued_at": _time(each.issued_at),
        "state": each.state.value,
        "revocation": None,
        "kind": each.kind.value,
        "certificate_type": each.certificate_type,
    }
    if revocation is not None:
        fields["revocation"] = {
            "at": _time(revocation.at),
            "reason_code": revocation.reason_code,
            "reason": revocation.reason,
            "provisioner_id": revocation.provisioner_id,
            "means": revocation.means,
        }
    if der and each.kind is CertificateKind.SSH:
        fields["openssh"] = openssh(der)
    elif der:
        fields["pem"] = pem.encode("CERTIFICATE", der)
    return fields


def _time(moment: datetime) -> str:
    """Write RFC 3339 in UTC; a fraction of a second only where there is one."""
    return moment.isoformat().replace("+00:00", "Z")


# ---- CSV


def _columns(each: CertificateSummary) -> list[str]:
    """Give the cells of a row; names stand between spaces."""
    fields = as_object(each)
    revocation = fields.pop("revocation") or {}
    fields["sans"] = " ".join(each.sans)
    fields["revoked_at"] = revocation.get("at", "")
    fields["reason_code"] = revocation.get("reason_code", "")
    fields["reason"] = revocation.get("reason", "")
    return [inert(str(fields[column])) for column in COLUMNS]


def inert(cell: str) -> str:
    """Keep a spreadsheet from taking what a stranger wrote for a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _row(cells: Sequence[str]) -> str:
    stream = io.StringIO()
    csv.writer(stream).writerow(cells)  # with its own line end it quotes both CR and LF
    return stream.getvalue().removesuffix("\r\n") + "\n"
