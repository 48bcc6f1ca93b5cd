"""What workers are told to serve, made of the configuration that the main process serves."""

import math
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from appliance.client.identity import Identity
from appliance.formats.keys import PrivateKey
from appliance.model.secret import Password
from appliance.server.assembly import Assembly, Ground
from appliance.server.launch import Network
from appliance.server.workers import material
from appliance.server.workers.messages import Configure
from appliance.server.workers.tokens import ssh_public_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """Who serves what: how many, by which instructions, from files of which fingerprint."""

    count: int
    configure: Configure
    fingerprint: bytes

    def with_instructions(self, configure: Configure) -> "Duty":
        """Give the same duty with other instructions."""
        return replace(self, configure=configure)


def duty_of(
    assembly: Assembly,
    ground: Ground,
    identity: Identity,
    *,
    number: int,
    network: Network,
    connections: int,
) -> Duty:
    """Make the duty for a configuration: `number` is its own, from 1.

    Workers are processes of the same user: they get the passwords of key files, as the main process
    has them in its memory, and open the files by themselves. Keys on tokens, and PINs, they do not.
    """
    settings = assembly.settings
    configure = Configure(
        number=number,
        file=str(settings.file),
        text=settings.text,
        address=(settings.host, settings.port),
        started_at=ground.started_at,
        password=_octets(ground.password),
        ssh_passwords={kind: each.reveal() for kind, each in ground.ssh_passwords.items()},
        token_keys=ssh_public_keys(settings, ground.key_tokens),
        network=network,
        connections=math.ceil(connections / max(settings.workers, 1)),
        chain=list(identity.chain),
        key=der(identity.key),
        bars={},
    )
    return Duty(
        count=settings.workers, configure=configure, fingerprint=material.fingerprint(assembly)
    )


def der(key: PrivateKey) -> bytes:
    """Write a private key as PKCS #8."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _octets(password: Password | None) -> bytes | None:
    return None if password is None else password.reveal()
