"""Independent judges of what is issued: OpenSSL, GnuTLS and pkilint. Each gives what it objects to.

pkilint's findings are those of severity ERROR and above, by their codes.
"""

import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pkilint import loader, pkix, validation
from pkilint.bin import lint_pkix_signer_signee_cert_chain as chain_linter
from pkilint.pkix import certificate, crl, extension, name, ocsp

from appliance.formats import pem


def lint_certificate(der: bytes) -> set[str]:
    """Judge a certificate by RFC 5280."""
    loaded = loader.RFC5280CertificateDocumentLoader().load_der_document(der, "certificate")
    return _errors(_certificate_rules().validate(loaded.root))


def lint_pair(issuer: bytes, subject: bytes) -> set[str]:
    """Judge a certificate beside the one that issued it: names, key identifiers, signature."""
    load = loader.RFC5280CertificateDocumentLoader().load_der_document
    documents: dict[str, Any] = {}  # each finds the other here, by name
    documents["issuer"] = load(issuer, "issuer", "issuer", documents)
    documents["subject"] = load(subject, "subject", "subject", documents)
    found: set[str] = set()
    for each in documents.values():
        found |= _errors(chain_linter.create_decoder_validation_container().validate(each.root))
    found |= _errors(
        chain_linter.create_issuer_validation_container().validate(documents["issuer"].root)
    )
    return found | _errors(
        chain_linter.create_subject_validation_container().validate(documents["subject"].root)
    )


def lint_crl(der: bytes) -> set[str]:
    """Judge a revocation list by RFC 5280."""
    loaded = loader.RFC5280CertificateListDocumentLoader().load_der_document(der, "crl")
    return _errors(_crl_rules().validate(loaded.root))


def lint_ocsp(der: bytes) -> set[str]:
    """Judge an OCSP answer by RFC 6960."""
    loaded = loader.RFC6960OCSPResponseDocumentLoader().load_der_document(der, "ocsp")
    return _errors(_ocsp_rules().validate(loaded.root))


def openssl_verify(leaf: Path, root: Path, *flags: str) -> str:
    """Let OpenSSL verify a file of leaf and intermediates, strictly; empty when it accepts."""
    return _run(
        "openssl", "verify", "-x509_strict", "-CAfile", str(root), "-untrusted", str(leaf),
        *flags, str(leaf),
    )  # fmt: skip


def certtool_verify(leaf: Path, root: Path) -> str:
    """Let GnuTLS verify a file of leaf and intermediates; empty when it accepts."""
    return _run(
        "certtool", "--verify", "--load-ca-certificate", str(root), "--infile", str(leaf),
        "--verify-profile", "medium",
    )  # fmt: skip


def ders(file: Path) -> Sequence[bytes]:
    """Read the certificates of a file."""
    return pem.certificates(file.read_bytes())


def _run(*command: str) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return "" if ended.returncode == 0 else ended.stdout + ended.stderr


def _errors(results: Sequence[validation.ValidationResult]) -> set[str]:
    return {
        finding.finding.code
        for result in results
        for finding in result.finding_descriptions
        if finding.finding.severity <= validation.ValidationFindingSeverity.ERROR
    }


@cache
def _certificate_rules() -> validation.ValidatorContainer:
    return certificate.create_pkix_certificate_validator_container(
        certificate.create_decoding_validators(
            name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS
        ),
        [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
            certificate.create_spki_validator_container([]),
        ],
    )


@cache
def _crl_rules() -> validation.ValidatorContainer:
    return crl.create_pkix_crl_validator_container(
        [
            pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
            pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
        ],
        [
            crl.create_issuer_validator_container([]),
            crl.create_validity_validator_container([]),
            crl.create_extensions_validator_container([]),
        ],
    )


@cache
def _ocsp_rules() -> validation.ValidatorContainer:
    return ocsp.create_pkix_ocsp_response_validator_container(
        [
            ocsp.create_response_decoder(),
            pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
            pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
        ],
        [],
    )
