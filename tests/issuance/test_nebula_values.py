"""Templates see of a Nebula certificate what Go's Nebula library shows there."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from appliance.formats import nebula_pem
from appliance.formats.gotemplate import functions
from appliance.formats.gotemplate.errors import TemplateError
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.formats.gotemplate.template import parse
from appliance.issuance import nebula_values

GOLDEN = Path(__file__).parent / "golden" / "nebula_values.json"
CERTIFICATES = Path(__file__).parents[1] / "formats" / "golden" / "nebula.json"
CASES = json.loads(GOLDEN.read_text())
KNOWN = json.loads(CERTIFICATES.read_text())
FUNCTIONS = functions.standard(
    FunctionContext(now=datetime(2026, 3, 1, tzinfo=UTC), entropy=os.urandom)
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['kind']}-{case['template']}")
def test_a_template_makes_the_same(case: dict[str, Any]) -> None:
    (found,) = nebula_pem.read_pem(KNOWN[case["kind"]][case["who"]]["pem"].encode())
    data = {"AuthorizationCrt": nebula_values.certificate(found)}
    template = parse(case["template"], FUNCTIONS)
    if "error" in case:
        with pytest.raises(TemplateError):
            template.render(data)
    else:
        assert template.render(data) == case["output"]
