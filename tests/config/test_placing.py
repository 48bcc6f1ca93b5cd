"""Many files are put in place as one, or not at all."""

from pathlib import Path

import pytest

from appliance.config.placing import NewFile, place
from appliance.model.errors import ConfigError

NAMES = ("certs/a", "secrets/b", "config/c")


def new_files(base: Path) -> list[NewFile]:
    return [NewFile(path=base / name, content=name.encode(), mode=0o600) for name in NAMES]


def contents(base: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(base)): path.read_bytes() for path in base.rglob("*") if path.is_file()
    }


def test_all_files_are_there_with_their_modes(tmp_path: Path) -> None:
    base = tmp_path / "step"
    place(new_files(base), [base / "db"])
    assert contents(base) == {name: name.encode() for name in NAMES}
    assert {oct((base / name).stat().st_mode & 0o777) for name in NAMES} == {"0o600"}
    assert (base / "db").stat().st_mode & 0o777 == 0o700
    assert base.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("failing", range(len(NAMES)))
def test_a_failure_half_way_leaves_nothing_behind(tmp_path: Path, failing: int) -> None:
    base = tmp_path / "step"
    done = 0

    def rename(source: Path, target: Path) -> None:
        nonlocal done
        if done == failing:
            raise OSError(28, "No space left on device")
        done += 1
        source.replace(target)

    with pytest.raises(ConfigError, match="No space left"):
        place(new_files(base), [base / "db"], rename=rename)
    assert not base.exists()


@pytest.mark.parametrize("failing", range(len(NAMES)))
def test_a_failure_half_way_keeps_what_was_there(tmp_path: Path, failing: int) -> None:
    base = tmp_path / "step"
    place(new_files(base))
    before = contents(base)
    done = 0

    def rename(source: Path, target: Path) -> None:
        nonlocal done
        if done == failing:
            raise OSError(5, "Input/output error")
        done += 1
        source.replace(target)

    changed = [NewFile(path=base / name, content=b"new", mode=0o600) for name in NAMES]
    with pytest.raises(ConfigError, match="Input/output"):
        place(changed, rename=rename)
    assert contents(base) == before


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError) as caught:
        place([NewFile(path=tmp_path / "file" / "x", content=b"", mode=0o600)])
    assert str(tmp_path / "file") in str(caught.value)


def test_a_secret_is_not_shown() -> None:
    file = NewFile(path=Path("k"), content=b"secret", mode=0o600)
    assert "secret" not in repr(file)
