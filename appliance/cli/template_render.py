"""`hearth template render`: what a template makes of given data."""

import secrets
import sys
from collections.abc import Mapping
from typing import Any, Final

import click
import msgspec

from appliance.cli.clock import SystemClock
from appliance.cli.command import StepCommand
from appliance.cli.files import read_file
from appliance.formats.gotemplate import template
from appliance.formats.gotemplate.decoding import from_json
from appliance.formats.gotemplate.errors import TemplateError
from appliance.formats.gotemplate.functions import sprig, standard
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.formats.gotemplate.signatures import Function
from appliance.model.errors import BadRequest, FormatError

_STDIN: Final = "-"
_NO_DATA: Final = b"{}"


class _Line(msgspec.Struct, frozen=True):
    """A line of standard input under --jsonl."""

    template: str
    data: msgspec.Raw = msgspec.Raw()


@click.command("render", cls=StepCommand)
@click.argument("file", metavar="[<file>]", default=_STDIN)
@click.option("--data", metavar="<file>", help="The data as JSON; - is standard input.")
@click.option(
    "--jsonl",
    is_flag=True,
    help="Read templates as lines of JSON from standard input; answer each with a line.",
)
@click.option(
    "--functions",
    type=click.Choice(["step", "sprig"]),
    default="step",
    help="Which functions there are: sprig's and step's own (default), or sprig's alone.",
)
def render(*, file: str, data: str | None, jsonl: bool, functions: str) -> None:
    """Show what a template makes of given data.

    The template has the functions of certificate templates: Go's, those of sprig, and step's own.
    Without a file it is read from standard input. Data is one JSON value, an empty object where
    none is given.

    With --jsonl, each line of standard input is an object with a member "template", and may have
    one "data", else that of --data counts. Each is answered by an object with either "output", or
    "error" (why) and "stage" ("parse", "exec", or "input" for a line that cannot be read).

    \b
    Examples:
      $ hearth template render leaf.tpl --data data.json
      $ echo '{{ .Token.sub | upper }}' | hearth template render --data data.json
      $ echo '{"template": "{{ add 1 2 }}"}' | hearth template render --jsonl
    """
    if jsonl and file != _STDIN:
        raise BadRequest("flag '--jsonl' reads templates from standard input: name no file")
    if data == _STDIN and file == _STDIN:
        raise BadRequest("the template and the data cannot both come from standard input")
    document = _NO_DATA if data is None else read_file(data)
    value = _decoded(document, data or "")
    if jsonl:
        _answer_lines(document, functions)
        return
    text = read_file(file).decode("utf-8", "surrogateescape")
    name = template.NAME if file == _STDIN else file
    click.echo(
        template.parse(text, _functions(functions), name=name).render_octets(value), nl=False
    )


def _functions(library: str) -> Mapping[str, Function]:
    """Give the functions, which tell the present time."""
    context = FunctionContext(now=SystemClock().now(), entropy=secrets.token_bytes)
    return sprig(context) if library == "sprig" else standard(context)


def _decoded(document: bytes, name: str) -> Any:
    try:
        return from_json(document)
    except FormatError as error:
        raise BadRequest(f"error reading {name}: {error.public}") from error


def _answer_lines(document: bytes, functions: str) -> None:
    """Answer each line as soon as it is there; one that is wrong stops nothing."""
    for line in sys.stdin.buffer:
        if line.strip():
            click.echo(msgspec.json.encode(_answered(line, document, functions)))
            sys.stdout.flush()


def _answered(line: bytes, document: bytes, functions: str) -> dict[str, str]:
    """Render one line; the data is decoded for each, since templates may change it."""
    try:
        read = msgspec.json.decode(line, type=_Line)
        data = from_json(bytes(read.data) or document)
    except (msgspec.MsgspecError, FormatError, UnicodeDecodeError) as error:
        return {"error": f"the line cannot be read: {error}", "stage": "input"}
    try:
        return {"output": template.parse(read.template, _functions(functions)).render(data)}
    except TemplateError as error:
        return {"error": error.public, "stage": error.stage}
