"""Principals made of a subject, as step makes them."""

import pytest

from appliance.client.ssh import principals


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("jane", ["jane"]),
        ("jane@example.com", ["jane", "jane@example.com"]),
        ("Jane@example.com", ["jane", "Jane@example.com"]),
        ("jane.doe@example.com", ["janedoe", "jane.doe", "jane.doe@example.com"]),
        ("jane+x@a@b", ["jane_x_a", "jane+x@a", "jane+x@a@b"]),
        ("Jane Doe", ["jane_doe", "Jane Doe"]),
        ("a.b", ["ab", "a.b"]),
        ("@b", ["", "@b"]),
        ("jürgen", ["j_rgen", "jürgen"]),
        ("", [""]),
    ],
)
def test_the_account_comes_first(subject: str, expected: list[str]) -> None:
    assert principals.of_subject(subject) == expected
