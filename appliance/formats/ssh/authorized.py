"""Reading keys as authorized_keys and `.pub` files have them, as loosely as step does.

A line is `[OPTIONS] TYPE BASE64 COMMENT`; the type is that in the data, whatever is written.
"""

from typing import Final

from appliance.formats.ssh import certificate, keys
from appliance.formats.ssh.certificate import SshCertificate
from appliance.formats.ssh.keys import SshPublicKey
from appliance.formats.ssh.wire import Reader
from appliance.model.errors import FormatError

_WHITE: Final = " \t"


def read(content: bytes) -> tuple[SshPublicKey | SshCertificate, str]:
    """Give the first key or certificate of a file, and its comment. Raises FormatError."""
    last = FormatError("no SSH key or certificate found")
    for line in content.decode("utf-8", "replace").split("\n"):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        for rest in (_behind_word(text), _behind_word(_behind_options(text))):
            if not rest:
                continue
            encoded, *comment = rest.split(None, 1)
            try:
                blob = keys.of_base64(encoded)
                Reader(blob).text()
            except FormatError:
                continue  # just words
            try:
                return parse(blob), comment[0].strip() if comment else ""
            except FormatError as error:
                last = error
    raise last


def parse(blob: bytes) -> SshPublicKey | SshCertificate:
    """Read a key or a certificate. Raises FormatError."""
    return certificate.parse(blob) if certificate.is_certificate(blob) else keys.parse(blob)


def _behind_word(text: str) -> str:
    """Leave out the first word."""
    parts = text.split(None, 1)
    return parts[1] if len(parts) == 2 else ""


def _behind_options(text: str) -> str:
    """Leave out options, which may have spaces inside quotes."""
    quoted = False
    for place, character in enumerate(text):
        if character == '"' and (not place or text[place - 1] != "\\"):
            quoted = not quoted
        elif character in _WHITE and not quoted:
            return text[place:].strip()
    return ""
