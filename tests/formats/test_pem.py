"""PEM is found in any text, and never read by halves."""

import pytest

from appliance.formats import pem
from appliance.model.errors import FormatError

DER = bytes(range(100))


def test_a_block_comes_back() -> None:
    text = pem.encode("CERTIFICATE", DER)
    assert text.startswith("-----BEGIN CERTIFICATE-----\n")
    assert text.endswith("\n-----END CERTIFICATE-----\n")
    assert max(map(len, text.splitlines())) == 64
    assert pem.blocks(text.encode()) == [pem.Block("CERTIFICATE", {}, DER)]


def test_text_around_blocks_and_windows_line_ends_do_no_harm() -> None:
    text = "Certificate: x -----BEGIN nothing\n" + pem.encode("CERTIFICATE", DER) + "\nend\n"
    text = (text + pem.encode("CERTIFICATE", DER[1:])).replace("\n", "\r\n")
    assert pem.certificates(text.encode()) == [DER, DER[1:]]


def test_other_blocks_are_passed_over() -> None:
    text = pem.encode("X", DER) + pem.encode("CERTIFICATE", b"c") + pem.encode("Y", DER)
    assert pem.certificates(text.encode()) == [b"c"]
    assert pem.first(text.encode(), "Z", "Y") == DER


def test_headers_are_read_and_written_first() -> None:
    headers = {"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}
    text = pem.encode("EC PRIVATE KEY", DER, headers)
    assert text.splitlines()[1:4] == ["Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-256-CBC,00", ""]
    assert pem.blocks(text.encode()) == [pem.Block("EC PRIVATE KEY", headers, DER)]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "CERTIFICATE found"),
        ("hello", "CERTIFICATE found"),
        ("-----BEGIN CERTIFICATE", "five dashes"),
        ("-----BEGIN CERTIFICATE\nAAAA\n", "five dashes"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n", "no END line"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END OTHER-----\n", "no END line"),
        ("-----BEGIN CERTIFICATE-----\nA?AA\n-----END CERTIFICATE-----\n", "not base64"),
        ("-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n", "not base64"),
        ("-----BEGIN CERTIFICATE-----\na: b\nc\n\nAA==\n-----END CERTIFICATE-----\n", "colon"),
    ],
)
def test_broken_text_is_refused_with_a_reason(text: str, what: str) -> None:
    with pytest.raises(FormatError, match=what):
        pem.certificates(text.encode())


def test_a_missing_block_is_named() -> None:
    with pytest.raises(FormatError, match="CERTIFICATE REQUEST"):
        pem.first(pem.encode("CERTIFICATE", DER).encode(), "CERTIFICATE REQUEST")
