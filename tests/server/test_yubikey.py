"""A certificate authority whose keys are on a YubiKey, from its making to its being pulled.

The YubiKey is virtual, pcscd and the programs of others are real.
"""

import os
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from appliance.cli.main import main
from appliance.config import hierarchy
from appliance.config.hierarchy import Occasion
from appliance.formats import pem
from appliance.formats.keyuri import parse
from appliance.formats.ssh import keys as ssh_keys
from appliance.issuance.certificates import Prepared
from appliance.keys.pins import PinGuard
from appliance.keys.yubikey.driver import YubiKeyToken
from appliance.model.inventory import CertificateQuery
from appliance.model.secret import Password
from appliance.model.signing_keys import KeyRole
from appliance.model.tokens import KeyKind, KeyPolicies, TouchPolicy
from appliance.ports.keys import DEFAULT_POLICIES
from tests.server.conftest import Appliance, Authority, Start
from tests.support.web import PATIENCE
from tests.support.yubikey.computer import SERIAL, Computer
from tests.support.yubikey.fixtures import machine, port, ports

__all__ = ["machine", "port", "ports"]

PIN, WRONG = "123456", "999999"
ROOT, INTERMEDIATE, SSH_HOST, SSH_USER = (f"yubikey:slot-id={slot}" for slot in (82, 83, 84, 85))


@asynccontextmanager
async def running() -> AsyncIterator[YubiKeyToken]:
    uri = parse(f"yubikey:serial={SERIAL}")
    token = YubiKeyToken(uri, pin=Password(PIN.encode()), guard=PinGuard(None))
    async with trio.open_nursery() as nursery:
        await nursery.start(token.run)
        yield token
        nursery.cancel_scope.cancel()


async def install(authority: Authority, policies: KeyPolicies = DEFAULT_POLICIES) -> None:
    """Make all keys on the YubiKey, sign root and intermediate there, and store them."""
    async with running() as token:
        for uri in (ROOT, SSH_HOST, SSH_USER):
            await token.create_key(parse(uri), KeyKind.EC_P256)
        below = await token.create_key(parse(INTERMEDIATE), KeyKind.EC_P384, policies)
        signer = await token.open_signer(parse(ROOT))

        async def sign(prepared: Prepared) -> bytes:
            return await signer.sign(prepared.to_be_signed, prepared.algorithm)

        now = Occasion(now=datetime.now(UTC), serial=os.urandom(16))
        root = await hierarchy.root("Hearth", signer.public_key, sign, now)
        intermediate = await hierarchy.intermediate("Hearth", below, root, sign, now)
        await token.store_certificate(parse(ROOT), root)
        await token.store_certificate(parse(INTERMEDIATE), intermediate)
    (authority.directory / "root.crt").write_text(pem.encode("CERTIFICATE", root))
    (authority.directory / "issuer.crt").write_text(pem.encode("CERTIFICATE", intermediate))
    (authority.directory / "issuer.key").unlink()


def install_by_commands(authority: Authority, steppath: Path) -> None:
    """Do it as a person does: hearth kms create, and certificate create."""
    folder, kms = authority.directory, f"yubikey:serial={SERIAL}?pin-value={PIN}"
    root, issuer = str(folder / "root.crt"), str(folder / "issuer.crt")
    for uri in (ROOT, INTERMEDIATE, SSH_HOST, SSH_USER):
        policy = ("--pin-policy", "once")
        assert main(["kms", "create", "--kms", f"yubikey:serial={SERIAL}", *policy, uri]) == 0
    create = ["certificate", "create", "--force", "--kms", kms]
    assert main([*create, "--profile", "root-ca", "--key", ROOT, "Root", root]) == 0
    below = ["--ca-kms", kms, "--ca", root, "--ca-key", ROOT, "--key", INTERMEDIATE]
    assert main([*create, "--profile", "intermediate-ca", *below, "CA", issuer]) == 0
    for uri, file in ((ROOT, root), (INTERMEDIATE, issuer)):
        assert main(["kms", "certificate", "--kms", kms, "--import", file, uri]) == 0
    (folder / "issuer.key").unlink()
    assert not steppath.exists()


def configure(authority: Authority, query: str = f"?pin-value={PIN}") -> None:
    authority.configure(
        key=INTERMEDIATE,
        kms={"type": "yubikey", "uri": f"yubikey:serial={SERIAL}{query}"},
        ssh={"hostKey": SSH_HOST, "userKey": SSH_USER},
        authority={
            "provisioners": [authority.provisioner.entry()],
            "claims": {"enableSSHCA": True},
        },
        crl={"enabled": True},
        ocsp={"enabled": True},
    )


def client(authority: Authority, appliance: Appliance) -> httpx.AsyncClient:
    context = ssl.create_default_context(cafile=str(authority.directory / "root.crt"))
    address = appliance.running.addresses[0][1]
    return httpx.AsyncClient(
        base_url=f"https://localhost:{address}", verify=context, timeout=PATIENCE
    )


async def signed(asked: httpx.AsyncClient, authority: Authority, name: str) -> httpx.Response:
    return await asked.post("/1.0/sign", json=authority.request(name))


async def ssh_signed(
    asked: httpx.AsyncClient, authority: Authority, kind: str, name: str
) -> httpx.Response:
    token = authority.provisioner.token(
        name,
        aud="https://localhost/ssh/sign",
        step={"ssh": {"certType": kind, "keyID": name, "principals": [name]}},
    )
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    body = {"publicKey": ssh_keys.of_key(public).text, "ott": token, "certType": kind}
    return await asked.post("/1.0/ssh/sign", json=body)


async def ocsp_status(asked: httpx.AsyncClient, chain: list[x509.Certificate]) -> object:
    request = ocsp.OCSPRequestBuilder().add_certificate(chain[0], chain[1], hashes.SHA1())
    body = request.build().public_bytes(Encoding.DER)
    answer = await asked.post("/ocsp", content=body)
    return ocsp.load_der_ocsp_response(answer.content).certificate_status


def chain_of(answer: httpx.Response) -> list[x509.Certificate]:
    return [x509.load_pem_x509_certificate(each.encode()) for each in answer.json()["certChain"]]


async def token_state(asked: httpx.AsyncClient) -> str:
    (status,) = (await asked.get("/health?verbose")).json()["tokens"]
    return str(status["state"])


async def until_state(asked: httpx.AsyncClient, state: str) -> None:
    with trio.fail_after(PATIENCE):
        while await token_state(asked) != state:
            await trio.sleep(0.02)


async def a_person_sees(
    appliance: Appliance, asked: httpx.AsyncClient, state: str, advice: str
) -> None:
    """In /health?verbose, in the console's header, and in its journal: state, and what to do."""
    told = (await asked.get("/health?verbose")).json()["conditions"]
    (condition,) = [each for each in told if each["name"] == f"token:yubikey {SERIAL}"]
    assert not condition["ok"]
    assert condition["text"].startswith(f"{state}: ")
    assert advice in condition["text"]
    overview = await appliance.running.operator.overview()
    assert [each.state for each in overview.tokens] == [state]
    lines = [each.event for each in appliance.ring.events() if each.event.operation == "token"]
    assert any(each.reason == condition["text"] for each in lines)


async def test_keys_of_root_intermediate_and_ssh_on_one_yubikey(
    start: Start, authority: Authority, port: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X.509, SSH, CRL and OCSP from slots 82 to 85; other people's programs read the same slots."""
    monkeypatch.setenv("STEPPATH", str(authority.directory / "step"))
    await trio.to_thread.run_sync(install_by_commands, authority, authority.directory / "step")
    fingerprint = x509.load_pem_x509_certificate(
        (authority.directory / "issuer.crt").read_bytes()
    ).fingerprint(hashes.SHA256())
    ykman = [str(Path(sys.executable).with_name("ykman")), "-r", "CCID 00 00", "piv"]
    piv_tool = ["yubico-piv-tool", "-r", "CCID 00 00"]

    def read_by_others() -> list[str]:
        return [
            port.run(*ykman, "certificates", "export", "83", "-"),
            port.run(*piv_tool, "-a", "read-certificate", "-s", "83"),
            *(port.run(*ykman, "keys", "info", slot) for slot in ("82", "83", "84", "85")),
        ]

    *exported, root, below, host, user = await trio.to_thread.run_sync(read_by_others)
    for text in exported:
        read = x509.load_pem_x509_certificate(text.encode())
        assert read.fingerprint(hashes.SHA256()) == fingerprint
    for described in (root, below, host, user):
        assert "ECCP256" in described
        assert "GENERATED" in described
        assert "ONCE" in described

    configure(authority)
    async with start() as appliance, client(authority, appliance) as asked:
        answer = await signed(asked, authority, "a.test")
        assert answer.status_code == 201
        chain = chain_of(answer)
        chain[0].verify_directly_issued_by(chain[1])
        assert await ocsp_status(asked, chain) is ocsp.OCSPCertStatus.GOOD
        crl = x509.load_der_x509_crl((await asked.get("/1.0/crl")).content)
        assert crl.is_signature_valid(chain[1].public_key())  # type: ignore[arg-type]
        for kind in ("host", "user"):
            assert (await ssh_signed(asked, authority, kind, "someone")).status_code == 201
        (status,) = (await asked.get("/health?verbose")).json()["tokens"]
        assert (status["state"], status["name"]) == ("ready", f"yubikey {SERIAL}")
        operator = appliance.running.operator
        places = {each.role: each.place for each in (await operator.keys()).keys}
        assert places[KeyRole.INTERMEDIATE] == f"yubikey {SERIAL} slot 83"
        assert places[KeyRole.SSH_HOST] == f"yubikey {SERIAL} slot 84"
        for uri in (INTERMEDIATE, SSH_USER):
            vouched = await operator.attestation(uri)
            assert len(vouched.chain) == 2
            assert "not come from Yubico" in vouched.problem  # it is a virtual one
        refused = await trio.to_thread.run_sync(
            lambda: port.run(*ykman, "keys", "info", "84", check=False)
        )
        assert "ECCP256" not in refused
    assert PIN not in "\n".join(appliance.output.lines).replace(str(SERIAL), "")


async def test_pulled_under_load_it_refuses_at_once_reads_on_and_signs_when_plugged_in(
    start: Start, authority: Authority, port: Computer
) -> None:
    await install(authority)
    configure(authority)
    async with start() as appliance, client(authority, appliance) as asked:
        first = await signed(asked, authority, "first.test")
        assert first.status_code == 201
        port.tell("delay", seconds=0.03)
        outcomes: list[tuple[int, float]] = []

        async def load(worker: int) -> None:
            for number in range(8):
                began = trio.current_time()
                answer = await signed(asked, authority, f"h{worker}-{number}.test")
                outcomes.append((answer.status_code, trio.current_time() - began))
                if answer.status_code == 503:
                    assert int(answer.headers["retry-after"]) > 0
                    await trio.sleep(0.05)

        async with trio.open_nursery() as nursery:
            for worker in range(6):
                nursery.start_soon(load, worker)
            await trio.sleep(0.4)
            await trio.to_thread.run_sync(port.unplug)
            await until_state(asked, "absent")
            for path in ("/health", "/roots", "/provisioners", "/1.0/crl"):
                assert (await asked.get(path)).status_code < 300
            assert await ocsp_status(asked, chain_of(first)) is ocsp.OCSPCertStatus.GOOD
            assert (await ssh_signed(asked, authority, "user", "someone")).status_code == 503
            await a_person_sees(appliance, asked, "absent", "plug it in")
            page = await appliance.running.operator.certificates(CertificateQuery())
            assert page.certificates
        assert {status for status, _ in outcomes} == {201, 503}
        assert max(took for status, took in outcomes if status == 503) < 1.5
        port.tell("delay", seconds=0)
        began = trio.current_time()
        await trio.to_thread.run_sync(port.plug)
        while (await signed(asked, authority, f"after{began}.test")).status_code != 201:
            assert trio.current_time() - began < 2
            await trio.sleep(0.05)
        assert trio.current_time() - began < 2

        await trio.to_thread.run_sync(lambda: port.tell("kill"))
        await until_state(asked, "no service")
        assert (await signed(asked, authority, "silent.test")).status_code == 503
        await trio.to_thread.run_sync(lambda: port.tell("start"))
        await until_state(asked, "ready")
        assert (await signed(asked, authority, "again.test")).status_code == 201
    assert port.tries_left() == 3


async def test_a_wrong_stored_pin_costs_one_try_however_often_it_starts(
    start: Start, authority: Authority, port: Computer
) -> None:
    await install(authority)
    configure(authority)
    async with start():
        pass
    configure(authority, f"?pin-value={WRONG}")
    for _ in range(4):  # twelve of the driver alone are in tests/keys
        async with start() as appliance:
            (status,) = await appliance.running.operator.tokens()
            assert status.state == "PIN needed"
    assert port.tries_left() == 2
    async with start() as appliance, client(authority, appliance) as asked:
        assert (await signed(asked, authority, "a.test")).status_code == 503
        await appliance.running.operator.unlock_token("", PIN)
        assert (await signed(asked, authority, "b.test")).status_code == 201
    assert port.tries_left() == 3


async def test_a_blocked_pin_says_so(start: Start, authority: Authority, port: Computer) -> None:
    await install(authority)
    configure(authority)
    async with start():
        pass
    wrong = ("yubico-piv-tool", "-r", "CCID 00 00", "-a", "verify-pin", "-P", WRONG)
    for _ in range(3):
        port.run(*wrong, check=False)
    assert port.tries_left() == 0
    async with start() as appliance, client(authority, appliance) as asked:
        assert await token_state(asked) == "blocked"
        answer = await signed(asked, authority, "a.test")
        assert answer.status_code == 503
        assert "PUK" in answer.json()["message"]
        assert any("PUK" in line for line in appliance.output.lines)
        await a_person_sees(appliance, asked, "blocked", "PUK")


async def test_a_touch_is_waited_for_and_shown(
    start: Start, authority: Authority, port: Computer
) -> None:
    await install(authority, KeyPolicies(touch=TouchPolicy.ALWAYS))
    configure(authority)
    async with start() as appliance, client(authority, appliance) as asked:
        port.tell("finger", waits=True, patience=10)
        answers: list[httpx.Response] = []

        async def ask() -> None:
            answers.append(await signed(asked, authority, "a.test"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await until_state(asked, "touch")
            while not answers:  # revocation lists are signed with the same key
                await trio.to_thread.run_sync(lambda: port.tell("touch"))
                await trio.sleep(0.05)
        assert answers[0].status_code == 201
        with trio.fail_after(PATIENCE):
            while await token_state(asked) != "ready":
                await trio.to_thread.run_sync(lambda: port.tell("touch"))
                await trio.sleep(0.05)
