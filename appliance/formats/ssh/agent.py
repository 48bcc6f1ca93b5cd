"""Messages of the SSH agent protocol (draft-ietf-sshm-ssh-agent) that we send and read.

A message is its octets without the length in front.
"""

import base64
from dataclasses import dataclass
from typing import Final

from appliance.formats.keys import PrivateKey
from appliance.formats.ssh import certificate, wire
from appliance.formats.ssh.certificate import SshCertificate
from appliance.formats.ssh.private_keys import secret_fields
from appliance.formats.ssh.wire import Reader
from appliance.model.errors import FormatError

LARGEST: Final = 256 << 10  # octets of a message; OpenSSH's own limit
LIST: Final = bytes((11,))
REMOVE_ALL: Final = bytes((19,))

_SUCCESS: Final = 6
_IDENTITIES: Final = 12
_REMOVE: Final = 18
_ADD_CONSTRAINED: Final = 25
_ADD: Final = 17
_LIFETIME: Final = 1
_LONGEST: Final = 2**32 - 1  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentKey:
    """A key that the agent holds, or a certificate with its key."""

    blob: bytes
    comment: str

    @property
    def certificate(self) -> SshCertificate | None:
        """The certificate; None when it is a mere key, or one that cannot be read."""
        if not certificate.is_certificate(self.blob):
            return None
        try:
            return certificate.parse(self.blob)
        except FormatError:
            return None

    @property
    def line(self) -> str:
        """Write it as authorized_keys has it, with its comment. Raises FormatError."""
        text = f"{Reader(self.blob).text()} {base64.b64encode(self.blob).decode('ascii')}"
        return f"{text} {self.comment}" if self.comment else text


def add_certificate(
    key: PrivateKey, certified: SshCertificate, comment: str, lifetime: int | None
) -> bytes:
    """Ask to hold a certificate and its key for `lifetime` seconds, or until the agent ends."""
    content = wire.strings((certified.type_name, certified.blob)) + secret_fields(key)
    content += wire.string(comment)
    if lifetime is None:
        return bytes((_ADD,)) + content
    constraint = bytes((_LIFETIME,)) + wire.uint32(min(lifetime, _LONGEST))
    return bytes((_ADD_CONSTRAINED,)) + content + constraint


def remove(key: AgentKey) -> bytes:
    """Ask to forget a key."""
    return bytes((_REMOVE,)) + wire.string(key.blob)


def is_success(answer: bytes) -> bool:
    """Say whether it was done."""
    return answer[:1] == bytes((_SUCCESS,))


def read_keys(answer: bytes) -> tuple[AgentKey, ...]:
    """Read the answer to LIST. Raises FormatError."""
    reader = Reader(answer)
    if reader.octet() != _IDENTITIES:
        raise FormatError("the SSH agent does not list its keys")
    found = tuple(
        AgentKey(blob=reader.string(), comment=reader.string().decode("utf-8", "replace"))
        for _ in range(min(reader.uint32(), LARGEST))
    )
    reader.finish("the SSH agent's list")
    return found
