"""Certificates for who brings a credential: X.509, Nebula, a service account's token.

The same list for our client with our CA, for ours with step-ca, and for step with ours.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from appliance.cli.main import main
from appliance.formats import jwt, pem
from tests.authority import credential_scenarios as scenarios
from tests.issuance.record import authority
from tests.support import nebula, stepca
from tests.support.online import PASSWORD, jwk_provisioner, online
from tests.support.requests import key_of, private_pem, signing_request

REFERENCE = pytest.mark.reference
PASSWORD_FLAG = ("--provisioner-password-file", "pw")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ca:
    """A CA to talk to, and which client is to talk."""

    url: str
    root: str
    client: str


def entries() -> list[dict[str, Any]]:
    return [
        {"type": "ACME", "name": "acme"},
        jwk_provisioner("jane"),
        *(
            each
            for each in scenarios.credential_provisioners()
            if each["type"] != "SCEP" and "options" not in each
        ),
    ]


@pytest.fixture(
    scope="module",
    params=[
        "ours-ours",
        pytest.param("ours-reference", marks=REFERENCE),
        pytest.param("step-ours", marks=REFERENCE),
    ],
)
def ca(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ca]:
    client, _, server = request.param.partition("-")
    if server == "ours":
        with online(*entries()) as ours:
            yield Ca(url=ours.url, root=ours.root_pem, client=client)
        return
    folder = tmp_path_factory.mktemp("reference")
    config = {
        **authority(folder / "pki", "P-256", hashes.SHA256()),
        "dnsNames": ["localhost", "127.0.0.1"],
        "db": {"type": "badgerv2", "dataSource": str(folder / "db")},
        "authority": {"provisioners": entries()},
    }
    root = Path(str(config["root"])).read_text()
    with stepca.serving(folder / "run", config) as reference:
        yield Ca(url=f"https://127.0.0.1:{reference.port}", root=root, client=client)


@dataclass(frozen=True, slots=True)
class Client:
    """A person in a folder with files of credentials."""

    ca: Ca
    run_ours: Callable[[list[str]], tuple[int, str, str]]
    environment: dict[str, str]

    def __call__(self, *args: str) -> tuple[int, str, str]:
        command, *rest = args
        words = ["ca", command, "--ca-url", self.ca.url, "--root", "root.crt", *rest]
        if self.ca.client == "ours":
            return self.run_ours(words)
        ended = subprocess.run(
            ["step", *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            start_new_session=True,
        )
        return ended.returncode, ended.stdout, ended.stderr

    def ok(self, *args: str) -> str:
        code, out, err = self(*args)
        assert code == 0, err
        return out

    def refused(self, *args: str) -> str:
        code, _, err = self(*args)
        assert code == 1, err
        return err


@pytest.fixture
def client(
    ca: Ca,
    steppath: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Client:
    monkeypatch.chdir(tmp_path)
    write_files(ca)

    def run_ours(words: list[str]) -> tuple[int, str, str]:
        code = main(words)
        return code, *capfd.readouterr()

    return Client(ca, run_ours, {**os.environ, "STEPPATH": str(steppath), "HOME": str(tmp_path)})


def write_files(ca: Ca) -> None:
    Path("root.crt").write_text(ca.root)
    Path("pw").write_text(PASSWORD)
    now = datetime.now(UTC)
    for name, dates in (
        ("device", (now - timedelta(hours=1), now + timedelta(hours=2))),
        ("expired", (now - timedelta(hours=2), now - timedelta(hours=1))),
    ):
        key = key_of("P-256")
        leaf = scenarios.certificate(
            "device.example", key, scenarios.INTERMEDIATE, scenarios.usage(), scenarios.CLIENT,
            dates=dates,
        )  # fmt: skip
        text = leaf.public_bytes(Encoding.PEM)
        Path(f"{name}.crt").write_bytes(text)
        Path(f"{name}.key").write_bytes(private_pem(key))
        Path(f"{name}-chain.crt").write_bytes(text + scenarios.INTERMEDIATE.text)
    Path("issuer.crt").write_bytes(scenarios.INTERMEDIATE.text)
    for number, host in (
        ("1", nebula.holder("host.example", authority=scenarios.NEBULA_CA,
                            networks=["10.1.2.3/24"], **scenarios.V1)),
        ("2", nebula.holder("host.example", authority=scenarios.NEBULA_CA_V2,
                            networks=["10.1.2.3/24", "fd00::7/64"], **scenarios.V2)),
        ("3", nebula.holder("host.example", authority=scenarios.NEBULA_CA_V2_P256,
                            networks=["10.1.2.3/24"], **scenarios.V2_P256)),
    ):  # fmt: skip
        Path(f"nebula{number}.crt").write_text(host.text)
        Path(f"nebula{number}.key").write_text(nebula_key(host.key))
    Path("account").write_text(scenarios.account_token(scenarios_clock()) + "\n")


@dataclass(frozen=True, slots=True)
class _Clock:
    def now(self) -> int:
        return int(datetime.now(UTC).timestamp())


def scenarios_clock() -> Any:
    return _Clock()


def nebula_key(key: nebula.PrivateKey) -> str:
    if isinstance(key, EllipticCurvePrivateKey):
        form = (Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        return key.private_bytes(*form).decode()
    raw = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return pem.encode("NEBULA X25519 PRIVATE KEY", raw)


def leaf(name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificates(Path(name).read_bytes())[0]


def names(name: str) -> set[str]:
    found = leaf(name).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(general.value) for general in found}


def provisioner_of(name: str) -> bytes:
    oid = x509.ObjectIdentifier("1.3.6.1.4.1.37476.9000.64.1")
    value = leaf(name).extensions.get_extension_for_oid(oid).value
    assert isinstance(value, x509.UnrecognizedExtension)
    return value.value


X5C = ("--provisioner", "x5c", "--x5c-cert", "device-chain.crt", "--x5c-key", "device.key")
NEBULA = ("--nebula-cert", "nebula1.crt", "--nebula-key", "nebula1.key")


def test_a_certificate_for_a_certificate(client: Client) -> None:
    client.ok("certificate", "a.example", "a.crt", "a.key", "--san", "b.example", *X5C)
    assert names("a.crt") == {"b.example"}
    assert b"x5c" in provisioner_of("a.crt")
    ends = leaf("device.crt").not_valid_after_utc
    assert leaf("a.crt").not_valid_after_utc == ends


def test_issuers_may_be_in_files_of_their_own(client: Client) -> None:
    flags = ("--provisioner", "x5c", "--x5c-cert", "device.crt", "--x5c-key", "device.key")
    client.refused("certificate", "a.example", "a.crt", "a.key", *flags)
    client.ok("certificate", "a.example", "a.crt", "a.key", *flags, "--x5c-chain", "issuer.crt")


def test_a_request_signed_for_a_certificate(client: Client) -> None:
    Path("r.csr").write_text(signing_request(key_of("P-256"), "r.example", ["r.example"]))
    client.ok("sign", "r.csr", "r.crt", *X5C)
    assert names("r.crt") == {"r.example"}


def test_a_token_of_a_certificate_signs_and_revokes(client: Client) -> None:
    token = client.ok("token", "t.example", *X5C).strip()
    claims, header = jwt.split(token).claims, jwt.split(token).header
    assert str(claims["aud"]).endswith("/1.0/sign#x5c/x5c")
    assert len(header["x5c"]) == 2
    client.ok("certificate", "--token", token, "t.example", "t.crt", "t.key")
    again = client.refused("certificate", "--token", token, "t.example", "t2.crt", "t2.key")
    assert "authoriz" in again or "used" in again
    serial = str(leaf("t.crt").serial_number)
    revoking = client.ok("token", serial, "--revoke", *X5C).strip()
    client.ok("revoke", serial, "--token", revoking)


def test_what_an_expired_certificate_asks_is_refused(client: Client) -> None:
    flags = ("--x5c-cert", "expired-chain.crt", "--x5c-key", "expired.key", "--provisioner", "x5c")
    client.refused("certificate", "a.example", "a.crt", "a.key", *flags)
    assert not Path("a.crt").exists()


def test_what_outlives_the_certificate_is_refused(client: Client) -> None:
    said = client.refused("certificate", "a.example", "a.crt", "a.key", "--not-after", "3h", *X5C)
    assert "after the expiration of the provisioning credential" in said


def test_key_and_certificate_must_go_together(client: Client) -> None:
    flags = ("--provisioner", "x5c", "--x5c-cert", "device-chain.crt", "--x5c-key", "expired.key")
    client.refused("token", "a.example", *flags)
    client.refused("token", "a.example", "--provisioner", "x5c", "--x5c-cert", "device.crt")
    client.refused("token", "a.example", *NEBULA[:2])
    client.refused("token", "a.example", *NEBULA[:3], "nebula2.key")


@pytest.mark.parametrize("number", ["1", "2", "3"])
def test_a_certificate_for_a_nebula_host(client: Client, number: str) -> None:
    flags = ("--nebula-cert", f"nebula{number}.crt", "--nebula-key", f"nebula{number}.key")
    client.ok("certificate", "host.example", "h.crt", "h.key", *flags)
    assert names("h.crt") == {"host.example"}
    sans = ("--san", "host.example", "--san", "10.1.2.3")
    client.ok("certificate", "host.example", "h.crt", "h.key", *sans, *flags, "-f")
    assert names("h.crt") == {"host.example", "10.1.2.3"}
    assert b"nebula" in provisioner_of("h.crt")


def test_a_nebula_host_gets_no_foreign_names(client: Client) -> None:
    flags = ("--san", "other.example", *NEBULA)
    client.refused("certificate", "host.example", "h.crt", "h.key", *flags)
    assert not Path("h.crt").exists()


def test_a_request_signed_for_a_nebula_host(client: Client) -> None:
    Path("h.csr").write_text(signing_request(key_of("P-256"), "host.example", ["host.example"]))
    client.ok("sign", "h.csr", "h.crt", *NEBULA)
    token = client.ok("token", "host.example", *NEBULA).strip()
    assert jwt.split(token).header["alg"] == "XEdDSA"


def test_a_certificate_for_a_service_account(client: Client) -> None:
    flags = ("--k8ssa-token-path", "account")
    client.ok("certificate", "web.example", "w.crt", "w.key", "--san", "web.example", *flags)
    assert leaf("w.crt").subject.rfc4514_string() == "CN=web.example"
    assert names("w.crt") == {"web.example"}
    Path("w.csr").write_text(signing_request(key_of("P-256"), "any", ["a.example", "10.0.0.1"]))
    client.ok("sign", "w.csr", "w2.crt", *flags)
    assert names("w2.crt") == {"a.example", "10.0.0.1"}
    assert client.ok("token", "web.example", *flags).strip() == Path("account").read_text().strip()


def test_a_credential_chooses_its_type_of_provisioner(client: Client) -> None:
    """Of several of that type, the name decides."""
    client.refused("token", "a.example", *NEBULA, "--provisioner", "x5c")
    client.refused("token", "a.example", *X5C[2:], "--provisioner", "jane")
    spaced = ("--provisioner", "x5c spaced", *X5C[2:])
    client.ok("certificate", "a.example", "a.crt", "a.key", *spaced)
    assert b"x5c spaced" in provisioner_of("a.crt")


def test_a_provisioner_tells_which_credential_it_wants(client: Client) -> None:
    assert "--x5c-cert" in client.refused("token", "a.example", "--provisioner", "x5c")
    assert "--nebula-cert" in client.refused("token", "a.example", "--provisioner", "nebula")


def test_a_certificate_bound_to_its_request(client: Client) -> None:
    Path("b.csr").write_text(signing_request(key_of("P-256"), "b.example", ["b.example"]))
    Path("c.csr").write_text(signing_request(key_of("P-256"), "b.example", ["b.example"]))
    token = client.ok("token", "b.example", "--cnf-file", "b.csr", *X5C).strip()
    assert "x5rt#S256" in jwt.split(token).claims["cnf"]
    said = client.refused("sign", "c.csr", "c.crt", "--token", token)
    assert "fingerprint does not match" in said


def test_a_token_made_offline(client: Client) -> None:
    """From ca.json, and with nothing but the provisioner's name."""
    if client.ca.client != "ours":
        pytest.skip("step needs a whole CA for --offline, and fails without ca.json")
    config = {
        "root": "root.crt",
        "dnsNames": ["127.0.0.1"],
        "authority": {"provisioners": entries()},
    }
    Path("ca.json").write_text(json.dumps(config))
    for more in (("--ca-config", "ca.json"), ("--ca-config", "none")):
        token = client.ok("token", "o.example", "--offline", *more, *X5C).strip()
        assert str(jwt.split(token).claims["aud"]).endswith("/sign#x5c/x5c")
        client.ok("certificate", "--token", token, "o.example", "o.crt", "o.key", "-f")
