"""From a draft to a signed SSH certificate: prepare → (signature) → assemble."""

import base64
from typing import Final

from msgspec import Struct

from appliance.formats.ssh import signatures
from appliance.formats.ssh.certificate import SshCertificate
from appliance.formats.ssh.keys import SshPublicKey
from appliance.issuance.ssh.drafts import SshDraft
from appliance.issuance.ssh.periods import SshPeriod
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import Broken, FormatError
from appliance.model.ssh import CertificateType

ENTROPY: Final = 8 + 24
"""Octets of chance for `prepare`: a serial number, and a nonce of 32 letters."""


class Prepared(Struct, frozen=True, kw_only=True):
    """A certificate that only lacks its signature."""

    certificate: SshCertificate
    algorithm: SignatureAlgorithm

    @property
    def to_be_signed(self) -> bytes:
        """Give the octets to sign."""
        return self.certificate.to_be_signed


def prepare(
    draft: SshDraft,
    kind: CertificateType,
    key: SshPublicKey,
    period: SshPeriod,
    authority: SshPublicKey,
    entropy: bytes,
) -> Prepared:
    """Complete a draft. Serial number and nonce are its own, or made of ENTROPY octets."""
    serial = draft.serial or int.from_bytes(entropy[:8]) or 1
    return Prepared(
        certificate=SshCertificate(
            nonce=draft.nonce or base64.urlsafe_b64encode(entropy[8:]),
            key=key,
            serial=serial,
            type=kind,
            key_id=draft.key_id,
            principals=draft.principals,
            valid_after=period.after,
            valid_before=period.before,
            critical_options=draft.critical_options,
            extensions=draft.extensions,
            reserved=draft.reserved,
            signature_key=authority,
        ),
        algorithm=signatures.algorithm_of(authority),
    )


def assemble(prepared: Prepared, signature: bytes) -> SshCertificate:
    """Add the signature, in the form in which a Signer gives it, and prove it. Raises Broken."""
    unsigned = prepared.certificate
    try:
        signed = unsigned.signed(signatures.of_signature(prepared.algorithm, signature))
    except FormatError as error:
        raise Broken("the signing key gave no signature", detail=error.public) from error
    if not signed.is_signed_by((unsigned.signature_key,)):
        raise Broken("the signing key's signature does not hold")
    return signed
