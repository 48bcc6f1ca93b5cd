"""`crl inspect` shows what step shows (golden/crl, recorded by tests/formats/record_crl.py).

But for the issuer in the text, which step leaves empty.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.cli.crl_inspect import judged
from appliance.formats import crl, der, inspect_crl, inspect_json, pem, x509_fields
from appliance.formats.crl import CrlFields
from appliance.formats.inspect_crl import Verdict
from tests.formats.record_crl import GOLDEN

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ALL = sorted(GOLDEN.glob("*.crl"))


def shown(path: Path) -> tuple[CrlFields, Verdict]:
    fields = crl.parse(path.read_bytes())
    authorities = pem.certificates(path.with_suffix(".pem").read_bytes())
    return fields, judged(fields, map(x509_fields.certificate, authorities), NOW)


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_lists_as_text(path: Path) -> None:
    ours = inspect_crl.list_text(*shown(path)).splitlines()
    theirs = path.with_suffix(".txt").read_text().splitlines()
    (line,) = [number for number, each in enumerate(ours) if each.startswith("        Issuer: ")]
    assert theirs[line] == "        Issuer: "
    assert "CA" in ours[line]
    assert [*ours[:line], *ours[line + 1 :]] == [*theirs[:line], *theirs[line + 1 :]]


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_lists_as_json(path: Path) -> None:
    ours = inspect_json.render(inspect_crl.list_object(*shown(path)))
    assert ours == path.with_suffix(".json").read_text()


def test_a_list_of_version_1_has_neither_number_nor_extensions() -> None:
    """step ends with a panic there."""
    fields = version_1()
    assert "Version" not in inspect_crl.list_text(fields, Verdict(valid=False))
    shown = inspect_crl.list_object(fields, Verdict(valid=False))
    assert shown["version"] is None
    assert shown["AuthorityKeyID"] is None
    assert shown["next_update"] == "0001-01-01T00:00:00Z"
    assert "extensions" not in shown


def version_1() -> CrlFields:
    algorithm = der.sequence(der.oid("1.2.840.10045.4.3.2"))
    signed = der.sequence(algorithm, der.sequence(), der.time(NOW))
    return crl.parse(der.sequence(signed, algorithm, der.bit_string(b"s")))
