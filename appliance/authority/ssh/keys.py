"""The keys of the SSH authority: one signs for users, one for hosts; others are known beside."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from appliance.formats.ssh import keys
from appliance.formats.ssh.keys import SshPublicKey
from appliance.model.errors import NotSupported
from appliance.model.ssh import CertificateType
from appliance.ports.signer import Signer


@dataclass(frozen=True, slots=True, kw_only=True)
class SshSigningKey:
    """A CA key, wherever it lives."""

    public_key: SshPublicKey
    signer: Signer

    @classmethod
    def of(cls, signer: Signer) -> "SshSigningKey":
        """Give a signer the form that SSH knows of its key."""
        return cls(public_key=keys.of_key(signer.public_key), signer=signer)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """A public key of `ssh.keys`. A federated one is told to who asks for the federation only."""

    type: CertificateType
    key: SshPublicKey
    federated: bool = False


class SshKeys:
    """All keys of a configuration; without any, nothing is signed."""

    def __init__(
        self,
        *,
        user: SshSigningKey | None = None,
        host: SshSigningKey | None = None,
        known: Iterable[KnownKey] = (),
    ) -> None:
        self._signing = {CertificateType.USER: user, CertificateType.HOST: host}
        self._known = tuple(known)

    @property
    def is_enabled(self) -> bool:
        """Say whether there is a key that signs."""
        return any(self._signing.values())

    def check_enabled(self) -> None:
        """Raise NotSupported when no key signs."""
        if not self.is_enabled:
            raise NotSupported("ssh certificate flows are not enabled: ca.json names no SSH keys")

    def of_type(self, kind: CertificateType) -> SshSigningKey | None:
        """Give the key that signs certificates of a type, if there is one."""
        return self._signing[kind]

    def signing(self, kind: CertificateType) -> SshSigningKey:
        """Give the key that signs certificates of a type. Raises NotSupported."""
        key = self._signing[kind]
        if key is None:
            raise NotSupported(f"{kind.label} certificate signing is not enabled")
        return key

    def roots(self, kind: CertificateType) -> Sequence[SshPublicKey]:
        """Give what is to be trusted for a type: our own key, then those known beside it."""
        return self._own(kind) + self._beside(kind, federated=False)

    def federation(self, kind: CertificateType) -> Sequence[SshPublicKey]:
        """Give our own key and those of other authorities."""
        return self._own(kind) + self._beside(kind, federated=True)

    def federated(self, kind: CertificateType) -> Sequence[SshPublicKey]:
        """Give those of other authorities alone."""
        return self._beside(kind, federated=True)

    def _own(self, kind: CertificateType) -> list[SshPublicKey]:
        key = self._signing[kind]
        return [] if key is None else [key.public_key]

    def _beside(self, kind: CertificateType, *, federated: bool) -> list[SshPublicKey]:
        return [
            each.key for each in self._known if each.type is kind and each.federated is federated
        ]
