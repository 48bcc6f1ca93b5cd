"""What goes into an entry of `authority.provisioners` from files, in the form that ca.json has it.

A file is its name, for what is wrong with it, and its content.
"""

import base64
import json
from collections.abc import Sequence
from typing import Any, TypeAlias

from appliance.formats import extension_values, keyfile, nebula_pem, pem, public_keys
from appliance.formats.keys import PublicKey
from appliance.issuance import extensions, parsed
from appliance.issuance.parsed import ParsedCertificate
from appliance.model.errors import BadRequest, FormatError
from appliance.model.secret import Password

_SIGNS_CERTIFICATES = 5  # keyCertSign, RFC 5280 section 4.2.1.3

File: TypeAlias = tuple[str, bytes]


def x5c_roots(files: Sequence[File]) -> str:
    """Read the roots of a type X5C. Raises BadRequest."""
    found = _certificates(files)
    for name, each in found:
        if not _may_sign(each):
            raise BadRequest(
                f"certificate '{each.common_name}' in {name} cannot be a root for X5C: its key "
                "usage must have certificate signing"
            )
    return _text(found)


def attestation_roots(files: Sequence[File]) -> str:
    """Read the roots for device attestation of a type ACME. Raises BadRequest."""
    found = _certificates(files)
    for _, each in found:
        if not _is_ca(each) or not _may_sign(each):
            raise BadRequest(f"certificate '{each.common_name}' is not that of a CA")
    return _text(found)


def nebula_roots(files: Sequence[File]) -> str:
    """Read the CA certificates of a type Nebula; others in the file are left out.

    Raises BadRequest.
    """
    kept = [text for file in files for text in _nebula_authorities(*file)]
    return _encoded("".join(kept).encode())


def account_keys(files: Sequence[File]) -> str:
    """Read the public keys of a type K8sSA. Raises BadRequest."""
    found: list[PublicKey] = []
    for name, content in files:
        try:
            keys = public_keys.read_all(content)
        except FormatError as error:
            raise BadRequest(f"error reading {name}: {error.public}") from error
        if not keys:
            raise BadRequest(f"error reading {name}: no public keys in PEM found")
        found += keys
    return _encoded(b"".join(keyfile.dump_public_key(each) for each in found))


def decrypter_certificate(files: Sequence[File]) -> str:
    """Read the certificate that SCEP clients encrypt for: the first of the file."""
    return _text(_certificates(files)[:1])


def decrypter_key(files: Sequence[File]) -> str:
    """Read the key of that certificate, encrypted or not; one PEM block. Raises BadRequest."""
    ((name, content),) = files
    try:
        blocks = pem.blocks(content)
    except FormatError as error:
        raise BadRequest(f"error reading {name}: {error.public}") from error
    if len(blocks) != 1:
        raise BadRequest(f"error reading {name}: it must hold one PEM block, not {len(blocks)}")
    return _encoded(content)


def password(files: Sequence[File]) -> str:
    """Read a password that has to stand in ca.json."""
    ((_, content),) = files
    return Password.from_file_content(content).reveal().decode("utf-8", "replace")


def template(files: Sequence[File]) -> str:
    """Read a template. Raises BadRequest."""
    ((name, content),) = files
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(f"{name} is not UTF-8 text") from error


def template_data(files: Sequence[File]) -> Any:
    """Read the data of a template. Raises BadRequest."""
    ((name, content),) = files
    try:
        found = json.loads(content)
    except ValueError as error:
        raise BadRequest(f"{name} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise BadRequest(f"{name} must hold a JSON object")
    return found


def _nebula_authorities(name: str, content: bytes) -> list[str]:
    try:
        found = nebula_pem.read_pem(content)
    except FormatError as error:
        raise BadRequest(f"error reading {name}: {error.public}") from error
    blocks = zip(pem.blocks(content), found, strict=True)
    kept = [pem.encode(block.label, block.der) for block, each in blocks if each.is_ca]
    if not kept:
        raise BadRequest(f"error reading {name}: no CA certificates found")
    return kept


def _certificates(files: Sequence[File]) -> list[tuple[str, ParsedCertificate]]:
    found = []
    for name, content in files:
        try:
            found += [(name, parsed.parse(der)) for der in pem.certificates(content)]
        except FormatError as error:
            raise BadRequest(f"error reading {name}: {error.public}") from error
    return found


def _may_sign(certificate: ParsedCertificate) -> bool:
    found = certificate.extension(extensions.KEY_USAGE)
    return found is not None and _SIGNS_CERTIFICATES in extension_values.key_usages(found.value)


def _is_ca(certificate: ParsedCertificate) -> bool:
    found = certificate.extension(extensions.BASIC_CONSTRAINTS)
    return found is not None and extension_values.basic_constraints(found.value)[0]


def _text(found: Sequence[tuple[str, ParsedCertificate]]) -> str:
    return _encoded("".join(pem.encode("CERTIFICATE", each.der) for _, each in found).encode())


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()
