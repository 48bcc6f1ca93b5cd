"""The revocation list of a running CA: judged by others, and in order after every kind of end."""

import json
import random
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.formats import crl, pem
from appliance.formats.crl import CrlFields
from tests.support import judges
from tests.support.appliance import Appliance, environment, free_port

ROUNDS = 3
REASONS = (0, 1, 3, 4, 5, 9)


@pytest.fixture
def ca(tmp_path: Path) -> Iterator[Appliance]:
    made = Appliance(tmp_path / "ca")
    configure(made, enabled=True, generateOnRevoke=True, idpURL="http://ca.example.com/crl")
    yield made
    made.stop()


def configure(ca: Appliance, **settings: object) -> None:
    document = json.loads(ca.ca_json.read_text())
    document["insecureAddress"] = f"127.0.0.1:{free_port()}"
    document["crl"] = settings
    ca.ca_json.write_text(json.dumps(document))


def revoke(ca: Appliance, serial: int) -> None:
    token = ca.load.token(str(serial), [], aud="https://localhost/1.0/revoke")
    body = {"serial": str(serial), "ott": token, "reasonCode": REASONS[serial % 6], "passive": True}
    request = urllib.request.Request(f"{ca.url}/1.0/revoke", json.dumps(body).encode())
    with urllib.request.urlopen(request, context=ca.context(), timeout=10) as answer:
        assert answer.status == 200


def fetched(ca: Appliance) -> CrlFields:
    with urllib.request.urlopen(f"{ca.url}/crl", context=ca.context(), timeout=10) as answer:
        return crl.parse(answer.read())


def test_others_read_and_verify_the_list(ca: Appliance, tmp_path: Path) -> None:
    """OpenSSL and GnuTLS verify it, and pkilint objects to nothing."""
    ca.start()
    for serial in range(10**18, 10**18 + 6):
        revoke(ca, serial)
    octets = fetched(ca).raw
    file = tmp_path / "ca.crl"
    file.write_text(pem.encode(crl.LABEL, octets))
    intermediate = ca.steppath / "certs" / "intermediate_ca.crt"
    commands = (
        ["openssl", "crl", "-in", str(file), "-CAfile", str(intermediate), "-noout", "-text"],
        ["certtool", "--verify-crl", "--load-ca-certificate", str(intermediate)]
        + ["--infile", str(file), "--verify-profile", "medium"],
    )
    for command in commands:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode == 0, ended.stderr + ended.stdout
    assert judges.lint_crl(octets) == set()
    shown = ca.run("crl", "inspect", "--ca", str(intermediate), str(file))
    assert "        Valid: true\n" in shown.stdout
    assert "Serial Number: 1000000000000000005" in shown.stdout


def test_kill_nine_takes_no_number_twice_and_no_revocation_back(ca: Appliance) -> None:
    """Killed while revocations and lists are being made, again and again."""
    acknowledged: list[int] = []
    seen: dict[int, bytes] = {-1: b""}
    serials = iter(range(1, 10**6))

    def look(*, above: int) -> None:
        fields = fetched(ca)
        assert fields.number is not None
        assert fields.number >= above
        assert seen.setdefault(fields.number, fields.raw) == fields.raw

    for _ in range(ROUNDS):
        ca.start()
        look(above=max(seen))

        def work() -> None:
            try:
                for serial in serials:
                    revoke(ca, serial)
                    acknowledged.append(serial)
                    look(above=max(seen) + 1)
            except (urllib.error.URLError, OSError, json.JSONDecodeError):
                return

        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(random.uniform(0.3, 0.7))
        ca.kill()
        thread.join()
    ca.start()
    fields = fetched(ca)
    assert (fields.number or 0) >= max(seen)
    assert len(acknowledged) > ROUNDS
    assert set(acknowledged) <= {each.serial for each in fields.entries()}


@pytest.mark.reference
def test_step_inspects_it(ca: Appliance, tmp_path: Path) -> None:
    """Downloaded in plain and over TLS, in both forms, and found valid."""
    ca.start()
    revoke(ca, 12345)
    address = json.loads(ca.ca_json.read_text())["insecureAddress"]
    flags = ("--ca", str(ca.steppath / "certs" / "intermediate_ca.crt"))
    for place in (f"http://{address}/crl", f"http://{address}/1.0/crl?pem", f"{ca.url}/crl"):
        shown = subprocess.run(
            ["step", "crl", "inspect", *flags, "--roots", str(ca.root), place],
            env=environment(tmp_path / "step"),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert shown.returncode == 0, shown.stderr
        assert "        Valid: true\n" in shown.stdout
        assert "Serial Number: 12345 (0x3039)" in shown.stdout
        ours = ca.run("crl", "inspect", *flags, "--roots", str(ca.root), "--format", "json", place)
        assert json.loads(ours.stdout)["signature"]["valid"] is True
