"""Prints what of the lock is needed to run and to build the one file; not what judges and tests."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILDING = ("pyinstaller", "setuptools", "swig")  # the last two build pyscard


def name_of(requirement: str) -> str:
    """Give a requirement's name as the lock writes it."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None, requirement
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def extras_of(requirement: str) -> list[str]:
    """Give the extras that a requirement asks for: `name[extra,…]`."""
    found = re.match(r"[A-Za-z0-9._-]+\s*\[([^]]*)\]", requirement)
    return [each.strip() for each in found.group(1).split(",")] if found else []


def closure(requirements: list[str]) -> set[str]:
    """Give the names of requirements and of all that they need, where this machine has them."""
    found: set[str] = set()
    seen: set[str] = set()
    while requirements:
        requirement = requirements.pop().partition(";")[0].strip()
        if requirement in seen:
            continue
        seen.add(requirement)
        found.add(name_of(requirement))
        try:
            needs = requires(name_of(requirement)) or []
        except PackageNotFoundError:  # of another processor; it needs what its twin needs
            continue
        extras = extras_of(requirement)
        for need in needs:
            extra = re.search(r"extra == ['\"]([^'\"]+)", need)
            if extra is None or extra.group(1) in extras:
                requirements.append(need)
    return found


def entries() -> Iterator[str]:
    """Give the lock's entries, each with its hashes."""
    yield from re.findall(
        r"^[A-Za-z].*?(?=^[A-Za-z]|\Z)",
        (ROOT / "packaging" / "requirements.lock").read_text(),
        re.DOTALL | re.MULTILINE,
    )


project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
needed = closure([*BUILDING, *project["dependencies"]])
print("".join(each for each in entries() if name_of(each) in needed), end="")
