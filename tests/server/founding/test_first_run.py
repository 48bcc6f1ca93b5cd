"""The engine of the first run: answers kept and judged, keys made, nothing secret on disk."""

import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio

from appliance.config.location import Location
from appliance.formats import keyfile, pem
from appliance.model.ceremony import TITLES, Step
from appliance.model.errors import ConfigError, Forbidden
from appliance.model.founding import (
    Began,
    ClockSeen,
    ClockState,
    Draft,
    Mark,
    Passwords,
    Topic,
    Unlock,
)
from appliance.model.secret import Password
from appliance.server.founding.course import FirstRun, words
from appliance.server.founding.journal import FILE
from appliance.server.founding.surroundings import Answer, judge_name
from tests.support.first_run import made

CHOSEN = Password(b"a long password of my own")
DRAFT = Draft(
    name="Home CA",
    dns_names="localhost, 127.0.0.1",
    address="127.0.0.1:0",
    insecure_address="127.0.0.1:1",
    provisioner="admin",
)


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are stretched less here than in earnest."""
    monkeypatch.setattr(keyfile, "ITERATIONS", 1000)


def now() -> datetime:
    return datetime.now(UTC)


def first_run(base: Path, *, past: bool = False) -> FirstRun:
    def look(at: datetime) -> ClockSeen:
        floor = at + timedelta(days=1) if past else at - timedelta(days=1)
        return ClockSeen(now=at, floor=floor, is_synchronised=False)

    return FirstRun(
        location=Location(base=base), now=now, octets=secrets.token_bytes, look_at_clock=look
    )


async def test_a_run_begins_with_answers_that_fit_this_machine(tmp_path: Path) -> None:
    progress = await first_run(tmp_path).begin()
    assert (progress.topic, progress.resumed) == (Topic.NAME, False)
    assert progress.draft.dns_names
    assert progress.draft.acme
    checks = await first_run(tmp_path).judge(Topic.NAME, progress.draft)
    assert not [each for each in checks if each.mark is Mark.ACT]


async def test_answers_are_kept_and_taken_up_at_the_step_where_they_were_left(
    tmp_path: Path,
) -> None:
    """Steps after that of the passwords are taken up there: they were kept nowhere."""
    await first_run(tmp_path).keep(DRAFT, Topic.SERVICES)
    progress = await first_run(tmp_path).begin()
    assert (progress.draft, progress.topic, progress.resumed) == (DRAFT, Topic.SERVICES, True)
    await first_run(tmp_path).keep(DRAFT, Topic.MAKING)
    assert (await first_run(tmp_path).begin()).topic is Topic.ACCESS
    (tmp_path / FILE).write_text("{")
    with pytest.raises(ConfigError, match="remove the file to begin anew"):
        await first_run(tmp_path).begin()


async def test_a_ca_is_made_with_keys_in_files_and_nothing_secret_besides(tmp_path: Path) -> None:
    run = first_run(tmp_path)
    assert run.is_under_way()
    await run.keep(DRAFT, Topic.MAKING)
    founded = await made(run, DRAFT, Passwords(keys=CHOSEN, provisioner=CHOSEN))
    assert not run.is_under_way()
    assert run.password == CHOSEN
    assert run.provisioner == ("admin", CHOSEN)
    root = pem.certificates((tmp_path / "certs" / "root_ca.crt").read_bytes())[0]
    assert words(bytes.fromhex(founded.fingerprint)) == founded.words
    assert len(founded.words) == 26
    assert pem.certificates(Path(founded.sheet).with_suffix(".txt").read_bytes()) == [root]
    types = [each["type"] for each in ca_json(tmp_path)["authority"]["provisioners"]]
    assert types == ["JWK", "ACME"]
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert CHOSEN.reveal() not in everything
    assert not (tmp_path / FILE).exists()


def ca_json(base: Path) -> dict[str, dict[str, list[dict[str, str]]]]:
    found: dict[str, dict[str, list[dict[str, str]]]] = json.loads(
        (base / "config" / "ca.json").read_bytes()
    )
    return found


async def test_passwords_that_are_left_out_are_made_and_typed_from_paper(tmp_path: Path) -> None:
    """Whoever wants the CA to start by itself has the password written, for its user alone."""
    run = first_run(tmp_path)
    draft = replace(DRAFT, unlock=Unlock.FILE)
    founded = await made(run, draft, Passwords())
    file = tmp_path / "secrets" / "password"
    assert str(file) in founded.start
    assert file.stat().st_mode & 0o777 == 0o600
    assert run.password == Password.from_file_content(file.read_bytes())


async def test_what_was_interrupted_goes_on_or_is_undone(tmp_path: Path) -> None:
    run = first_run(tmp_path)
    passwords = Passwords(keys=CHOSEN, provisioner=CHOSEN)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run.make, DRAFT, passwords)
        while True:
            said = await run.hear()
            if isinstance(said, Began) and said.current.step is Step.CERTIFICATES:
                nursery.cancel_scope.cancel()
                break
    again = first_run(tmp_path)
    progress = await again.begin()
    assert progress.stopped_at in TITLES.values()
    assert progress.wants_passwords
    with pytest.raises(Forbidden, match="is wrong"):
        await made(again, DRAFT, Passwords(keys=Password(b"another"), provisioner=CHOSEN))
    await made(again, DRAFT, passwords)
    assert not again.is_under_way()

    other = first_run(tmp_path / "other")
    (tmp_path / "other").mkdir()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(other.make, DRAFT, passwords)
        while (
            not isinstance(said := await other.hear(), Began) or said.current.step is Step.NETWORK
        ):
            pass
        nursery.cancel_scope.cancel()
    assert not await other.undo()
    assert not [path for path in (tmp_path / "other").rglob("*") if path.is_file()]


async def test_a_box_in_the_past_signs_nothing(tmp_path: Path) -> None:
    run = first_run(tmp_path, past=True)
    assert (await run.clock()).state is ClockState.PAST
    (check,) = await run.judge(Topic.CLOCK, DRAFT)
    assert check.mark is Mark.ACT
    with pytest.raises(Forbidden, match="in the past"):
        await run.make(DRAFT, Passwords(keys=CHOSEN, provisioner=CHOSEN))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "topic", "field", "said"),
    [
        ({"name": " "}, Topic.NAME, "name", "give it a name"),
        ({"dns_names": "a..b"}, Topic.NAME, "dns_names", "not a valid DNS name"),
        ({"dns_names": ","}, Topic.NAME, "dns_names", "by which clients find it"),
        ({"address": "443"}, Topic.NAME, "address", "HOST:PORT"),
        ({"address": "192.0.2.77:0"}, Topic.NAME, "address", "cannot be listened on"),
        ({"root_at": "/no/stick"}, Topic.KEYS, "root_at", "is no directory"),
        ({"keys_at": "pkcs11:id=1"}, Topic.KEYS, "keys_at", "say which token"),
        ({"keys_at": "awskms:key"}, Topic.KEYS, "keys_at", "cannot live at awskms:"),
        ({"published": True, "insecure_address": "127.0.0.1:0"}, Topic.SERVICES,
         "insecure_address", "needs another"),
        ({"unlock": Unlock.SEALED}, Topic.START, "unlock", "only a service of systemd"),
        ({"unlock": Unlock.SEALED, "keys_at": "yubikey:"}, Topic.START, "unlock",
         "cannot be sealed"),
        ({"service": True}, Topic.START, "unlock", "asks nobody"),
        ({"provisioner": ""}, Topic.ACCESS, "provisioner", "give the provisioner a name"),
    ],
)  # fmt: skip
async def test_a_wrong_answer_is_named_with_its_field(
    change: dict[str, object], topic: Topic, field: str, said: str, tmp_path: Path
) -> None:
    draft = replace(DRAFT, **change)  # type: ignore[arg-type]
    found = [
        each for each in await first_run(tmp_path).judge(topic, draft) if each.mark is Mark.ACT
    ]
    assert [each.field for each in found] == [field]
    assert said in found[0].text


async def test_another_ca_of_this_user_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "defaults.json").write_text("{}")
    checks = await first_run(tmp_path).judge(Topic.NAME, DRAFT)
    assert "STEPPATH" in next(each.text for each in checks if each.mark is Mark.ACT)


@pytest.mark.parametrize(
    ("name", "answer", "mark", "said"),
    [
        ("ca.test", Answer(addresses=[], back=[]), Mark.LOOK, "cannot be looked up"),
        ("ca.test", Answer(addresses=["198.51.100.1"], back=[]), Mark.LOOK, "not this machine"),
        ("ca.test", Answer(addresses=["127.0.0.1"], back=["ca.test"]), Mark.GOOD, "and back"),
        ("ca.test", Answer(addresses=["127.0.0.1"], back=["x.test"]), Mark.GOOD, "back to x.test"),
        ("127.0.0.1", Answer(addresses=[], back=[]), Mark.GOOD, "this machine's"),
        ("198.51.100.1", Answer(addresses=[], back=[]), Mark.LOOK, "no address of this machine"),
    ],
)
def test_a_name_is_looked_up_here_and_back(
    name: str, answer: Answer, mark: Mark, said: str
) -> None:
    check = judge_name(name, answer)
    assert check.mark is mark
    assert said in check.text
