"""From nothing to an issued certificate with keys on tokens: by the wizard's keys, and its engine.

The YubiKey is virtual and SoftHSM is software; pcscd, the PKCS#11 module and all of ours are real.
"""

import asyncio
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input

from appliance.config.location import Location
from appliance.formats import keyfile, pem
from appliance.issuance import paths
from appliance.model.founding import ClockSeen, Device, Draft, Passwords, QuestionKind, Topic
from appliance.model.secret import Password
from appliance.operator.bridge import BridgedOperator
from appliance.operator.founding import BridgedFirstCertificates, BridgedFounding
from appliance.operator.ring import EventRing
from appliance.operator.thread import ServerThread
from appliance.server.founding.course import FirstRun
from appliance.server.founding.first import FirstIssuance
from appliance.server.launch import Controls, Launch, Running
from appliance.server.run import serve_appliance
from tests.server.conftest import Lines
from tests.support.first_run import made
from tests.support.piloted import PATIENCE, Piloted, play
from tests.support.softhsm import PIN, SoftHsm
from tests.support.yubikey.computer import SERIAL, Computer
from tests.support.yubikey.fixtures import machine, port, ports
from tui.app import Console
from tui.screens.wizard.making import MakingPage
from tui.wizard import Wizard

__all__ = ["machine", "port", "ports"]


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are stretched less here than in earnest."""
    monkeypatch.setattr(keyfile, "ITERATIONS", 1000)


def first_run(base: Path) -> FirstRun:
    def look(at: datetime) -> ClockSeen:
        return ClockSeen(now=at, floor=at - timedelta(days=1), is_synchronised=True)

    return FirstRun(
        location=Location(base=base),
        now=lambda: datetime.now(UTC),
        octets=secrets.token_bytes,
        look_at_clock=look,
    )


def draft() -> Draft:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    return Draft(
        name="Home CA",
        dns_names="localhost, 127.0.0.1",
        address=address,
        insecure_address="127.0.0.1:1",
        provisioner="admin",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Person(Piloted):
    """Reads the screen, presses keys, and writes down what is shown once."""

    paper: dict[str, str] = field(default_factory=dict)

    async def answers_until(self, end: str) -> None:
        """Answer what is asked while the CA is made."""
        async with asyncio.timeout(PATIENCE):
            while end not in self.text:
                page = self.app.screen
                question = page._question if isinstance(page, MakingPage) else None
                if question is None:
                    await self.pilot.pause(0.02)
                    continue
                self.paper.update(question.secrets)
                if question.kind is QuestionKind.RETYPE:
                    page.query_one("#given", Input).value = self.paper[question.text]
                await self.press("y" if question.kind is QuestionKind.AGREE else "enter")


def shown(app: App[Any], act: Callable[[Person], Awaitable[None]]) -> None:
    async def begin(pilot: Pilot[Any]) -> None:
        await act(Person(app=app, pilot=pilot))

    play(app, begin)


@contextmanager
def engine(run: FirstRun) -> Iterator[Wizard]:
    """The wizard over an engine in a thread of its own."""

    async def serve(*, task_status: trio.TaskStatus[FirstRun]) -> None:
        task_status.started(run)
        await trio.sleep_forever()

    thread: ServerThread[FirstRun] = ServerThread(serve)
    thread.start()
    try:
        yield Wizard(BridgedFounding(thread.bridge, run))
    finally:
        thread.cancel()
        thread.join()


@contextmanager
def serving(run: FirstRun) -> Iterator[tuple[ServerThread[Running], Running]]:
    """The CA that was made, opened by what was typed."""
    controls = Controls()
    launch = Launch(file=run.location.ca_json, password=run.password, pins=run.pins)
    server: ServerThread[Running] = ServerThread(
        partial(serve_appliance, launch, ring=EventRing(), controls=controls, output=Lines())
    )
    running = server.start()
    try:
        yield server, running
    finally:
        server.tell(controls.stop.set)
        server.join()


def certificates(run: FirstRun, running: Running, directory: Path) -> FirstIssuance:
    name, password = run.provisioner
    assert password is not None
    return FirstIssuance(
        issuance=running.issuance,
        location=run.location,
        url=running.url,
        provisioner=name,
        password=password,
        directory=directory,
        now=lambda: datetime.now(UTC),
    )


def leads_to_root(run: FirstRun, file: Path) -> None:
    leaf, *between = pem.certificates(file.read_bytes())
    roots = pem.certificates(run.location.root_certificate.read_bytes())
    paths.verify(leaf, paths.Trust(roots=roots, between=between), now=datetime.now(UTC))


def everything(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file())


async def test_by_the_wizard_s_keys_with_all_keys_on_a_new_yubikey(
    port: Computer, tmp_path: Path
) -> None:
    """Its PIN, PUK and management key are changed; they are on paper, and nowhere on disk."""
    await trio.to_thread.run_sync(_by_keys, port, tmp_path)


def _by_keys(port: Computer, tmp_path: Path) -> None:
    run = first_run(tmp_path / "step")
    run._journal.write(draft(), Topic.KEYS)
    paper: dict[str, str] = {}

    async def make(person: Person) -> None:
        await person.shows(f"YubiKey {SERIAL}", "firmware 5.4.3", "factory PIN: will be changed")
        await person.shows("Intermediate, and keys")
        assert person.text.count(str(SERIAL)) == 3  # found once, and a choice for both
        assert "PIV" not in person.text
        await person.press("down", "space", "tab", "down", "space")
        await person.shows("on one token")
        for number in (4, 5, 6, 7):
            await person.press("enter")
            await person.shows(f"{number} of 9")
        await person.shows(f"yubikey:serial={SERIAL}", "Enter makes it")
        await person.press("enter")
        await person.answers_until("8 of 9")
        await person.shows("Fingerprint of the root", "▀", "Recovery sheet")
        paper.update(person.paper)
        await person.press("enter")

    with engine(run) as wizard:
        shown(wizard, make)
        founded = wizard.return_value
    assert founded is not None
    assert {name.partition(" of ")[0] for name in paper} == {
        "PIN", "PUK", "management key", "password",
    }  # fmt: skip
    for name, secret in paper.items():
        assert secret.encode() not in everything(tmp_path), name
    assert port.tries_left() == 3

    async def greet(person: Person) -> None:
        await person.shows("9 of 9")
        person.app.screen.query_one(Input).value = "nas.test"
        await person.press("enter")
        await person.shows("● issued  nas.test", founded.fingerprint[:32])
        await person.press("enter")
        await person.shows("1 issued", f"yubikey {SERIAL}: ready")

    with serving(run) as (server, running):
        console = Console(BridgedOperator(server.bridge, running.operator), zone=UTC)
        first = BridgedFirstCertificates(server.bridge, certificates(run, running, tmp_path))
        console.greet(first, founded)
        shown(console, greet)
    leads_to_root(run, tmp_path / "nas.test.crt")


async def test_by_the_engine_with_keys_on_a_pkcs11_token_and_the_root_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SoftHsm(tmp_path / "hsm", monkeypatch).initialise("box")
    stick = tmp_path / "stick"
    stick.mkdir()
    run = first_run(tmp_path / "step")
    found = next(each for each in await run.devices() if each.uri.startswith("pkcs11:"))
    assert isinstance(found, Device)
    assert found.model.startswith("box (SoftHSM")
    assert (found.state, bool(found.serial), bool(found.firmware)) == ("PIN needed", True, True)
    wanted = replace(draft(), keys_at=found.uri, root_at=str(stick), ssh=True)
    chosen = Password(b"a long password of my own")
    await made(run, wanted, Passwords(keys=chosen, provisioner=chosen), {"PIN of token box": PIN})
    assert (stick / "root_ca_key").exists()
    assert ";token=box" in run.location.ca_json.read_text()
    assert [pin.reveal() for pin in run.pins.values()] == [PIN.encode()]

    def issue() -> Path:
        with serving(run) as (server, running):
            first = BridgedFirstCertificates(server.bridge, certificates(run, running, tmp_path))
            return Path(asyncio.run(first.issue("nas.test")).certificate_file)

    leads_to_root(run, await trio.to_thread.run_sync(issue))
