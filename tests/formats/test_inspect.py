"""What `inspect` shows is what step shows (golden/inspect, recorded by tests/formats/record.py)."""

import json
from pathlib import Path

import pytest

from appliance.formats import inspect_json, inspect_text, pem, x509_fields

GOLDEN = Path(__file__).parent / "golden" / "inspect"
ALL = sorted(GOLDEN.glob("*.pem"))
CERTIFICATES = [path for path in ALL if not path.name.startswith("request-")]
REQUESTS = [path for path in ALL if path.name.startswith("request-")]


def certificate(path: Path) -> x509_fields.CertificateFields:
    return x509_fields.certificate(pem.certificates(path.read_bytes())[0])


def request_of(path: Path) -> x509_fields.RequestFields:
    return x509_fields.request(pem.first(path.read_bytes(), "CERTIFICATE REQUEST"))


@pytest.mark.parametrize("path", CERTIFICATES, ids=lambda path: path.stem)
def test_certificates_as_text(path: Path) -> None:
    expected = path.with_suffix(".txt").read_text()
    assert inspect_text.certificate_text(certificate(path)) == expected


@pytest.mark.parametrize("path", CERTIFICATES, ids=lambda path: path.stem)
def test_certificates_in_short(path: Path) -> None:
    expected = path.with_suffix(".short").read_text()
    assert inspect_text.certificate_summary(certificate(path)) == expected


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_requests_as_text(path: Path) -> None:
    assert inspect_text.request_text(request_of(path)) == path.with_suffix(".txt").read_text()


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_requests_in_short(path: Path) -> None:
    expected = path.with_suffix(".short").read_text()
    assert inspect_text.request_summary(request_of(path)) == expected


@pytest.mark.parametrize("path", CERTIFICATES, ids=lambda path: path.stem)
def test_certificates_as_json(path: Path) -> None:
    """Equal to the octet, but for the order of `names`, which is chance in step."""
    shown = inspect_json.certificate_object(certificate(path))
    expected = path.with_suffix(".json").read_text()
    names = json.loads(expected).get("names", [])
    assert sorted(shown.get("names", [])) == sorted(names)
    if names:
        shown["names"] = names
    assert inspect_json.render(shown) == expected


def test_a_bundle_as_json() -> None:
    path = GOLDEN / "leaf-and-root.pem"
    every = [x509_fields.certificate(each) for each in pem.certificates(path.read_bytes())]
    shown = inspect_json.render([inspect_json.certificate_object(each) for each in every])
    assert shown == path.with_suffix(".bundle.json").read_text()


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_requests_as_json(path: Path) -> None:
    shown = inspect_json.render(inspect_json.request_object(request_of(path)))
    assert shown == path.with_suffix(".json").read_text()
