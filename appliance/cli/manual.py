"""Manual pages (man(7)) made from the command line's own help: one for each command of the top.

A page of a group has the commands below it as subsections, each with its usage, text and flags.
"""

import inspect
import re
from collections.abc import Iterator, Mapping

import click

from appliance.model.version import RELEASED, VERSION

_AS_IT_IS = "\b"  # click's mark of a paragraph whose lines stay lines
_SKIPPED = frozenset({"help"})


def pages(root: click.Command) -> Mapping[str, str]:
    """Write every page, by its file's name: `hearth.1`, `hearth-ca.1`, …"""
    top = click.Context(root, info_name="hearth")
    found = {"hearth.1": _first_page(top, root)}
    for context, command in _below(top, root):
        name = f"hearth-{context.info_name}"
        found[f"{name}.1"] = _page(name, context, command)
    return found


def _first_page(context: click.Context, command: click.Command) -> str:
    lines = [
        *_head("hearth", "a certificate authority that fits in one file"),
        ".SH SYNOPSIS",
        *_synopsis(context, command),
        ".SH DESCRIPTION",
        *_text(command.help or ""),
        *_flags(context, command, ".SH OPTIONS"),
        ".SH COMMANDS",
    ]
    for below, each in _below(context, command):
        lines += [
            ".TP",
            f".BR hearth\\-{_plain(str(below.info_name))} (1)",
            _line(each.get_short_help_str(200)),
        ]
    return _joined([*lines, *_foot([])])


def _page(name: str, context: click.Context, command: click.Command) -> str:
    lines = [
        *_head(name, command.get_short_help_str(200).rstrip(".")),
        ".SH SYNOPSIS",
        *_synopsis(context, command),
        ".SH DESCRIPTION",
        *_text(command.help or ""),
        *_flags(context, command, ".SH OPTIONS"),
    ]
    parts = [line for each in _below(context, command) for line in _part(*each)]
    if parts:
        lines += [".SH COMMANDS", *parts]
    return _joined([*lines, *_foot(["hearth"])])


def _part(context: click.Context, command: click.Command) -> Iterator[str]:
    """Write a command below the top, and all below it."""
    if not isinstance(command, click.Group):
        yield f".SS {_plain(context.command_path)}"
        yield from _synopsis(context, command)
        yield from _text(command.help or "")
        yield from _flags(context, command, ".PP\nFlags:")
    for each in _below(context, command):
        yield from _part(*each)


def _below(
    context: click.Context, command: click.Command
) -> Iterator[tuple[click.Context, click.Command]]:
    if not isinstance(command, click.Group):
        return
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        if found is not None and not found.hidden and name not in _SKIPPED:
            yield click.Context(found, info_name=name, parent=context), found


def _head(name: str, summary: str) -> list[str]:
    return [
        f'.TH {_plain(name).upper()} 1 {RELEASED} "Hearth {VERSION}" "Hearth"',
        ".nh",
        ".ad l",
        ".SH NAME",
        f"{_plain(name)} \\- {_line(summary)}",
    ]


def _foot(also: list[str]) -> list[str]:
    if not also:
        return []
    return [".SH SEE ALSO", *(f".BR {_plain(each)} (1)" for each in also)]


def _synopsis(context: click.Context, command: click.Command) -> list[str]:
    usage = " ".join(command.collect_usage_pieces(context))
    return [".PP", f"\\fB{_plain(context.command_path)}\\fR {_plain(usage)}"]


def _flags(context: click.Context, command: click.Command, heading: str) -> list[str]:
    lines = []
    for param in command.get_params(context):
        record = param.get_help_record(context) if isinstance(param, click.Option) else None
        if record is not None:
            lines += [".TP", f"\\fB{_plain(record[0])}\\fR", _line(record[1]) or "\\&"]
    return [heading, *lines] if lines else []


def _text(written: str) -> Iterator[str]:
    """Write paragraphs; those marked as they are keep their lines."""
    for paragraph in re.split(r"\n[ \t]*\n", inspect.cleandoc(written)):
        lines = [line for line in paragraph.split("\n") if line.strip()]
        if not lines:
            continue
        yield ".PP"
        if lines[0].strip() == _AS_IT_IS:
            yield from (".nf", *map(_line, lines[1:]), ".fi")
        else:
            yield _line(" ".join(each.strip() for each in lines))


def _line(text: str) -> str:
    """Write one line of text: names of commands in bold, and nothing that roff would obey."""
    marked = re.sub(r"`([^`]+)`", "\x01\\1\x02", text)
    plain = _plain(marked).replace("\x01", "\\fB").replace("\x02", "\\fR")
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain


def _plain(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-").replace("…", "\\[u2026]")


def _joined(lines: list[str]) -> str:
    # A heading begins a paragraph by itself.
    return re.sub(r"^(\.S[HS] .*)\n\.PP$", r"\1", "\n".join([*lines, ""]), flags=re.MULTILINE)
