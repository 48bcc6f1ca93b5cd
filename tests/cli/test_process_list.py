"""Secrets of key URIs do not stay where `ps` shows them."""

import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import sys
from appliance.cli.process_list import hide_secrets
hide_secrets()
print(sys.argv[1], flush=True)
sys.stdin.read()
"""


def line_of(uri: str) -> tuple[str, str]:
    """What a program is given, and what others see of that."""
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, uri, "and more"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        told = process.stdout.readline().strip()
        seen = Path(f"/proc/{process.pid}/cmdline").read_text()
        process.communicate()
    return told, seen


def test_secrets_are_wiped_and_known_to_the_program() -> None:
    uri = "yubikey:slot-id=82;management-key=0102?pin-value=123456&max-sessions=2"
    told, seen = line_of(uri)
    assert told == uri
    assert "123456" not in seen
    assert "0102" not in seen
    assert "yubikey:slot-id=82;management-key=****?pin-value=******&max-sessions=2" in seen
    assert "and more" in seen


def test_other_words_stay() -> None:
    uri = "pkcs11:token=ca?pin-source=/etc/pin"
    assert uri in line_of(uri)[1]
