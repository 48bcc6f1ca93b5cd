"""make picture: draw the console's screens with the tests' sample house, for the handbook.

With names of scenes only those are drawn, and the handbook stays as it is.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.gallery import refresh  # noqa: E402 - both need the line above
from tests.support.stage import PICTURES, Scene, Stage, drawn, perform, scenes  # noqa: E402

SETTLED = 0.3  # seconds in which nothing may change


def draw(scene: Scene) -> None:
    """Write the pictures of a scene."""

    async def look(stage: Stage, size: tuple[int, int]) -> None:
        before = ""
        while before != (now := await drawn(stage, scene)):
            before = now
            await stage.pilot.pause(SETTLED)
        file = scene.file(size)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(now)

    perform(scene, look)


def main(names: list[str]) -> None:
    """Draw all, or some."""
    known = scenes()
    for name in names or known:
        if name not in known:
            sys.exit(f"there is no scene {name}; there are {', '.join(known)}")
        draw(known[name])
    if not names:
        for file in PICTURES.glob("*/*.svg"):
            if file.stem not in known:
                file.unlink()
        refresh(list(known.values()))


if __name__ == "__main__":
    main(sys.argv[1:])
