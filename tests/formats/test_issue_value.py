"""Issue values (RFC 8659 4.2) as CAA records and dns-persist-01 have them."""

import pytest

from appliance.formats.issue_value import IssueValue, parse
from appliance.model.errors import FormatError


@pytest.mark.parametrize(
    ("text", "issuer", "parameters"),
    [
        ("ca.example", "ca.example", ()),
        (" CA.example\t; ", "ca.example", ()),
        (";", "", ()),
        ("", "", ()),
        (
            "ca.example; AccountURI = https://ca.example/a=b?c ;validationmethods=dns-01,ca-x;",
            "ca.example",
            (("accounturi", "https://ca.example/a=b?c"), ("validationmethods", "dns-01,ca-x")),
        ),
        ("ca.example;a=;a=1", "ca.example", (("a", ""), ("a", "1"))),
    ],
)
def test_issuer_and_parameters_are_read(
    text: str, issuer: str, parameters: tuple[tuple[str, str], ...]
) -> None:
    assert parse(text) == IssueValue(issuer=issuer, parameters=parameters)


@pytest.mark.parametrize(
    "text",
    ["ca example", "-ca.example", "ca.example.", "%%%%", "ca.example; policy", "ca.example; a=ü"],
)
def test_what_the_grammar_lacks_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        parse(text)
