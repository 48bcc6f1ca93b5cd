"""Where everything of the service is, and what a person may choose about it."""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Final

from appliance.model.errors import BadRequest
from appliance.model.secret import Password

USER: Final = "hearth"
DATA: Final = Path("/var/lib/hearth")
SETTINGS: Final = Path("/etc/hearth")
_PLAIN: Final = re.compile(r"/[A-Za-z0-9._/-]*")  # needs no quotes in a unit or a script


class Init(enum.StrEnum):
    """What starts services on the machine."""

    SYSTEMD = "systemd"
    OPENRC = "openrc"
    NONE = "none"  # only the program is installed


class Unlock(enum.StrEnum):
    """How the service comes to the password of the CA's keys."""

    FILE = "file"  # /etc/hearth/password, which only root reads
    CREDENTIAL = "credential"  # encrypted to the machine: by its TPM or a key of the host
    CONSOLE = "console"  # typed by a person, at each start
    NONE = "none"  # the keys have none, or it is in ca.json


class Device(enum.StrEnum):
    """What the service may reach, for keys on tokens."""

    PCSC = "pcsc"  # YubiKeys and smart cards, by the PC/SC service
    USB = "usb"  # tokens whose PKCS#11 module speaks USB itself
    TPM = "tpm"


def plain_path(name: str, flag: str) -> Path:
    """Read a path that goes into units and scripts. Raises BadRequest."""
    if not _PLAIN.fullmatch(name) or ".." in PurePosixPath(name).parts:
        raise BadRequest(
            f"flag '{flag}': {name!r} must be an absolute path of letters, digits, '.', '_' and '-'"
        )
    return Path(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Paths as the installed system has them; `root` is where that system is now."""

    root: Path = Path("/")
    prefix: Path = Path("/usr/local")
    data: Path = DATA

    @property
    def is_here(self) -> bool:
        """Tell if the system is the running one, whose services can be started."""
        return self.root == Path("/")

    @property
    def is_packaged(self) -> bool:
        """Tell if the files are a package's, which says where they belong."""
        return self.prefix == Path("/usr")

    def at(self, path: Path) -> Path:
        """Give where a path of the installed system is now."""
        return self.root / path.relative_to("/")

    @property
    def releases(self) -> Path:
        """The directory with one directory for each version."""
        return self.prefix / "lib" / "hearth"

    @property
    def current(self) -> Path:
        """The link to the version in use."""
        return self.releases / "current"

    @property
    def previous(self) -> Path:
        """The link to the version before it."""
        return self.releases / "previous"

    @property
    def program(self) -> Path:
        """What is called."""
        return self.prefix / "bin" / "hearth"

    @property
    def configuration(self) -> Path:
        """The CA that the service serves."""
        return self.data / "config" / "ca.json"

    @property
    def units(self) -> Path:
        """Where systemd finds the service."""
        return Path("/usr/lib/systemd/system" if self.is_packaged else "/etc/systemd/system")

    @property
    def choices(self) -> Path:
        """Where the choices of `hearth install` add to the unit."""
        return Path("/etc/systemd/system/hearth.service.d")

    @property
    def script(self) -> Path:
        """OpenRC's script."""
        return Path("/etc/init.d/hearth")

    @property
    def password(self) -> Path:
        """The password in the open, for root's eyes."""
        return SETTINGS / "password"

    @property
    def sealed_password(self) -> Path:
        """The password, encrypted to the machine."""
        return SETTINGS / "password.cred"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What `hearth install` was asked for. None leaves a choice as it is.

    `extras` are files that the command line makes of itself: manual pages, completions; their
    paths are below the prefix.
    """

    layout: Layout
    init: Init
    unlock: Unlock | None = None
    password: Password | None = field(default=None)
    seal: str = "auto"  # the key of the credential: auto, host, tpm2, host+tpm2
    devices: frozenset[Device] | None = None
    writable: tuple[Path, ...] | None = None
    links: bool = False  # also as step and step-ca
    start: bool = True
    extras: Mapping[Path, bytes] = field(default_factory=lambda: MappingProxyType({}))
