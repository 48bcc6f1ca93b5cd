"""The same authority on a key of every kind, all on one token; and a thousand requests at once."""

import os
import ssl
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from appliance.config import hierarchy
from appliance.config.hierarchy import Occasion
from appliance.formats import pem
from appliance.formats.keyuri import parse
from appliance.formats.ssh import keys as ssh_keys
from appliance.issuance.certificates import Prepared
from appliance.model.tokens import KeyKind
from appliance.ports.keys import KeyManager
from appliance.ports.signer import Signer
from tests.server.conftest import Appliance, Authority, Start
from tests.support.load import Provisioner, bodies
from tests.support.softhsm import PIN, SoftHsm
from tests.support.web import PATIENCE
from tests.support.wire import Connection

KINDS = list(KeyKind)
SSH_PAIRS = [  # keys of hosts and users, until each kind has been one
    (KeyKind.ED25519, KeyKind.RSA_2048),
    (KeyKind.EC_P384, KeyKind.EC_P521),
    (KeyKind.RSA_3072, KeyKind.EC_P256),
]
AT_ONCE = 1000


@pytest.fixture
def hsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftHsm:
    return SoftHsm(tmp_path / "hsm", monkeypatch).initialise("ca")


def uri(kind: KeyKind) -> str:
    return f"pkcs11:id={KINDS.index(kind) + 16:02x};object={kind}"


def write(authority: Authority, name: str, certificate: bytes) -> str:
    file = authority.directory / name
    file.write_text(pem.encode("CERTIFICATE", certificate))
    return str(file)


async def install(authority: Authority, hsm: SoftHsm, *kinds: KeyKind) -> None:
    """Make the keys and an intermediate of each kind, the first one also the root's."""

    async def made(token: KeyManager) -> None:
        keys = [await token.create_key(parse(uri(kind)), kind) for kind in kinds]
        signer: Signer = await token.open_signer(parse(uri(kinds[0])))

        async def sign(prepared: Prepared) -> bytes:
            return await signer.sign(prepared.to_be_signed, prepared.algorithm)

        def now() -> Occasion:
            return Occasion(now=datetime.now(UTC), serial=os.urandom(16))

        root = await hierarchy.root("Root", signer.public_key, sign, now())
        write(authority, "root.crt", root)
        for kind, key in zip(kinds, keys, strict=True):
            below = await hierarchy.intermediate(f"CA {kind}", key, root, sign, now())
            write(authority, f"{kind}.crt", below)

    async with trio.open_nursery() as nursery:
        token = hsm.token("ca")
        await nursery.start(token.run)
        await made(token)
        nursery.cancel_scope.cancel()


def configure(
    authority: Authority, hsm: SoftHsm, kinds: list[KeyKind], ssh: tuple[KeyKind, KeyKind]
) -> dict[KeyKind, Provisioner]:
    """Give each kind an intermediate and a provisioner that issues from it."""
    first, *others = kinds
    provisioners = {kind: Provisioner.generate(f"by {kind}") for kind in others}
    entries: list[dict[str, Any]] = [
        {**each.entry(), "options": {"x509": {"issuer": str(kind)}}}
        for kind, each in provisioners.items()
    ]
    authority.configure(
        crt=str(authority.directory / f"{first}.crt"),
        key=uri(first),
        issuers=[
            {"name": str(kind), "crt": str(authority.directory / f"{kind}.crt"), "key": uri(kind)}
            for kind in others
        ],
        kms={"type": "pkcs11", "uri": hsm.uri("ca", f"?pin-value={PIN}")},
        ssh={"hostKey": uri(ssh[0]), "userKey": uri(ssh[1])},
        authority={
            "provisioners": [authority.provisioner.entry(), *entries],
            "claims": {"enableSSHCA": True},
        },
        crl={"enabled": True},
        ocsp={"enabled": True},
    )
    return {first: authority.provisioner, **provisioners}


def context(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.directory / "root.crt"))


def client(authority: Authority, appliance: Appliance) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"https://localhost:{appliance.running.addresses[0][1]}",
        verify=context(authority),
        timeout=PATIENCE,
    )


async def check_x509(asked: httpx.AsyncClient, authority: Authority, by: Provisioner) -> None:
    """Issue; read list and OCSP answer of the issuer: all signed with its key."""
    answer = await asked.post("/1.0/sign", json=authority.request("a.test", by))
    assert answer.status_code == 201, answer.text
    leaf, issuer = [
        x509.load_pem_x509_certificate(each.encode()) for each in answer.json()["certChain"]
    ]
    leaf.verify_directly_issued_by(issuer)
    by_name = "" if by is authority.provisioner else f"/{by.name.removeprefix('by ')}"
    crl = x509.load_der_x509_crl((await asked.get(f"/1.0/crl{by_name}")).content)
    assert crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    request = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, hashes.SHA1()).build()
    told = ocsp.load_der_ocsp_response(
        (await asked.post("/ocsp", content=request.public_bytes(Encoding.DER))).content
    )
    assert told.certificate_status is ocsp.OCSPCertStatus.GOOD
    told.certificates[0].verify_directly_issued_by(issuer)


async def check_ssh(asked: httpx.AsyncClient, authority: Authority) -> None:
    for kind in ("host", "user"):
        token = authority.provisioner.token(
            "someone",
            aud="https://localhost/ssh/sign",
            step={"ssh": {"certType": kind, "keyID": "someone", "principals": ["someone"]}},
        )
        public = ssh_keys.of_key(ec.generate_private_key(ec.SECP256R1()).public_key()).text
        answer = await asked.post(
            "/1.0/ssh/sign", json={"publicKey": public, "ott": token, "certType": kind}
        )
        assert answer.status_code == 201, answer.text


async def test_every_kind_of_key_signs_x509_lists_ocsp_delegates_and_ssh(
    start: Start, authority: Authority, hsm: SoftHsm
) -> None:
    await install(authority, hsm, *KINDS)
    provisioners = configure(authority, hsm, KINDS, SSH_PAIRS[0])
    async with start() as appliance:
        async with client(authority, appliance) as asked:
            for by in provisioners.values():
                await check_x509(asked, authority, by)
            await check_ssh(asked, authority)
        for pair in SSH_PAIRS[1:]:
            configure(authority, hsm, KINDS[:1], pair)
            await appliance.reload("Serving HTTPS")
            async with client(authority, appliance) as asked:
                await check_ssh(asked, authority)


async def test_a_thousand_requests_at_once_are_all_answered(
    start: Start, authority: Authority, hsm: SoftHsm
) -> None:
    """Each on a connection of its own; who is told to come again is served then."""
    await install(authority, hsm, KeyKind.EC_P256)
    configure(authority, hsm, [KeyKind.EC_P256], (KeyKind.EC_P256, KeyKind.EC_P256))
    statuses: Counter[int] = Counter()

    async def ask(port: int, body: bytes) -> None:
        async with Connection(port, context(authority)) as connection:
            status, _ = await connection.request("POST", "/1.0/sign", body)
            while status == 503:
                await trio.sleep(1)
                status, _ = await connection.request("POST", "/1.0/sign", body)
            statuses[status] += 1

    async with start() as appliance:
        port = appliance.running.addresses[0][1]
        requests = [body for _, body in bodies(authority.provisioner, AT_ONCE)]
        async with trio.open_nursery() as nursery:
            for body in requests:
                nursery.start_soon(ask, port, body)
    assert statuses == {201: AT_ONCE}
