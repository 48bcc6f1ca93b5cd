"""Our client and a provisioner of type ACME, our own CA's and step-ca's; and the real step's."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from appliance.cli.main import main
from appliance.client.csr import KeyKind, generate_key, signing_request
from appliance.formats import pem
from appliance.issuance.parsed import parse
from tests.support import stepca
from tests.support.appliance import Appliance, environment


def _names(name: str | Path) -> list[str]:
    leaf = x509.load_pem_x509_certificates(Path(name).read_bytes())[0]
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return [str(each.value) for each in found.value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ca:
    """A CA with a provisioner of type ACME, which asks for http-01 at `port`."""

    url: str
    root: Path
    port: int

    @property
    def directory(self) -> str:
        return f"{self.url}/acme/acme/directory"

    def flags(self, by: str) -> list[str]:
        """Give the flags of an order, from the provisioner or from the directory."""
        where = {
            "provisioner": ["--provisioner", "acme", "--ca-url", self.url],
            "directory": ["--acme", self.directory],
        }[by]
        return [*where, "--root", str(self.root), "--http-listen", f"127.0.0.1:{self.port}"]


@contextmanager
def _ours(folder: Path) -> Iterator[Ca]:
    port = stepca.free_port()
    appliance = Appliance(folder / "ours", "--acme")
    appliance.start("--acme-http-port", str(port), "--insecure")
    try:
        yield Ca(url=appliance.url, root=appliance.root, port=port)
    finally:
        appliance.stop()


@contextmanager
def _reference(folder: Path) -> Iterator[Ca]:
    folder = folder / "reference"
    folder.mkdir()
    (folder / "pw").write_text("pass")
    environ = os.environ | {"STEPPATH": str(folder), "HOME": str(folder)}
    flags = "--deployment-type standalone --name Test --dns localhost --acme"
    given = "--address 127.0.0.1:0 --provisioner jane --password-file pw"
    command = ["step", "ca", "init", *flags.split(), *given.split()]
    subprocess.run(command, env=environ, cwd=folder, check=True, capture_output=True)
    config = json.loads((folder / "config/ca.json").read_text())
    port = stepca.free_port()
    options = ["--acme-http-port", str(port), "--insecure"]
    with stepca.serving(folder / "run", config, password="pass", options=options) as running:
        url = f"https://localhost:{running.port}"
        yield Ca(url=url, root=folder / "certs/root_ca.crt", port=port)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(_ours, id="ours"),
        pytest.param(_reference, id="step-ca", marks=pytest.mark.reference),
    ],
)
def ca(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ca]:
    with request.param(tmp_path_factory.mktemp("ca")) as ca:
        yield ca


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, steppath: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("by", ["provisioner", "directory"])
def test_a_certificate_is_ordered(ca: Ca, by: str) -> None:
    names = ["--san", "localhost", "--san", "127.0.0.1", "--not-after", "2h"]
    words = ["ca", "certificate", "localhost", "a.crt", "a.key", *ca.flags(by), *names]
    assert main(words) == 0
    assert _names("a.crt") == ["localhost", "127.0.0.1"]
    validity = parse(pem.certificates(Path("a.crt").read_bytes())[0]).validity
    assert timedelta(hours=2) <= validity.length <= timedelta(hours=2, minutes=2)


def test_it_is_renewed_and_revoked(ca: Ca, capfd: pytest.CaptureFixture[str]) -> None:
    flags = ca.flags("directory")
    assert main(["ca", "certificate", "localhost", "a.crt", "a.key", *flags]) == 0
    before = Path("a.crt").read_bytes()
    assert main(["ca", "renew", "a.crt", "a.key", "--force", *flags]) == 0
    assert Path("a.crt").read_bytes() != before
    revoke = ["ca", "revoke", "--cert", "a.crt", *flags[:4]]
    assert main(revoke) == 0
    assert main([*revoke, "--key", "a.key"]) == 1
    assert "(alreadyRevoked)" in capfd.readouterr().err


def test_what_is_no_provisioner_of_this_type_is_told(
    ca: Ca, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["ca", "certificate", "localhost", "a.crt", "a.key", "--root", str(ca.root)]
    assert main([*words, "--acme", f"{ca.url}/acme/nobody/directory"]) == 1
    assert "/acme/nobody/directory failed" in capfd.readouterr().err
    assert not Path("a.key").exists()


@pytest.mark.reference
def test_the_real_step_orders_from_ours(tmp_path: Path) -> None:
    """By its provisioner, by its directory, and for a signing request."""
    with _ours(tmp_path) as ca:
        environ = environment(tmp_path / "client")
        for words in (
            ["certificate", "localhost", "a.crt", "a.key", *ca.flags("provisioner")],
            ["certificate", "localhost", "b.crt", "b.key", *ca.flags("directory")],
            ["sign", "c.csr", "c.crt", *ca.flags("directory")],
        ):
            if words[0] == "sign":
                key = generate_key(KeyKind(kty="EC", curve="P-256"))
                csr = signing_request(key, "localhost", ["localhost", "127.0.0.1"])
                (tmp_path / "c.csr").write_text(pem.encode("CERTIFICATE REQUEST", csr))
            ended = subprocess.run(
                ["step", "ca", *words],
                env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            assert ended.returncode == 0, ended.stderr
        assert _names(tmp_path / "c.crt") == ["localhost", "127.0.0.1"]
