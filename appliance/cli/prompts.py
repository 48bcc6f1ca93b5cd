"""Questions to the person at the terminal, as step asks them.

Questions go to stderr and answers come from the terminal (standard input, or /dev/tty where that
is a pipe), so that a command's output can be redirected while it asks.
"""

import contextlib
import os
import select
import sys
import termios
import tty
from collections.abc import Iterator, Sequence
from pathlib import Path

from appliance.model.errors import BadRequest
from appliance.model.secret import Password

_UP, _DOWN = ("\x1b[A", "\x1bOA", "k", "\x10"), ("\x1b[B", "\x1bOB", "j", "\x0e")
_INTERRUPT, _END = "\x03", "\x04"
_ESCAPE_WAIT = 0.1  # seconds in which the rest of an arrow key comes


def say(text: str) -> None:
    """Tell the person something that is not the command's output."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - this is where it is done


def selected(name: str, value: str) -> None:
    """Show a choice that was made: `✔ CA: https://ca.example.com`."""
    say(f"{_styled('✔', '32')} {_styled(f'{name}:', '1')} {value}")


def failed(name: str, reason: str) -> None:
    """Show what did not work, and is not the end of the command: `✘ SSH Agent: …`."""
    say(f"{_styled('✘', '31')} {_styled(f'{name}:', '1')} {reason}")


def read_password(
    prompt: str,
    *,
    file: str | None = None,
    flag: str = "--password-file",
    confirm: bool = False,
) -> Password:
    """Read a password from `file`, or ask for it without echo; `flag` is named when neither works.

    Raises BadRequest when the file cannot be read, or nobody can be asked.
    """
    if file:
        return _read_password_file(file)
    with _terminal(prompt, flag) as fd:
        while True:
            password = _read_hidden(fd, f"{prompt}: ")
            if not confirm or password == _read_hidden(fd, "Please enter the password again: "):
                return password
            say("The two are not the same; once more.")


def ask(prompt: str, default: str = "", *, flag: str = "") -> str:
    """Ask for a line; an empty answer is the default, or asked again when there is none."""
    with _terminal(prompt, flag) as fd:
        while True:
            hint = f" [{default}]" if default else ""
            answer = _read_line(fd, f"{_styled('?', '34')} {_styled(f'{prompt}:', '1')}{hint} ")
            if answer.strip() or default:
                return answer.strip() or default


def confirm(prompt: str, *, flag: str = "--force") -> bool:
    """Ask a question to be answered by yes or no."""
    with _terminal(prompt, flag) as fd:
        while True:
            answer = _read_line(fd, f"{_styled('?', '34')} {_styled(f'{prompt} [y/n]:', '1')} ")
            match answer.strip().lower():
                case "y" | "yes":
                    return True
                case "n" | "no":
                    return False
                case _:
                    say("Please answer y or n.")


def choose(prompt: str, options: Sequence[str], *, name: str = "", flag: str = "") -> int:
    """Let one of the options be picked with the arrow keys; give its index.

    `name` is what the choice is shown under afterwards (`✔ Provisioner: …`).
    """
    with _terminal(prompt, flag) as fd:
        say(f"{_styled('?', '34')} {prompt}: (arrow keys, then Enter)")
        chosen = 0
        with _raw(fd):
            _draw(options, chosen)
            while (key := _read_key(fd)) not in ("\r", "\n"):
                if key in (_INTERRUPT, _END):
                    raise KeyboardInterrupt
                step = -1 if key in _UP else 1 if key in _DOWN else 0
                chosen = (chosen + step) % len(options)
                _erase(len(options))
                _draw(options, chosen)
            _erase(len(options) + 1)
    selected(name or prompt, options[chosen])
    return chosen


def _read_password_file(name: str) -> Password:
    """White space at its end is not part of the password."""
    try:
        return Password.from_file_content(Path(name).read_bytes())
    except OSError as error:
        raise BadRequest(f"open {name} failed: {(error.strerror or '').lower()}") from error


@contextlib.contextmanager
def _terminal(prompt: str, flag: str) -> Iterator[int]:
    """Open the terminal that answers."""
    if os.isatty(0):
        yield 0
        return
    try:
        fd = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        instead = f"; give the answer with {flag}" if flag else ""
        raise BadRequest(f"there is no terminal to ask on: {prompt}{instead}") from error
    try:
        yield fd
    finally:
        os.close(fd)


def _read_hidden(fd: int, prompt: str) -> Password:
    """Read a line with the terminal's echo off."""
    before = termios.tcgetattr(fd)
    silent = termios.tcgetattr(fd)
    silent[3] &= ~termios.ECHO
    try:
        termios.tcsetattr(fd, termios.TCSAFLUSH, silent)
        line = _read_line(fd, prompt)
    finally:
        termios.tcsetattr(fd, termios.TCSAFLUSH, before)
        say("")
    return Password(line.encode("utf-8", "surrogateescape").rstrip())


def _read_line(fd: int, prompt: str) -> str:
    """Read up to the end of the line, octet by octet: what follows is the next question's."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    line = bytearray()
    while (octet := os.read(fd, 1)) != b"\n":
        if not octet:
            raise KeyboardInterrupt
        line += octet
    return line.decode("utf-8", "surrogateescape")


def _read_key(fd: int) -> str:
    """Read one key press, however fast they come; an arrow key is a sequence of three octets."""
    key = os.read(fd, 1)
    if key == b"\x1b" and select.select([fd], [], [], _ESCAPE_WAIT)[0]:
        key += os.read(fd, 1)
        if key in (b"\x1b[", b"\x1bO"):
            key += os.read(fd, 1)
    return key.decode("ascii", "replace") or _END


@contextlib.contextmanager
def _raw(fd: int) -> Iterator[None]:
    """Take keys as they are pressed."""
    before = termios.tcgetattr(fd)
    tty.setcbreak(fd)
    silent = termios.tcgetattr(fd)
    silent[3] &= ~termios.ISIG
    termios.tcsetattr(fd, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _draw(options: Sequence[str], chosen: int) -> None:
    """Show the list, the chosen line marked."""
    for index, option in enumerate(options):
        line = f"▸ \x1b[4m{option}\x1b[0m" if index == chosen else f"  {option}"
        sys.stderr.write(f"{line}\r\n")
    sys.stderr.flush()


def _erase(lines: int) -> None:
    """Take the list away again."""
    sys.stderr.write(f"\x1b[{lines}A\r\x1b[J")
    sys.stderr.flush()


def _styled(text: str, style: str) -> str:
    """Colour on a terminal only."""
    if not sys.stderr.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{style}m{text}\x1b[0m"
