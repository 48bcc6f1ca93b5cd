"""The SSH side of a configuration: its keys opened, its authority made of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.authority.metrics import CountedSigner
from appliance.authority.ssh.configuration import SshConfiguration
from appliance.authority.ssh.hosts import SshHosts
from appliance.authority.ssh.keys import KnownKey, SshKeys, SshSigningKey
from appliance.config.settings import KeyPlace, MemorySettings, Settings, TokenKey
from appliance.formats.keyfile import PasswordNeeded, WrongPassword
from appliance.keys.file import read_signer
from appliance.model.errors import ConfigError
from appliance.model.secret import Password
from appliance.model.ssh import CertificateType
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock
from appliance.ports.events import CountingSink
from appliance.ports.signer import Signer
from appliance.ports.store import Store
from appliance.server.keys import Tokens
from appliance.server.token_keys import TokenKeys
from appliance.web.api.ssh_hosts import SshHostEndpoints
from appliance.web.http import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class SshPasswords:
    """What opens the keys; without one of its own, a key has the intermediate's."""

    own: Mapping[CertificateType, Password]
    intermediate: Password | None

    def of(self, kind: CertificateType) -> Password | None:
        """Give the password of the key for a type."""
        return self.own.get(kind) or self.intermediate


def open_ssh_keys(
    settings: Settings,
    passwords: SshPasswords,
    metrics: CountingSink,
    tokens: TokenKeys | None = None,
) -> SshKeys:
    """Open what `ssh` names, its signatures counted. `tokens` have learnt of the keys on them.

    Raises ConfigError for files that are missing, wrong or shut.
    """
    ssh = settings.ssh
    if ssh is None:
        return SshKeys()

    def opened(kind: CertificateType, key: KeyPlace | None) -> SshSigningKey | None:
        if key is None:
            return None
        if isinstance(key, TokenKey):
            known = tokens or Tokens()
            signer = known.signer(key, known.public_key(key))
        else:
            signer = _of_file(kind, key, passwords.of(kind))
        return SshSigningKey.of(CountedSigner(signer, metrics))

    return SshKeys(
        user=opened(CertificateType.USER, ssh.user_key),
        host=opened(CertificateType.HOST, ssh.host_key),
        known=(
            KnownKey(type=each.type, key=each.key, federated=each.federated) for each in ssh.keys
        ),
    )


def host_routes(
    settings: Settings, keys: SshKeys, *, store: Store, clock: Clock, chance: Chance
) -> list[Route]:
    """Give what tells clients how to be set up, which hosts there are and how to get there."""
    configuration = SshConfiguration(
        keys=keys, templates=settings.ssh_templates, clock=clock, chance=chance
    )
    hosts = SshHosts(
        store=store,
        clock=clock,
        settings=settings.ssh,
        listed=settings.ssh_hosts_listed,
        persistent=not isinstance(settings.database, MemorySettings),
    )
    return SshHostEndpoints(configuration, hosts).routes()


def _of_file(kind: CertificateType, file: Path, password: Password | None) -> Signer:
    try:
        return read_signer(file, password)
    except PasswordNeeded as error:
        raise ConfigError(
            f"the key is encrypted: give its password with --ssh-{kind.label}-password-file, as "
            f"the systemd credential 'hearth-ssh-{kind.label}-password', or with --password-file "
            "if it has the intermediate's",
            file=str(file),
        ) from error
    except WrongPassword as error:
        raise ConfigError("the password does not open the key", file=str(file)) from error
