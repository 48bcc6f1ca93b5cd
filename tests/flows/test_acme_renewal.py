"""Our client follows our CA: it renews by itself what was revoked, and when the issuer changes."""

import json
import re
import signal
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from appliance.issuance.acme import certificate_ids
from appliance.issuance.parsed import parse
from tests.flows.test_intermediates import create, reload
from tests.support.appliance import Appliance, environment, free_port
from tests.support.in_process import at_home, ok

NAME = "localhost"


@pytest.fixture
def port() -> int:
    """Where proofs by HTTP are shown."""
    return free_port()


@pytest.fixture
def ca(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Appliance]:
    made = Appliance(tmp_path / "ca", "--acme")
    made.start("--insecure", "--acme-http-port", str(port))
    at_home(monkeypatch, made.steppath)
    yield made
    assert made.stop() == 0


def leaf(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificates(file.read_bytes())[0]


def renewal_info(ca: Appliance, certificate: x509.Certificate) -> Any:
    name = certificate_ids.write(parse(certificate.public_bytes(Encoding.DER)))
    url = f"{ca.url}/acme/acme/renewal-info/{name}"
    with urllib.request.urlopen(url, context=ca.context(), timeout=10) as answer:
        return json.load(answer)


def daemon_lines(ca: Appliance, *words: str, hurry: bool = False) -> list[str]:
    """What a daemon says until it has renewed; in a hurry it is told to as soon as the CA asks."""
    until = "certificate renewed"
    lines: list[str] = []
    with subprocess.Popen(
        [*ca.command, "ca", "renew", "--daemon", *words],
        env=environment(ca.steppath),
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    ) as daemon:
        assert daemon.stdout is not None
        late = threading.Timer(60, daemon.kill)
        late.start()
        for line in daemon.stdout:
            lines.append(line)
            if until in line or len(lines) == 10:
                break
            if hurry and "the CA asks" in line:
                daemon.send_signal(signal.SIGHUP)
        late.cancel()
        daemon.terminate()
    return lines


def test_the_daemon_renews_what_was_revoked_and_when_the_issuer_changes(
    ca: Appliance, port: int, tmp_path: Path
) -> None:
    crt, key = tmp_path / "a.crt", tmp_path / "a.key"
    files = (str(crt), str(key))
    listen = ("--http-listen", f"127.0.0.1:{port}")
    acme = ("--acme", f"{ca.url}/acme/acme/directory")
    ok("ca", "certificate", NAME, *files, "--provisioner", "acme", *listen)
    first = leaf(crt)
    assert set(renewal_info(ca, first)) == {"suggestedWindow"}

    ok("ca", "revoke", *acme, "--cert", str(crt))
    assert "explanationURL" in renewal_info(ca, first)
    said = daemon_lines(ca, *files, *acme, *listen)
    assert re.search(r"the CA asks for the renewal in [01]s", said[1])
    second = leaf(crt)
    assert second.serial_number != first.serial_number
    assert set(renewal_info(ca, second)) == {"suggestedWindow"}

    create(ca)
    ok("ca", "intermediate", "activate", "2036")
    reload(ca)
    found = renewal_info(ca, second)
    start = datetime.fromisoformat(found["suggestedWindow"]["start"])
    assert "explanationURL" in found
    assert start < second.not_valid_before_utc + timedelta(days=1) * 0.6
    assert start > datetime.now(UTC) - timedelta(minutes=5)
    assert renewal_info(ca, second) == found
    said = daemon_lines(ca, *files, *acme, *listen, hurry=True)
    assert "the CA asks for the renewal in" in said[1]
    third = leaf(crt)
    (issuer,) = third.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert "2036" in str(issuer.value)
    assert set(renewal_info(ca, third)) == {"suggestedWindow"}
