"""What webhooks and programs are told of an alert, and what an answer over HTTP means."""

from typing import Final

from appliance.formats import timeorduration
from appliance.model.alerts import Notice
from appliance.model.errors import Forbidden, Unavailable

_LATER: Final = (408, 425, 429)  # Request Timeout, Too Early, Too Many Requests


def members(notice: Notice) -> dict[str, object]:
    """Give a notice for those who read JSON."""
    return {
        "timestamp": timeorduration.format_time(notice.at),
        "id": notice.id,
        "change": notice.change.value,
        "rule": notice.rule,
        "name": notice.name,
        "severity": notice.severity.value,
        "title": notice.title,
        "text": notice.text,
        "since": timeorduration.format_time(notice.since),
        "authority": notice.authority,
    }


def judge(status: int, who: str) -> None:
    """Take a status as yes or no. Raises Unavailable for what may pass, Forbidden."""
    if status < 300:
        return
    if status >= 500 or status in _LATER:
        raise Unavailable(f"{who} responded with {status}")
    raise Forbidden(f"{who} refused it with {status}")
