"""`hearth crypto rand`: random text, numbers and words."""

import secrets
import string
import uuid
from typing import Final

import click

from appliance.cli.command import StepCommand
from appliance.cli.files import read_file
from appliance.formats import primes
from appliance.model.errors import BadRequest, NotSupported

_ALPHABETS: Final = {
    "": "".join(map(chr, range(33, 127))),
    "ascii": "".join(map(chr, range(33, 127))),
    "alphanumeric": string.ascii_letters + string.digits,
    "alphabet": string.ascii_letters,
    "hex": "0123456789abcdef",
    "hexadecimal": "0123456789abcdef",
    "dec": string.digits,
    "decimal": string.digits,
    "lower": string.ascii_lowercase,
    "upper": string.ascii_uppercase,
}
_OTHERS: Final = ("uuid", "die", "dice", "prime", "raw")


@click.command("rand", cls=StepCommand)
@click.argument("length", metavar="[<length>]", required=False)
@click.option(
    "--format",
    "form",
    default="",
    metavar="<format>",
    help="ascii (default), alphanumeric, alphabet, hex, dec, lower, upper, uuid, die, prime, raw.",
)
@click.option(
    "--dictionary", "--dict", "dictionary", metavar="<file>", help="Choose words of this file."
)
def rand(*, length: str | None, form: str, dictionary: str | None) -> None:
    """Print random characters, 32 unless told otherwise, from a cryptographic source.

    A die has <length> sides (6), a prime so many bits; of a dictionary come <length> words (6).

    \b
    Examples:
      $ hearth crypto rand
      $ hearth crypto rand --format hex 64
      $ hearth crypto rand --dictionary words.txt 6
    """
    form = form.lower()
    if dictionary and form:
        raise BadRequest("flag '--dictionary' is incompatible with '--format'")
    small = dictionary or form in ("die", "dice")
    count = _count(length, 6 if small else 32)
    if dictionary:
        click.echo(_words(dictionary, count))
    elif form == "raw":
        click.echo(secrets.token_bytes(count), nl=False)
    else:
        click.echo(_text(form, count))


def _count(text: str | None, usual: int) -> int:
    if text is None:
        return usual
    try:
        count = int(text)
    except ValueError:
        raise BadRequest(f'positional argument <length> "{text}" is not a valid number') from None
    if count <= 0:
        raise BadRequest(f'positional argument <length> "{text}" must be greater than 0')
    if count > 1 << 24:
        raise BadRequest(f'positional argument <length> "{text}" is more than can be made')
    return count


def _text(form: str, count: int) -> str:
    match form:
        case "uuid":
            return str(uuid.uuid4())
        case "die" | "dice":
            return str(secrets.randbelow(count) + 1)
        case "prime":
            if not 2 <= count <= 8192:
                raise BadRequest("a prime has from 2 to 8192 bits")
            return str(primes.prime(count, secrets.token_bytes))
        case "emoji":
            raise NotSupported("random emoji are not supported: use --format ascii")
        case _:
            return _characters(form, count)


def _characters(form: str, count: int) -> str:
    if form not in _ALPHABETS:
        names = ", ".join((*filter(None, _ALPHABETS), *_OTHERS))
        raise BadRequest(f"invalid value '{form}' for flag '--format'; options are {names}")
    return "".join(secrets.choice(_ALPHABETS[form]) for _ in range(count))


def _words(file: str, count: int) -> str:
    words = [word.strip() for word in read_file(file).decode("utf-8", "replace").splitlines()]
    if not words:
        raise BadRequest(f"{file} has no words")
    return "-".join(secrets.choice(words) for _ in range(count))
