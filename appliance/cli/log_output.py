"""Entries of the journal on paper: a line for people, JSON and CSV for programs.

The forms of programs are promises: members and columns are only ever added.
"""

import csv
import io
import json
from datetime import datetime
from typing import Any, Final

from appliance.authority import journal
from appliance.formats import chain
from appliance.model.errors import BadRequest, FormatError
from appliance.model.journal import JournalEntry, JournalEvent
from appliance.operator.certificate_forms import compact, inert, printable, serial_hex

COLUMNS: Final = (
    "number", "at", "kind", "operation", "subject", "sans", "provisioner", "provisioner_type",
    "serial", "serial_hex", "certificate_type", "not_before", "not_after", "reason", "client",
    "request_id", "asked_by", "replaces", "sha256", "checkpoint",
)  # fmt: skip
_DIGITS: Final = 10  # of a serial number


def line(told: JournalEvent) -> str:
    """Write an entry for people; what is not known is left out."""
    event = told.event
    serial = serial_hex(event.serial)[: 2 + _DIGITS] if event.serial is not None else ""
    others = len(set(event.sans) - {event.subject})
    subject = event.subject or (event.sans[0] if event.sans else "")
    parts = (
        f"{told.number:>6}",
        f"{event.at:%Y-%m-%d %H:%M:%S}",
        f"{event.kind:<8}",
        f"{event.operation:<10}",
        subject + (f" +{others}" if subject and others else ""),
        serial,
        f"by {event.provisioner}" if event.provisioner else "",
        f"from {event.client}" if event.client else "",
        f"({event.reason})" if event.reason else "",
    )
    return "  ".join(printable(part) for part in parts if part).rstrip() + "\n"


def as_object(told: JournalEvent) -> dict[str, Any]:
    """Give the members of an entry, times in RFC 3339; what is not known is empty."""
    event = told.event
    return {
        "number": told.number,
        "at": _time(event.at),
        "kind": event.kind.value,
        "operation": event.operation,
        "subject": event.subject,
        "sans": list(event.sans),
        "provisioner": event.provisioner,
        "provisioner_type": event.provisioner_type,
        "serial": "" if event.serial is None else str(event.serial),
        "serial_hex": "" if event.serial is None else serial_hex(event.serial),
        "certificate_type": event.certificate_type,
        "not_before": _time(event.not_before),
        "not_after": _time(event.not_after),
        "reason": event.reason,
        "client": event.client,
        "request_id": event.request_id,
        "asked_by": event.asked_by,
        "replaces": "" if event.replaces is None else str(event.replaces),
        "sha256": event.fingerprint,
        "checkpoint": told.checkpoint,
    }


def json_line(told: JournalEvent) -> str:
    """Write an entry as one line of JSON."""
    return compact(as_object(told)) + "\n"


def csv_head() -> str:
    """Write the header."""
    return _row(list(COLUMNS))


def csv_line(told: JournalEvent) -> str:
    """Write an entry as a row; names stand between spaces."""
    fields = as_object(told)
    fields["sans"] = " ".join(told.event.sans)
    return _row([inert(str(fields[column])) for column in COLUMNS])


# ---- as it is stored, so that a copy can be verified


def chained_line(entry: JournalEntry) -> str:
    """Write an entry with its chain; `body` is the text that its hash is made of."""
    link = chain.Entry(entry.number, entry.previous, entry.body).link
    return (
        json.dumps(
            {
                "number": entry.number,
                "previous": entry.previous.hex(),
                "hash": link.hash.hex(),
                "body": entry.body.decode(errors="surrogateescape"),
            }
        )
        + "\n"
    )


def read_chained(text: str, place: str) -> JournalEntry:
    """Read what `chained_line` wrote. Raises BadRequest."""
    try:
        members = json.loads(text)
        return JournalEntry(
            number=int(members["number"]),
            previous=bytes.fromhex(members["previous"]),
            body=members["body"].encode(errors="surrogateescape"),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadRequest(f"{place} is no entry that `hearth log export` wrote") from error


def told(entry: JournalEntry) -> JournalEvent:
    """Read an entry. Raises BadRequest for one that cannot be."""
    try:
        return journal.read(entry)
    except FormatError as error:
        raise BadRequest(f"{error.public}: see hearth log verify") from error


def _time(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat().replace("+00:00", "Z")


def _row(cells: list[str]) -> str:
    stream = io.StringIO()
    csv.writer(stream).writerow(cells)
    return stream.getvalue().removesuffix("\r\n") + "\n"
