"""The picture in README.md is of this console."""

import asyncio
import importlib.util
from pathlib import Path

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"


def test_the_picture_is_what_the_console_looks_like() -> None:
    """`make picture` draws it anew."""
    spec = importlib.util.spec_from_file_location("screenshot", PACKAGING / "screenshot.py")
    assert spec is not None
    assert spec.loader is not None
    screenshot = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(screenshot)
    assert asyncio.run(screenshot.draw()) == (PACKAGING / "console.svg").read_text()
