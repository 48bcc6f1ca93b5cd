"""The one file does it all: makes a CA, serves it, issues from it, inspects and lists."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from PyInstaller.archive.readers import CArchiveReader

from tests.support.appliance import Appliance

BINARY = Path(__file__).resolve().parents[2] / "dist" / "hearth"

pytestmark = pytest.mark.binary


@pytest.fixture(scope="module")
def binary() -> Path:
    assert BINARY.exists(), "make binary builds dist/hearth"
    return BINARY


@pytest.fixture
def appliance(binary: Path, tmp_path: Path) -> Iterator[Appliance]:
    made = Appliance(tmp_path, command=[str(binary)]).start()
    yield made
    made.stop()


def test_it_makes_serves_issues_inspects_renews_and_lists(appliance: Appliance) -> None:
    password = str(appliance.password_file)
    certificate = str(appliance.directory / "nas.crt")
    key = str(appliance.directory / "nas.key")
    issued = appliance.run(
        "ca", "certificate", "nas.test", certificate, key,
        "--provisioner", "admin", "--password-file", password,
    )  # fmt: skip
    assert issued.returncode == 0, issued.stderr
    inspected = appliance.run("certificate", "inspect", "--short", certificate)
    assert "X.509v3 TLS Certificate (ECDSA P-256)" in inspected.stdout
    verified = appliance.run("certificate", "verify", certificate, "--roots", str(appliance.root))
    assert verified.returncode == 0, verified.stderr
    renewed = appliance.run("ca", "renew", "--force", certificate, key)
    assert renewed.returncode == 0, renewed.stderr
    listed = appliance.run("certs", "list", "--name", "nas.test")
    assert listed.stdout.count("nas.test") == 2, listed.stdout
    assert appliance.stop() == 0


def test_its_workers_use_what_is_unpacked_already(
    binary: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    made = Appliance(tmp_path, command=[str(binary)])
    request.addfinalizer(made.stop)
    document = json.loads(made.ca_json.read_text())
    made.ca_json.write_text(json.dumps({**document, "workers": 1}))
    temporary = tmp_path / "unpacked"
    temporary.mkdir()
    with patch.dict(os.environ, {"TMPDIR": str(temporary)}):
        made.start()
    deadline = time.monotonic() + 60
    while b'"name":"workers","ok":true' not in made.fetched("/health?verbose"):
        assert time.monotonic() < deadline, made.log.read_text()
        time.sleep(0.05)
    assert len(list(temporary.iterdir())) == 1
    assert made.stop() == 0
    assert list(temporary.iterdir()) == []


def test_called_by_steps_names_it_is_step_and_step_ca(binary: Path, tmp_path: Path) -> None:
    step, step_ca = tmp_path / "step", tmp_path / "step-ca"
    for link in (step, step_ca):
        link.symlink_to(binary)
    made = Appliance(tmp_path / "ca", command=[str(step)])
    made.command = [str(step_ca)]
    refused = made.run(str(tmp_path / "missing.json"))
    assert refused.returncode == 1
    assert "missing.json" in refused.stderr


def test_a_stopped_one_leaves_no_process_and_no_unpacked_files(appliance: Appliance) -> None:
    process = appliance.process
    assert process is not None
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert appliance.stop() == 0
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline, "the server outlived its bootloader"
        time.sleep(0.05)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)


def test_it_leaves_out_what_a_vendors_module_must_share(binary: Path) -> None:
    """A PKCS#11 module in the process must find the host's libraries, not copies of ours."""

    names = {Path(name).name for name in CArchiveReader(str(binary)).toc}
    shared = {
        "libstdc++.so.6",
        "libgcc_s.so.1",
        "libcrypto.so.3",
        "libssl.so.3",
        "libpcsclite.so.1",
    }
    assert names & shared == set()
