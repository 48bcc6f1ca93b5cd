"""What a request for an SSH certificate must be like, and the certificate that comes of it.

In the order in which step-ca judges them, since the first fault is the one that is told.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from appliance.formats.goduration import format_duration
from appliance.formats.ssh import keys
from appliance.formats.ssh.keys import SshPublicKey
from appliance.formats.timeorduration import format_time
from appliance.issuance.ssh.drafts import SshDraft
from appliance.issuance.ssh.grants import SshGrant
from appliance.issuance.ssh.requests import SshSigningRequest
from appliance.model.errors import BadRequest, Forbidden
from appliance.model.validity import TimeOrDuration

_SMALLEST_RSA: Final = 2048  # bits


def permit(request: SshSigningRequest, grant: SshGrant) -> None:
    """Hold a request against its grant. Raises Forbidden, and BadRequest for what it must name."""
    got, want = request.type, grant.token_type
    if got and want and got != want:
        raise Forbidden(f"ssh certificate type does not match - got {got}, want {want}")
    if not _are_within(request.principals, grant.token_principals):
        raise Forbidden(
            "ssh certificate principals does not match - "
            f"got [{' '.join(request.principals)}], want [{' '.join(grant.token_principals)}]"
        )
    _check_same("validAfter", request.valid_after, grant.token_valid_after)
    _check_same("validBefore", request.valid_before, grant.token_valid_before)
    if grant.required:
        for name, value in (
            ("certType", request.type),
            ("keyID", request.key_id),
            ("principals", request.principals),
        ):
            if not value:
                raise BadRequest(f"ssh certificate {name} cannot be empty")


def check_key(key: SshPublicKey) -> None:
    """Refuse weak keys: RSA below 2048 bits. Raises Forbidden."""
    if key.type == keys.RSA and (key.size + 7) // 8 * 8 < _SMALLEST_RSA:
        raise Forbidden(
            f"ssh certificate key must be at least {_SMALLEST_RSA} bits "
            f"({_SMALLEST_RSA // 8} bytes)"
        )


def check_draft(draft: SshDraft) -> None:
    """Refuse a certificate that says too little. Raises Forbidden."""
    if not draft.key_id:
        raise Forbidden("ssh certificate key id cannot be empty")
    if "" in draft.principals:
        raise Forbidden("ssh certificate principals cannot contain empty values")


def _are_within(asked: Sequence[str], granted: Sequence[str]) -> bool:
    """Say whether all that is asked is granted, whatever the case of letters."""
    if not asked or not granted or asked == granted:
        return True
    return len(asked) <= len(granted) and {each.lower() for each in asked} <= {
        each.lower() for each in granted
    }


def _check_same(name: str, asked: TimeOrDuration, granted: TimeOrDuration) -> None:
    """Hold what is asked against the token's, in the form in which both are written."""
    if asked and granted and asked != granted:
        raise Forbidden(
            f"ssh certificate {name} does not match - got {_shown(asked)}, want {_shown(granted)}"
        )


def _shown(moment: TimeOrDuration) -> str:
    match moment:
        case datetime():
            return format_time(moment)
        case timedelta():
            return format_duration(moment)
        case None:
            return ""
