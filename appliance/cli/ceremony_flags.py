"""The flags of `hearth ca init --ceremony`, and what they ask for."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from appliance.cli.files import read_file
from appliance.formats import pem
from appliance.model.errors import BadRequest
from appliance.model.tokens import KeyKind, TouchPolicy
from appliance.server.ceremony import shares

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: Final = (
    click.option("--ceremony", is_flag=True, help="Make the keys in a ceremony, step by step."),
    click.option(
        "--root-at",
        metavar="<uri|path>",
        help="Ceremony: where the root lives: yubikey:serial=…, pkcs11:…, or a directory on a "
        "medium that is taken away.",
    ),
    click.option(
        "--keys-at",
        metavar="<uri|path>",
        help="Ceremony: where intermediate and SSH keys live: yubikey:…, pkcs11:…, or a directory.",
    ),
    click.option(
        "--key-kind",
        type=click.Choice([str(kind) for kind in KeyKind]),
        help="Ceremony: the kind of all keys; P-256 by default.",
    ),
    click.option(
        "--root-key-kind",
        type=click.Choice([str(kind) for kind in KeyKind]),
        help="Ceremony: the kind of the root's key, if it is another.",
    ),
    click.option(
        "--root-touch",
        type=click.Choice([str(policy) for policy in TouchPolicy if policy]),
        help="Ceremony: when the root's YubiKey wants to be touched.",
    ),
    click.option(
        "--attestation-roots",
        metavar="<file>",
        help="Ceremony: who vouches for the devices; by default, Yubico for YubiKeys.",
    ),
    click.option(
        "--keep-pins", is_flag=True, help="Ceremony: keep PINs and keys that are not the factory's."
    ),
    click.option(
        "--shares",
        metavar="<m/n>",
        help="Ceremony: seal all secrets for the recovery sheet; m of n shares open them.",
    ),
    click.option(
        "--shares-to",
        metavar="<dir>",
        help="Ceremony: where pages with the shares are written, to print; by default they are "
        "shown.",
    ),
    click.option(
        "--network-down", is_flag=True, help="Ceremony: go on only while no network link is up."
    ),
    click.option("--no-rehearsal", is_flag=True, help="Ceremony: do not rehearse a restore."),
    click.option("--yes", is_flag=True, help="Ceremony: answer yes where only that goes on."),
    click.option("--resume", is_flag=True, help="Ceremony: go on with one that was interrupted."),
    click.option("--roll-back", is_flag=True, help="Ceremony: undo one that was interrupted."),
)


def ceremony_flags(function: F) -> F:
    """Add the flags to `ca init`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@dataclass(frozen=True, slots=True, kw_only=True)
class CeremonyFlags:
    """The command line."""

    ceremony: bool
    root_at: str | None
    keys_at: str | None
    key_kind: str | None
    root_key_kind: str | None
    root_touch: str | None
    attestation_roots: str | None
    keep_pins: bool
    shares: str | None
    shares_to: str | None
    network_down: bool
    no_rehearsal: bool
    yes: bool
    resume: bool
    roll_back: bool

    def check(self) -> None:
        """Refuse what does not go together. Raises BadRequest."""
        for each in fields(self):
            if not self.ceremony and getattr(self, each.name):
                name = each.name.replace("_", "-")
                raise BadRequest(f"flag '--{name}' requires the '--ceremony' flag")
        if self.resume and self.roll_back:
            raise BadRequest("flag '--resume' is incompatible with '--roll-back'")
        if self.shares_to and not self.shares:
            raise BadRequest("flag '--shares-to' requires the '--shares' flag")

    def numbers(self) -> tuple[int, int] | None:
        """Read --shares. Raises BadRequest."""
        if not self.shares:
            return None
        threshold, slash, count = self.shares.partition("/")
        if not (slash and threshold.isdecimal() and count.isdecimal()):
            raise BadRequest(f"'{self.shares}' for --shares: say how many of how many, such as 2/3")
        shares.check(int(threshold), int(count))
        return int(threshold), int(count)

    def pages(self, base: Path) -> str:
        """Read --shares-to, which must not be where the CA's files are. Raises BadRequest."""
        if not self.shares_to:
            return ""
        directory = Path(self.shares_to).absolute()
        if not directory.is_dir():
            raise BadRequest(f"{directory} is no directory")
        if is_same_disk(directory, base):
            raise BadRequest(
                f"{directory} is on the disk of the CA, where shares must not be: name a removable "
                "medium, or a directory in memory such as one below /dev/shm"
            )
        return str(directory)

    def roots(self) -> tuple[bytes, ...]:
        """Read --attestation-roots."""
        if not self.attestation_roots:
            return ()
        return tuple(pem.certificates(read_file(self.attestation_roots)))


def taken(given: dict[str, Any]) -> CeremonyFlags:
    """Take these flags out of all that `ca init` was given. Raises BadRequest."""
    flags = CeremonyFlags(**{each.name: given.pop(each.name) for each in fields(CeremonyFlags)})
    flags.check()
    return flags


def is_same_disk(one: Path, other: Path) -> bool:
    """Say whether two paths, as far as they are there, are on one file system."""
    return _existing(one).stat().st_dev == _existing(other).stat().st_dev


def _existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())
