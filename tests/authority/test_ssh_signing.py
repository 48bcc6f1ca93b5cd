"""What is told, kept and spent when SSH certificates are made, and when making them fails."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import trio

from appliance.authority import index
from appliance.authority.ssh import records
from appliance.authority.ssh.keys import KnownKey
from appliance.formats.ssh import certificate as ssh_certificate
from appliance.formats.ssh import keys
from appliance.formats.ssh.certificate import SshCertificate
from appliance.keys.file import FileSigner
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import Broken, HearthError, Unavailable
from appliance.model.events import EventKind
from appliance.model.ssh import CertificateType
from appliance.ports.signer import IssuerKey
from appliance.ports.store import Operation
from appliance.stores.memory import MemoryStore
from appliance.web.http import Response
from tests.authority.ssh_scenarios import URL, b64, host, pop, provisioners, token, user
from tests.authority.test_ssh_scenarios import OurTarget
from tests.support.authority import SystemChance
from tests.support.openssh import key_blob, keygen, new_key
from tests.support.requests import key_of
from tests.support.ssh import HOST_KEY, USER_KEY, SshAppliance


def appliance(**changes: Any) -> SshAppliance:
    return SshAppliance(entries=provisioners(), **changes)


def body(app: SshAppliance, ssh: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    ott = token(OurTarget(app), step={"ssh": ssh or user()})
    return {"publicKey": b64(key_blob("P-256")), "ott": ott} | more


def made(answer: Response) -> SshCertificate:
    assert answer.status == 201, answer.body
    return ssh_certificate.parse(base64.b64decode(json.loads(answer.body)["crt"]))


async def sign(app: SshAppliance, ssh: dict[str, Any] | None = None) -> SshCertificate:
    return made(await app.ask("POST", "/ssh/sign", body(app, ssh)))


class ChosenSigner:
    """A key whose errors and signatures are chosen; it counts its uses."""

    def __init__(self, *, error: HearthError | None = None, forged: bool = False) -> None:
        self.error, self.forged, self.uses = error, forged, 0

    @property
    def public_key(self) -> IssuerKey:
        return USER_KEY.public_key()

    async def sign(self, message: bytes, algorithm: SignatureAlgorithm) -> bytes:
        self.uses += 1
        await trio.lowlevel.checkpoint()
        if self.error is not None:
            raise self.error
        return await FileSigner(USER_KEY).sign(b"other" if self.forged else message, algorithm)


# ---- what is told and kept


async def test_an_issued_certificate_is_told_with_everything_known_of_it() -> None:
    app = appliance()
    issued = await sign(app, host(principals=["h.example", "10.0.0.1"]))
    (event,) = app.events
    assert (event.kind, event.operation) == (EventKind.ISSUED, "ssh-sign")
    assert (event.subject, event.sans) == ("h.example", ("h.example", "10.0.0.1"))
    assert (event.certificate_type, event.serial) == ("host", issued.serial)
    assert (event.provisioner, event.provisioner_type) == ("admin", "JWK")
    assert event.not_before is not None
    assert int(event.not_before.timestamp()) == issued.valid_after
    assert (event.client, event.request_id) == ("192.0.2.1", "request-1")


async def test_a_refusal_tells_the_real_reason_and_what_was_asked() -> None:
    app = appliance()
    await app.ask("POST", "/ssh/sign", body(app, principals=["root"]))
    (event,) = app.events
    assert (event.kind, event.subject, event.sans) == (
        EventKind.REFUSED, "jane@example", ("jane",)
    )  # fmt: skip
    assert event.reason.startswith("ssh certificate principals does not match")


async def test_the_rows_of_a_host_are_step_cas() -> None:
    app = appliance()
    issued = await sign(app, host(principals=["H.example", "ws1"]))
    serial = str(issued.serial).encode()
    assert await app.store.get("ssh_certs", serial) == issued.blob
    assert await app.store.get("ssh_hosts", b"h.example") == serial
    assert await app.store.get("ssh_users", b"h.example") is None
    row = json.dumps(
        {"Serial": serial.decode(), "Expiry": issued.valid_before}, separators=(",", ":")
    )
    for name in (b"h.example", b"ws1"):
        assert await app.store.get("ssh_host_principals", name) == row.encode()


async def test_the_rows_of_a_user_are_step_cas() -> None:
    app = appliance()
    issued = await sign(app, user(principals=["Jane", "jane@example"]))
    for name in (b"jane", b"jane@example"):
        assert await app.store.get("ssh_users", name) == str(issued.serial).encode()
    assert await app.store.scan("ssh_hosts") == []
    assert await app.store.scan("ssh_host_principals") == []


async def test_a_certificate_is_in_the_index_by_what_it_is_called_and_who_granted_it() -> None:
    app = appliance()
    issued = await sign(app)
    for key, bucket in (
        (index.name_key("jane"), index.SSH.names),
        (index.name_key("jane@example"), index.SSH.names),
        (index.provisioner_key("admin"), index.SSH.provisioners),
    ):
        ((found, _),) = await app.store.scan(bucket, start=key, stop=key[:-1] + b"\1")
        assert index.read_serial(found.removeprefix(key)) == issued.serial
    granted = await records.provisioner_of(app.store, issued.serial)
    assert granted is not None
    assert (granted.name, granted.type) == ("admin", "JWK")
    assert await app.store.scan(index.X509.serials) == []


async def test_a_renewed_certificate_is_told_as_who_granted_it_at_first() -> None:
    app, key = appliance(), new_key()
    ask = body(app, host(), publicKey=b64(keys.of_key(key.public_key()).blob))
    first = made(await app.ask("POST", "/ssh/sign", ask))
    app.clock.advance(3600)
    ott = pop(OurTarget(app), first.blob, key, "renew")
    renewed = made(await app.ask("POST", "/ssh/renew", {"ott": ott}))
    assert renewed.valid_before - first.valid_before == 3600
    granted = await records.provisioner_of(app.store, renewed.serial)
    assert granted is not None
    assert granted.name == "admin"
    assert app.events[-1].kind is EventKind.RENEWED
    assert app.events[-1].provisioner == "sshpop"


async def test_a_revocation_is_kept_as_step_ca_keeps_it() -> None:
    app = appliance()
    issued = await sign(app)
    serial = str(issued.serial)
    ott = token(OurTarget(app), aud=f"{URL}/ssh/revoke", sub=serial, jti="the id", step=None)
    ask = {"serial": serial, "ott": ott, "passive": True, "reasonCode": 1, "reason": "lost"}
    assert (await app.ask("POST", "/ssh/revoke", ask)).status == 200
    row = await app.store.get("revoked_ssh_certs", serial.encode())
    assert row is not None
    assert json.loads(row) == {
        "Serial": serial, "ProvisionerID": "admin:ssh-kid", "ReasonCode": 1, "Reason": "lost",
        "RevokedAt": "2026-03-01T12:00:00.25Z", "ExpiresAt": "0001-01-01T00:00:00Z",
        "TokenID": "the id", "MTLS": False, "ACME": False,
    }  # fmt: skip
    assert len(await app.store.scan(index.SSH.revoked)) == 1
    event = app.events[-1]
    assert (event.kind, event.operation) == (EventKind.REVOKED, "ssh-revoke")
    assert (event.subject, event.certificate_type) == ("jane@example", "user")
    assert app.log["ssh"] is True


async def test_without_a_database_only_the_used_token_is_kept() -> None:
    app = appliance(persistent=False)
    await sign(app)
    assert await app.store.scan("ssh_certs") == []
    assert len(await app.store.scan("used_ott")) == 1
    ott = token(OurTarget(app), aud=f"{URL}/ssh/revoke", sub="5")
    ask = {"serial": "5", "ott": ott, "passive": True}
    assert (await app.ask("POST", "/ssh/revoke", ask)).status == 501


# ---- keys


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("P-256", "ecdsa-sha2-nistp256"),
        ("P-384", "ecdsa-sha2-nistp384"),
        ("P-521", "ecdsa-sha2-nistp521"),
        ("Ed25519", "ssh-ed25519"),
        ("RSA-2048", "rsa-sha2-512"),
        ("RSA-4096", "rsa-sha2-512"),
    ],
)
async def test_every_kind_of_ca_key_signs_and_openssh_reads_it(
    kind: str, form: str, tmp_path: Path
) -> None:
    app = appliance(user_key=key_of(kind))
    issued = await sign(app)
    assert issued.signature is not None
    assert issued.signature.format == form
    assert issued.is_signed_by(app.ssh.keys.roots(CertificateType.USER))
    file = tmp_path / "id-cert.pub"
    file.write_text(f"{issued.type_name} {b64(issued.blob)}\n")
    assert f"(using {form})" in keygen("-L", "-f", file)


async def test_a_key_without_the_other_signs_its_own_type_only() -> None:
    app = appliance(user_key=None)
    assert (await app.ask("POST", "/ssh/sign", body(app, host()))).status == 201
    ask = body(app)
    assert (await app.ask("POST", "/ssh/sign", ask)).status == 501
    assert (await app.ask("POST", "/ssh/sign", ask)).status == 401  # the token is used up


async def test_certificates_of_former_keys_are_renewed_by_the_new_one() -> None:
    old, key = new_key(), new_key()
    before = appliance(host_key=old)
    ask = body(before, host(), publicKey=b64(keys.of_key(key.public_key()).blob))
    first = made(await before.ask("POST", "/ssh/sign", ask))
    former = KnownKey(type=CertificateType.HOST, key=keys.of_key(old.public_key()))
    federated = KnownKey(type=CertificateType.HOST, key=former.key, federated=True)
    for known in ((), (federated,), (former,)):
        app = appliance(known=known)
        ott = pop(OurTarget(app), first.blob, key, "renew")
        answer = await app.ask("POST", "/ssh/renew", {"ott": ott})
        if known != (former,):
            assert answer.status == 401
            continue
        assert made(answer).is_signed_by([keys.of_key(HOST_KEY.public_key())])


# ---- when it fails


async def test_of_many_with_one_token_one_gets_a_certificate_and_the_key_is_used_once() -> None:
    signer = ChosenSigner()
    app = appliance(user_key=signer)
    ask, statuses = body(app), []

    async def one() -> None:
        statuses.append((await app.ask("POST", "/ssh/sign", ask)).status)

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(one)
    assert sorted(statuses) == [201] + [401] * 19
    assert signer.uses == 1


@pytest.mark.parametrize(
    ("signer", "status"),
    [
        (ChosenSigner(error=Unavailable("the key is away")), 503),
        (ChosenSigner(error=Broken("the key is broken")), 500),
        (ChosenSigner(forged=True), 500),
    ],
)
async def test_a_token_survives_a_key_that_fails(signer: ChosenSigner, status: int) -> None:
    store = MemoryStore()
    app = appliance(user_key=signer, store=store)
    ask = body(app)
    assert (await app.ask("POST", "/ssh/sign", ask)).status == status
    assert await store.scan("ssh_certs") == []
    again = appliance(store=store)
    assert (await again.ask("POST", "/ssh/sign", ask)).status == 201


async def test_a_certificate_that_cannot_be_recorded_is_not_handed_out() -> None:
    class Full:
        description = "full"

        def __init__(self) -> None:
            self.inner = MemoryStore()
            self.get, self.scan, self.aclose = self.inner.get, self.inner.scan, self.inner.aclose

        async def commit(self, operations: Sequence[Operation]) -> None:
            raise Broken("no space left")

    app = appliance(store=Full())
    answer = await app.ask("POST", "/ssh/sign", body(app))
    assert answer.status == 500
    assert b"crt" not in answer.body
    assert "could not be recorded" in app.events[-1].reason
    assert "serial " in app.events[-1].reason


async def test_no_certificate_takes_the_place_of_another_with_its_serial_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = appliance()
    with monkeypatch.context() as patched:
        patched.setattr(SystemChance, "octets", lambda _, count: b"\x07" * count)
        first = await sign(app, host())
        ask = body(app, user())
        assert (await app.ask("POST", "/ssh/sign", ask)).status == 500
    assert "could not be recorded" in app.events[-1].reason
    assert await app.store.scan("ssh_certs") == [(str(first.serial).encode(), first.blob)]
    assert (await app.ask("POST", "/ssh/sign", ask)).status == 201  # its token was not used


async def test_texts_that_are_no_unicode_are_no_fault_of_ours() -> None:
    """JSON can name half of a pair of UTF-16, which no certificate can hold."""
    app = appliance()
    text = json.dumps(body(app, keyID="x", principals=["y"]))
    for name in ("x", "y"):
        answer = await app.ask("POST", "/ssh/sign", text.replace(f'"{name}"', '"\\ud800"'))
        assert answer.status < 500
