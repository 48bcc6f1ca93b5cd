"""Revocation by the account that ordered a certificate, or by the certificate's key (7.6)."""

from typing import Any

from appliance.client.acme.account import AcmeAccount
from appliance.formats import base64url
from appliance.formats.keys import PrivateKey
from appliance.model.errors import NotSupported


async def revoke(
    account: AcmeAccount, certificate: bytes, reason_code: int, key: PrivateKey | None
) -> None:
    """Revoke a certificate (DER); with its own key no account is needed.

    Raises NotSupported, AcmeRefusal, and what Transport raises.
    """
    url = account.directory.revoke_cert
    if not url:
        raise NotSupported("the ACME server revokes no certificates")
    payload: dict[str, Any] = {"certificate": base64url.encode(certificate)}
    if reason_code:
        payload["reason"] = reason_code
    await account.post(url, payload, key=key)
