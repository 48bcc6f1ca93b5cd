"""What `ca provisioner add` and `update` take from files, in the form that ca.json has it."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from appliance.cli.files import read_file
from appliance.cli.prompts import read_password
from appliance.formats import extension_values, keyfile, nebula_pem, pem, public_keys
from appliance.issuance import extensions, parsed
from appliance.issuance.parsed import ParsedCertificate
from appliance.model.errors import BadRequest, FormatError

_SIGNS_CERTIFICATES = 5  # keyCertSign, RFC 5280 section 4.2.1.3


def x5c_roots(name: str) -> str:
    """Read the roots of a type X5C. Raises BadRequest."""
    found = _certificates(name)
    for each in found:
        if not _may_sign(each):
            raise BadRequest(
                f"certificate '{each.common_name}' in {name} cannot be a root for X5C: its key "
                "usage must have certificate signing"
            )
    return _text(found)


def attestation_roots(names: Sequence[str]) -> str:
    """Read the roots for device attestation of a type ACME. Raises BadRequest."""
    found = [each for name in names for each in _certificates(name)]
    for each in found:
        if not _is_ca(each) or not _may_sign(each):
            raise BadRequest(f"certificate '{each.common_name}' is not that of a CA")
    return _text(found)


def nebula_roots(name: str) -> str:
    """Read the CA certificates of a type Nebula; others in the file are left out.

    Raises BadRequest.
    """
    content = read_file(name)
    try:
        found = nebula_pem.read_pem(content)
    except FormatError as error:
        raise BadRequest(f"error reading {name}: {error.public}") from error
    blocks = zip(pem.blocks(content), found, strict=True)
    kept = [pem.encode(block.label, block.der) for block, each in blocks if each.is_ca]
    if not kept:
        raise BadRequest(f"error reading {name}: no CA certificates found")
    return _encoded("".join(kept).encode())


def account_keys(name: str) -> str:
    """Read the public keys of a type K8sSA. Raises BadRequest."""
    try:
        found = public_keys.read_all(read_file(name))
    except FormatError as error:
        raise BadRequest(f"error reading {name}: {error.public}") from error
    if not found:
        raise BadRequest(f"error reading {name}: no public keys in PEM found")
    return _encoded(b"".join(keyfile.dump_public_key(each) for each in found))


def decrypter_certificate(name: str) -> str:
    """Read the certificate that SCEP clients encrypt for: the first of the file."""
    return _text(_certificates(name)[:1])


def decrypter_key(name: str) -> str:
    """Read the key of that certificate, encrypted or not; one PEM block. Raises BadRequest."""
    content = read_file(name)
    try:
        blocks = pem.blocks(content)
    except FormatError as error:
        raise BadRequest(f"error reading {name}: {error.public}") from error
    if len(blocks) != 1:
        raise BadRequest(f"error reading {name}: it must hold one PEM block, not {len(blocks)}")
    return _encoded(content)


def password(name: str) -> str:
    """Read a password that has to stand in ca.json."""
    return read_password("password", file=name).reveal().decode("utf-8", "replace")


def template(name: str) -> str:
    """Read a template. Raises BadRequest."""
    try:
        return read_file(name).decode()
    except UnicodeDecodeError as error:
        raise BadRequest(f"{name} is not UTF-8 text") from error


def template_data(name: str) -> Any:
    """Read the data of a template. Raises BadRequest."""
    try:
        found = json.loads(read_file(name))
    except ValueError as error:
        raise BadRequest(f"{name} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise BadRequest(f"{name} must hold a JSON object")
    return found


def _certificates(name: str) -> list[ParsedCertificate]:
    content = read_file(name)
    try:
        return [parsed.parse(der) for der in pem.certificates(content)]
    except FormatError as error:
        raise BadRequest(f"error reading {name}: {error.public}") from error


def _may_sign(certificate: ParsedCertificate) -> bool:
    found = certificate.extension(extensions.KEY_USAGE)
    return found is not None and _SIGNS_CERTIFICATES in extension_values.key_usages(found.value)


def _is_ca(certificate: ParsedCertificate) -> bool:
    found = certificate.extension(extensions.BASIC_CONSTRAINTS)
    return found is not None and extension_values.basic_constraints(found.value)[0]


def _text(found: Sequence[ParsedCertificate]) -> str:
    return _encoded("".join(pem.encode("CERTIFICATE", each.der) for each in found).encode())


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()
