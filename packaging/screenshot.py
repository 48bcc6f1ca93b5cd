"""make picture: draw the console with the tests' sample house, as README.md shows it."""

import asyncio
import re
import sys
from datetime import UTC
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.sample_operator import SampleOperator  # noqa: E402 - needs the line above
from tui.app import Console  # noqa: E402

SIZE = (100, 30)
FONTS = "ui-monospace, Menlo, Consolas, DejaVu Sans Mono"


async def draw(*keys: str, size: tuple[int, int] = SIZE) -> str:
    """Give the screen after these keys as SVG; the same each time."""
    app = Console(SampleOperator(), zone=UTC)
    async with app.run_test(size=size) as pilot:
        while not app.journal.shown:
            await pilot.pause(0.05)
        await pilot.press("2", *keys)
        await pilot.pause(0.2)
        return with_local_fonts(app.export_screenshot(title="hearth"))


def with_local_fonts(svg: str) -> str:
    """A picture fetches nothing: take what monospaced font there is."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return re.sub(r"font-family: \"?Fira Code\"?", f"font-family: {FONTS}", svg)


if __name__ == "__main__":
    (ROOT / "packaging" / "console.svg").write_text(asyncio.run(draw()))
