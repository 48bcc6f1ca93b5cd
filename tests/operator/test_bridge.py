"""The bridge and the server's thread: calls, errors and ends pass between asyncio and Trio."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from threading import current_thread
from typing import Any

import pytest
import trio

from appliance.model.errors import BadRequest, Unavailable
from appliance.operator.bridge import Bridge
from appliance.operator.thread import ServerThread


class Server:
    """As small as a server can be: it serves until it is stopped, then takes note of its end."""

    def __init__(self) -> None:
        self.stop = trio.Event()
        self.fault: Exception | None = None
        self.closed = False

    async def __call__(self, *, task_status: trio.TaskStatus[str]) -> None:
        task_status.started("serving")
        try:
            await self.stop.wait()
            if self.fault:
                raise self.fault
        finally:
            self.closed = True


@contextmanager
def running(server: Server) -> Iterator[ServerThread[str]]:
    thread = ServerThread(server)
    assert thread.start() == "serving"
    try:
        yield thread
    finally:
        thread.tell(server.stop.set)
        thread.join()
        assert server.closed


def calling(function: Callable[[Bridge], Coroutine[Any, Any, None]]) -> None:
    """Run a function of the console's side beside a server."""
    with running(Server()) as thread:
        asyncio.run(asyncio.wait_for(function(thread.bridge), 10))


def test_a_call_runs_in_the_servers_thread_and_gives_its_result() -> None:
    async def where(greeting: str) -> tuple[str, str]:
        await trio.sleep(0)
        return greeting, current_thread().name

    async def console(bridge: Bridge) -> None:
        assert await bridge.call(where, "hello") == ("hello", "server")

    calling(console)


def test_an_exception_comes_back_and_the_server_goes_on() -> None:
    async def refuse() -> None:
        raise BadRequest("no such cursor")

    async def answer() -> int:
        return 42

    async def console(bridge: Bridge) -> None:
        with pytest.raises(BadRequest, match="no such cursor"):
            await bridge.call(refuse)
        assert await bridge.call(answer) == 42

    calling(console)


def test_a_cancelled_call_is_cancelled_in_the_server() -> None:
    ended = trio.Event()

    async def long() -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.set()

    async def console(bridge: Bridge) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(bridge.call(long), 0.05)
        await bridge.call(ended.wait)

    calling(console)


def test_calls_run_beside_each_other() -> None:
    first, second = trio.Event(), trio.Event()

    async def one() -> str:
        first.set()
        await second.wait()
        return "one"

    async def two() -> str:
        await first.wait()
        second.set()
        return "two"

    async def console(bridge: Bridge) -> None:
        answers = await asyncio.gather(bridge.call(one), bridge.call(two))
        assert list(answers) == ["one", "two"]

    calling(console)


def test_a_call_under_way_when_the_server_ends_says_so() -> None:
    server = Server()

    async def console(thread: ServerThread[str]) -> None:
        call = asyncio.create_task(thread.bridge.call(trio.sleep_forever))
        await asyncio.sleep(0.05)
        thread.tell(server.stop.set)
        with pytest.raises(Unavailable, match="stopped"):
            await call

    with running(server) as thread:
        asyncio.run(asyncio.wait_for(console(thread), 10))


def test_a_call_after_the_end_says_so() -> None:
    with running(Server()) as thread:
        pass

    async def console() -> None:
        with pytest.raises(Unavailable, match="stopped"):
            await thread.bridge.call(trio.sleep, 0)

    asyncio.run(console())


def test_a_console_that_ends_during_a_call_leaves_the_server_alone() -> None:
    with running(Server()) as thread:

        async def console() -> None:
            call = asyncio.create_task(thread.bridge.call(trio.sleep, 0.1))
            await asyncio.sleep(0)
            del call

        asyncio.run(console())
        assert not thread.ended


def test_what_keeps_a_server_from_serving_is_raised_at_the_start() -> None:
    async def serve(*, task_status: trio.TaskStatus[str]) -> None:
        raise Unavailable("the port is in use")

    thread: ServerThread[str] = ServerThread(serve)
    with pytest.raises(Unavailable, match="the port is in use"):
        thread.start()
    assert thread.ended


def test_a_fault_of_the_server_is_kept_and_told() -> None:
    server = Server()
    server.fault = ValueError("broken inside")
    told: list[BaseException | None] = []
    with running(server) as thread:
        thread.when_ended(lambda: told.append(thread.error))
    assert told == [server.fault]
    thread.when_ended(lambda: told.append(None))
    assert told == [server.fault, None], "told at once when it is over already"


def test_cancelling_cuts_short_what_does_not_stop() -> None:
    server = Server()
    with running(server) as thread:
        thread.cancel()
        thread.join()
        assert server.closed
        assert thread.error is None
