"""What a request for an SSH certificate names; SSH has no signed form of it, as CSRs are."""

from msgspec import Struct

from appliance.formats.ssh.keys import SshPublicKey
from appliance.model.errors import BadRequest
from appliance.model.ssh import CertificateType
from appliance.model.validity import TimeOrDuration

TYPES = {each.label: each for each in CertificateType}
"""The types by their names in requests."""


class SshSigningRequest(Struct, frozen=True, kw_only=True):
    """The key to be certified, and what is asked about it. Empty: nothing is."""

    public_key: SshPublicKey
    type: str = ""  # user or host
    key_id: str = ""
    principals: tuple[str, ...] = ()
    valid_after: TimeOrDuration = None
    valid_before: TimeOrDuration = None


def check(request: SshSigningRequest) -> None:
    """Refuse what no provisioner could grant. Raises BadRequest."""
    check_type(request.type)
    if "" in request.principals:
        raise BadRequest("principals cannot contain empty values")


def check_type(kind: str) -> None:
    """Refuse a type that is none; the empty one is no wish. Raises BadRequest."""
    if kind and kind not in TYPES:
        raise BadRequest(f"certType '{kind[:60]}' is not valid: it must be user or host")
