"""The pictures in the handbook: one of each scene, with its caption, between two marks."""

import re
from collections.abc import Sequence
from typing import Final

from tests.support.stage import ROOT, SIZES, Scene

HANDBOOK: Final = ROOT / "homelab.md"
_MARKS: Final = re.compile(r"(<!-- make picture -->\n).*?(<!-- end of pictures -->\n)", re.DOTALL)


def gallery(scenes: Sequence[Scene]) -> str:
    """Give what stands between the marks."""
    return "".join(
        f"![{scene.caption}]({scene.file(SIZES[0]).relative_to(ROOT)})\n"
        f"*{scene.caption}*\n\n"
        for scene in scenes
    )  # fmt: skip


def refresh(scenes: Sequence[Scene]) -> None:
    """Write it anew."""
    text = HANDBOOK.read_text()
    HANDBOOK.write_text(_MARKS.sub(lambda found: found[1] + gallery(scenes) + found[2], text))


def shown() -> str:
    """Give what the handbook has between the marks."""
    found = _MARKS.search(HANDBOOK.read_text())
    assert found, "the marks of `make picture` are not in homelab.md"
    return found[0].removeprefix(found[1]).removesuffix(found[2])
