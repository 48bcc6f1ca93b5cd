"""What a YubiKey says of a key that was made in it: certificates, checked up to a given root.

The leaf is made by the YubiKey for this purpose, with Yubico's extensions
(developers.yubico.com/PIV/Introduction/PIV_attestation.html); those above come from the factory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.formats import certificates
from appliance.formats.keys import PublicKey
from appliance.issuance import paths
from appliance.issuance.acme import attestation_names, attestation_roots
from appliance.model.errors import BadRequest
from appliance.model.tokens import KeyPolicies, PinPolicy, TouchPolicy

YUBICO: Final = attestation_roots.YUBICO
"""The roots that Yubico publishes (DER)."""

_FIRMWARE: Final = x509.ObjectIdentifier("1.3.6.1.4.1.41482.3.3")
_POLICIES: Final = x509.ObjectIdentifier("1.3.6.1.4.1.41482.3.8")
_PIN: Final = {1: PinPolicy.NEVER, 2: PinPolicy.ONCE, 3: PinPolicy.ALWAYS}
_TOUCH: Final = {1: TouchPolicy.NEVER, 2: TouchPolicy.ALWAYS, 3: TouchPolicy.CACHED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What was attested. What the leaf does not tell is empty."""

    serial: str
    firmware: str
    policies: KeyPolicies


def checked(
    chain: Sequence[bytes],
    public_key: PublicKey,
    *,
    now: datetime,
    roots: Sequence[bytes] = YUBICO,
) -> Attestation:
    """Check certificates (DER, leaf first) that vouch for a key.

    Raises BadRequest when they are of another key, Unauthorized when they lead to none of the
    roots, FormatError for what cannot be read.
    """
    if not chain:
        raise BadRequest("the attestation has no certificate")
    leaf = certificates.load(chain[0])
    if leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != (
        public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ):
        raise BadRequest("the attestation is of another key")
    paths.verify(chain[0], paths.Trust(roots=roots, between=chain[1:]), now=now)
    firmware = attestation_names.extension(leaf, _FIRMWARE) or b""
    policies = attestation_names.extension(leaf, _POLICIES) or b"\0\0"
    return Attestation(
        serial=attestation_names.device_serial(leaf),
        firmware=".".join(map(str, firmware)),
        policies=KeyPolicies(
            pin=_PIN.get(policies[0], PinPolicy.DEFAULT),
            touch=_TOUCH.get(policies[-1], TouchPolicy.DEFAULT),
        ),
    )
