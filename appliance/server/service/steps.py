"""What is done to a machine, step by step: each says what it is, and whether it is so already.

Installing decides which steps; they are carried out here, in their order, or only told. A second
time nothing is left to do.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from appliance.formats.onefile import INTERNAL, Unpacked
from appliance.model.errors import Broken

_PATIENCE: Final = 600.0  # seconds for a command of the system; a person may have to type something


class Run(Protocol):
    """Runs a command of the system."""

    def __call__(
        self, command: Sequence[str], *, given: bytes = b"", user: str = "", asks: bool = False
    ) -> bytes:
        """Give its output; `given` is its input. Raises Broken when it fails, with what it said.

        One that `asks` has our terminal, where there is one, and nothing of it is given.
        """
        ...


class Step(Protocol):
    """One change of the machine."""

    @property
    def what(self) -> str:
        """Say it as an order: `write /etc/hearth/password (mode 0600)`."""
        ...

    def is_done(self) -> bool:
        """Tell if nothing is to be changed."""
        ...

    def carry_out(self) -> None:
        """Change it. Raises OSError, Broken."""
        ...


def carry_out(steps: Sequence[Step], *, only_tell: bool = False) -> Iterator[str]:
    """Carry out what is still to be done, and tell each. Raises Broken, naming the step."""
    for step in steps:
        if _done(step):
            continue
        if not only_tell:
            try:
                step.carry_out()
            except OSError as error:
                reason = error.strerror or type(error).__name__
                raise Broken(f"cannot {step.what}: {reason}") from error
        yield step.what


def _done(step: Step) -> bool:
    try:
        return step.is_done()
    except (OSError, KeyError):  # a user who is not there yet
        return False  # what is wrong is told when it is carried out


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """A directory that is there; one that is there already stays as it is."""

    path: Path
    mode: int = 0o755
    owner: str = ""

    @property
    def what(self) -> str:
        """Say it as an order."""
        return f"make the directory {self.path} (mode {self.mode:04o}{_of(self.owner)})"

    def is_done(self) -> bool:
        """Tell if it is so already."""
        return self.path.is_dir()

    def carry_out(self) -> None:
        """Make it so. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.mkdir(mode=self.mode)
        self.path.chmod(self.mode)
        _give(self.path, self.owner)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file with this content, replaced at once."""

    path: Path
    content: bytes
    mode: int = 0o644
    owner: str = ""

    @property
    def what(self) -> str:
        """Say it as an order."""
        return f"write {self.path} (mode {self.mode:04o}{_of(self.owner)})"

    def is_done(self) -> bool:
        """Tell if it is so already."""
        found = self.path.lstat()
        return (
            stat.S_ISREG(found.st_mode)
            and stat.S_IMODE(found.st_mode) == self.mode
            and (not self.owner or found.st_uid == pwd.getpwnam(self.owner).pw_uid)
            and self.path.read_bytes() == self.content
        )

    def carry_out(self) -> None:
        """Make it so. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        try:
            _write(beside, self.content, self.mode)
            _give(beside, self.owner)
            beside.replace(self.path)
        finally:
            beside.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Several files that are told as one thing: `kind` says what they are."""

    below: Path
    kind: str
    contents: Mapping[Path, bytes]

    @property
    def what(self) -> str:
        """Say it as an order."""
        return f"write {len(self.contents)} {self.kind} below {self.below}"

    def is_done(self) -> bool:
        """Tell if it is so already."""
        return all(_done(each) for each in self._files())

    def carry_out(self) -> None:
        """Make it so. Raises OSError."""
        for each in self._files():
            if not _done(each):
                each.carry_out()

    def _files(self) -> Iterator["File"]:
        for path, content in self.contents.items():
            yield File(path=self.below / path, content=content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A symbolic link, replaced at once."""

    path: Path
    target: str

    @property
    def what(self) -> str:
        """Say it as an order."""
        return f"link {self.path} to {self.target}"

    def is_done(self) -> bool:
        """Tell if it is so already."""
        return self.path.is_symlink() and str(self.path.readlink()) == self.target

    def carry_out(self) -> None:
        """Make it so. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        try:
            beside.symlink_to(self.target)
            beside.replace(self.path)
        finally:
            beside.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A program with its libraries, there as a whole or not at all."""

    path: Path
    unpacked: Unpacked

    @property
    def what(self) -> str:
        """Say it as an order."""
        return f"unpack the program into {self.path}"

    def is_done(self) -> bool:
        """Tell if it is so already."""
        return (self.path / "hearth").read_bytes() == self.unpacked.program

    def carry_out(self) -> None:
        """Make it so. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        try:
            beside.mkdir(mode=0o755)
            beside.chmod(0o755)
            for name, content in self.unpacked.files.items():
                _write(_below(beside, INTERNAL, str(name)), content, 0o644)
            for name, target in self.unpacked.links.items():
                _below(beside, INTERNAL, str(name)).symlink_to(target)
            _write(beside / "hearth", self.unpacked.program, 0o755)
            shutil.rmtree(self.path, ignore_errors=True)  # half of one, or one that was changed
            beside.rename(self.path)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A file, link or directory that is no more."""

    path: Path
    why: str = ""

    @property
    def what(self) -> str:
        """Say it as an order."""
        return f"remove {self.path}{f' ({self.why})' if self.why else ''}"

    def is_done(self) -> bool:
        """Tell if it is so already."""
        return not os.path.lexists(self.path)

    def carry_out(self) -> None:
        """Make it so. Raises OSError."""
        if self.path.is_dir() and not self.path.is_symlink():
            shutil.rmtree(self.path)
        else:
            self.path.unlink()


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """A directory all of which belongs to a user; links are not followed."""

    path: Path
    owner: str

    @property
    def what(self) -> str:
        """Say it as an order."""
        return f"give {self.path} and all in it to {self.owner}"

    def is_done(self) -> bool:
        """Tell if it is so already."""
        return not self.path.exists() or next(self._others(), None) is None

    def carry_out(self) -> None:
        """Make it so. Raises OSError."""
        account = pwd.getpwnam(self.owner)
        for each in list(self._others()):
            os.chown(each, account.pw_uid, account.pw_gid, follow_symlinks=False)

    def _others(self) -> Iterator[Path]:
        uid = pwd.getpwnam(self.owner).pw_uid
        for directory, names, files in os.walk(self.path):
            for each in (Path(directory), *(Path(directory, name) for name in names + files)):
                if each.lstat().st_uid != uid:
                    yield each


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of the system, where it is not `done`."""

    command: tuple[str, ...]
    run: Run
    done: Callable[[], bool] = lambda: False
    given: bytes = b""
    asks: bool = False

    @property
    def what(self) -> str:
        """Say it as an order."""
        return f"run {' '.join(self.command)}"

    def is_done(self) -> bool:
        """Tell if it is so already."""
        return self.done()

    def carry_out(self) -> None:
        """Make it so. Raises OSError."""
        self.run(self.command, given=self.given, asks=self.asks)


def run_command(
    command: Sequence[str], *, given: bytes = b"", user: str = "", asks: bool = False
) -> bytes:
    """Run a command of the system, outside the libraries of the one file. See `Run`."""
    kept = dict(os.environ)
    if (original := kept.pop("LD_LIBRARY_PATH_ORIG", None)) is not None:
        kept["LD_LIBRARY_PATH"] = original
    else:
        kept.pop("LD_LIBRARY_PATH", None)
    if user:
        kept["HOME"] = pwd.getpwnam(user).pw_dir
    terminal = asks and sys.stdin.isatty()
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program, its arguments apart
            command,
            input=None if terminal else given,
            stdout=None if terminal else subprocess.PIPE,
            stderr=None if terminal else subprocess.PIPE,
            check=False,
            timeout=_PATIENCE,
            env=kept,
            cwd="/",
            user=user or None,
            group=user or None,
            extra_groups=() if user else None,
        )
    except FileNotFoundError as error:
        raise Broken(f"{command[0]} is not on this machine") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise Broken(f"{command[0]} could not be run: {error}") from error
    if done.returncode != 0:
        said = ((done.stderr or b"").strip() or (done.stdout or b"").strip()).decode(
            "utf-8", "replace"
        )
        raise Broken(f"{' '.join(command)} failed ({done.returncode}): {said}".rstrip(": "))
    return done.stdout or b""


def _write(file: Path, content: bytes, mode: int) -> None:
    created = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(created, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fchmod(opened.fileno(), mode)
        os.fsync(opened.fileno())


def _below(directory: Path, *names: str) -> Path:
    path = directory.joinpath(*names)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _give(path: Path, owner: str) -> None:
    if owner:
        with contextlib.suppress(KeyError):
            account = pwd.getpwnam(owner)
            os.chown(path, account.pw_uid, account.pw_gid)


def _of(owner: str) -> str:
    return f", of {owner}" if owner else ""
