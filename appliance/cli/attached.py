"""`hearth console`: this terminal at the disposal of a console inside the running CA.

The service draws and takes the keys; what is here puts the terminal into raw mode, carries octets
both ways, and gives the terminal back whatever happens to the other end.
"""

import os
import selectors
import signal
import socket
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from types import FrameType
from typing import Any, Final

import click

from appliance.cli import ca_json, terminal
from appliance.cli.command import StepCommand
from appliance.cli.prompts import read_password
from appliance.cli.running import control_directory, which_ca
from appliance.formats import phc
from appliance.model.errors import BadRequest, FormatError, Unavailable
from appliance.operator import wire
from appliance.operator.calls import ConsoleCall
from appliance.operator.remote import NotListening, open_connection
from appliance.operator.terminal_link import FrameKind, Frames, frame, size_frame
from tui.terminal import TOLD, terminal_of

_INPUT, _OUTPUT = 0, 1
_LEFT: Final = "The console is left; the certificate authority goes on."
_INTERRUPT: Final = b"\x03"
_HUNG: Final = 5.0  # seconds of silence after a key, until Ctrl-C is for this process
_ANSWER: Final = 10.0  # seconds
_MOST_KEYS: Final = 1 << 20  # octets that a service may leave unread
# Whole frames, mouse, focus, paste, wrapping, keys, looks, the other screen, the cursor.
_RESTORE: Final = (
    b"\x1b[?2026l\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[?7h\x1b[0m"
    b"\x1b[2J\x1b[?1049l\x1b[?25h"
)
_RESTORE_PLAIN: Final = b"\x1b[0m\x1b[?7h\x1b[2J\x1b[H\x1b[?1049l\x1b[?25h"


@click.command("console", cls=StepCommand, no_context=True)
@which_ca
@click.option(
    "--set-passphrase", is_flag=True, help="Ask for the passphrase that opens locked consoles."
)
@click.option(
    "--lock-after", metavar="<duration>", help="Lock after this time without a key; 10m by default."
)
def console(
    *, ca_config: str | None, context: str | None, set_passphrase: bool, lock_after: str | None
) -> int:
    """Show the console of the CA that runs as a service on this machine.

    `q` leaves it, and the CA goes on; several can be open at once. It is for the CA's user and
    for root. Ctrl-C is a key of the console, but leaves one that does not answer.

    With a passphrase, set by --set-passphrase and kept in ca.json as a hash, consoles that nobody
    has used for a while are covered until it is typed; the one at the box's own terminal begins
    covered.

    \b
    Examples:
      $ hearth console
      $ hearth console --set-passphrase --lock-after 5m
      $ sudo hearth console --ca-config /etc/step-ca/config/ca.json
    """
    del context  # taken in by the group
    if set_passphrase or lock_after:
        _set_lock(ca_config, lock_after, ask=set_passphrase)
        return 0
    if not terminal.is_fit_for(_INPUT, _OUTPUT):
        raise BadRequest(
            "there is no terminal for the console: it needs one for input and output, and TERM "
            "other than `dumb`; `hearth certs`, `hearth log` and `hearth alerts` need none"
        )
    try:
        connection = open_connection(control_directory(ca_config))
    except NotListening as error:
        raise NotListening(
            f"the CA does not run: start it, or call `hearth` for one with its console "
            f"({error.public})"
        ) from None
    with connection:
        _ask(connection)
        said, ended_well = _Relay(connection).run()
    if said:
        with suppress(OSError):
            click.echo(said, err=True)
    return 0 if ended_well else 1


def _set_lock(ca_config: str | None, after: str | None, *, ask: bool) -> None:
    """Write the lock of consoles into ca.json. Raises BadRequest, ConfigError."""
    editing = ca_json.opened(ca_config)
    section = editing.part(dict[str, Any], "console")
    if ask:
        given = read_password("The passphrase of consoles", confirm=True)
        if not given:
            raise BadRequest("an empty passphrase locks nothing; nothing was changed")
        section["passphrase"] = phc.encode("scrypt", given.reveal(), os.urandom(phc.SALT))
    if after:
        section["lockAfter"] = after
    ca_json.save(editing)


def _ask(connection: socket.socket) -> None:
    """Ask for a console. Raises what the service refuses it with."""
    columns, rows = os.get_terminal_size(_OUTPUT)
    told = {name: os.environ[name][:100] for name in TOLD if name in os.environ}
    call = wire.write_request(ConsoleCall(columns, rows, told))
    connection.settimeout(_ANSWER)
    try:
        connection.sendall(len(call).to_bytes(4) + call)
        length = int.from_bytes(_exactly(connection, 4))
        wire.read_response(_exactly(connection, min(length, wire.LARGEST_RESPONSE)), type(None))
    except OSError as error:
        raise Unavailable(f"the CA does not answer: {error.strerror or error}") from error
    connection.settimeout(0)


def _exactly(connection: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        octets = connection.recv(count - len(received))
        if not octets:
            raise Unavailable("the CA has ended the connection")
        received += octets
    return received


class _Relay:
    """Carries keys there and drawings here, until one of both ends."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._frames = Frames()
        self._unsent = bytearray()
        self._unanswered: float | None = None  # since when a key has had no effect
        self._end: tuple[str, bool] | None = None

    def run(self) -> tuple[str, bool]:
        """Carry; give what is to be said at the end, and whether it is a good one."""
        with _raw_mode(), _signals() as woken, selectors.DefaultSelector() as watch:
            for readable in (_INPUT, woken, self._connection):
                watch.register(readable, selectors.EVENT_READ)
            while self._end is None:
                wanted = selectors.EVENT_READ
                if self._unsent:
                    wanted |= selectors.EVENT_WRITE
                watch.modify(self._connection, wanted)
                for key, happened in watch.select():
                    self._take(key.fd, happened, woken)
        return self._end

    def _take(self, ready: int, happened: int, woken: int) -> None:
        try:
            if ready == _INPUT:
                self._take_keys(os.read(_INPUT, 4096))
            elif ready == woken:
                self._take_signals(os.read(woken, 256))
            else:
                if happened & selectors.EVENT_WRITE:
                    del self._unsent[: self._connection.send(self._unsent)]
                if happened & selectors.EVENT_READ:
                    self._draw(self._connection.recv(1 << 14))
        except BlockingIOError:
            return
        except (OSError, FormatError) as error:
            self._finish(f"The link to the CA is broken: {error}", well=False)

    def _take_keys(self, keys: bytes) -> None:
        if not keys:
            self._finish("", well=True)  # the terminal has gone
            return
        now = monotonic()
        hung = self._unanswered is not None and now - self._unanswered > _HUNG
        if keys == _INTERRUPT and hung:
            self._finish("The console does not answer; it was left.", well=False)
            return
        self._unanswered = self._unanswered or now
        if len(self._unsent) < _MOST_KEYS:
            self._unsent += frame(FrameKind.KEYS, keys)

    def _take_signals(self, numbers: bytes) -> None:
        if set(numbers) - {signal.SIGWINCH, signal.SIGCONT}:
            self._finish("", well=True)
            return
        if signal.SIGCONT in numbers:
            tty.setraw(_INPUT, termios.TCSANOW)
        self._unsent += size_frame(*os.get_terminal_size(_OUTPUT))

    def _draw(self, octets: bytes) -> None:
        if not octets:
            self._finish("The CA has gone.", well=False)
        for kind, content in self._frames.feed(octets):
            if kind is FrameKind.END:
                text = content.decode(errors="replace")
                self._finish(text or _LEFT, well=not text)
            elif kind is FrameKind.DRAWN:
                self._unanswered = None
                left = content
                while left:
                    left = left[os.write(_OUTPUT, left) :]

    def _finish(self, said: str, *, well: bool) -> None:
        self._end = self._end or (said, well)


@contextmanager
def _raw_mode() -> Iterator[None]:
    """Have each key as it is typed, then give the terminal back as it was."""
    before = termios.tcgetattr(_INPUT)
    restore = _RESTORE_PLAIN if terminal_of(os.environ).plain else _RESTORE
    try:
        tty.setraw(_INPUT, termios.TCSANOW)
        yield
    finally:
        with suppress(OSError, termios.error):  # the terminal itself may have gone
            termios.tcflush(_INPUT, termios.TCIFLUSH)  # late reports of a mouse are not the shell's
            termios.tcsetattr(_INPUT, termios.TCSANOW, before)
            os.write(_OUTPUT, restore)


@contextmanager
def _signals() -> Iterator[int]:
    """Give a descriptor from which the numbers of signals can be read."""
    reading, writing = os.pipe()
    for each in (reading, writing):
        os.set_blocking(each, False)
    numbers = (signal.SIGWINCH, signal.SIGCONT, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    handlers = {number: signal.signal(number, _wake) for number in numbers}
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield reading
    finally:
        signal.set_wakeup_fd(before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)


def _wake(number: int, frame: FrameType | None) -> None:
    """Do nothing: the number is in the pipe."""
