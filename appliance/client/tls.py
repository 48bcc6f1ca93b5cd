"""TLS as a client of a CA speaks it: trust in given roots only, a certificate to show if need be.

Python's ssl reads certificates and keys of its own side from files only. They are given to it in
a memory file, so that no key touches a disk.
"""

import os
import ssl
from collections.abc import Sequence

from appliance.client.identity import Identity
from appliance.formats import pem
from appliance.formats.keyfile import dump_private_key
from appliance.model.errors import Broken, FormatError


def trusting(roots: Sequence[bytes], identity: Identity | None = None) -> ssl.SSLContext:
    """Trust these certificates (DER) alone, of roots or of intermediates. Raises FormatError."""
    context = _context()
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    for root in roots:
        try:
            context.load_verify_locations(cadata=root)
        except ssl.SSLError as error:
            raise FormatError("a root certificate cannot be read") from error
    if identity is not None:
        present(context, identity)
    return context


def unverified() -> ssl.SSLContext:
    """Trust anybody: only to fetch a root whose fingerprint is known beforehand."""
    context = _context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def present(context: ssl.SSLContext, identity: Identity) -> None:
    """Show the identity when the server asks for one. Raises Broken."""
    chain = "".join(pem.encode("CERTIFICATE", der) for der in identity.chain)
    fd = os.memfd_create("identity", os.MFD_CLOEXEC)
    try:
        os.write(fd, chain.encode() + dump_private_key(identity.key, None))
        context.load_cert_chain(f"/proc/self/fd/{fd}")
    except (OSError, ssl.SSLError) as error:
        raise Broken(f"the client certificate cannot be used for TLS: {error}") from error
    finally:
        os.close(fd)
