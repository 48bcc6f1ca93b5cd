"""Revocation lists and OCSP answers are judged by OpenSSL, GnuTLS and pkilint: none objects."""

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.authority.issuers import Issuers
from appliance.authority.ocsp import OcspAnswer
from appliance.formats import crl, ocsp, pem
from appliance.formats.ocsp import Status
from appliance.issuance.issuers import Issuer
from tests.support import judges
from tests.support.authority import Hierarchy, StandingClock, hierarchy
from tests.support.lists import DAY, Lists, Recorded, serials
from tests.support.ocsp import OcspWorld, answers, basic, issuing, leaf, named
from tests.support.requests import key_of

REASONS = (0, 1, 2, 3, 4, 5, 6, 8, 9, 10)
KINDS = ["P-256", "P-384", "RSA-2048", "Ed25519"]


def now() -> datetime:
    return datetime.now(UTC)


def ca(kind: str = "P-256") -> Hierarchy:
    return hierarchy(now() - timedelta(days=1), key=key_of(kind))  # type: ignore[arg-type]


def asked(folder: Path, *words: str | Path) -> str:
    ended = subprocess.run(
        [*map(str, words)], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def written(folder: Path, name: str, label: str, octets: bytes) -> Path:
    file = folder / name
    file.write_text(pem.encode(label, octets))
    return file


def judge_list(octets: bytes, issuer: Issuer, folder: Path) -> None:
    file = written(folder, "ca.crl", crl.LABEL, octets)
    by = written(folder, "ca.crt", "CERTIFICATE", issuer.certificate)
    said = asked(folder, "openssl", "crl", "-in", file, "-CAfile", by, "-noout")
    assert "verify OK" in said
    asked(folder, "certtool", "--verify-crl", "--load-ca-certificate", by, "--infile", file)
    assert judges.lint_crl(octets) == set()


# ---- lists


@pytest.mark.parametrize("kind", KINDS)
async def test_an_empty_list_and_one_with_every_reason(kind: str, tmp_path: Path) -> None:
    lists = Lists(clock=StandingClock(now()), pki=ca(kind))
    judge_list((await lists.once()).der, lists.pki.issuer, tmp_path)
    await lists.record(
        [
            Recorded(serial=2**70 + code, at=now(), reason_code=code, not_after=now() + DAY)
            for code in REASONS
        ]
    )
    listed = await lists.once()
    assert len(serials(listed)) == len(REASONS)
    judge_list(listed.der, lists.pki.issuer, tmp_path)


async def test_the_lists_of_both_issuers_after_a_roll_over(tmp_path: Path) -> None:
    old, new = ca(), ca()
    lists = Lists(clock=StandingClock(now()), pki=old)
    await lists.record([Recorded(serial=5, at=now(), not_after=now() + DAY)])
    await lists.once()
    lists.issuers = Issuers(issuing(new), [issuing(old, "old")])
    await lists.record([Recorded(serial=6, at=now(), not_after=now() + DAY)])
    judge_list((await lists.once()).der, new.issuer, tmp_path)
    async with lists.published() as publisher:
        judge_list((await publisher.current("old")).der, old.issuer, tmp_path)


# ---- answers


@dataclass(slots=True)
class Asked:
    """A world of answers by the real clock, and what judges need of it."""

    world: OcspWorld
    folder: Path

    @property
    def pki(self) -> Hierarchy:
        return self.world.pkis[0]

    async def judge(self, answer: OcspAnswer, serial: int) -> str:
        """Let all of them judge an answer about a certificate; give what OpenSSL reads in it."""
        assert judges.lint_ocsp(answer.octets) == set()
        for delegate in basic(answer).certificates:
            assert judges.lint_certificate(delegate) == set()
            assert judges.lint_pair(self.pki.issuer.certificate, delegate) == set()
        (self.folder / "answer").write_bytes(answer.octets)
        certificate = await leaf(serial, self.pki)
        root = written(self.folder, "root", "CERTIFICATE", self.pki.root)
        issuer = written(self.folder, "ca", "CERTIFICATE", self.pki.issuer.certificate)
        asked(
            self.folder, "ocsptool", "--verify-response", "--load-response", "answer",
            "--load-trust", issuer,
        )  # fmt: skip
        return asked(
            self.folder, "openssl", "ocsp", "-respin", "answer", "-CAfile", root, "-issuer", issuer,
            "-verify_other", issuer,
            "-cert", written(self.folder, "leaf", "CERTIFICATE", certificate),
        )  # fmt: skip


@pytest.fixture(params=KINDS)
async def responder(request: pytest.FixtureRequest, tmp_path: Path) -> Asked:
    world = OcspWorld(ca(request.param))
    world.clock.moment = now()
    await world.responder.renew()
    await world.issue(7)
    await world.issue(8)
    for code in REASONS:
        await world.revoke(100 + code, reason=code)
    return Asked(world, tmp_path)


async def test_good_and_unknown(responder: Asked) -> None:
    said = await responder.judge(await responder.world.ask(7), 7)
    assert "Response verify OK" in said
    assert "leaf: good" in said
    said = await responder.judge(await responder.world.ask(9), 9)
    assert "leaf: unknown" in said


async def test_revoked_for_every_reason(responder: Asked) -> None:
    for code in REASONS:
        answer = await responder.world.ask(100 + code)
        assert answers(answer)[0].state.status is Status.REVOKED
        assert judges.lint_ocsp(answer.octets) == set()
    assert "leaf: revoked" in await responder.judge(await responder.world.ask(101), 101)


@pytest.mark.parametrize("digest", sorted(ocsp.DIGESTS))
async def test_nonces_several_and_every_hash(digest: str, responder: Asked) -> None:
    requested = [named(serial, responder.pki.issuer, digest) for serial in (7, 8, 101)]
    for nonce in (None, bytes(range(32))):
        request = ocsp.write_request(requested, nonce)
        answer = await responder.world.responder.answer(request)
        assert basic(answer).nonce == nonce
        assert judges.lint_ocsp(answer.octets) == set()
