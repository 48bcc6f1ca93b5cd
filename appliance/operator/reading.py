"""What a person names or pastes for a field that wants a file's content; read where they are."""

from pathlib import Path
from typing import Final

from appliance.model.errors import BadRequest

_LARGEST: Final = 60_000  # octets; more does not fit into a call
_CONTENT: Final = ("-----BEGIN", "{")


def path_of(typed: str) -> Path:
    """Give the path that was typed, from ~ on, too. Raises BadRequest."""
    try:
        return Path(typed.strip()).expanduser()
    except RuntimeError as error:
        raise BadRequest(f"{typed.strip()}: there is no such user; write the whole path") from error


def content_of(typed: str) -> str:
    """Give the text of the file of this name, or what was typed where that is the content itself.

    Waits for the disk. Raises BadRequest.
    """
    if not typed.strip() or typed.lstrip().startswith(_CONTENT):
        return typed
    path = path_of(typed)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadRequest(f"{path} cannot be read: {error.strerror or error}") from error
    if len(content) > _LARGEST:
        raise BadRequest(f"{path} has more than {_LARGEST} octets")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(f"{path} is not text: give it in PEM") from error
