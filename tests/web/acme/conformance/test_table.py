"""The table of requirements and the tests go together: neither has what the other lacks."""

import re
from pathlib import Path

import pytest

from tests.web.acme.conformance.requirements import HERE, REQUIREMENTS, table

ROOT = Path(__file__).resolve().parents[4]
BEYOND = {"test_table.py"}


def functions_of(file: str) -> set[str]:
    return set(re.findall(r"^(?:async )?def (test_\w+)", (ROOT / file).read_text(), re.MULTILINE))


@pytest.mark.parametrize(
    "file", sorted({each.test.partition("::")[0] for each in REQUIREMENTS} - {""})
)
def test_the_tests_that_the_table_names_are_there(file: str) -> None:
    named = {each.test.partition("::")[2] for each in REQUIREMENTS if each.test.startswith(file)}
    assert named <= functions_of(file)


def test_every_test_of_conformance_is_in_the_table() -> None:
    named = {each.test for each in REQUIREMENTS}
    files = [each for each in (ROOT / HERE).glob("test_*.py") if each.name not in BEYOND]
    ours = {
        f"{HERE}/{each.name}::{test}"
        for each in files
        for test in functions_of(f"{HERE}/{each.name}")
    }
    assert ours - named == set()


def test_what_has_no_test_says_why() -> None:
    assert [each for each in REQUIREMENTS if not each.test and not each.otherwise] == []
    assert len(table().splitlines()) == len(REQUIREMENTS) + 2
