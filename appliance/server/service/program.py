"""The program that becomes a service: which file it is, and where it is unpacked."""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.formats.onefile import Unpacked, unpack
from appliance.model.errors import BadRequest, FormatError
from appliance.server.service.layout import Layout
from appliance.server.service.steps import Link, Step, Tree

_DIGITS: Final = 12  # of a digest, which tell two builds apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A program by the name of its directory; `unpacked` where it is still to be written."""

    name: str
    unpacked: Unpacked | None = None


def read_release(file: Path) -> Release:
    """Read a program in one file. Raises BadRequest, FormatError."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise BadRequest(f"{file} cannot be read: {error.strerror}") from error
    try:
        unpacked = unpack(content)
    except FormatError as error:
        raise FormatError(f"{file} is not Hearth in one file: {error.public}") from error
    return Release(name=hashlib.sha256(content).hexdigest()[:_DIGITS], unpacked=unpacked)


def own_release(layout: Layout, file: Path | None) -> Release | None:
    """Give the program to install: `file`, else the one that runs; None when a package has it.

    Raises BadRequest when what runs is no one file.
    """
    if file is not None:
        return read_release(file)
    running = Path(sys.executable)
    if not getattr(sys, "frozen", False):
        raise BadRequest(
            "this is Hearth from a checkout: make binary makes the one file that can be "
            "installed; name it with --binary dist/hearth"
        )
    directory = running.resolve().parent
    if directory.parent == layout.releases:
        return Release(name=directory.name)
    if is_packaged():
        return None
    return read_release(running)


def is_packaged() -> bool:
    """Tell if the program that runs came with a package, whose tools change and remove it."""
    running = Path(sys.executable).resolve()
    return getattr(sys, "frozen", False) is True and running.is_relative_to("/usr/lib/hearth")


def putting(layout: Layout, release: Release) -> list[Step]:
    """Give the steps that bring a release onto the machine, not yet into use."""
    if release.unpacked is None:
        return []
    directory = layout.at(layout.releases / release.name)
    return [Tree(path=directory, unpacked=release.unpacked)]


def using(layout: Layout, name: str) -> list[Step]:
    """Give the steps that make it the one in use."""
    steps: list[Step] = []
    former = in_use(layout)
    if former not in ("", name):
        steps.append(Link(path=layout.at(layout.previous), target=former))
    return [
        *steps,
        Link(path=layout.at(layout.current), target=name),
        Link(path=layout.at(layout.program), target="../lib/hearth/current/hearth"),
    ]


def in_use(layout: Layout) -> str:
    """Name the release in use; nothing where there is none."""
    return _named(layout.at(layout.current))


def before(layout: Layout) -> str:
    """Name the release that was in use before; nothing where there is none."""
    return _named(layout.at(layout.previous))


def _named(link: Path) -> str:
    try:
        target = link.readlink()
    except OSError:
        return ""
    return target.name if (link.parent / target / "hearth").exists() else ""
