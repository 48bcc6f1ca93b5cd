"""What templates see of the certificate behind a token is what they see in step-ca: recorded."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from appliance.formats.gotemplate.errors import TemplateError
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.issuance import certificate_values
from appliance.issuance.templates import Template

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parent / "golden" / "certificate_values.json").read_text()
)
CONTEXT = FunctionContext(now=datetime(2026, 1, 1, tzinfo=UTC), entropy=bytes)


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["expression"])
def test_an_expression_prints_the_same(case: dict[str, Any]) -> None:
    shown = certificate_values.certificate(base64.b64decode(RECORDED["certificate"]))
    template = Template("{{ print (" + case["expression"] + ") }}")
    if case["status"] != 201:
        with pytest.raises(TemplateError):
            template.render({"AuthorizationCrt": shown}, CONTEXT)
        return
    assert template.render({"AuthorizationCrt": shown}, CONTEXT) == case["printed"]
