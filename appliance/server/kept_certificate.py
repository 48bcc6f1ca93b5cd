"""What the server shows when its intermediate's token is not there: the certificate it had, or one
that nobody trusts.

Only a CA with keys on tokens keeps its certificate on disk, with its key (mode 0600, beside the
database): after a restart it can be reached, though it cannot sign until its token is opened.
"""

import logging
import os
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from appliance.client.identity import Identity
from appliance.config.settings import LevelDbSettings, Settings
from appliance.formats import pem
from appliance.issuance import parsed
from appliance.model.errors import FormatError

log = logging.getLogger(__name__)

NAME: Final = "hearth-own-certificate.pem"
_STOPGAP: Final = timedelta(days=1)


def keep(settings: Settings, identity: Identity) -> None:
    """Keep it for the next start; a CA that signs with files does not need to."""
    file = _file(settings)
    if file is None:
        return
    key = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    content = b"".join(pem.encode("CERTIFICATE", each).encode() for each in identity.chain) + key
    passing = file.with_name(f"{NAME}.new")
    try:
        passing.unlink(missing_ok=True)
        descriptor = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as written:  # noqa: PTH123 - a descriptor
            written.write(content)
        passing.replace(file)
    except OSError as error:
        log.warning("the server's own certificate cannot be kept: %s", error.strerror)


def resume(settings: Settings, now: datetime) -> Identity | None:
    """Give the one that was kept, while it is valid."""
    file = _file(settings)
    if file is None:
        return None
    with suppress(OSError, FormatError, ValueError, TypeError):
        content = file.read_bytes()
        chain = tuple(pem.certificates(content))
        key = load_pem_private_key(content[content.index(b"-----BEGIN PRIVATE KEY") :], None)
        validity = parsed.parse(chain[0]).validity
        if validity.not_before <= now < validity.not_after and isinstance(
            key, EllipticCurvePrivateKey
        ):
            return Identity(chain=chain, key=key)
    return None


def stopgap(key: EllipticCurvePrivateKey, serial: int, now: datetime) -> Identity:
    """Make a certificate that is its own issuer: it lets a person see that the CA waits."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Hearth waits for its token")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), serial, now, now + _STOPGAP)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Identity(chain=(certificate.public_bytes(Encoding.DER),), key=key)


def _file(settings: Settings) -> Path | None:
    database = settings.database
    if not settings.token_keys or not isinstance(database, LevelDbSettings):
        return None
    return database.directory / NAME
