"""The system's store of trusted roots: a directory of files, and a program that takes them in."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.formats import pem
from appliance.model.errors import BadRequest, NotSupported, Unavailable

_PATIENCE: Final = 120  # seconds for the program, and for a password that sudo asks for


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Where one family of distributions keeps roots, and what tells it of a change."""

    directory: Path
    suffix: str
    update: tuple[str, ...]


STORES: Final = (
    Store(
        directory=Path("/etc/pki/ca-trust/source/anchors"),
        suffix=".pem",
        update=("update-ca-trust", "extract"),
    ),
    Store(
        directory=Path("/usr/local/share/ca-certificates"),
        suffix=".crt",
        update=("update-ca-certificates",),
    ),
    Store(
        directory=Path("/usr/share/pki/trust/anchors"),
        suffix=".crt",
        update=("update-ca-certificates",),
    ),
    Store(
        directory=Path("/etc/ca-certificates/trust-source/anchors"),
        suffix=".crt",
        update=("trust", "extract-compat"),
    ),
)
"""Those of Red Hat, Debian, SUSE and Arch, in the order in which step looks for them."""


def find(stores: Sequence[Store]) -> Store:
    """Give the store of this system. Raises NotSupported."""
    for store in stores:
        if store.directory.is_dir():
            return store
    raise NotSupported("this system has no store of roots that we know: install the file by hand")


def install(store: Store, name: str, certificate: bytes) -> None:
    """Add a root (DER), with sudo where we may not write. Raises BadRequest, Unavailable."""
    text = pem.encode("CERTIFICATE", certificate).encode()
    _run(store, ("tee", str(_file(store, name))), text)
    _run(store, store.update)


def uninstall(store: Store, name: str) -> None:
    """Take a root away again; one that is not there is no error. Raises as `install`."""
    _run(store, ("rm", "-f", str(_file(store, name))))
    _run(store, store.update)


def _file(store: Store, name: str) -> Path:
    """Name the file as step does; a name from a certificate must not lead elsewhere."""
    plain = "".join("_" if each in " /\0" or not each.isprintable() else each for each in name)
    return store.directory / f"{plain.lstrip('.')}{store.suffix}"


def _run(store: Store, command: Sequence[str], given: bytes = b"") -> None:
    words = list(command)
    if not os.access(store.directory, os.W_OK):
        if shutil.which("sudo") is None:
            raise BadRequest(f"{store.directory} cannot be written: run it as root")
        words = ["sudo", "--", *words]
    try:
        done = subprocess.run(  # noqa: S603 - programs of the system, no shell
            words, input=given, capture_output=True, check=False, timeout=_PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{' '.join(words)} failed: {error}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        raise BadRequest(f"{' '.join(words)} failed: {said[-1] if said else done.returncode}")
