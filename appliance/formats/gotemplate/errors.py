"""What can go wrong with a template; all of it is a FormatError."""

from typing import Final, Literal

from appliance.model.errors import FormatError

Stage = Literal["parse", "exec"]
PARSE: Final = "parse"
EXEC: Final = "exec"


class TemplateError(FormatError):
    """A template that cannot be read (stage `parse`) or whose rendering failed (stage `exec`)."""

    def __init__(self, public: str, *, stage: Stage = EXEC) -> None:
        super().__init__(public.encode("utf-8", "replace").decode())  # octets that are no UTF-8
        self.stage: Stage = stage


class TemplateFailure(TemplateError):
    """The template itself refused by calling `fail`; `message` is what it said."""

    def __init__(self, public: str, *, message: str) -> None:
        super().__init__(public, stage=EXEC)
        self.message = message


class BudgetError(TemplateError):
    """The template would have taken more time, room or depth than it is given.

    Passes through functions: one that swallows errors, as `fromJson` does, never swallows this.
    """
