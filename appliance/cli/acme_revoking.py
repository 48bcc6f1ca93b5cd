"""Revoking by ACME, at any CA."""

import trio

from appliance.cli.acme_accounts import kept_account_key
from appliance.cli.ca_acme import known_roots, tls_for
from appliance.client.acme.account import AcmeAccount
from appliance.client.acme.revocation import revoke
from appliance.client.acme.transport import Transport
from appliance.formats.keys import PrivateKey
from appliance.model.errors import BadRequest


def revoke_by_acme(
    directory: str,
    root: str | None,
    certificate: bytes,
    *,
    reason_code: int,
    key: PrivateKey | None,
) -> None:
    """Revoke a certificate (DER) by its key, or by the account that is kept for the CA.

    Raises BadRequest where there is neither, AcmeRefusal, Unavailable.
    """
    signing = key or kept_account_key(directory)
    if signing is None:
        raise BadRequest(
            f"no account with {directory} is kept here: give the certificate's key with --key"
        )
    tls = tls_for(roots=known_roots(root), system_roots=True)

    async def run() -> None:
        async with Transport(tls) as transport:
            account = await AcmeAccount.at(transport, directory, signing)
            if key is None:
                await account.register((), None)
            await revoke(account, certificate, reason_code, key)

    trio.run(run)
