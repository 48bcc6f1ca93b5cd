"""A ceremony with two YubiKeys: the root's, which goes into a safe, and the one in the box."""

import json
import shutil
from pathlib import Path

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.config.loading import load
from appliance.formats import pem
from appliance.model.ceremony import Role, Stage, Step
from appliance.model.errors import BadRequest
from appliance.server.ceremony import course, rehearsal, rollback
from appliance.server.ceremony import scene as staging
from appliance.server.ceremony.journal import Journal, Record
from appliance.server.ceremony.sheet import envelope_in
from tests.support.ceremony import Paper, files, planned, scene
from tests.support.yubikey.computer import SECOND_SERIAL, SERIAL, Computer
from tests.support.yubikey.fixtures import machine, port, ports
from tests.support.yubikey.tlv import elements

__all__ = ["machine", "port", "ports"]

BOX, SAFE = f"yubikey:serial={SERIAL}", f"yubikey:serial={SECOND_SERIAL}"


def attestation_root(computer: Computer, card: int) -> bytes:
    stored = computer.tell("memory", card=card)["objects"]["5fff01"]
    return elements(bytes.fromhex(stored))[0][1]


def is_as_from_the_factory(computer: Computer, card: int) -> bool:
    memory = computer.tell("memory", card=card)
    return memory["pin"] == "123456" and set(memory["keys"]) == {"f9"}


async def test_root_and_intermediate_on_two_yubikeys_and_every_secret_on_paper_only(
    ports: Computer, tmp_path: Path
) -> None:
    roots = (attestation_root(ports, 0), attestation_root(ports, 1))
    paper = Paper()
    made = planned(tmp_path, SAFE, BOX, shares=(2, 3), attestation_roots=roots)
    begun = scene(tmp_path, paper, made)

    await course.run(begun)

    assert paper.steps == list(Step)
    for name in (f"YubiKey {SERIAL}", f"YubiKey {SECOND_SERIAL}"):
        assert len(paper.written[f"PIN of {name}"]) == 8
        assert len(paper.written[f"management key of {name}"]) == 48
    assert len(paper.shares) == 3
    record = json.loads((tmp_path / "step/ceremony/record.json").read_text())
    assert record["finished"]
    assert set(record["attestations"]) == {"root", "intermediate", "SSH host", "SSH user"}
    assert not any("genuine" in question for question in paper.asked)
    assert not (tmp_path / "step/ceremony/journal.json").exists()

    for name, content in files(tmp_path).items():
        for secret in paper.everything:
            assert secret.encode() not in content, name
            assert secret.replace("-", "").encode() not in content, name

    settings = load(tmp_path / "step/config/ca.json")
    assert str(settings.key).endswith("slot-id=83")
    certificate = pem.certificates((tmp_path / "step/certs/intermediate_ca.crt").read_bytes())[0]
    key = x509.load_der_x509_certificate(certificate).public_key()
    assert record["keys"]["intermediate"]
    if shutil.which("yubico-piv-tool"):
        reader = "Yubico YubiKey OTP+FIDO+CCID 00 00"
        read = ports.run("yubico-piv-tool", "-r", reader, "-a", "read-certificate", "-s", "83")
        assert x509.load_pem_x509_certificate(read.encode()).public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        ) == key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    sheet = (tmp_path / "step/ceremony/recovery.txt").read_text()
    again = Paper(shares=paper.shares[1:])
    opened = await rehearsal.opened(again, envelope_in(sheet))
    assert opened == paper.written
    assert ports.tries_left(0) == ports.tries_left(1) == 3


async def test_the_tokens_need_not_be_plugged_in_together(
    port: Computer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = {0}

    class Hands(Paper):
        """Plugs in what is asked for, and from some step on takes the other one out."""

        parting = False

        async def begin(self, stages: tuple[Stage, ...], current: Stage) -> None:
            await Paper.begin(self, stages, current)
            if current.step is Step.CERTIFICATES:
                self.parting = True
                port.unplug(1)
                inside.remove(1)

        async def act(self, done: str) -> None:
            wanted = int(done.startswith(f"YubiKey {SECOND_SERIAL}"))
            if inside != {wanted}:
                for card in inside - {wanted} if self.parting else ():
                    port.unplug(card)
                    inside.remove(card)
                port.plug(wanted)
                inside.add(wanted)
            await trio.sleep(0.05)  # a reader looks now and then

    monkeypatch.setattr(staging, "_COMING", 0.4)
    hands = Hands()
    made = planned(tmp_path, SAFE, BOX, rehearse=False)
    await course.run(scene(tmp_path, hands, made))
    assert len(inside) == 1
    assert any("genuine" in question for question in hands.asked)  # no root of it was given
    load(tmp_path / "step/config/ca.json")
    port.plug(0)
    port.plug(1)


async def test_a_yubikey_that_does_not_come_from_its_maker_is_not_gone_on_with(
    port: Computer, tmp_path: Path
) -> None:
    paper = Paper(no_to=("genuine",))
    with pytest.raises(BadRequest, match="does not come from its maker"):
        await course.run(scene(tmp_path, paper, planned(tmp_path, "yubikey:", "yubikey:")))
    again = scene(tmp_path, paper)
    assert again.record.next is Step.ATTESTATION

    assert await rollback.roll_back(again) == []

    assert is_as_from_the_factory(port, 0)
    assert files(tmp_path) == {}


class Killed(BaseException):
    """The power is cut."""


@pytest.mark.parametrize("left", range(2, 16, 3))
async def test_cut_off_at_any_time_it_goes_on_with_the_papers_of_before(
    ports: Computer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    """Also between what the YubiKey was told and what the journal says of it."""
    root = (attestation_root(ports, 0),)
    paper = Paper()
    written = Journal.write
    writes = left

    def cut(journal: Journal, record: Record) -> None:
        nonlocal writes
        writes -= 1
        if writes < 0:
            raise Killed
        written(journal, record)

    made = planned(tmp_path, BOX, BOX, attestation_roots=root)
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "write", cut)
        with pytest.raises(BaseException) as caught:  # noqa: PT011 - a group of one, from a nursery
            await course.run(scene(tmp_path, paper, made))
    assert isinstance(caught.value, Killed) or caught.group_contains(Killed)

    resumed = scene(tmp_path, paper)
    await course.run(resumed)

    assert resumed.record.finished
    assert set(resumed.record.keys) == set(Role)
    assert ports.tries_left() == 3
    load(tmp_path / "step/config/ca.json")


async def test_what_others_have_on_a_yubikey_is_left_alone(ports: Computer, tmp_path: Path) -> None:
    await course.run(scene(tmp_path / "1", Paper(), planned(tmp_path / "1", BOX, BOX)))
    with pytest.raises(BadRequest, match="there is a key already"):
        await course.run(scene(tmp_path / "2", Paper(), planned(tmp_path / "2", BOX, BOX)))


async def test_factory_secrets_are_never_kept(ports: Computer, tmp_path: Path) -> None:
    made = planned(tmp_path, BOX, BOX, keep_secrets=True)
    with pytest.raises(BadRequest, match="which everybody knows"):
        await course.run(scene(tmp_path, Paper(), made))
    assert is_as_from_the_factory(ports, 0)
