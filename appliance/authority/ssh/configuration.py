"""Files for `ssh config`, rendered for clients and hosts."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

import trio

from appliance.authority.ssh.keys import SshKeys
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.formats.ssh.keys import SshPublicKey
from appliance.model.errors import NotFound
from appliance.model.ssh import CertificateType
from appliance.model.ssh_files import FileTemplates, RenderedFile
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class SshConfiguration:
    """Renders the templates of ca.json with the keys of the authority."""

    keys: SshKeys
    templates: FileTemplates
    clock: Clock
    chance: Chance

    async def files(self, kind: CertificateType, data: Mapping[str, str]) -> list[RenderedFile]:
        """Render all files for users or for hosts with what the client says.

        Raises NotFound when no key signs SSH certificates, BadRequest when the client does not say
        what a template requires, Broken for templates that are wrong.
        """
        if not self.keys.is_enabled:
            raise NotFound("ssh is not configured: ca.json names no SSH keys")
        configuration = await trio.to_thread.run_sync(_loaded)
        known = configuration.KnownKeys(
            host=self._own(CertificateType.HOST),
            user=self._own(CertificateType.USER),
            federated_host=self.keys.federated(CertificateType.HOST),
            federated_user=self.keys.federated(CertificateType.USER),
        )
        chosen = self.templates.user if kind is CertificateType.USER else self.templates.host
        context = FunctionContext(now=self.clock.now(), entropy=self.chance.octets)
        return [
            configuration.render(each, known, self.templates.data, data, context) for each in chosen
        ]

    def _own(self, kind: CertificateType) -> SshPublicKey | None:
        key = self.keys.of_type(kind)
        return key.public_key if key else None


def _loaded() -> ModuleType:
    # Clients are set up once, and it takes a moment to import the template engine.
    return import_module("appliance.issuance.ssh.configuration")
