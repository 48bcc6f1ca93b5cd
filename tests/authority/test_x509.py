"""What is told, kept and spent when certificates are made, and when making them fails."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
import trio
from cryptography import x509

from appliance.authority import records
from appliance.authority.issuers import Issuers
from appliance.authority.x509 import SignRequest
from appliance.authority.x509_recording import Issued
from appliance.formats import pem
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import Broken, Forbidden, HearthError, Unauthorized, Unavailable
from appliance.model.events import EventKind
from appliance.model.grants import Credential, TokenUse
from appliance.ports.abreast import FEW, at_work
from appliance.ports.signer import IssuerKey
from appliance.ports.store import Operation
from appliance.stores.memory import MemoryStore
from tests.authority.ours import OurTarget
from tests.authority.scenarios import Ask, provisioners
from tests.support.authority import (
    BACKDATE,
    CONTEXT,
    START,
    Appliance,
    hierarchy,
    shared_hierarchy,
)
from tests.support.requests import Key, key_of


class FailingSigner:
    """A key whose errors and signatures are chosen; it counts its uses."""

    def __init__(self, *, error: HearthError | None = None, forged: bool = False) -> None:
        self.error, self.forged, self.uses = error, forged, 0

    @property
    def public_key(self) -> IssuerKey:
        return shared_hierarchy().signer.public_key

    async def sign(self, message: bytes, algorithm: SignatureAlgorithm) -> bytes:
        self.uses += 1
        await trio.lowlevel.checkpoint()
        if self.error is not None:
            raise self.error
        return await shared_hierarchy().signer.sign(b"other" if self.forged else message, algorithm)


class EmptyStore:
    """A store that has nothing, keeps nothing and makes nobody wait."""

    description = "empty"

    async def get(self, bucket: str, key: bytes) -> bytes | None:
        return None

    async def commit(self, operations: Sequence[Operation]) -> None:
        return

    async def scan(
        self,
        bucket: str,
        *,
        start: bytes = b"",
        stop: bytes | None = None,
        reverse: bool = False,
        limit: int = 1000,
    ) -> list[tuple[bytes, bytes]]:
        return []

    async def aclose(self) -> None:
        return


def appliance(**changes: object) -> Appliance:
    return Appliance(entries=provisioners(), **changes)  # type: ignore[arg-type]


def request(ask: Ask, token: str | None = None, csr: str | None = None) -> SignRequest:
    return SignRequest(csr=(csr or ask.csr()).encode(), token=token or ask.token(), context=CONTEXT)


def ask_of(app: Appliance, name: str = "host.example", key: Key | None = None) -> Ask:
    return Ask(target=OurTarget(app), name=name, key=key or key_of("P-256"))


def credential(issued: Issued) -> Credential:
    return Credential(certificate=issued.certificate, chain=issued.chain)


async def test_an_issued_certificate_is_told_with_everything_known_of_it() -> None:
    app = appliance()
    issued = await app.x509.sign(request(ask_of(app)))
    (event,) = app.events
    assert (event.kind, event.operation) == (EventKind.ISSUED, "sign")
    assert (event.subject, event.sans) == ("host.example", ("host.example",))
    assert (event.provisioner, event.provisioner_type) == ("admin", "JWK")
    assert event.serial == issued.serial == serial(issued)
    assert (event.not_before, event.not_after) == (
        issued.validity.not_before,
        issued.validity.not_after,
    )
    assert (event.client, event.request_id) == (CONTEXT.client, CONTEXT.request_id)
    assert event.reason == ""


def serial(issued: Issued) -> int:
    return x509.load_der_x509_certificate(issued.certificate).serial_number


async def test_the_certificate_verifies_up_to_the_root() -> None:
    app = appliance()
    issued = await app.x509.sign(request(ask_of(app)))
    leaf, intermediate, root = map(
        x509.load_der_x509_certificate, (issued.certificate, *issued.chain, app.pki.root)
    )
    leaf.verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(root)


async def test_a_refusal_tells_the_real_reason_and_what_was_asked() -> None:
    app = appliance()
    ask = ask_of(app)
    with pytest.raises(HearthError):
        await app.x509.sign(request(ask, csr=ask.csr("evil.example")))
    with pytest.raises(Unauthorized):
        await app.x509.sign(request(ask, token=ask.token(iss="nobody")))
    refused, unknown = app.events
    assert refused.kind is EventKind.REFUSED
    assert "got evil.example" in refused.reason
    assert (refused.subject, refused.provisioner) == ("host.example", "admin")
    assert "nobody" in unknown.reason
    assert (unknown.subject, unknown.provisioner) == ("host.example", "")


async def test_how_long_it_took_is_told() -> None:
    class Slow(FailingSigner):
        async def sign(self, message: bytes, algorithm: SignatureAlgorithm) -> bytes:
            app.clock.advance(1.5)
            return await super().sign(message, algorithm)

    app = appliance(signer=Slow())
    await app.x509.sign(request(ask_of(app)))
    assert app.events[0].took == 1.5
    assert app.events[0].at == START + timedelta(seconds=1.5)


@pytest.mark.parametrize(
    ("others", "expected"), [(0, ["sign", "record"] * 3), (FEW + 1, ["sign"] * 3 + ["record"] * 3)]
)
async def test_many_requests_go_through_each_step_together(
    others: int, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    monkeypatch.setattr(at_work, "requests", others)

    class Noting(FailingSigner):
        async def sign(self, message: bytes, algorithm: SignatureAlgorithm) -> bytes:
            steps.append("sign")
            return await shared_hierarchy().signer.sign(message, algorithm)

    class Recording(EmptyStore):
        async def commit(self, operations: Sequence[Operation]) -> None:
            steps.append("record")

    app = appliance(signer=Noting(), store=Recording())
    asked = [request(ask_of(app)) for _ in range(3)]
    async with trio.open_nursery() as nursery:
        for each in asked:
            nursery.start_soon(app.x509.sign, each)
    assert steps == expected


async def test_of_many_with_one_token_one_gets_a_certificate_and_the_key_is_used_once() -> None:
    signer = FailingSigner()
    app = appliance(signer=signer)
    ask = ask_of(app)
    token, won, lost = ask.token(), [], []

    async def attempt() -> None:
        try:
            won.append(await app.x509.sign(request(ask, token)))
        except Unauthorized as error:
            lost.append(error)

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(attempt)
    assert (len(won), len(lost), signer.uses) == (1, 19, 1)


async def test_a_used_token_does_not_use_the_key() -> None:
    signer = FailingSigner()
    app = appliance(signer=signer)
    ask = ask_of(app)
    token = ask.token()
    await app.x509.sign(request(ask, token))
    with pytest.raises(Unauthorized, match="used before"):
        await app.x509.sign(request(ask, token))
    assert signer.uses == 1


async def test_a_token_that_another_process_spends_meanwhile_gets_nothing() -> None:
    """Two servers on one database: the transaction decides."""
    store = MemoryStore()
    app = appliance(store=store)
    ask = ask_of(app)

    class Racing(FailingSigner):
        async def sign(self, message: bytes, algorithm: SignatureAlgorithm) -> bytes:
            await store.commit([records.token_used(TokenUse(reuse_key="the-jti", raw="x"))])
            return await super().sign(message, algorithm)

    app = appliance(store=store, signer=Racing())
    with pytest.raises(Unauthorized, match="used before"):
        await app.x509.sign(request(ask, ask.token(jti="the-jti")))
    assert app.events[0].kind is EventKind.REFUSED


@pytest.mark.parametrize(
    "signer",
    [
        FailingSigner(error=Unavailable("the key is unplugged")),
        FailingSigner(error=Broken("the key is broken")),
        FailingSigner(forged=True),
    ],
    ids=["unavailable", "broken", "forged"],
)
async def test_a_token_survives_a_key_that_fails(signer: FailingSigner) -> None:
    """Nothing was decided, so the client may come again with it."""
    store = MemoryStore()
    app = appliance(store=store, signer=signer)
    ask = ask_of(app)
    token = ask.token()
    with pytest.raises((Unavailable, Broken)):
        await app.x509.sign(request(ask, token))
    assert app.events[0].kind is EventKind.REFUSED
    await appliance(store=store).x509.sign(request(ask, token))


async def test_a_certificate_that_cannot_be_recorded_is_not_handed_out() -> None:
    """Its serial is told, to us only."""

    class Full(EmptyStore):
        async def commit(self, operations: Sequence[Operation]) -> None:
            raise Broken("the disk is full")

    app = appliance(store=Full())
    with pytest.raises(Broken) as error:
        await app.x509.sign(request(ask_of(app)))
    assert "serial" in error.value.detail
    assert "serial" not in error.value.public
    assert "the disk is full" in app.events[0].reason


async def test_a_fault_of_ours_is_told_as_one() -> None:
    class Buggy(FailingSigner):
        async def sign(self, message: bytes, algorithm: SignatureAlgorithm) -> bytes:
            raise ZeroDivisionError

    app = appliance(signer=Buggy())
    with pytest.raises(ZeroDivisionError):
        await app.x509.sign(request(ask_of(app)))
    assert app.events[0].reason == "internal error"


async def test_a_cancelled_request_leaves_the_token_for_another_try() -> None:
    class Stuck(FailingSigner):
        async def sign(self, message: bytes, algorithm: SignatureAlgorithm) -> bytes:
            await trio.Event().wait()
            return b""

    store = MemoryStore()
    app = appliance(store=store, signer=Stuck())
    ask = ask_of(app)
    token = ask.token()
    with trio.move_on_after(0.01):
        await app.x509.sign(request(ask, token))
    assert app.events == []
    await appliance(store=store).x509.sign(request(ask, token))


async def test_a_renewed_certificate_keeps_its_provisioner_by_its_row() -> None:
    """One without the step extension, too."""
    app = appliance()
    ask = ask_of(app)
    issued = await app.x509.sign(request(ask, ask.token(iss="plain")))
    renewed = await app.x509.renew(credential(issued), CONTEXT)
    assert renewed.provisioner is not None
    assert renewed.provisioner.name == "plain"
    again = await app.x509.renew(credential(renewed), CONTEXT)
    assert again.provisioner == renewed.provisioner
    assert [event.kind for event in app.events[1:]] == [EventKind.RENEWED] * 2
    assert app.events[-1].provisioner == "plain"


async def test_without_row_and_extension_anybody_who_holds_it_renews_it_by_tls_only() -> None:
    app = appliance()
    ask = ask_of(app)
    issued = await app.x509.sign(request(ask, ask.token(iss="plain")))
    bare = appliance()  # another database
    renewed = await bare.x509.renew(credential(issued), CONTEXT)
    assert renewed.provisioner is None
    chain = [pem.encode("CERTIFICATE", each) for each in (issued.certificate, *issued.chain)]
    with pytest.raises(Unauthorized, match="names no provisioner"):
        await bare.x509.renew_with_token(ask.renewal_token(chain), CONTEXT)


async def test_a_provisioner_that_is_gone_renews_nothing() -> None:
    app = appliance()
    issued = await app.x509.sign(request(ask_of(app)))
    other = Appliance(entries=[{"type": "ACME", "name": "acme"}])
    with pytest.raises(Unauthorized, match="gone"):
        await other.x509.renew(credential(issued), CONTEXT)


async def test_an_expired_certificate_is_not_renewed_by_tls() -> None:
    """Even where a token would do: step-ca's handshake ends there."""
    app = appliance()
    ask = ask_of(app)
    issued = await app.x509.sign(request(ask, ask.token(iss="late")))
    app.clock.advance(86_400)
    await app.x509.renew(credential(issued), CONTEXT)  # its very last second
    app.clock.advance(1)
    with pytest.raises(Unauthorized, match="has expired"):
        await app.x509.renew(credential(issued), CONTEXT)


async def test_a_certificate_is_not_renewed_by_tls_before_it_is_valid() -> None:
    app = appliance()
    ask = ask_of(app)
    issued = await app.x509.sign(
        SignRequest(
            csr=ask.csr().encode(),
            token=ask.token(),
            not_before=timedelta(hours=1),
            context=CONTEXT,
        )
    )
    with pytest.raises(Unauthorized, match="not valid yet"):
        await app.x509.renew(credential(issued), CONTEXT)


async def test_an_expired_intermediate_ends_renewal() -> None:
    pki = hierarchy(lifetime=timedelta(days=1, hours=1))  # begun a day ago
    app = appliance(pki=pki)
    issued = await app.x509.sign(request(ask_of(app)))
    app.clock.advance(2 * 3600)
    for shown in (credential(issued), Credential(certificate=issued.certificate, chain=())):
        with pytest.raises(Unauthorized, match="issuer of the client certificate has expired"):
            await app.x509.renew(shown, CONTEXT)


async def test_a_renewed_certificate_is_as_long_as_the_old_one() -> None:
    app = appliance()
    issued = await app.x509.sign(request(ask_of(app)))
    app.clock.advance(3600)
    renewed = await app.x509.renew(credential(issued), CONTEXT)
    assert renewed.validity.length == issued.validity.length
    start = app.clock.now().replace(microsecond=0) - BACKDATE
    assert renewed.validity.not_before == start
    assert renewed.serial != issued.serial


async def test_rekeying_changes_the_key_and_nothing_else() -> None:
    app = appliance()
    ask = ask_of(app)
    issued = await app.x509.sign(request(ask))
    other = ask_of(app, "elsewhere.example")
    rekeyed = await app.x509.rekey(credential(issued), other.csr().encode(), CONTEXT)
    old, new = map(x509.load_der_x509_certificate, (issued.certificate, rekeyed.certificate))
    assert new.subject == old.subject
    assert new.public_key() == other.key.public_key()
    assert app.events[-1].kind is EventKind.REKEYED
    assert app.events[-1].subject == "host.example"


async def test_subject_defaults_fill_in() -> None:
    app = appliance(subject_defaults={"organization": "Home", "country": "CH"})
    issued = await app.x509.sign(request(ask_of(app)))
    subject = x509.load_der_x509_certificate(issued.certificate).subject
    assert subject.rfc4514_string() == "CN=host.example,O=Home,C=CH"


@pytest.mark.parametrize("name", ["host.example", "other.test"])
async def test_the_ca_certificates_name_constraints_hold(name: str) -> None:
    """RFC 5280 4.2.1.10: what a verifier would refuse is not issued; the token is used up."""
    app = appliance()
    below_example = x509.NameConstraints([x509.DNSName("example")], None)
    key = replace(app.x509.issuers.first, constraints=(below_example,))
    app.x509 = replace(app.x509, issuers=Issuers(key))
    ask = ask_of(app, name)
    asked = request(ask)
    if name == "host.example":
        assert (await app.x509.sign(asked)).sans == (name,)
        return
    with pytest.raises(Forbidden, match="not permitted by the issuer's name constraints"):
        await app.x509.sign(asked)
    with pytest.raises(Unauthorized):
        await app.x509.sign(asked)


async def test_without_a_database_only_the_used_token_is_kept() -> None:
    app = appliance()
    app.x509 = replace(app.x509, persistent=False)
    issued = await app.x509.sign(request(ask_of(app)))
    assert await records.certificate(app.store, issued.serial) is None
    used = await app.store.scan(records.USED_TOKENS)
    assert len(used) == 1
