"""Consoles drawn here for terminals elsewhere: several at once, each as its terminal is."""

import asyncio
import gc
import re
import socket
from collections.abc import Awaitable, Callable, Mapping
from functools import _lru_cache_wrapper

import pytest

from appliance.cli.consoles import show
from appliance.operator.calls import ConsoleCall
from appliance.operator.terminal_link import FrameKind, Frames, frame, size_frame
from tests.support.sample_operator import SampleOperator
from tui.app import Console

TRUE = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
ESCAPES = re.compile(r"\x1b(?:\[[0-9;?<>=$]*[a-zA-Z]|\][^\x07]*\x07)")
PATIENCE = 60


class Far:
    """A terminal at the other end."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._ours, theirs = socket.socketpair()
        for each in (self._ours, theirs):
            each.setblocking(False)
        self.operator = SampleOperator()
        self.ended = asyncio.Event()
        self.drawn = ""
        self.said: str | None = None
        self._frames = Frames()
        call = ConsoleCall(80, 24, dict(environment))
        showing = show(self.operator, None, call, theirs, self.ended.set)
        self._console = asyncio.create_task(showing)
        self.stop = self._console.cancel

    async def send(self, octets: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._ours, octets)

    async def type(self, keys: str) -> None:
        await self.send(frame(FrameKind.KEYS, keys.encode()))

    async def until(self, *parts: str) -> None:
        """Read until all of it was drawn since the last time."""
        self.drawn = ""
        async with asyncio.timeout(PATIENCE):
            while not all(part in ESCAPES.sub("", self.drawn) for part in parts):
                await self.read()

    async def read(self) -> None:
        octets = await asyncio.get_running_loop().sock_recv(self._ours, 1 << 16)
        assert octets or self.said is not None, "it ended without a word"
        for kind, content in self._frames.feed(octets):
            if kind is FrameKind.END:
                self.said = content.decode()
            else:
                self.drawn += content.decode()

    async def end(self) -> str:
        """Read to the end and give what was said."""
        async with asyncio.timeout(PATIENCE):
            while self.said is None:
                await self.read()
            await self.ended.wait()
        self._ours.close()
        return self.said

    def leave(self) -> None:
        self._ours.close()


def played(act: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await act()

    asyncio.run(run())


def test_each_terminal_has_a_console_of_its_own_in_its_colours() -> None:
    async def act() -> None:
        wanted: list[tuple[dict[str, str], str, list[str]]] = [
            (TRUE, r"\x1b\[[\d;]*38;2;", []),
            ({"TERM": "screen-256color"}, r"\x1b\[[\d;]*38;5;", ["8;2;"]),
            ({"TERM": "linux"}, r"\x1b\[[\d;]*33m", ["8;2;", "8;5;", "?1000h", "?2004h", "?2026"]),
            ({**TRUE, "NO_COLOR": "1"}, r"\x1b\[1m", ["8;2;", "8;5;", ";3", "[3"]),
            ({"TERM": "vt220"}, r"\x1b\[1m", ["8;2;", "8;5;", ";3", "[3", "?1000h"]),
        ]
        fars = [Far(environment) for environment, _, _ in wanted]
        for far, (environment, has, has_not) in zip(fars, wanted, strict=True):
            await far.until("Home CA", "● serving", "the token does not allow")
            assert re.search(has, far.drawn), environment
            styles = "".join(re.findall(r"\x1b\[[\d;?$]*[mhp]", far.drawn))
            assert not [part for part in has_not if part in styles], environment
        first, *others = fars
        await first.type("2")
        await first.until("● following", "git.home.arpa")
        await first.type("q")
        assert await first.end() == ""
        for far in others:
            await far.type("3")
            await far.until("backup.home.arpa")
            await far.type("\x03")
            assert await far.end() == ""

    played(act)


def test_nothing_of_a_console_stays_when_it_was_left() -> None:
    async def act() -> None:
        far = Far({"TERM": "vt220"})
        await far.until("● serving")
        await far.type("3\x1b[B")
        await far.until("backup.home.arpa")
        await far.type("q")
        assert await far.end() == ""

    played(act)
    gc.collect()
    assert not [each for each in gc.get_objects() if isinstance(each, Console)]
    gc.unfreeze()  # a server that another test started may have put them out of sight
    remembering = [each for each in gc.get_objects() if isinstance(each, _lru_cache_wrapper)]
    drawing = [
        each
        for each in remembering
        if (each.__module__ or "").startswith(("rich", "textual", "tui"))
    ]
    assert drawing
    assert not [each for each in drawing if each.cache_info().currsize]


def test_it_takes_the_size_that_the_terminal_has_now() -> None:
    async def act() -> None:
        far = Far(TRUE)
        await far.until("● serving")
        assert "/var/lib/hearth/db" not in ESCAPES.sub("", far.drawn)
        await far.send(size_frame(120, 40))
        await far.until("/var/lib/hearth/db")
        await far.send(size_frame(120, 40))  # it was stopped for a while, and is drawn anew
        await far.until("/var/lib/hearth/db")
        far.leave()
        async with asyncio.timeout(PATIENCE):
            await far.ended.wait()

    played(act)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for less than a screen between a console and its terminal."""
    monkeypatch.setattr("tui.attached_driver._WAITING", 2048)
    monkeypatch.setattr("appliance.cli.consoles._BUFFER", 2048)


def test_a_terminal_that_does_not_read_holds_nothing_up_and_is_drawn_anew_when_it_does(
    small: None,
) -> None:
    async def act() -> None:
        slow, quick = Far(TRUE), Far(TRUE)
        await slow.until("● serving")
        await quick.until("● serving")
        for _ in range(2):  # more whole screens than there is room for
            await slow.type("213")
            await quick.type("213")
            await quick.until("backup.home.arpa")
        await slow.type("2")
        await slow.until("● following", "evil.example")
        for far in (slow, quick):
            await far.type("q")
            assert await far.end() == ""

    played(act)


def test_a_terminal_that_never_reads_again_is_let_go(
    small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.attached_driver._STUCK", 0.1)

    async def act() -> None:
        stuck = Far(TRUE)
        async with asyncio.timeout(PATIENCE):
            await stuck.ended.wait()
        stuck.leave()

    played(act)


@pytest.mark.parametrize(
    "nonsense", [b"Zjunk!", frame(FrameKind.SIZE, b"1"), b"K\xff\xff\xff\xff"], ids=str
)
def test_one_that_talks_nonsense_is_let_go(nonsense: bytes) -> None:
    async def act() -> None:
        far = Far(TRUE)
        await far.until("● serving")
        await far.send(nonsense)
        assert await far.end() == ""

    played(act)


def test_the_end_of_the_service_is_said() -> None:
    async def act() -> None:
        far = Far(TRUE)
        await far.until("● serving")
        far.stop()
        assert "is stopping" in await far.end()

    played(act)


def test_a_fault_of_one_is_its_own(caplog: pytest.LogCaptureFixture) -> None:
    async def act() -> None:
        ill, well = Far(TRUE), Far(TRUE)
        await well.until("● serving")
        await ill.until("● serving")

        async def fail(query: object) -> None:
            raise ZeroDivisionError("a secret of the box")

        ill.operator.certificates = fail  # type: ignore[assignment, method-assign]
        await ill.type("3")
        said = await ill.end()
        assert "ZeroDivisionError" in said
        assert "a secret" not in said
        await well.type("3")
        await well.until("backup.home.arpa")
        well.leave()
        await well.ended.wait()

    played(act)
    assert "an attached console failed" in caplog.text
