"""A certificate authority whose keys are on tokens: SoftHSM in the place of a device."""

import json
import os
import signal
import ssl
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.cli.main import main
from appliance.config import hierarchy
from appliance.config.hierarchy import Occasion
from appliance.config.loading import load
from appliance.formats import pem
from appliance.formats.keys import PublicKey
from appliance.formats.keyuri import parse
from appliance.issuance.certificates import Prepared
from appliance.keys.pkcs11.driver import Pkcs11Token
from appliance.model.errors import Forbidden, Unavailable
from appliance.model.orders import SignOrder
from appliance.model.tokens import KeyKind, TokenState
from appliance.server.doctor import Level, examine
from appliance.server.kept_certificate import NAME as KEPT
from appliance.server.keys import KNOWN_KEYS, PIN_JOURNAL, opened_tokens, pins_in_credentials
from appliance.server.offline import offline_issuance
from appliance.stores.memory import MemoryStore
from tests.server.conftest import Appliance, Authority, Start
from tests.support.softhsm import PIN, SoftHsm
from tests.support.web import PATIENCE

ROOT, INTERMEDIATE = "pkcs11:id=7331;object=root-ca", "pkcs11:id=7332;object=intermediate-ca"
SSH_HOST, SSH_USER = "pkcs11:id=7333;object=ssh-host-ca", "pkcs11:id=7334;object=ssh-user-ca"


@pytest.fixture
def hsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftHsm:
    return SoftHsm(tmp_path / "hsm", monkeypatch).initialise("ca")


@asynccontextmanager
async def running(token: Pkcs11Token) -> AsyncIterator[Pkcs11Token]:
    async with trio.open_nursery() as nursery:
        await nursery.start(token.run)
        yield token
        nursery.cancel_scope.cancel()


async def install(authority: Authority, hsm: SoftHsm, kind: KeyKind = KeyKind.EC_P256) -> None:
    """Make all keys on the token, root and intermediate signed there."""
    async with running(hsm.token("ca")) as token:
        for uri in (ROOT, SSH_HOST, SSH_USER):
            await token.create_key(parse(uri), KeyKind.EC_P256)
        await token.create_key(parse(INTERMEDIATE), kind)
        signer = await token.open_signer(parse(ROOT))
        below: PublicKey = (await token.open_signer(parse(INTERMEDIATE))).public_key

        async def sign(prepared: Prepared) -> bytes:
            return await signer.sign(prepared.to_be_signed, prepared.algorithm)

        now = Occasion(now=datetime.now(UTC), serial=os.urandom(16))
        root = await hierarchy.root("HSM", signer.public_key, sign, now)
        intermediate = await hierarchy.intermediate("HSM", below, root, sign, now)
    (authority.directory / "root.crt").write_text(pem.encode("CERTIFICATE", root))
    (authority.directory / "issuer.crt").write_text(pem.encode("CERTIFICATE", intermediate))
    (authority.directory / "issuer.key").unlink()


def configure(authority: Authority, hsm: SoftHsm, query: str = f"?pin-value={PIN}") -> None:
    authority.configure(
        key=INTERMEDIATE,
        kms={"type": "pkcs11", "uri": hsm.uri("ca", query)},
        ssh={"hostKey": SSH_HOST, "userKey": SSH_USER},
        crl={"enabled": True},
        ocsp={"enabled": True},
    )


def client(authority: Authority, appliance: Appliance) -> httpx.AsyncClient:
    context = ssl.create_default_context(cafile=str(authority.directory / "root.crt"))
    port = appliance.running.addresses[0][1]
    return httpx.AsyncClient(base_url=f"https://localhost:{port}", verify=context, timeout=PATIENCE)


async def signed(asked: httpx.AsyncClient, authority: Authority, name: str) -> httpx.Response:
    return await asked.post("/1.0/sign", json=authority.request(name))


async def states(asked: httpx.AsyncClient) -> list[str]:
    answer = (await asked.get("/health?verbose")).json()
    return [each["state"] for each in answer["tokens"]]


async def until_state(asked: httpx.AsyncClient, state: str) -> None:
    with trio.fail_after(PATIENCE):
        while await states(asked) != [state]:
            await trio.sleep(0.05)


@pytest.mark.parametrize("kind", [KeyKind.EC_P384, KeyKind.RSA_2048])
async def test_all_keys_on_a_token(
    start: Start, authority: Authority, hsm: SoftHsm, kind: KeyKind
) -> None:
    await install(authority, hsm, kind)
    configure(authority, hsm)
    async with start() as appliance, client(authority, appliance) as asked:
        answer = await signed(asked, authority, "a.test")
        assert answer.status_code == 201
        chain = [
            x509.load_pem_x509_certificate(each.encode()) for each in answer.json()["certChain"]
        ]
        chain[0].verify_directly_issued_by(chain[1])
        crl = await asked.get("/1.0/crl")
        assert crl.status_code == 200
        loaded = x509.load_der_x509_crl(crl.content)
        assert loaded.is_signature_valid(chain[1].public_key())  # type: ignore[arg-type]
        roots = (await asked.get("/ssh/roots")).json()
        assert len(roots["hostKey"]) == len(roots["userKey"]) == 1
        assert await states(asked) == ["ready"]
    assert PIN not in "\n".join(appliance.output.lines)


async def test_without_a_pin_it_serves_what_needs_no_key_until_a_person_types_it(
    start: Start, authority: Authority, hsm: SoftHsm
) -> None:
    """503 with Retry-After meanwhile; TLS with the certificate of the run before."""
    await install(authority, hsm)
    configure(authority, hsm)
    async with start() as appliance, client(authority, appliance) as asked:
        assert (await signed(asked, authority, "a.test")).status_code == 201
    kept = authority.directory / "db" / KEPT
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert (authority.directory / "db" / KNOWN_KEYS).exists()

    configure(authority, hsm, query="")
    async with start() as appliance, client(authority, appliance) as asked:
        assert await states(asked) == ["PIN needed"]
        assert (await asked.get("/roots")).status_code == 201
        refused = await signed(asked, authority, "b.test")
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        operator = appliance.running.operator
        with pytest.raises(Forbidden, match="refused the PIN"):
            await operator.unlock_token("ca", "9999")
        assert await states(asked) == ["PIN needed"]
        opened = await operator.unlock_token("", PIN)
        assert opened.state is TokenState.READY
        assert (await signed(asked, authority, "c.test")).status_code == 201


async def test_a_wrong_stored_pin_is_tried_once_however_often_it_starts(
    start: Start, authority: Authority, hsm: SoftHsm
) -> None:
    await install(authority, hsm)
    configure(authority, hsm)
    async with start():
        pass
    configure(authority, hsm, query="?pin-value=9999")
    lines = []
    for _ in range(4):
        async with start() as appliance:
            (status,) = await appliance.running.operator.tokens()
            assert status.state is TokenState.PIN_NEEDED
            lines.append("\n".join(appliance.output.lines))
    assert "the PIN was wrong" in lines[0]
    assert all("the PIN was wrong" not in each for each in lines[1:])
    journal = (authority.directory / "db" / PIN_JOURNAL).read_text()
    assert "9999" not in journal
    assert json.loads(journal)


async def test_a_module_that_is_killed_costs_what_it_was_doing_and_nothing_else(
    start: Start, authority: Authority, hsm: SoftHsm
) -> None:
    await install(authority, hsm)
    configure(authority, hsm)
    async with start() as appliance, client(authority, appliance) as asked:
        (worker,) = children()
        statuses = []

        async def one(number: int) -> None:
            statuses.append((await signed(asked, authority, f"h{number}.test")).status_code)

        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(one, number)
            await trio.sleep(0.1)
            os.kill(worker, signal.SIGKILL)
        assert set(statuses) <= {201, 503}
        assert statuses.count(503) <= 2
        await until_state(asked, "ready")
        assert (await signed(asked, authority, "after.test")).status_code == 201
        assert children() != [worker]
    assert children() == []


async def test_a_token_that_is_away_at_the_start_is_used_when_it_comes(
    start: Start, authority: Authority, hsm: SoftHsm
) -> None:
    await install(authority, hsm)
    configure(authority, hsm)
    async with start():
        pass
    (authority.directory / "db" / KEPT).unlink()  # and nothing is left to show
    hsm.take_away()
    async with start() as appliance:
        (status,) = await appliance.running.operator.tokens()
        assert status.state is TokenState.ABSENT
        assert any("nobody can trust this server" in line for line in appliance.output.lines)
        hsm.bring_back()
        (worker,) = children()
        os.kill(worker, signal.SIGKILL)  # SoftHSM reads its directory when it is loaded
        await appliance.output.wait_for("renewed the server's own certificate")
        async with client(authority, appliance) as asked:
            assert (await signed(asked, authority, "a.test")).status_code == 201


async def test_ssh_keys_that_were_never_seen_keep_it_from_starting(
    start: Start, authority: Authority, hsm: SoftHsm
) -> None:
    await install(authority, hsm)
    configure(authority, hsm)
    hsm.take_away()
    with pytest.RaisesGroup(
        pytest.RaisesExc(Unavailable, match="was never seen"), flatten_subgroups=True
    ):
        async with start():
            pass


async def test_a_reload_moves_the_key_to_a_token_and_back(
    start: Start, authority: Authority, hsm: SoftHsm
) -> None:
    await install(authority, hsm)
    configure(authority, hsm)
    tokenless = authority.pki
    on_token = [(authority.directory / name).read_text() for name in ("root.crt", "issuer.crt")]
    authority.install(tokenless)
    authority.configure()
    async with start() as appliance:
        assert children() == []
        for name, text in zip(("root.crt", "issuer.crt"), on_token, strict=True):
            (authority.directory / name).write_text(text)
        configure(authority, hsm)
        await appliance.reload("Serving HTTPS")
        async with client(authority, appliance) as asked:
            assert (await signed(asked, authority, "a.test")).status_code == 201
        authority.install(tokenless)
        authority.configure()
        await appliance.reload("Serving HTTPS")
        with trio.fail_after(PATIENCE):
            while children():
                await trio.sleep(0.02)
        answer = await appliance.client.post("/sign", json=authority.request("b.test"))
        assert answer.status_code == 201


def children() -> list[int]:
    """The processes that this one has started and that live."""
    found = []
    for each in Path("/proc/self/task").iterdir():
        found += (each / "children").read_text().split()
    return [int(each) for each in found if "worker" in Path(f"/proc/{each}/cmdline").read_text()]


async def test_tokens_are_seen_and_opened_from_the_command_line(
    start: Start, authority: Authority, hsm: SoftHsm, capsys: pytest.CaptureFixture[str]
) -> None:
    await install(authority, hsm)
    configure(authority, hsm)
    async with start():
        pass
    configure(authority, hsm, query="")
    pin_file = authority.directory / "pin"
    async with start():

        async def hearth(*words: str) -> tuple[int, str]:
            arguments = ["token", *words, "--ca-config", str(authority.file)]
            code = await trio.to_thread.run_sync(main, arguments)
            captured = capsys.readouterr()
            return code, captured.out + captured.err

        code, said = await hearth("status")
        assert (code, said.startswith("ca: PIN needed (SoftHSM")) == (0, True)
        pin_file.write_text("9999\n")
        code, said = await hearth("unlock", "ca", "--pin-file", str(pin_file))
        assert (code, said) == (1, "the token 'ca' refused the PIN\n")
        pin_file.write_text(f"{PIN}\n")
        code, said = await hearth("unlock", "other", "--pin-file", str(pin_file))
        assert (code, said) == (1, "there is no token 'other' in the configuration\n")
        code, said = await hearth("unlock", "--pin-file", str(pin_file))
        assert (code, said.startswith("ca: ready")) == (0, True)


async def test_whether_a_token_can_sign_is_a_metric(
    start: Start, authority: Authority, hsm: SoftHsm
) -> None:
    await install(authority, hsm)
    configure(authority, hsm)
    whole = json.loads(authority.file.read_text()) | {"metricsAddress": "127.0.0.1:0"}
    authority.file.write_text(json.dumps(whole))
    async with start() as appliance:
        line = next(
            each for each in appliance.output.lines if "Serving " in each and "metrics" in each
        )
        port = line.rpartition(":")[2].split()[0]
        async with httpx.AsyncClient() as asked:
            text = (await asked.get(f"http://127.0.0.1:{port}/metrics")).text
    assert 'hearth_token_ready{token="ca"} 1' in text


async def test_a_pin_comes_from_systemds_credentials(
    start: Start, authority: Authority, hsm: SoftHsm
) -> None:
    await install(authority, hsm)
    configure(authority, hsm, query="")
    directory = authority.directory / "credentials"
    directory.mkdir()
    settings = load(authority.file)
    environ = {"CREDENTIALS_DIRECTORY": str(directory)}
    assert pins_in_credentials(settings, environ) == {}
    (directory / "hearth-pin").write_text(f"{PIN}\n")
    pins = pins_in_credentials(settings, environ)
    async with start(pins=pins) as appliance:
        (status,) = await appliance.running.operator.tokens()
        assert status.state is TokenState.READY


async def test_offline_commands_sign_with_the_token(authority: Authority, hsm: SoftHsm) -> None:
    await install(authority, hsm)
    configure(authority, hsm)
    settings = load(authority.file)
    request = authority.request("a.test")
    (authority.directory / "db").mkdir()
    async with opened_tokens(settings) as tokens:
        issuance = offline_issuance(settings, MemoryStore(), None, tokens)
        order = SignOrder(
            csr=x509.load_pem_x509_csr(request["csr"].encode()).public_bytes(Encoding.DER),
            token=request["ott"],
        )
        leaf, issuer, *_ = await issuance.sign(order)
    x509.load_der_x509_certificate(leaf).verify_directly_issued_by(
        x509.load_der_x509_certificate(issuer)
    )
    assert children() == []


async def test_the_doctor_tries_no_pin(authority: Authority, hsm: SoftHsm) -> None:
    await install(authority, hsm)
    configure(authority, hsm)
    found = [each async for each in examine(authority.file, None, {})]
    assert not [each for each in found if each.level is Level.FAILURE and "key" in each.topic]
    assert any("hearth token status" in each.text for each in found)
    assert not (authority.directory / "db").exists()
