"""Requests and SSH certificates as step writes them in JSON to webhooks.

Keys stand in step's order. What is not there is null, octets are in base64.
"""

import base64
from collections.abc import Iterable, Mapping

from appliance.formats.ssh.keys import SshPublicKey
from appliance.issuance.ssh.drafts import SshDraft
from appliance.issuance.ssh.periods import SshPeriod
from appliance.issuance.ssh.requests import SshSigningRequest


def request(asked: SshSigningRequest) -> dict[str, object]:
    """Write a request."""
    return {
        "publicKey": asked.public_key.text,
        "type": asked.type,
        "keyID": asked.key_id,
        "principals": _listed(asked.principals),
    }


def certificate(wanted: SshDraft, key: SshPublicKey, period: SshPeriod) -> dict[str, object]:
    """Write what a template asked for, with the key and the period of the certificate to be."""
    return {
        "nonce": _octets(wanted.nonce),
        "serial": wanted.serial,
        "type": wanted.type.label if wanted.type else "",
        "keyId": wanted.key_id,
        "principals": _listed(wanted.principals),
        "criticalOptions": _named(wanted.critical_options),
        "extensions": _named(wanted.extensions),
        "reserved": _octets(wanted.reserved),
        "publicKey": key.text,
        "signatureKey": None,
        "validBefore": period.before,
        "validAfter": period.after,
    }


def _listed(values: Iterable[str]) -> list[str] | None:
    return list(values) or None


def _named(values: Mapping[str, str]) -> dict[str, str] | None:
    return dict(sorted(values.items())) or None


def _octets(value: bytes) -> str | None:
    return base64.b64encode(value).decode("ascii") if value else None
