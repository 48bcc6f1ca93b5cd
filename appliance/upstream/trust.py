"""TLS towards other servers: trust in the system's roots and in the CA's own."""

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from appliance.client.identity import Identity
from appliance.client.tls import present
from appliance.model.errors import FormatError

# Where distributions keep their roots; the one file carries an OpenSSL that knows only its own.
_FILES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def outward(authorities: Sequence[bytes], identity: Identity | None = None) -> ssl.SSLContext:
    """Trust the system's roots and these certificates (DER); show the identity where asked for one.

    SSL_CERT_FILE and SSL_CERT_DIR replace the system's. Certificates of intermediates help to find
    the way to a root, they do not end it. Raises FormatError, Broken.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_default_verify_paths()
    known: tuple[str | None, ...] = tuple(ssl.get_default_verify_paths()[:2])
    if not any(known):
        found = next((file for file in _FILES if Path(file).is_file()), None)
        if found is not None:
            context.load_verify_locations(cafile=found)
    for authority in authorities:
        try:
            context.load_verify_locations(cadata=authority)
        except ssl.SSLError as error:
            raise FormatError("a certificate to be trusted cannot be read") from error
    if identity is not None:
        present(context, identity)
    return context
