"""`hearth alerts`: what is wrong with the running CA, who is told, and what to be silent about."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest
import trio

from appliance.authority.alerts.delivery import Addressee
from appliance.authority.alerts.monitor import Alerts
from appliance.authority.conditions import ConditionBoard
from appliance.cli.clock import SystemClock
from appliance.cli.main import main
from appliance.model.alerts import AlertReport, Delivery, Mute
from appliance.model.conditions import Severity
from appliance.model.errors import Unavailable
from appliance.operator.control import serve_control
from appliance.stores.memory import MemoryStore
from tests.support.authority import START, RecordedEvents, StandingClock
from tests.support.notices import Mailbox
from tests.support.sample_operator import SampleOperator

HOUR = timedelta(hours=1)


class Box(SampleOperator):
    """An operator whose alerts are those of a real watch."""

    def __init__(self) -> None:
        super().__init__()
        self.time = StandingClock(moment=START)
        self.board = ConditionBoard(self.time)
        self.watch = Alerts(RecordedEvents(), MemoryStore(), self.time, self.board)
        self.phone, self.hook = Mailbox(), Mailbox(trouble=Unavailable("connection refused"))

    def tell(self, **targets: Mailbox) -> None:
        self.watch.courier.configure(
            {name: Addressee(target=target) for name, target in targets.items()}
        )

    async def alerts(self) -> AlertReport:
        return await self.watch.report()

    async def test_alerts(self, target: str = "") -> list[Delivery]:
        return await self.watch.test(target)

    async def mute_alert(self, mute: Mute) -> None:
        await self.watch.mute(mute)

    async def unmute_alert(self, name: str) -> None:
        await self.watch.unmute(name)

    async def trouble(self) -> None:
        """Have a disk that got full, a backup that was old, and a hook that takes nothing."""
        self.board.report("clock", ok=True)
        self.board.report("backup", ok=False, text="the last one is 9 days old")
        await self.watch.step()
        self.board.report("backup", ok=True)
        self.board.report("disk", ok=False, text="99 % full", severity=Severity.CRITICAL)
        self.time.moment += HOUR
        await self.watch.step()
        for name in self.watch.courier.targets:
            await self.watch.courier.deliver_due(name)


@contextmanager
def running(box: Box, directory: Path) -> Iterator[None]:
    """Serve the control socket in a thread."""
    directory.mkdir(exist_ok=True)
    ready, stop = Flag(), Flag()

    async def serve() -> None:
        async with trio.open_nursery() as nursery:
            await box.trouble()
            await nursery.start(serve_control, box, directory)
            ready.set()
            while not stop.is_set():
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()

    thread = Thread(target=lambda: trio.run(serve))
    thread.start()
    ready.wait()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(SystemClock, "now", lambda _: START + HOUR)
    file = tmp_path / "ca.json"
    whole = {
        "root": "r", "crt": "c", "key": "k", "address": ":1", "dnsNames": ["a"],
        "db": {"type": "leveldb", "dataSource": str(tmp_path / "db")},
    }  # fmt: skip
    file.write_text(json.dumps(whole))
    return file


@pytest.fixture
def box() -> Box:
    return Box()


def hearth(config: Path, *arguments: str, code: int = 0) -> None:
    assert main(["alerts", *arguments, "--ca-config", str(config)]) == code


def stamp(moment: datetime) -> str:
    return f"{moment:%F %H:%M}"


def test_what_is_wrong_what_waits_and_for_whom(
    config: Path, box: Box, capsys: pytest.CaptureFixture[str]
) -> None:
    box.tell(phone=box.phone, hook=box.hook)
    with running(box, config.parent / "db"):
        hearth(config, "list")
        short = capsys.readouterr().out
        hearth(config, "list", "--all")
        whole = capsys.readouterr().out
        hearth(config, "list", "--json")
        report = json.loads(capsys.readouterr().out)
    later = stamp(START + HOUR)
    assert short == (
        f"critical disk since {stamp(START)} UTC: 99 % full\n"
        "waits for hook: backup (firing) (tried 1 times: connection refused)\n"
        "waits for hook: disk (firing)\n"
        "waits for hook: backup (recovered)\n"
    )
    assert whole == short + (
        f"over {later} UTC: backup: the last one is 9 days old\n"
        f"well backup since {stamp(START)} UTC\n"
        f"well clock since {stamp(START)} UTC\n"
        f"well refusals since {stamp(START)} UTC\n"
    )
    assert [each["name"] for each in report["open"]] == ["disk"]
    assert {each["target"] for each in report["pending"]} == {"hook"}
    assert box.phone.told == [("firing", "backup"), ("firing", "disk"), ("recovered", "backup")]


def test_a_test_says_who_took_it_and_who_did_not(
    config: Path, box: Box, capsys: pytest.CaptureFixture[str]
) -> None:
    box.tell(phone=box.phone, hook=box.hook)
    with running(box, config.parent / "db"):
        hearth(config, "test", "phone")
        assert capsys.readouterr().out == "phone: told\n"
        hearth(config, "test", code=1)
        output, errors = capsys.readouterr()
        assert output == "phone: told\nhook: connection refused\n"
        assert errors == "the test did not reach hook\n"
        hearth(config, "test", "pager", code=1)
        assert "there is no target 'pager' in `alerts.targets`" in capsys.readouterr().err


def test_a_mute_is_listed_until_it_is_taken_back(
    config: Path, box: Box, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(box, config.parent / "db"):
        hearth(config, "mute", "token", "--for", "2h")
        hearth(config, "mute", "host-quiet:nas.test")
        hearth(config, "list")
        lines = capsys.readouterr().out.splitlines()
        assert lines[1:] == [
            f"muted token until {stamp(START + 3 * HOUR)} UTC",
            "muted host-quiet:nas.test until it is unmuted",
            "nobody is told: `alerts.targets` of ca.json is empty",
        ]
        hearth(config, "unmute", "token")
        hearth(config, "unmute", "token", code=1)
        assert "'token' is not muted" in capsys.readouterr().err
        hearth(config, "mute", "token", "--for", "soon", code=1)
        assert "--for" in capsys.readouterr().err
        hearth(config, "mute", "token", "--for", "-1h", code=1)
        assert "a time that is to come" in capsys.readouterr().err
        hearth(config, "test", code=1)
        assert "nobody is told of alerts" in capsys.readouterr().err


def test_a_ca_that_does_not_run_is_said(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hearth(config, "list", code=1)
    assert "does not run" in capsys.readouterr().err
