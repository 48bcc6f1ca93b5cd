"""URI references come apart and together as they do in Go: recorded from its net/url."""

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.formats import gourl
from appliance.formats.gourl import Uri
from appliance.model.errors import FormatError

RECORDED: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parent / "golden" / "urls.jsonl").read_text().splitlines()
]


def test_every_recorded_url_has_the_same_parts() -> None:
    for case in (each for each in RECORDED if "parts" in each):
        assert gourl.parse(case["url"]) == Uri(**case["parts"]), case["url"]


def test_every_text_that_go_refuses_is_refused() -> None:
    for case in (each for each in RECORDED if "parts" not in each):
        with pytest.raises(FormatError, match="is not a URI"):
            gourl.parse(case["url"])
