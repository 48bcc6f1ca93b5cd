"""`hearth crypto hash`: digests of files and directories."""

import hashlib
import hmac
import os
import stat
from pathlib import Path
from typing import Any, Final

import click

from appliance.cli.command import StepCommand, StepGroup
from appliance.model.errors import BadRequest, Unauthorized

hash_group = StepGroup(
    "hash",
    help=(
        "Print and compare digests of files and directories.\n\n"
        "\b\nExamples:\n"
        "  $ hearth crypto hash digest foo.crt\n"
        "  $ hearth crypto hash compare 1d14bfeab8532f0f… foo.crt"
    ),
)

_NAMES: Final = {
    "sha": "sha1", "sha1": "sha1", "sha224": "sha224", "sha256": "sha256", "sha384": "sha384",
    "sha512": "sha512", "sha512-224": "sha512_224", "sha512-256": "sha512_256", "md5": "md5",
}  # fmt: skip
_GO_DIRECTORY, _GO_LINK = 1 << 31, 1 << 27
_GO_MODES: Final = (
    (stat.S_ISDIR, _GO_DIRECTORY),
    (stat.S_ISLNK, _GO_LINK),
    (stat.S_ISFIFO, 1 << 25),
    (stat.S_ISSOCK, 1 << 24),
    (stat.S_ISBLK, 1 << 26),
    (stat.S_ISCHR, (1 << 26) | (1 << 21)),
)
_GO_BITS: Final = ((stat.S_ISUID, 1 << 23), (stat.S_ISGID, 1 << 22), (stat.S_ISVTX, 1 << 20))
_MOST_LINKS: Final = 40  # followed from one to the next, as Linux does


def _hash_flags(function: Any) -> Any:
    for option in (
        click.option("--insecure", is_flag=True, hidden=True),
        click.option(
            "--alg",
            default="sha256",
            metavar="<algorithm>",
            help="sha256 (default), sha1, sha224, sha384, sha512, sha512-224, sha512-256, "
            "or md5 with --insecure.",
        ),
    ):
        function = option(function)
    return function


@hash_group.command("digest", cls=StepCommand, short_help="print digests")
@click.argument("files", nargs=-1, required=True, metavar="<file-or-directory>...")
@_hash_flags
def digest(*, files: tuple[str, ...], alg: str, insecure: bool) -> None:
    """Print the digest of every file or directory.

    That of a directory is over the modes and digests of what is in it.

    \b
    Examples:
      $ hearth crypto hash digest foo.crt
      $ hearth crypto hash digest --alg sha512 directory
    """
    name = _algorithm(alg, insecure=insecure)
    for file in files:
        click.echo(f"{_digest(name, file).hex()}  {file}")


@hash_group.command("compare", cls=StepCommand, short_help="compare with a digest")
@click.argument("expected", metavar="<hash>")
@click.argument("file", metavar="<file-or-directory>")
@_hash_flags
def compare(*, expected: str, file: str, alg: str, insecure: bool) -> None:
    """Print ok when a file or directory has this digest, and fail when not.

    \b
    Example:
      $ hearth crypto hash compare 1d14bfeab8532f0f… foo.crt
      ok
    """
    name = _algorithm(alg, insecure=insecure)
    try:
        wanted = bytes.fromhex(expected)
    except ValueError as error:
        raise BadRequest(f"error decoding {expected}: it is not hexadecimal") from error
    if not hmac.compare_digest(_digest(name, file), wanted):
        raise Unauthorized("fail")
    click.echo("ok")


def _algorithm(name: str, *, insecure: bool) -> str:
    found = _NAMES.get(name.lower())
    if found is None:
        raise BadRequest(
            f"invalid value '{name}' for flag '--alg'; options are {', '.join(_NAMES)}"
        )
    if found == "md5" and not insecure:
        raise BadRequest("flag '--alg md5' requires the '--insecure' flag")
    return found


def _digest(name: str, file: str) -> bytes:
    try:
        path = Path(file)
        return _of_directory(name, path) if path.is_dir() else _of_file(name, path)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise BadRequest(f"open {error.filename or file} failed: {reason}") from error


def _of_file(name: str, file: Path) -> bytes:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, name).digest()


def _of_directory(name: str, directory: Path) -> bytes:
    """Hash the mode of a directory, and mode and digest of each entry in the order of names.

    Modes are as Go numbers them, in four octets, the lowest first. A subdirectory's mode is in its
    digest alone.
    """
    whole = hashlib.new(name)
    whole.update(_mode(directory.stat().st_mode))
    for entry in sorted(directory.iterdir(), key=os.fsencode):
        mode = entry.lstat().st_mode
        if stat.S_ISDIR(mode):
            whole.update(_of_directory(name, entry))
            continue
        whole.update(_mode(mode))
        whole.update(_of_link(name, entry) if stat.S_ISLNK(mode) else _of_file(name, entry))
    return whole.digest()


def _of_link(name: str, link: Path) -> bytes:
    """Hash what a link leads to; a directory counts as one."""
    target = link
    for _ in range(_MOST_LINKS):
        if not target.is_symlink():
            return _of_directory(name, target) if target.is_dir() else _of_file(name, target)
        target = target.parent / target.readlink()
    raise BadRequest(f"{link} leads nowhere: too many links")


def _mode(mode: int) -> bytes:
    """Write a mode as Go's FileMode has it."""
    made = stat.S_IMODE(mode) & 0o777
    made |= next((bit for kind, bit in _GO_MODES if kind(mode)), 0)
    for bit, go_bit in _GO_BITS:
        made |= go_bit if mode & bit else 0
    return made.to_bytes(4, "little")
