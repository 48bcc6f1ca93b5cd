"""What the operator of a running CA looks after: keys, the next intermediate, backups, the log."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import trio

from appliance.model.backups import BackupOrder, BackupReport, ProofOrder
from appliance.model.errors import BadRequest, NotFound
from appliance.model.events import EventKind
from appliance.model.inventory import CertificateKind
from appliance.model.journal import JournalQuery
from appliance.model.loglines import LineLevel
from appliance.model.signing_keys import IssuerChange, KeyRole
from appliance.model.work import Work, WorkKind
from appliance.operator.interface import Operator
from tests.server.conftest import Authority, Start
from tests.support.web import PATIENCE

PASSPHRASE = "correct horse"


async def done(operator: Operator, kind: WorkKind) -> Work:
    """Wait for the end of a piece of work."""
    with trio.fail_after(PATIENCE):
        while True:
            for work in await operator.works():
                if work.kind is kind and not work.is_under_way:
                    return work
            await trio.sleep(0.01)


async def listed(operator: Operator, holds: Callable[[BackupReport], object]) -> BackupReport:
    with trio.fail_after(PATIENCE):
        while not holds(report := await operator.backups()):
            await trio.sleep(0.01)
    return report


async def journaled(operator: Operator, operation: str, number: int) -> list[str]:
    """Wait until the journal has so many entries of an operation, and give what they say."""
    with trio.fail_after(PATIENCE):
        while True:
            told = await operator.journal_events(JournalQuery(operation=operation))
            if len(told.events) >= number:
                return [each.event.reason for each in told.events]
            await trio.sleep(0.01)


def stand_by(authority: Authority, name: str) -> None:
    """Enter another intermediate of the same root, which signs nothing yet."""
    made = authority.pki.root.issue("Second", ca=True, end=timedelta(days=8), usages=())
    certificate, key = (authority.directory / f"{name}.{end}" for end in ("crt", "key"))
    certificate.write_text(made.pem)
    key.touch(mode=0o600)
    key.write_text(made.key_pem)
    entry = {"name": name, "crt": str(certificate), "key": str(key), "state": "standby"}
    authority.configure(issuers=[entry])


async def test_each_key_is_told_with_its_place_and_its_end(
    authority: Authority, start: Start
) -> None:
    authority.configure(crl={"enabled": True}, ocsp={"enabled": True})
    async with start() as appliance:
        keys = (await appliance.running.operator.keys()).keys
    found = {each.role: each for each in keys}
    assert list(found) == [KeyRole.ROOT, KeyRole.INTERMEDIATE, KeyRole.OCSP, KeyRole.SERVER]
    assert (found[KeyRole.ROOT].state, found[KeyRole.ROOT].place) == ("kept away", "not here")
    signing = found[KeyRole.INTERMEDIATE]
    assert signing.place.endswith("issuer.key")
    assert signing.signs == "certificates, CRL, OCSP delegates"
    assert (signing.kind, signing.subject) == ("EC P-256", "Intermediate")
    assert found[KeyRole.SERVER].place == found[KeyRole.OCSP].place == "in memory"
    assert all(each.not_after and each.fingerprint for each in keys)


async def test_a_root_s_key_that_is_on_the_box_is_said_to_be(
    authority: Authority, start: Start
) -> None:
    (authority.directory / "root_ca_key").touch(mode=0o600)
    async with start() as appliance:
        report = await appliance.running.operator.keys()
    assert report.keys[0].state == "on this box"
    (create,) = report.steps
    assert "--ca-key" in create.command
    assert (create.change, create.here) == (IssuerChange.CREATE, False)


async def test_an_intermediate_that_stands_by_is_let_issue_and_the_former_retires(
    authority: Authority, start: Start
) -> None:
    stand_by(authority, "next")
    async with start() as appliance:
        operator = appliance.running.operator
        first, *_ = (await operator.keys()).steps
        assert (first.change, first.issuer, first.due, first.here) == (
            IssuerChange.ACTIVATE, "next", True, True,
        )  # fmt: skip
        await operator.change_issuer(IssuerChange.ACTIVATE, "next")
        states = {each.subject: each.state for each in (await operator.keys()).keys}
        assert (states["Second"], states["Intermediate"]) == ("signing", "retiring")
        signed = await appliance.client.post("/sign", json=authority.request("nas.example"))
        assert signed.status_code == 201
        await operator.change_issuer(IssuerChange.RETIRE, "former")
        await operator.change_issuer(IssuerChange.REMOVE, "former")
        assert "Intermediate" not in {each.subject for each in (await operator.keys()).keys}
        texts = await journaled(operator, "intermediate", 3)
        assert texts[0] == "activate next, by the operator at the console"
    assert json.loads(authority.file.read_bytes())["crt"].endswith("next.crt")


async def test_a_step_that_cannot_be_taken_changes_nothing(
    authority: Authority, start: Start
) -> None:
    stand_by(authority, "next")
    async with start() as appliance:
        operator, before = appliance.running.operator, authority.file.read_bytes()
        for change, name, said in (
            (IssuerChange.ACTIVATE, "other", "no issuer 'other'"),
            (IssuerChange.RETIRE, "next", "it signs nothing"),
            (IssuerChange.CREATE, "third", "by command"),
        ):
            with pytest.raises(BadRequest, match=said):
                await operator.change_issuer(change, name)
        assert authority.file.read_bytes() == before


async def test_what_a_reload_refuses_is_put_back(authority: Authority, start: Start) -> None:
    stand_by(authority, "next")
    async with start() as appliance:
        operator, before = appliance.running.operator, authority.file.read_bytes()
        (authority.directory / "next.key").write_text("no key")
        with pytest.raises(BadRequest, match=r"next\.key"):
            await operator.change_issuer(IssuerChange.ACTIVATE, "next")
        assert json.loads(authority.file.read_bytes()) == json.loads(before)
        assert {each.state for each in (await operator.keys()).keys} >= {"signing", "standby"}
        answer = await appliance.client.post("/sign", json=authority.request("nas.example"))
        assert answer.status_code == 201


async def test_only_keys_on_tokens_are_asked_for_an_attestation(start: Start) -> None:
    async with start() as appliance:
        with pytest.raises(NotFound, match="no such key on a token"):
            await appliance.running.operator.attestation("yubikey:slot-id=9c")


async def test_a_backup_is_made_as_planned_listed_proven_and_remembered_as_that(
    authority: Authority, start: Start, tmp_path: Path
) -> None:
    secret = tmp_path / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text(PASSPHRASE)
    place = tmp_path / "place"
    authority.configure(backup={"to": str(place), "passphraseFile": str(secret)})
    async with start() as appliance:
        operator = appliance.running.operator
        await listed(operator, lambda report: report.rows)  # that of the start
        await trio.sleep(1.1)  # the time in a backup's name has whole seconds
        begun = await operator.begin_backup(BackupOrder())
        assert begun.is_under_way
        with pytest.raises(BadRequest, match="under way"):
            await operator.begin_backup(BackupOrder())
        made = await done(operator, WorkKind.BACKUP)
        assert (made.problem, made.subject) == ("", str(place))
        assert "1 keys sealed in it" in made.told[1]
        report = await listed(operator, lambda report: len(report.rows) == 2)
        assert report.place == str(place)
        assert report.with_keys
        assert report.due is not None
        assert not any(row.proof for row in report.rows)
        name = report.rows[0].name
        await operator.begin_proof(ProofOrder(name=name))
        proof = await done(operator, WorkKind.PROOF)
        assert proof.problem == ""
        assert any("test certificate was issued" in line for line in proof.told)
        rows = {row.name: row.proof for row in (await operator.backups()).rows}
        told = rows[name]
        assert told is not None
        assert "1 keys opened" in told.text
        assert [each for each in rows.values() if each is None] == [None]
        texts = await journaled(operator, "operator", 2)
        assert PASSPHRASE not in str(texts)
    async with start() as appliance:
        report = await listed(appliance.running.operator, lambda report: len(report.rows) == 2)
        assert report.rows[0].proof == told


async def test_a_backup_goes_to_a_place_that_was_typed(
    authority: Authority, start: Start, tmp_path: Path
) -> None:
    async with start() as appliance:
        operator = appliance.running.operator
        assert (await operator.backups()).place == ""
        for order, said in (
            (BackupOrder(), "has no `backup`"),
            (BackupOrder(place="stick"), "whole path"),
            (BackupOrder(place="/a.hearth-backup"), "name the directory"),
            (BackupOrder(place="ftp://a/b"), "not a kind of place"),
            (BackupOrder(place="/a", passphrase="short"), "8 characters"),
        ):
            with pytest.raises(BadRequest, match=said):
                await operator.begin_backup(order)
        await operator.begin_backup(BackupOrder(place=str(tmp_path / "stick")))
        made = await done(operator, WorkKind.BACKUP)
        assert "without keys" in made.told[1]
        (file,) = (tmp_path / "stick").iterdir()
        await operator.begin_proof(ProofOrder(name=str(file)))
        proof = await done(operator, WorkKind.PROOF)
        assert any("test certificate was issued" in line for line in proof.told)


async def test_a_damaged_backup_is_no_proof(start: Start, tmp_path: Path) -> None:
    async with start() as appliance:
        operator = appliance.running.operator
        await operator.begin_backup(BackupOrder(place=str(tmp_path / "stick")))
        await done(operator, WorkKind.BACKUP)
        (file,) = (tmp_path / "stick").iterdir()
        file.write_bytes(file.read_bytes()[:-40])
        await operator.begin_proof(ProofOrder(name=str(file)))
        assert "cut off" in (await done(operator, WorkKind.PROOF)).problem


async def test_a_place_that_is_gone_says_so_and_keeps_nobody_waiting(
    authority: Authority, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    authority.configure(backup={"to": str(tmp_path / "file" / "place")})
    async with start() as appliance:
        report = await listed(appliance.running.operator, lambda report: report.failure)
        assert report.rows == ()


async def test_the_journal_is_followed_to_its_head(authority: Authority, start: Start) -> None:
    async with start() as appliance:
        operator = appliance.running.operator
        await appliance.client.post("/sign", json=authority.request("nas.example"))
        await operator.begin_journal_check()
        check = await done(operator, WorkKind.JOURNAL)
        assert check.problem == ""
        assert check.done == check.total > 0
        assert any(line.startswith("head ") for line in check.told)
        told = await operator.journal_events(JournalQuery(newest_first=True))
        assert EventKind.ISSUED in {each.event.kind for each in told.events}
        assert told.unread == ()
        counts = await operator.certificate_counts(CertificateKind.X509)
        assert counts.provisioners


async def test_the_configuration_is_told_as_it_is_in_force_without_its_secrets(
    authority: Authority, start: Start
) -> None:
    authority.configure(password="s3cret-word", disk={"warnBelow": 300})
    async with start() as appliance:
        operator = appliance.running.operator
        found = await operator.configuration()
        settings = {each.name: each for each in found.settings}
        assert settings["password"].value == "set"
        assert "s3cret-word" not in str(found)
        assert settings["disk.warnBelow"].value == "300 MB"
        assert settings["disk.warnBelow"].written
        assert not settings["disk.refuseBelow"].written
        assert not found.changed

        authority.configure(disk={"warnBelow": 1, "refuseBelow": 2})
        found = await operator.configuration()
        assert found.changed
        assert "warnBelow" in found.problem
        with pytest.raises(BadRequest, match="warnBelow"):
            await operator.reload()
        settings = {each.name: each for each in (await operator.configuration()).settings}
        assert settings["disk.warnBelow"].value == "300 MB"

        authority.configure(disk={"warnBelow": 400})
        found = await operator.configuration()
        assert (found.changed, found.problem) == (True, "")
        await operator.reload()
        found = await operator.configuration()
        assert not found.changed
        assert "400 MB" in {each.value for each in found.settings}


async def test_the_last_lines_of_the_log_are_remembered_with_their_levels(
    authority: Authority, start: Start
) -> None:
    async with start() as appliance:
        operator = appliance.running.operator
        before = await operator.log_lines()
        assert any(line.text.startswith("Serving HTTPS") for line in before.lines)
        levels = {line.level for line in before.lines}
        assert {LineLevel.INFO, LineLevel.WARNING} <= levels
        (await appliance.client.get("/health")).raise_for_status()
        with trio.fail_after(PATIENCE):
            while not (page := await operator.log_lines(before.last)).lines:
                await trio.sleep(0.01)
        assert [line.level for line in page.lines] == [LineLevel.REQUEST]
        assert page.last == before.last + 1
