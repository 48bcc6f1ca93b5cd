"""Reading keys as authorized_keys and `.pub` files have them: `[OPTIONS] TYPE BASE64 COMMENT`."""

from typing import Final

from appliance.formats.ssh import certificate, keys
from appliance.formats.ssh.certificate import SshCertificate
from appliance.formats.ssh.keys import SshPublicKey
from appliance.formats.ssh.wire import Reader
from appliance.model.errors import FormatError

_WHITE: Final = " \t"


def read(content: bytes) -> tuple[SshPublicKey | SshCertificate, str]:
    """Give the first key or certificate of a file, and its comment.

    Options before it are left out; lines with something else are skipped. Raises FormatError.
    """
    last = FormatError("no SSH key or certificate found")
    for line in content.decode("utf-8", "replace").split("\n"):
        text = line.partition("\r")[0].strip()
        if not text or text.startswith("#"):
            continue
        for candidate in (text, _behind_options(text)):
            words = candidate.split(None, 2)
            if len(words) < 2 or not _is_data(words[1]):
                continue
            try:
                return _read(words[0], words[1]), words[2].strip() if len(words) > 2 else ""
            except FormatError as error:
                last = error
    raise last


def parse(blob: bytes) -> SshPublicKey | SshCertificate:
    """Read a key or a certificate. Raises FormatError."""
    return certificate.parse(blob) if certificate.is_certificate(blob) else keys.parse(blob)


def _read(kind: str, encoded: str) -> SshPublicKey | SshCertificate:
    """Read a key whose line says what it is: an option there must not be taken for its type."""
    held = parse(keys.of_base64(encoded))
    named = held.type_name if isinstance(held, SshCertificate) else held.type
    if named != kind:
        raise FormatError(f"a line that says {kind[:60]!r} and holds {named}")
    return held


def _is_data(word: str) -> bool:
    """Tell data of SSH from mere words."""
    try:
        Reader(keys.of_base64(word)).text()
    except FormatError:
        return False
    return True


def _behind_options(text: str) -> str:
    """Leave out options, which may have spaces inside quotes."""
    quoted = False
    for place, character in enumerate(text):
        if character == '"' and (not place or text[place - 1] != "\\"):
            quoted = not quoted
        elif character in _WHITE and not quoted:
            return text[place:].strip()
    return ""
