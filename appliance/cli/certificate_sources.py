"""Where certificates to look at come from: a file, standard input, or a server that shows them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from appliance.cli.files import read_file
from appliance.client.peer import any_peer_certificates, peer_certificates
from appliance.formats import pem, x509_fields
from appliance.model.errors import BadRequest, FormatError

F = TypeVar("F", bound=Callable[..., Any])

_PORTS: Final = {"tcp": 443, "tls": 443, "https": 443, "smtps": 465, "ldaps": 636}
_URL: Final = re.compile(
    r"(tcp|tls|https|smtps|ldaps)://(?:[^@/?#\s]*@)?"
    r"(\[[0-9A-Fa-f:.%a-z]+\]|[^\[\]:/?#\s]+)(?::([0-9]{1,5}))?(?:[/?#]\S*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A TLS server to be asked for its certificates, and how."""

    host: str
    port: int
    server_name: str = ""
    roots: str = ""
    insecure: bool = False

    def certificates(self) -> tuple[bytes, ...]:
        """Connect and give the chain (DER), the leaf first."""
        if self.insecure:
            return any_peer_certificates(self.host, self.port, server_name=self.server_name)
        roots = read_roots(self.roots) if self.roots else None
        return peer_certificates(self.host, self.port, server_name=self.server_name, roots=roots)


def server_flags(function: F) -> F:
    """Add the flags about a server that is asked for its certificates."""
    for option in (
        click.option(
            "--servername", metavar="<name>", help="The name to ask for and to expect (SNI)."
        ),
        click.option(
            "--roots",
            metavar="<root-bundle>",
            help="The roots to trust: a file, files separated by commas, or a directory.",
        ),
    ):
        function = option(function)
    return function


def server(
    name: str, *, servername: str | None, roots: str | None, insecure: bool = False
) -> Server | None:
    """Read a URL such as https://host:port; None for what is no URL. Raises BadRequest."""
    scheme, separator, _ = name.partition("://")
    if not separator or scheme.lower() not in _PORTS:
        return None
    match = _URL.fullmatch(name)
    if match is None:
        raise BadRequest(f"error parsing URL '{name}': write it as https://host:port")
    return Server(
        host=match[2].removeprefix("[").removesuffix("]"),
        port=int(match[3]) if match[3] else _PORTS[scheme.lower()],
        server_name=servername or "",
        roots=roots or "",
        insecure=insecure,
    )


def read_roots(text: str) -> list[bytes]:
    """Read every certificate (DER) of a file, of files between commas, or of a directory.

    Files of a directory that hold none are passed over. Raises BadRequest.
    """
    folder = Path(text)
    if folder.is_dir():
        files = sorted(str(each) for each in folder.iterdir() if each.is_file())
    else:
        files = [each.strip() for each in text.split(",")]
    found: list[bytes] = []
    for file in files:
        try:
            found += pem.certificates(read_file(file))
        except FormatError:
            continue
    if not found:
        raise BadRequest(f"no certificate found in '{text}': name a file or directory of roots")
    return found


def certificates_of(content: bytes) -> list[bytes]:
    """Give the certificates (DER) of a file in PEM or DER. Raises FormatError without one."""
    if pem.BEGIN in content:
        return pem.certificates(content)
    x509_fields.certificate(content)
    return [content]


def request_of(content: bytes) -> bytes:
    """Give the request (DER) of a file in PEM or DER. Raises FormatError without one."""
    if pem.BEGIN in content:
        return pem.first(content, "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
    x509_fields.request(content)
    return content


def certificates_or_request(name: str) -> tuple[list[bytes], bytes | None]:
    """Read a file with either of both; standard input for `-`. Raises BadRequest."""
    content = read_file(name)
    try:
        return certificates_of(content), None
    except FormatError:
        pass
    try:
        return [], request_of(content)
    except FormatError:
        raise BadRequest(
            f"file {name} does not contain any valid CERTIFICATE or CERTIFICATE REQUEST blocks"
        ) from None
