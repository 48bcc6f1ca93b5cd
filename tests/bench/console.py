"""python -m tests.bench console: what a console in the service costs, and how soon it answers.

Certificates are issued as fast as it goes, in turns without a console and with some attached that
show the live screen. Meanwhile keys are typed on the first of them: the time is from the key to
the first drawing after it. Rates and processor time a certificate are compared turn by turn, so
that what else the machine does falls on both; the memory is the service's.
"""

import argparse
import asyncio
import selectors
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

from appliance.cli.consoles import show
from appliance.operator import wire
from appliance.operator.calls import ConsoleCall
from appliance.operator.remote import open_connection
from appliance.operator.terminal_link import FrameKind, Frames, frame
from tests.bench import signing
from tests.bench.servers import Authority, Running, programs
from tests.support.sample_operator import SampleOperator, event

_KEYS = ("\x1b[B", "\x1b[A", "\x1b[F", "g")  # down, up, end, and to the newest line again
_TERMINAL = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


class Watched:
    """A terminal that is attached and reads all that is drawn on it."""

    def __init__(self, connection: socket.socket, *, typing: bool) -> None:
        self._connection = connection
        self.times: list[float] = []
        self.drawn = 0
        self._typing = typing
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        frames, typed, number = Frames(), 0.0, 0
        self._type("2")
        due = time.perf_counter() + 2
        with selectors.DefaultSelector() as ready:
            ready.register(self._connection, selectors.EVENT_READ)
            while not self._over.is_set():
                if ready.select(0.05):
                    octets = self._connection.recv(1 << 16)
                    if not octets:
                        return
                    for kind, content in frames.feed(octets):
                        if kind is FrameKind.DRAWN and content:
                            self.drawn += len(content)
                            if typed:
                                self.times.append(time.perf_counter() - typed)
                                typed = 0.0
                if self._typing and not typed and time.perf_counter() > due:
                    typed, due = time.perf_counter(), time.perf_counter() + 0.33
                    self._type(_KEYS[number % len(_KEYS)])
                    number += 1

    def _type(self, keys: str) -> None:
        self._connection.sendall(frame(FrameKind.KEYS, keys.encode()))

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._connection.close()


def connect(directory: Path) -> socket.socket:
    """Ask the service whose database is there for a console."""
    connection = open_connection(directory)
    connection.setblocking(True)
    call = wire.write_request(ConsoleCall(120, 40, _TERMINAL))
    connection.sendall(len(call).to_bytes(4) + call)
    length = int.from_bytes(connection.recv(4, socket.MSG_WAITALL))
    wire.read_response(connection.recv(length, socket.MSG_WAITALL), type(None))
    return connection


@contextmanager
def attached(server: Running, count: int) -> Iterator[list[Watched]]:
    """Attach so many consoles; keys are typed on the first."""
    consoles = [Watched(connect(server.database), typing=number == 0) for number in range(count)]
    time.sleep(3.0 if count else 0)
    try:
        yield consoles
    finally:
        for console in consoles:
            console.close()
        time.sleep(1.0 if count else 0)


def measure(directory: Path, rounds: int, seconds: int, counts: list[int], most: int) -> None:
    authority = Authority.create(directory)
    server = Running(programs()[0], authority)
    print(f"memory before any console: {server.memory():.0f} MB")
    rates: dict[int, list[float]] = {count: [] for count in counts}
    costs: dict[int, list[float]] = {count: [] for count in counts}
    memory: dict[int, float] = {}
    times: list[float] = []
    signing.load(server, authority, 16, 2, most)  # warm
    for number in range(rounds):
        for count in counts if number % 2 == 0 else list(reversed(counts)):
            with attached(server, count) as consoles:
                done = signing.load(server, authority, 16, seconds, most)
                rates[count].append(done.figures["signs/s"])
                costs[count].append(done.figures["cpu µs/sign"])
                memory[count] = server.memory()
                times += [each for console in consoles for each in console.times]
    idle: list[float] = []
    with attached(server, 1) as (console,):
        time.sleep(6)
        idle = console.times
    server.stop()
    for count in counts:
        ratios = [with_it / alone for with_it, alone in zip(rates[count], rates[0], strict=True)]
        print(
            f"{count} consoles: {median(rates[count]):.0f} signs/s, {median(ratios):.2f} of none, "
            f"{median(costs[count]):.0f} µs of a core each, memory {memory[count]:.0f} MB"
        )
    tell("under this load", times)
    tell("idle", idle)


def tell(name: str, times: list[float]) -> None:
    late = quantiles(times, n=20)[-1]
    print(
        f"key to drawing, {name}: median {median(times) * 1000:.0f} ms, "
        f"95 % {late * 1000:.0f} ms, longest {max(times) * 1000:.0f} ms of {len(times)}"
    )


def inject(seconds: int, consoles: int, rate: int = 500) -> tuple[float, list[float]]:
    """Tell so many consoles of so many issuances a second; give the part of a core that is used.

    And the times from a key to the drawing after it. Nothing is signed: this is the consoles' own.
    """
    operator, loop = SampleOperator(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    watched = []
    for number in range(consoles):
        ours, theirs = socket.socketpair()
        call, ended = ConsoleCall(120, 40, _TERMINAL), threading.Event()
        showing = show(operator, None, call, theirs, ended.set)
        asyncio.run_coroutine_threadsafe(showing, loop)
        watched.append(Watched(ours, typing=number == 0))
    time.sleep(3)
    used, began, told = time.process_time(), time.perf_counter(), 0
    while (passed := time.perf_counter() - began) < seconds:
        while told < passed * rate:
            operator.record(event(1000 + told, subject=f"host{told % 5000}.home.arpa"))
            told += 1
        time.sleep(0.01)
    used = time.process_time() - used
    for each in watched:
        each.close()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    return used / seconds, [took for each in watched for took in each.times]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="tests.bench console", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--consoles", type=int, nargs="+", default=[0, 1, 3])
    parser.add_argument("--most", type=int, default=12_000, help="requests prepared for a run")
    parser.add_argument("--injected", action="store_true", help="only tell, and sign nothing")
    given = parser.parse_args(arguments)
    told = inject(given.seconds, 0)[0]
    for count in [each for each in given.consoles if each]:
        used, times = inject(given.seconds, count)
        print(f"500 issuances/s told to {count} consoles: {used - told:.3f} of a core")
        tell(f"with {count} consoles and 500 issuances/s", times)
    if given.injected:
        return
    directory = Path(tempfile.mkdtemp(prefix="hearth-bench-"))
    try:
        measure(directory, given.rounds, given.seconds, given.consoles, given.most)
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
