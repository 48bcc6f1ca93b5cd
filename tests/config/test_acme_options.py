"""`options.acme`: how strictly and how patiently challenges are looked at."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.config import acme_options
from appliance.config.document import Document
from appliance.issuance.acme.checks import USUAL, CaaMode, Checks
from appliance.model.errors import ConfigError


def read(acme: Any) -> Checks:
    document = Document(file=Path("ca.json"), members={})
    return acme_options.read({"acme": acme}, document, "options")


def test_without_options_records_warn_and_challenges_have_a_minute() -> None:
    document = Document(file=Path("ca.json"), members={})
    assert acme_options.read(None, document, "options") == read({}) == USUAL
    assert (USUAL.caa, USUAL.patience) == (CaaMode.WARN, timedelta(minutes=1))


def test_both_can_be_chosen() -> None:
    assert read({"caa": "Strict", "patience": "24h"}) == Checks(
        caa=CaaMode.STRICT, patience=timedelta(hours=24)
    )


@pytest.mark.parametrize(
    ("acme", "problem"),
    [
        ({"caa": "always"}, "must be off, warn, strict, not 'always'"),
        ({"caa": True}, "must be a text in quotes"),
        ({"patience": "soon"}, "invalid duration"),
        ({"patience": "0s"}, "more than 0 and at most 24h"),
        ({"patience": "25h"}, "more than 0 and at most 24h"),
    ],
)
def test_what_is_wrong_is_named(acme: Any, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(acme)
    assert problem in str(raised.value)
    assert "options.acme." in str(raised.value)
