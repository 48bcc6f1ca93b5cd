"""A CA that lets invited accounts in alone: keys made while it runs and while it stands."""

import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from appliance.cli.main import main
from tests.support import stepca
from tests.support.appliance import Appliance


def test_who_has_a_key_gets_certificates_for_its_names(
    tmp_path: Path,
    steppath: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    appliance, port = Appliance(tmp_path / "ca", "--acme"), stepca.free_port()
    config = json.loads(appliance.ca_json.read_text())
    (entry,) = (each for each in config["authority"]["provisioners"] if each["type"] == "ACME")
    entry |= {"requireEAB": True, "options": {"acme": {"profiles": {"server": {}}}}}
    appliance.ca_json.write_text(json.dumps(config))

    def invited(*words: str) -> str:
        command = ["ca", "acme", "eab", "add", "acme", *words, "--format", "json"]
        assert main([*command, "--ca-config", str(appliance.ca_json)]) == 0
        made = json.loads(capfd.readouterr().out)
        Path("eab.key").write_text(made["key"])
        return str(made["id"])

    def ordered(name: str, key_id: str, *words: str) -> tuple[int, str]:
        command = ["ca", "certificate", name, "a.crt", "a.key", "--force"]
        command += ["--acme", f"{appliance.url}/acme/acme/directory"]
        command += ["--root", str(appliance.root), "--http-listen", f"127.0.0.1:{port}"]
        if key_id:
            command += ["--eab-key-id", key_id, "--eab-key", "eab.key"]
        return main([*command, *words]), capfd.readouterr().err

    appliance.start("--acme-http-port", str(port), "--insecure")
    try:
        code, told = ordered("localhost", "")
        assert (code, "externalAccountRequired" in told) == (1, True), told
        code, told = ordered("localhost", invited("--allow", "localhost"), "--acme-profile=server")
        assert code == 0, told
        leaf = x509.load_pem_x509_certificate(Path("a.crt").read_bytes())
        purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH]
        code, told = ordered("other.example", "")
        assert (code, "rejectedIdentifier" in told) == (1, True), told
    finally:
        appliance.stop()
    capfd.readouterr()
    assert invited("while-it-stands")
    assert main(["ca", "acme", "eab", "list", "acme", "--ca-config", str(appliance.ca_json)]) == 0
    assert len(capfd.readouterr().out.splitlines()) == 3
