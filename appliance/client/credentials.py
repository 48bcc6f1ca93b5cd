"""Certificates that sign one-time tokens: X.509 with an X5C provisioner, others with their own."""

import base64
from collections.abc import Sequence

from appliance.client.identity import identity
from appliance.client.tokens import SigningKey
from appliance.formats import extension_values, jwk, nebula_keys
from appliance.formats.keys import PrivateKey
from appliance.formats.nebula import NebulaCertificate
from appliance.formats.nebula_keys import NebulaPrivateKey
from appliance.formats.ssh import keys as ssh_keys
from appliance.formats.ssh.certificate import SshCertificate
from appliance.issuance.extensions import KEY_USAGE
from appliance.model.errors import FormatError


def of_chain(chain: Sequence[bytes], key: PrivateKey, *, header: str = "x5c") -> SigningKey:
    """Sign with the key of a certificate, which the token brings with its issuers (DER).

    Raises FormatError when they do not go together, or may not sign.
    """
    usage = identity(tuple(chain), key).leaf.extension(KEY_USAGE)
    if usage is None or 0 not in extension_values.key_usages(usage.value):
        raise FormatError("the certificate may not be used for signatures (digitalSignature)")
    return SigningKey(
        key=key,
        kid=jwk.thumbprint(jwk.public_members(key.public_key())),
        headers={header: [base64.b64encode(der).decode() for der in chain]},
    )


def of_host(certificate: NebulaCertificate, key: NebulaPrivateKey) -> SigningKey:
    """Sign with the key of a Nebula certificate.

    Raises FormatError when they do not go together.
    """
    if not nebula_keys.is_of(key, certificate):
        raise FormatError("the nebula certificate and the private key do not belong together")
    return SigningKey(
        key=key,
        kid=certificate.fingerprint,
        headers={"nebula": base64.b64encode(certificate.raw).decode()},
    )


def of_ssh_certificate(certificate: SshCertificate, key: PrivateKey) -> SigningKey:
    """Sign with the key of an SSH certificate, to have that again or to revoke it.

    Raises FormatError when they do not go together.
    """
    if ssh_keys.of_key(key.public_key()) != certificate.key:
        raise FormatError("the SSH certificate and the private key do not belong together")
    return SigningKey(
        key=key,
        kid=jwk.thumbprint(jwk.public_members(key.public_key())),
        headers={"sshpop": base64.b64encode(certificate.blob).decode()},
    )
