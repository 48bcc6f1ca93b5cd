"""An SSH certificate's bytes as fields to read, fingerprint and line."""

import base64
import hashlib
from collections.abc import Iterator, Mapping

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    SSHCertificate,
    load_ssh_public_identity,
    ssh_key_fingerprint,
)

from tui.wording import printable

_LENGTH = 4  # octets before the name that a certificate begins with


def fields(blob: bytes) -> Iterator[tuple[str, str]]:
    """Give what the certificate says beyond its names and dates."""
    try:
        certificate = load_ssh_public_identity(text(blob).encode())
        if not isinstance(certificate, SSHCertificate):
            return
        signer = ssh_key_fingerprint(certificate.signature_key(), SHA256())
    except (ValueError, UnsupportedAlgorithm):
        yield "Fields", "this certificate cannot be read here"
        return
    yield "CA key", _sha256(signer)
    yield from _options("Option", certificate.critical_options)
    yield from _options("Extension", certificate.extensions)


def fingerprints(blob: bytes) -> Iterator[tuple[str, str]]:
    """Give the digest of the certificate as it is on the wire."""
    yield "SHA-256", hashlib.sha256(blob).hexdigest()


def text(blob: bytes) -> str:
    """Give the certificate as its file has it."""
    length = int.from_bytes(blob[:_LENGTH])
    name = blob[_LENGTH : _LENGTH + length].decode("ascii", errors="replace")
    return f"{printable(name)} {base64.b64encode(blob).decode('ascii')}"


def _sha256(digest: bytes) -> str:
    return f"SHA256:{base64.b64encode(digest).decode('ascii').rstrip('=')}"


def _options(label: str, options: Mapping[bytes, bytes]) -> Iterator[tuple[str, str]]:
    for name, value in options.items():
        said = f"{name.decode(errors='replace')} {value.decode(errors='replace')}"
        yield label, printable(said.rstrip())
