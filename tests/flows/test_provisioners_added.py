"""Each type of provisioner is added by the operator of a running CA, and used by a client."""

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.model.provisioners import ChangeOutcome, Deed, ProvisionerChange, Recipe
from appliance.model.secret import Password
from appliance.operator.remote import connected
from appliance.operator.ring import EventRing
from appliance.operator.thread import ServerThread
from appliance.server.launch import Controls, Launch, Network, Running
from appliance.server.run import serve_appliance
from tests.authority import credential_scenarios as scenarios
from tests.flows.test_credentials import nebula_key, scenarios_clock
from tests.support import nebula
from tests.support.appliance import PASSWORD, Appliance, free_port
from tests.support.idp import CLIENT, idp
from tests.support.in_process import at_home, ok

STEP_EXTENSION = x509.ObjectIdentifier("1.3.6.1.4.1.37476.9000.64.1")


@dataclass(frozen=True, slots=True)
class House:
    """A CA that serves in a thread of this process, and its operator at the control socket."""

    appliance: Appliance
    http_port: int

    def add(self, kind: str, name: str, **values: str) -> None:
        named = {key.replace("_", "-"): value for key, value in values.items()}
        change = ProvisionerChange(
            deed=Deed.ADD, name=name, type=kind, values={"name": name, **named}
        )
        outcome = trio.run(self._make, change)
        assert outcome.problems == ()

    def recipe(self, name: str, title: str) -> list[str]:
        """Give the words of a recipe's last line, as the console shows it."""
        recipes = trio.run(self._recipes, name)
        found = [each.text for each in recipes if title in each.title]
        assert len(found) == 1
        return shlex.split(found[0].splitlines()[-1])

    async def _recipes(self, name: str) -> tuple[Recipe, ...]:
        async with connected(self.directory) as operator:
            return (await operator.provisioner(name)).recipes

    @property
    def directory(self) -> Path:
        document = json.loads(self.appliance.ca_json.read_text())
        return Path(document["db"]["dataSource"])

    async def _make(self, change: ProvisionerChange) -> ChangeOutcome:
        async with connected(self.directory) as operator:
            preview = await operator.preview_provisioner(change)
            assert preview.problems == ()
            assert preview.diff
            return await operator.change_provisioner(change, preview.basis)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = Appliance(tmp_path_factory.mktemp("house"), "--ssh")
    document = json.loads(made.ca_json.read_text())
    listed = document["authority"]["provisioners"]
    document["authority"]["provisioners"] = [e for e in listed if e["type"] != "SSHPOP"]
    made.ca_json.write_text(json.dumps(document))
    http_port = free_port()
    launch = Launch(
        file=made.ca_json,
        password=Password(PASSWORD.encode()),
        network=Network(http_port=http_port),
        quiet=True,
    )
    stopping: list[tuple[Controls, trio.lowlevel.TrioToken]] = []

    async def serve(*, task_status: trio.TaskStatus[Running]) -> None:
        controls = Controls()
        stopping.append((controls, trio.lowlevel.current_trio_token()))
        start = partial(serve_appliance, launch, ring=EventRing(), controls=controls)
        await start(task_status=task_status)

    server = ServerThread[Running](serve)
    server.start()
    try:
        house = House(made, http_port)
        house.add("JWK", "ops", password="of the operators", ssh="yes")
        yield house
    finally:
        ((controls, token),) = stopping
        token.run_sync_soon(controls.stop.set)
        server.join()


@pytest.fixture(autouse=True)
def person(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    at_home(monkeypatch, house.appliance.steppath)
    Path("pw").write_text("of the operators")


def issued_by(name: str) -> bytes:
    found: Any = x509.load_pem_x509_certificates(Path(name).read_bytes())[0]
    value: bytes = found.extensions.get_extension_for_oid(STEP_EXTENSION).value.value
    return value


def certificate(*words: str) -> None:
    ok("ca", "certificate", *words)


def test_jwk_by_its_password(house: House) -> None:
    program, *words = house.recipe("ops", "A certificate")
    assert program == "step"
    ok(*words, "--provisioner-password-file", "pw")
    assert b"ops" in issued_by("nas.crt")


def test_sshpop_by_a_host_that_renews(house: House) -> None:
    house.add("SSHPOP", "again", ssh="yes")
    ok("ssh", "certificate", "h.test", "hk", "--host", "--no-password", "--insecure",
       "--provisioner", "ops", "--provisioner-password-file", "pw")  # fmt: skip
    before = Path("hk-cert.pub").read_text()
    ok("ssh", "renew", "hk-cert.pub", "hk", "--force")
    assert Path("hk-cert.pub").read_text() != before


def test_acme_by_a_name_that_is_proven(house: House) -> None:
    house.add("ACME", "house", challenge="http-01", x509_allow_dns="localhost")
    listen = f"127.0.0.1:{house.http_port}"
    _, *words = house.recipe("house", "step, then")
    named = [each.replace("nas.home.arpa", "localhost") for each in words]
    ok(*named, "--http-listen", listen)
    assert b"house" in issued_by("nas.crt")
    (directory,) = house.recipe("house", "The directory")
    assert directory == f"{house.appliance.url}/acme/house/directory"


def test_trust_by_url_and_fingerprint(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, *words = house.recipe("ops", "Once on each machine")
    at_home(monkeypatch, tmp_path / "elsewhere")
    ok(*words)
    made = tmp_path / "elsewhere" / "certs" / "root_ca.crt"
    assert made.read_text() == house.appliance.root.read_text()


def test_x5c_by_a_certificate_below_its_roots(house: House) -> None:
    """The roots are the CA's own, since those have the key usage that is asked for."""
    house.add("X5C", "devices", x5c_roots=house.appliance.root.read_text())
    by = ("--provisioner", "ops", "--provisioner-password-file", "pw")
    certificate("device.test", "device.crt", "device.key", *by)
    _, *words = house.recipe("devices", "another CA")
    ok(*words)
    assert b"devices" in issued_by("nas.crt")


def test_nebula_by_a_host_of_the_network(house: House) -> None:
    house.add("Nebula", "mesh", nebula_root=scenarios.NEBULA_CA.text)
    host = nebula.holder(
        "host.example", authority=scenarios.NEBULA_CA, networks=["10.1.2.3/24"], **scenarios.V1
    )
    Path("host.crt").write_text(host.text)
    Path("host.key").write_text(nebula_key(host.key))
    words = ("--provisioner", "mesh", "--nebula-cert", "host.crt", "--nebula-key", "host.key")
    certificate("host.example", "n.crt", "n.key", *words)
    assert b"mesh" in issued_by("n.crt")


def test_k8ssa_by_a_service_account(house: House) -> None:
    keys = "".join(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        for key in scenarios.CLUSTER_KEYS
    )
    house.add("K8sSA", "cluster", public_key=keys)
    Path("account").write_text(scenarios.account_token(scenarios_clock()))
    certificate("w.test", "w.crt", "w.key", "--k8ssa-token-path", "account",
                "--provisioner", "cluster")  # fmt: skip
    assert b"cluster" in issued_by("w.crt")


def test_oidc_by_who_logged_in(house: House) -> None:
    with idp() as provider:
        house.add(
            "OIDC", "people", client_id=CLIENT, configuration_endpoint=provider.url,
            domain="example.com",
        )  # fmt: skip
        certificate("jane@example.com", "j.crt", "j.key", "--token", provider.token())
    assert b"people" in issued_by("j.crt")
