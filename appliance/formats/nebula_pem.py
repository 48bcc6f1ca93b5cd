"""Nebula certificates of whichever version, from PEM or from the octets in a token."""

from appliance.formats import nebula_v1, nebula_v2, pem
from appliance.formats.nebula import NebulaCertificate
from appliance.model.errors import FormatError

LABEL_V1, LABEL_V2 = "NEBULA CERTIFICATE", "NEBULA CERTIFICATE V2"


def read(raw: bytes) -> NebulaCertificate:
    """Read a certificate of either version. Raises FormatError."""
    try:
        return nebula_v1.read(raw)
    except FormatError:
        return nebula_v2.read(raw)


def read_pem(text: bytes) -> tuple[NebulaCertificate, ...]:
    """Read all certificates of a PEM file. Raises FormatError, also when there is none."""
    readers = {LABEL_V1: nebula_v1.read, LABEL_V2: nebula_v2.read}
    found = []
    for block in pem.blocks(text):
        reader = readers.get(block.label)
        if reader is None:
            raise FormatError(f"a PEM block of type {block.label} is no nebula certificate")
        found.append(reader(block.der))
    if not found:
        raise FormatError(f"no PEM block of type {LABEL_V1} or {LABEL_V2} found")
    return tuple(found)
