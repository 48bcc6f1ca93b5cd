"""`template`, `templateFile` and `templateData`: what is read, and that nothing stops the start."""

import base64
from pathlib import Path
from typing import Any

import pytest

from appliance.config import certificate_templates
from appliance.config.schema import X509Options
from appliance.issuance.templates import Template

TEXT = '{"subject": {{ toJson .Subject }}}'


def template(**options: Any) -> Template:
    found, _ = certificate_templates.read(X509Options(**options))
    assert found is not None
    return found


def test_without_template_and_data_there_is_nothing() -> None:
    assert certificate_templates.read(X509Options()) == (None, {})


@pytest.mark.parametrize("written", [TEXT, f"\n {TEXT} \n", base64.b64encode(TEXT.encode())])
def test_a_template_is_a_text_or_base64_of_one(written: str | bytes) -> None:
    text = written.decode() if isinstance(written, bytes) else written
    found = template(template=text)
    assert (found.text, found.problem) == (TEXT, "")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"template": "subject"}, "neither begins with { nor is base64"),
        ({"template": "{ {{ nothing }} }"}, 'function "nothing" not defined'),
        ({"template": "{ {{ if }} }"}, "missing value for if"),
        ({"template_file": "templates/missing.tpl"}, "templateFile cannot be read"),
        ({"template": TEXT, "template_data": ["a"]}, "templateData must be an object"),
        ({"template_data": "a"}, "templateData must be an object"),
    ],
)
def test_what_cannot_be_used_is_told_and_stops_nothing(
    steppath: Path, options: dict[str, Any], problem: str
) -> None:
    """As in step-ca, where each certificate of the provisioner then fails."""
    del steppath
    assert problem in template(**options).problem


def test_a_file_is_found_below_the_step_path_or_where_its_path_says(
    steppath: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (steppath / "templates").mkdir(parents=True)
    for place in (steppath / "templates" / "a.tpl", tmp_path / "b.tpl"):
        place.write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    for name in ("templates/a.tpl", str(tmp_path / "b.tpl"), "./b.tpl", "~/b.tpl"):
        found = template(template_file=name)
        assert (found.text, found.problem) == (TEXT, ""), name


def test_a_template_in_the_file_counts_more_than_one_in_a_file() -> None:
    assert template(template=TEXT, template_file="nowhere").text == TEXT
