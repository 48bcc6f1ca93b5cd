"""Paths with slashes, as Go's packages path and path/filepath (on Unix) take them apart."""

from collections.abc import Mapping
from typing import Final

from appliance.formats.gotemplate.library.declaring import plain
from appliance.formats.gotemplate.signatures import STRING, Function


def cleaned(path: str) -> str:
    """Give the shortest path that is the same without looking at any disk."""
    rooted = path.startswith("/")
    kept: list[str] = []
    for part in path.split("/"):
        if part in {"", "."}:
            continue
        if part != "..":
            kept.append(part)
        elif kept and kept[-1] != "..":
            kept.pop()
        elif not rooted:
            kept.append(part)
    return ("/" if rooted else "") + "/".join(kept) or "."


def _base(path: str) -> str:
    if not path:
        return "."
    return path.rstrip("/").rpartition("/")[2] or "/"


def _directory(path: str) -> str:
    return cleaned("".join(path.rpartition("/")[:2]))


def _extension(path: str) -> str:
    _, dot, extension = path.rpartition("/")[2].rpartition(".")
    return dot + extension if dot else ""


_PATHS: Final[Mapping[str, Function]] = {
    "base": plain(_base, STRING),
    "dir": plain(_directory, STRING),
    "clean": plain(cleaned, STRING),
    "ext": plain(_extension, STRING),
    "isAbs": plain(lambda path: path.startswith("/"), STRING),
}

FUNCTIONS: Final[Mapping[str, Function]] = {
    **_PATHS,
    **{f"os{name[0].upper()}{name[1:]}": function for name, function in _PATHS.items()},
}
