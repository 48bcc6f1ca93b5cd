"""Each screen of the console is what its pictures show, at both sizes: they are its snapshots."""

import time

import pytest

from tests.support.gallery import gallery, shown
from tests.support.stage import PICTURES, ROOT, SIZES, Scene, Stage, drawn, perform, scenes

SCENES = scenes()
LARGEST = 40_000  # octets of a picture
PATIENCE = 30  # seconds until a screen that looks otherwise is said to do so


@pytest.mark.parametrize("scene", SCENES.values(), ids=list(SCENES))
def test_the_screen_is_what_its_pictures_show(scene: Scene) -> None:
    async def look(stage: Stage, size: tuple[int, int]) -> None:
        file = scene.file(size)
        kept = file.read_text() if file.exists() else ""
        late = time.monotonic() + PATIENCE
        while await drawn(stage, scene) != kept:
            if time.monotonic() > late:
                pytest.fail(
                    f"{file.relative_to(ROOT)} is not what the console looks like; where that is "
                    f"wanted, run `make picture ARGS={scene.name}`. Now:\n{stage.text}"
                )
            await stage.pilot.pause(0.05)
        assert len(kept) <= LARGEST

    perform(scene, look)


def test_pictures_are_of_scenes_and_all_are_in_the_handbook() -> None:
    files = {file.relative_to(PICTURES) for file in PICTURES.glob("*/*.svg")}
    wanted = {scene.file(size).relative_to(PICTURES) for scene in SCENES.values() for size in SIZES}
    assert files == wanted, "run `make picture`"
    assert shown() == gallery(list(SCENES.values())), "run `make picture`"
