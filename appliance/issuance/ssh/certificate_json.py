"""The JSON that an SSH template gives: what a certificate shall say, in step's form."""

from datetime import datetime
from typing import Final

from appliance.formats import laxjson
from appliance.formats.laxjson import Object
from appliance.issuance.ssh import periods
from appliance.issuance.ssh.drafts import SshDraft
from appliance.model.errors import FormatError
from appliance.model.ssh import CertificateType

_TYPES: Final = {each.label: each for each in CertificateType}


def read(text: str) -> SshDraft:
    """Read what a template gave. Raises FormatError that names the key which is wrong."""
    written = Object(laxjson.decode(text))
    return SshDraft(
        type=_type(written),
        key_id=written.text("keyId"),
        principals=_principals(written),
        valid_after=_seconds(written, "validAfter"),
        valid_before=_seconds(written, "validBefore"),
        critical_options=written.texts_by_name("criticalOptions"),
        extensions=written.texts_by_name("extensions"),
        nonce=written.octets("nonce") or b"",
        serial=written.unsigned("serial"),
        reserved=written.octets("reserved") or b"",
    )


def _type(written: Object) -> CertificateType | None:
    """Read the type, whatever its case; unlike with other keys, null is not nothing."""
    if not written.has("type"):
        return None
    text = written.text("type")
    found = _TYPES.get(text.lower())
    if found is None:
        raise FormatError(f"{written.at('type')}: {text[:60]!r} must be user or host")
    return found


def _principals(written: Object) -> tuple[str, ...]:
    if isinstance(written.get("principals"), str):
        raise FormatError(f"{written.at('principals')} must be a list, not a text")
    return written.texts("principals")


def _seconds(written: Object, key: str) -> int:
    moment: datetime | None = written.time(key)
    if moment is None:
        return 0
    seconds = periods.seconds(moment)
    if seconds < 0:
        raise FormatError(f"{written.at(key)} is before 1970")
    return seconds
