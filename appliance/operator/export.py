"""Certificates into a file, for who asks an Operator of any process: the file is the asker's.

It is written beside its place and moved there when it is whole; what is there already stays.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Final

from appliance.model.errors import BadRequest
from appliance.model.inventory import CertificateKind
from appliance.operator import certificate_forms
from appliance.operator.certificate_forms import Form
from appliance.operator.reading import path_of

FORMS: Final = {
    CertificateKind.X509: ("pem", "csv", "json"),
    CertificateKind.SSH: ("openssh", "csv", "json"),
}


def form(name: str) -> Form:
    """Give a form by its name. Raises KeyError."""
    forms: dict[str, Callable[[], Form]] = {
        "pem": certificate_forms.as_pem,
        "openssh": certificate_forms.as_openssh,
        "csv": certificate_forms.as_csv,
        "json": partial(certificate_forms.as_json, with_octets=True),
    }
    return forms[name]()


class NewFile:
    """A file that is there when it is whole: left without `finish`, there is none.

    All methods wait for the disk, and raise BadRequest for what keeps it from being written.
    """

    def __init__(self, path: str) -> None:
        self.path = path_of(path).absolute()
        self._passing = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        self._check_free()
        try:
            self._file = self._passing.open("x", encoding="utf-8", newline="")
        except OSError as error:
            raise self._problem(error) from error

    def write(self, text: str) -> None:
        """Add to it."""
        try:
            self._file.write(text)
        except OSError as error:
            raise self._problem(error) from error

    def finish(self) -> None:
        """Have it on the disk, under its name."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._check_free()
            self._passing.rename(self.path)
        except OSError as error:
            raise self._problem(error) from error

    def __enter__(self) -> "NewFile":
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take away what is not needed any more."""
        with suppress(OSError):
            self._file.close()
        self._passing.unlink(missing_ok=True)

    def _check_free(self) -> None:
        if self.path.is_dir():
            raise BadRequest(f"{self.path} is a directory: name a file in it")
        if self.path.exists():
            raise BadRequest(f"{self.path} is there already: choose another name")

    def _problem(self, error: OSError) -> BadRequest:
        return BadRequest(f"{self.path} cannot be written: {error.strerror or error}")
