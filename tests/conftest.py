"""What all tests share: the reference switch, the properties' profiles, a short step directory."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--reference", action="store_true", help="run the tests beside step and step-ca, too"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the reference's tests to `make reference`; there, missing programs are a failure."""
    if config.getoption("--reference"):
        missing = [name for name in ("step", "step-ca") if shutil.which(name) is None]
        if missing:
            raise pytest.UsageError(f"not on PATH: {', '.join(missing)}")
        return
    chosen = [item for item in items if item.get_closest_marker("reference") is None]
    left = [item for item in items if item.get_closest_marker("reference") is not None]
    config.hook.pytest_deselected(items=left)
    items[:] = chosen


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name octets and long texts by their place.

    Keys that each process makes anew would give one test several names.
    """
    return argname if isinstance(val, bytes) or (isinstance(val, str) and len(val) > 60) else None


@pytest.fixture
def steppath(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty step directory of this test's own, in the environment of the process."""
    for name in [name for name in os.environ if name.startswith("STEP")]:
        monkeypatch.delenv(name)
    directory = tmp_path / "step"
    monkeypatch.setenv("STEPPATH", str(directory))
    monkeypatch.setenv("HOME", str(tmp_path))
    return directory
