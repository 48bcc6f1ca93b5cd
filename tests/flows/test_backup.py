"""A backup taken under load restores to a CA that goes on where its clients left it."""

import copy
import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from appliance.cli.main import main
from tests.support.appliance import Appliance
from tests.support.load import bodies, csr
from tests.support.wire import Answer, Connection

CLIENTS = 64
PAUSE = 0.25  # seconds of a client between two requests, so that the backup has its turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate of a client, with its key in the same file, and the token it was asked by."""

    file: Path
    serial: int
    token: str


def ask(ca: Appliance, path: str, body: object = None, shown: Issued | None = None) -> Any:
    """Ask, as the client of a certificate if one is given; the status where that is an error."""
    context = ca.context()
    if shown is not None:
        context.load_cert_chain(shown.file)
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{ca.url}{path}", data)
    try:
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            octets: bytes = answer.read()
    except urllib.error.HTTPError as error:
        return error.code
    except (ssl.SSLError, urllib.error.URLError):
        return 0
    return json.loads(octets) if octets.startswith(b"{") else octets


def issue(ca: Appliance, name: str) -> Issued:
    key, token = ec.generate_private_key(ec.SECP256R1()), ca.load.token(name)
    made = ask(ca, "/1.0/sign", {"csr": csr(name, key), "ott": token})
    file = ca.directory / f"{name}.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    file.write_text("".join([*made["certChain"], secret]))
    serial = x509.load_pem_x509_certificate(made["crt"].encode()).serial_number
    return Issued(file=file, serial=serial, token=token)


def revoke(ca: Appliance, issued: Issued) -> None:
    serial = str(issued.serial)
    token = ca.load.token(serial, aud="https://localhost/1.0/revoke", sans=None)
    assert ask(ca, "/1.0/revoke", {"serial": serial, "ott": token, "passive": True})["status"]


def published(ca: Appliance) -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(ask(ca, "/1.0/crl"))


def number(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def told(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    """Run a command in this process; what it says, on both streams."""
    capsys.readouterr()
    ended = main([*map(str, words)])
    said = "".join(capsys.readouterr())
    assert ended == 0, said
    return said


async def ask_on(ca: Appliance, stem: str, known: list[int], ended: trio.Event) -> None:
    """Be a client that asks for one certificate after the other."""
    async with Connection(ca.port, ca.context()) as connection:
        for _, body in bodies(ca.load, 1000, stem):
            if ended.is_set():
                return
            status, answer = await connection.request("POST", "/1.0/sign", body)
            if status != 201:
                raise Answer(f"status {status}")
            crt = json.loads(answer)["crt"].encode()
            known.append(x509.load_pem_x509_certificate(crt).serial_number)
            await trio.sleep(PAUSE)


async def backed_up_under_load(ca: Appliance, *words: str) -> tuple[set[int], set[int]]:
    """Make a backup; give what was acknowledged before it began, and what when it was done."""
    known: list[int] = []
    ended = trio.Event()
    async with trio.open_nursery() as nursery:
        for client in range(CLIENTS):
            nursery.start_soon(ask_on, ca, f"c{client}n", known, ended)
        with trio.fail_after(60):
            while len(known) < CLIENTS:
                await trio.sleep(0.01)
        before = set(known)
        made = await trio.to_thread.run_sync(ca.run, "backup", "create", *words)
        ended.set()
    assert made.returncode == 0, made.stderr
    return before, set(known)


@pytest.fixture
def ca(tmp_path: Path) -> Appliance:
    made = Appliance(tmp_path / "ca")
    config = json.loads(made.ca_json.read_text())
    config["crl"] = {"enabled": True, "generateOnRevoke": True}
    made.ca_json.write_text(json.dumps(config))
    return made.start()


def test_a_backup_taken_under_load_goes_on_where_its_clients_left_it(
    ca: Appliance, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    passphrase, backup, lists = (tmp_path / each for each in ("pass", "x.hearth-backup", "crl"))
    passphrase.write_text("correct horse battery")
    keys = ("--passphrase-file", str(passphrase))
    try:
        kept, early, late = (issue(ca, name) for name in ("kept", "early", "late"))
        revoke(ca, early)
        before, acknowledged = trio.run(backed_up_under_load, ca, str(backup), "--keys", *keys)
        assert len(acknowledged) > len(before)
        revoke(ca, late)
        last = published(ca)
        lists.write_bytes(last.public_bytes(Encoding.DER))
    finally:
        assert ca.stop() == 0
    proven = told(capsys, "backup", "verify", backup, *keys, "--password-file", ca.password_file)
    assert "test certificate issued" in proven
    new = copy.copy(ca)
    new.steppath, new.log = tmp_path / "new", tmp_path / "new.log"
    said = told(capsys, "backup", "restore", backup, new.steppath, *keys, "--crl", lists)
    assert "revocations taken over from revocation lists: 1" in said
    listed = told(capsys, "certs", "export", "--format", "json", "--config", new.ca_json)
    known = {int(each["serial"]) for each in json.loads(listed)["certificates"]}
    assert {kept.serial, early.serial, late.serial} | before <= known
    assert known <= {kept.serial, early.serial, late.serial} | acknowledged
    new.start()
    try:
        assert ask(new, "/1.0/renew", {}, shown=kept)["crt"]
        for revoked in (early, late):
            assert ask(new, "/1.0/renew", {}, shown=revoked) in (0, 401)
        again = {"csr": csr("kept", ec.generate_private_key(ec.SECP256R1())), "ott": kept.token}
        assert ask(new, "/1.0/sign", again) == 401
        issue(new, "fresh")
        first = published(new)
        assert {each.serial_number for each in first} == {early.serial, late.serial}
        assert number(first) > number(last)
        revoke(new, kept)
        assert number(published(new)) > number(first)
    finally:
        assert new.stop() == 0
    assert "the token was used before" in new.log.read_text() or "issued before" in (
        new.log.read_text()
    )
