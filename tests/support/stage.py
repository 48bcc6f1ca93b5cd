"""Scenes of the console: a screen by its name, and the steps that bring a sample there.

A scene is a function of a Stage; its docstring is the caption of its pictures:

    @scene()
    async def revoking(stage: Stage) -> None:
        \"\"\"Revoking a certificate: for a reason, and after a question.\"\"\"
        await stage.press("3", "r")
        await stage.shows("Revoke")

It belongs into a module under `tests/tui/scenes`, which are all found. `make picture` draws each
scene at both sizes, and `make picture ARGS=revoking` one; the tests see that pictures are fresh.
"""

import importlib
import os
import pkgutil
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any, Final

from textual.app import App
from textual.pilot import Pilot

from tests.support.picture import hold_still, picture
from tests.support.piloted import Piloted, play
from tests.support.sample_operator import SampleOperator
from tui.app import Console
from tui.feed import Rhythm

ROOT: Final = Path(__file__).resolve().parents[2]
PICTURES: Final = ROOT / "packaging" / "pictures"
SIZES: Final = ((80, 24), (120, 40))
_RHYTHM: Final = Rhythm(events=0.1, overview=0.3)


class Stage(Piloted):
    """An application under way, and the keys of a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One screen as a person meets it."""

    name: str
    caption: str
    play: Callable[[Stage], Awaitable[None]]
    make: Callable[[], App[Any]]

    def file(self, size: tuple[int, int]) -> Path:
        return PICTURES / f"{size[0]}x{size[1]}" / f"{self.name}.svg"


Look = Callable[[Stage, tuple[int, int]], Awaitable[None]]
_scenes: dict[str, Scene] = {}


def scene(
    operator: Callable[[], SampleOperator] = SampleOperator,
    *,
    make: Callable[[], App[Any]] | None = None,
) -> Callable[[Callable[[Stage], Awaitable[None]]], Callable[[Stage], Awaitable[None]]]:
    """Take a function for a scene: of the console over this operator, or of another application."""

    def console() -> App[Any]:
        return Console(operator(), zone=UTC, rhythm=_RHYTHM)

    def keep(play: Callable[[Stage], Awaitable[None]]) -> Callable[[Stage], Awaitable[None]]:
        name = play.__name__.strip("_").replace("_", "-")
        assert name not in _scenes, f"two scenes are called {name}"
        assert play.__doc__, f"the scene {name} has no caption"
        _scenes[name] = Scene(
            name=name, caption=" ".join(play.__doc__.split()), play=play, make=make or console
        )
        return play

    return keep


def scenes() -> dict[str, Scene]:
    """Find all scenes."""
    folder = ROOT / "tests" / "tui" / "scenes"
    for module in pkgutil.iter_modules([str(folder)]):
        importlib.import_module(f"tests.tui.scenes.{module.name}")
    return dict(sorted(_scenes.items()))


def perform(scene: Scene, look: Look) -> None:
    """Bring the application to the scene at the first size, then change to the others."""

    app = scene.make()
    app.animation_level = "none"

    async def begin(pilot: Pilot[Any]) -> None:
        stage = Stage(app=app, pilot=pilot)
        if isinstance(app, Console):
            journal = app.journal
            await stage.until(lambda: journal.shown, "the journal")
            await stage.until(lambda: app.is_locked or "● serving" in stage.text)
        await scene.play(stage)
        for size in SIZES:
            if size != app.size:
                await pilot.resize_terminal(*size)
                await stage.settle()
            await look(stage, size)

    with _universal_time():
        play(app, begin, SIZES[0])


@contextmanager
def _universal_time() -> Iterator[None]:
    """Be in the time zone UTC, wherever the machine is."""
    before = os.environ.get("TZ")
    try:
        os.environ["TZ"] = "UTC"
        time.tzset()
        yield
    finally:
        del os.environ["TZ"]
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


async def drawn(stage: Stage, scene: Scene) -> str:
    """Give the picture of what is on the screen now."""
    hold_still(stage.app)
    await stage.settle()
    return picture(stage.app, scene.caption)
