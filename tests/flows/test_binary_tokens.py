"""The one file with keys on tokens, on a machine that has nothing but what such tokens need."""

import json
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.formats.ssh import keys as ssh_keys
from tests.server.conftest import Authority
from tests.support.bare_machine import BareMachine
from tests.support.load import Provisioner
from tests.support.softhsm import PIN as HSM_PIN
from tests.support.softhsm import SoftHsm
from tests.support.yubikey.computer import SERIAL, Computer
from tests.support.yubikey.fixtures import machine, port, ports

__all__ = ["machine", "port", "ports"]

BINARY = Path(__file__).resolve().parents[2] / "dist" / "hearth"
PIN = "123456"
YUBIKEY = f"yubikey:serial={SERIAL}?pin-value={PIN}"
ROOT, INTERMEDIATE = "yubikey:slot-id=82", "yubikey:slot-id=83"
PATIENCE = 30.0

pytestmark = pytest.mark.binary


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    (tmp_path / "ca").mkdir()
    return Authority(tmp_path / "ca")


@pytest.fixture
def bare(tmp_path: Path, authority: Authority) -> BareMachine:
    assert BINARY.exists(), "make binary builds dist/hearth"
    made = BareMachine(tmp_path / "bare", BINARY)
    made.bind(authority.directory)
    return made


@contextmanager
def serving(
    bare: BareMachine,
    authority: Authority,
    environ: Mapping[str, str] = {},
    *,
    trusted: bool = True,
) -> Iterator[httpx.Client]:
    """Serve there, and give a client that trusts the root; or anybody."""
    log = authority.directory / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            bare.command(["serve", str(authority.file)], environ),
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        url = f"https://localhost:{_port(log, process)}"
        context = ssl.create_default_context(cafile=str(authority.directory / "root.crt"))
        if not trusted:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with httpx.Client(base_url=url, verify=context, timeout=PATIENCE) as client:
            yield client
    finally:
        process.send_signal(signal.SIGKILL)  # unshare; it takes what is below with it
        process.wait()


def _port(log: Path, process: "subprocess.Popen[bytes]") -> str:
    end = time.monotonic() + PATIENCE
    while True:
        for line in log.read_text().splitlines():
            if "Serving HTTPS on" in line:
                return line.rpartition("127.0.0.1:")[2].split('"')[0].split()[0]
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.02)


def states(asked: httpx.Client) -> dict[str, str]:
    told: list[dict[str, Any]] = asked.get("/health?verbose").json()["tokens"]
    return {each["name"]: each["state"] for each in told}


def until(asked: httpx.Client, name: str, state: str) -> float:
    began = time.monotonic()
    while states(asked)[name] != state:
        assert time.monotonic() - began < PATIENCE, states(asked)
        time.sleep(0.02)
    return time.monotonic() - began


def signed(asked: httpx.Client, authority: Authority, name: str) -> int:
    answer = asked.post("/1.0/sign", json=authority.request(name))
    if answer.status_code == 201:
        leaf, issuer = (
            x509.load_pem_x509_certificate(each.encode()) for each in answer.json()["certChain"]
        )
        leaf.verify_directly_issued_by(issuer)
    return answer.status_code


def ssh_request(provisioner: Provisioner) -> dict[str, str]:
    token = provisioner.token(
        "someone",
        aud="https://localhost/ssh/sign",
        step={"ssh": {"certType": "user", "keyID": "someone", "principals": ["someone"]}},
    )
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return {"publicKey": ssh_keys.of_key(public).text, "ott": token, "certType": "user"}


def test_with_libpcsclite_and_a_vendors_module_alone_it_makes_keys_and_serves_from_them(
    bare: BareMachine,
    authority: Authority,
    port: Computer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """X.509 by a YubiKey, SSH by a PKCS#11 token; pulled and plugged in, the module killed."""
    hsm = SoftHsm(tmp_path / "hsm", monkeypatch).initialise("ssh")
    assert hsm.module is not None
    bare.add(next(Path("/usr/lib").glob("*/libpcsclite.so.1")), hsm.module)
    bare.bind(port.folder, "/run/pcscd")
    bare.bind(tmp_path / "hsm")
    environ = {"SOFTHSM2_CONF": str(tmp_path / "hsm" / "softhsm2.conf")}
    token = hsm.uri("ssh", f"?pin-value={HSM_PIN}")
    folder = authority.directory
    root, issuer = str(folder / "root.crt"), str(folder / "issuer.crt")
    for uri in (ROOT, INTERMEDIATE):
        bare.run("kms", "create", "--kms", YUBIKEY, "--pin-policy", "once", uri)
    create = ("certificate", "create", "--force", "--kms", YUBIKEY)
    bare.run(*create, "--profile", "root-ca", "--key", ROOT, "Root", root)
    below = ("--ca-kms", YUBIKEY, "--ca", root, "--ca-key", ROOT, "--key", INTERMEDIATE)
    bare.run(*create, "--profile", "intermediate-ca", *below, "CA", issuer)
    (folder / "issuer.key").unlink()
    keys = {}
    for name, number in (("hostKey", "01"), ("userKey", "02")):
        attributes = f"id={number};object={name}"
        bare.run("kms", "create", "--kms", token, f"pkcs11:{attributes}", environ=environ)
        keys[name] = hsm.uri("ssh", f";{attributes}?pin-value={HSM_PIN}")
    authority.configure(
        key=INTERMEDIATE,
        kms={"type": "yubikey", "uri": YUBIKEY},
        ssh=keys,
        authority={
            "provisioners": [authority.provisioner.entry()],
            "claims": {"enableSSHCA": True},
        },
    )
    yubikey = f"yubikey {SERIAL}"
    with serving(bare, authority, environ) as asked:
        assert states(asked) == {yubikey: "ready", "ssh": "ready"}
        assert signed(asked, authority, "a.test") == 201
        answer = asked.post("/1.0/ssh/sign", json=ssh_request(authority.provisioner))
        assert answer.status_code == 201
        port.unplug()
        until(asked, yubikey, "absent")
        assert signed(asked, authority, "b.test") == 503
        port.plug()
        assert until(asked, yubikey, "ready") < 2
        assert signed(asked, authority, "c.test") == 201
    assert PIN not in (folder / "log").read_text().replace(str(SERIAL), "")


def test_without_them_it_serves_from_files_and_says_what_a_yubikey_would_need(
    bare: BareMachine, authority: Authority
) -> None:
    with serving(bare, authority) as asked:
        assert signed(asked, authority, "a.test") == 201
        assert states(asked) == {}
    document = json.loads(authority.file.read_text())
    document["kms"] = {"type": "yubikey", "uri": YUBIKEY}
    document["key"] = INTERMEDIATE
    authority.file.write_text(json.dumps(document))
    with serving(bare, authority, trusted=False) as asked:  # its certificate waits for the token
        assert states(asked) == {f"yubikey {SERIAL}": "no service"}
        assert signed(asked, authority, "b.test") == 503
    assert "libpcsclite1" in (authority.directory / "log").read_text()
