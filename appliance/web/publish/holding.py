"""Whether a client holds the octets already that it would be sent (RFC 9110 section 13.2.2)."""

from datetime import datetime
from email.utils import parsedate_to_datetime

from appliance.web.http import Request


def holds(request: Request, tag: str, made_at: datetime) -> bool:
    """Compare what it says it has with a list's entity tag, as the header has it, and its date."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        return any(each.strip().removeprefix("W/") in (tag, "*") for each in tags.split(","))
    since = request.headers.get("if-modified-since")
    if since is None:
        return False
    try:
        held = parsedate_to_datetime(since)
    except ValueError:
        return False
    return held.tzinfo is not None and made_at <= held
