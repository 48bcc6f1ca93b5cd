"""What every place for backups does (ports.places.Place)."""

from pathlib import Path

import pytest

from appliance.model.errors import Conflict, NotFound
from appliance.ports.places import Place

NAME = "home-1f2e3d4c-20260301T120000Z.hearth-backup"
CONTENT = bytes(range(256)) * 5000  # more than one part of anything


class PlaceContract:
    """Subclasses give the fixture `place`, which is empty, and was never used."""

    @staticmethod
    def made(directory: Path, content: bytes = CONTENT) -> Path:
        file = directory / "made"
        file.touch(mode=0o600)
        file.write_bytes(content)
        return file

    async def test_what_was_put_is_there_octet_by_octet(self, place: Place, tmp_path: Path) -> None:
        await place.put(self.made(tmp_path), NAME)
        assert [(each.name, each.size) for each in await place.names()] == [(NAME, len(CONTENT))]
        await place.get(NAME, tmp_path / "fetched")
        assert (tmp_path / "fetched").read_bytes() == CONTENT

    async def test_a_place_that_was_never_used_is_empty(self, place: Place) -> None:
        assert list(await place.names()) == []

    async def test_names_are_in_order_and_what_is_removed_is_gone(
        self, place: Place, tmp_path: Path
    ) -> None:
        for name in ("c", "a", "b"):
            await place.put(self.made(tmp_path, name.encode()), name)
        assert [each.name for each in await place.names()] == ["a", "b", "c"]
        await place.remove("b")
        assert [each.name for each in await place.names()] == ["a", "c"]

    async def test_nothing_is_overwritten(self, place: Place, tmp_path: Path) -> None:
        await place.put(self.made(tmp_path), NAME)
        with pytest.raises(Conflict, match="already"):
            await place.put(self.made(tmp_path, b"other"), NAME)
        await place.get(NAME, tmp_path / "fetched")
        assert (tmp_path / "fetched").read_bytes() == CONTENT

    async def test_what_is_not_there_is_told(self, place: Place, tmp_path: Path) -> None:
        await place.put(self.made(tmp_path), NAME)
        with pytest.raises(NotFound, match=r"there is no other in"):
            await place.get("other", tmp_path / "fetched")
