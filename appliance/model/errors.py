"""The one error family.

Every error that we raise on purpose is a HearthError. `public` may be shown to whoever asked;
`detail` goes to the log only. Neither ever holds a secret. Each front door maps the family to its
wire form in one place; anything that is not of the family is a fault of ours.
"""


class HearthError(Exception):
    """Root of the family; never raised itself."""

    def __init__(self, public: str, *, detail: str = "") -> None:
        super().__init__(public)
        self.public = public
        self.detail = detail

    def __str__(self) -> str:
        """Give the public text, and the detail where there is one: the form for our own log."""
        return f"{self.public}: {self.detail}" if self.detail else self.public


class FormatError(HearthError):
    """Bytes or text that are not what they claim to be. Raised by every decoder."""


class BadRequest(HearthError):
    """The request itself is wrong; asking again in the same way cannot help."""


class Unauthorized(HearthError):
    """The credential is missing or does not hold."""


class Forbidden(HearthError):
    """The credential holds, but does not allow what was asked."""


class NotFound(HearthError):
    """There is no such thing."""


class NotSupported(HearthError):
    """This configuration of the CA cannot do it."""


class Unavailable(HearthError):
    """It cannot be done now, but later: a key, a store or a capacity is missing."""

    def __init__(self, public: str, *, detail: str = "", retry_after: int = 5) -> None:
        super().__init__(public, detail=detail)
        self.retry_after = retry_after  # seconds


class Broken(HearthError):
    """Something of ours failed: a write, a signature, an invariant."""


class Conflict(HearthError):
    """A condition of a store transaction did not hold; nothing of it was written."""


class ConfigError(HearthError):
    """A file that a person wrote is wrong. `place` is where in it, such as `authority.claims`."""

    def __init__(self, problem: str, *, file: str, place: str = "") -> None:
        where = f"{file}: {place}" if place else file
        super().__init__(f"{where}: {problem}")
        self.file = file
        self.place = place
        self.problem = problem
