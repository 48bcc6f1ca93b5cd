"""When a certificate that is made here begins and ends: --not-before and --not-after."""

from datetime import datetime

from appliance.cli.clock import SystemClock
from appliance.formats import timeorduration
from appliance.model.errors import BadRequest, FormatError


def read_times(
    not_before: str | None, not_after: str | None
) -> tuple[datetime | None, datetime | None]:
    """Read both flags; None is not asked. Raises BadRequest."""
    now, found = SystemClock().now(), []
    for name, text in (("not-before", not_before), ("not-after", not_after)):
        try:
            found.append(timeorduration.moment(text or "", now=now))
        except FormatError as error:
            raise BadRequest(
                f"invalid value '{text}' for flag '--{name}': {error.public}"
            ) from error
    start, end = found
    if start and end and start > end:
        raise BadRequest(
            f"flag '--not-before {not_before}' is incompatible with flag '--not-after {not_after}'"
        )
    return start, end
