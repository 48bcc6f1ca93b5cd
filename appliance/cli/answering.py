"""Commands that answer scripts by their exit code, whether something is due for renewal."""

from dataclasses import dataclass
from typing import Any, Final

import click

from appliance.cli.command import StepCommand
from appliance.cli.prompts import say
from appliance.formats import goduration
from appliance.model.errors import BadRequest, FormatError, HearthError

DUE: Final = 0
NOT_DUE: Final = 1
NO_FILE: Final = 2
_FAILED: Final = 255
_DEFAULT: Final = "66%"


class Answering(StepCommand):
    """A command whose every failure has a code of its own."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Turn what is wrong with the command line into that code."""
        try:
            return super().make_context(*args, **kwargs)
        except click.ClickException as error:
            say(error.format_message())
        except HearthError as error:
            say(str(error))
        raise click.exceptions.Exit(_FAILED)

    def invoke(self, ctx: click.Context) -> Any:
        """Turn what goes wrong on the way into that code."""
        try:
            return super().invoke(ctx)
        except HearthError as error:
            say(str(error))
            raise click.exceptions.Exit(_FAILED) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """When a renewal is due: with `percent` of a life over, or `left` seconds of it left."""

    percent: int | None = None
    left: float = 0.0

    def is_reached(self, begin: float, end: float, now: float) -> bool:
        """Say if it is due; all are seconds since 1970."""
        if self.percent is None:
            return end - now <= self.left
        # What has no length is over; before its beginning, less than nothing is.
        used = int((1 - (end - now) / (end - begin)) * 100) if end > begin else 100
        return used >= self.percent


def threshold(text: str | None) -> Threshold:
    """Read --expires-in: 75% or 1h15m; 66% by default. Raises BadRequest."""
    written = text or _DEFAULT
    invalid = f"invalid value '{written}' for flag '--expires-in'"
    if written.endswith("%"):
        try:
            percent = int(written[:-1])
        except ValueError:
            raise BadRequest(invalid) from None
        if not 0 <= percent <= 100:
            raise BadRequest(f"{invalid}; value must be in range 0-100%")
        return Threshold(percent=percent)
    try:
        return Threshold(left=goduration.parse(written).total_seconds())
    except FormatError:
        raise BadRequest(f"{invalid}; write 75% or 1h15m") from None
