"""`ssh`: the keys that sign, those that are known beside them, bastion and user creation."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from appliance.config.document import Document
from appliance.config.schema import Ssh, SshKey
from appliance.config.settings import BastionSettings, SshKeySettings, SshSettings
from appliance.config.tokens import Keys
from appliance.formats import jwk
from appliance.formats.ssh import keys
from appliance.model.errors import FormatError
from appliance.model.ssh import CertificateType

_TYPES = {each.label: each for each in CertificateType}


class Bastion(Struct, kw_only=True):
    """`ssh.bastion`."""

    hostname: str = ""
    user: str = ""
    port: str = ""
    command: str = field(name="cmd", default="")
    flags: str = ""


def read(written: Ssh | None, document: Document, places: Keys) -> SshSettings | None:
    """Check it. Raises ConfigError."""
    if written is None:
        return None
    defaults = SshSettings()
    return SshSettings(
        host_key=places.optional(written.host_key, "ssh.hostKey"),
        user_key=places.optional(written.user_key, "ssh.userKey"),
        keys=tuple(
            _key(each, document, f"ssh.keys[{index}]")
            for index, each in enumerate(written.keys or ())
        ),
        add_user_principal=written.add_user_principal or defaults.add_user_principal,
        add_user_command=written.add_user_command or defaults.add_user_command,
        bastion=_bastion(written.bastion, document),
    )


def _key(written: SshKey, document: Document, place: str) -> SshKeySettings:
    if written.type not in _TYPES:
        raise document.wrong("must be user or host", f"{place}.type")
    members: Mapping[str, Any] = written.key or {}
    if "d" in members:
        raise document.wrong("must be a public key", f"{place}.key")
    try:
        key = keys.of_key(jwk.public_key(members))
    except FormatError as error:
        raise document.wrong(error.public, f"{place}.key") from None
    return SshKeySettings(type=_TYPES[written.type], key=key, federated=written.federated)


def _bastion(written: Mapping[str, Any] | None, document: Document) -> BastionSettings | None:
    if written is None:
        return None
    read = document.read(Bastion, written, "ssh.bastion")
    if not read.hostname:
        return None
    return BastionSettings(
        hostname=read.hostname,
        user=read.user,
        port=read.port,
        command=read.command,
        flags=read.flags,
    )
