"""Generated methods, compiled when the one file is built and not at each of its starts.

Dataclasses and attrs write methods as text, and compile them whenever a module is imported: two
fifths of what the server's start takes. This module is run twice:

    at the build, with the name of a file      keeps there what the server's modules compile
    in the one file, before everything else    has it taken from there, by the text's hash

What is not kept is compiled as ever.
"""

import dataclasses
import marshal
import sys
from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from types import CodeType

import attr._make

NAME = "generated.code"
MODULES = (
    "appliance.cli.main",
    "appliance.cli.serve",
    "appliance.server.acme",
    "appliance.server.validating",
    "appliance.server.operating",
)


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()[:16]


def generate_by(compiled: Callable[[str, str, str], CodeType]) -> None:
    """Have what generates methods call this, by their modules' own names for Python's functions."""
    vars(dataclasses)["exec"] = lambda text, *spaces: exec(
        compiled(text, "<dataclass>", "exec"), *spaces
    )
    vars(attr._make)["compile"] = compiled


def record(file: Path) -> None:
    """Import what serves, and keep what it generates."""
    kept: dict[bytes, bytes] = {}

    def compiled(text: str, name: str, mode: str) -> CodeType:
        code = compile(text, name, mode)
        assert isinstance(code, CodeType)
        kept[digest(text)] = marshal.dumps(code)
        return code

    generate_by(compiled)
    for module in MODULES:
        import_module(module)
    file.write_bytes(marshal.dumps(kept))


def use(file: Path) -> None:
    """Take what is kept, each once, so that nothing of it stays in memory."""
    try:
        kept: dict[bytes, bytes] = marshal.loads(file.read_bytes())
    except (OSError, ValueError, EOFError):
        return

    def compiled(text: str, name: str, mode: str) -> CodeType:
        found = kept.pop(digest(text), None)
        code = marshal.loads(found) if found else compile(text, name, mode)
        assert isinstance(code, CodeType)
        return code

    generate_by(compiled)


if hasattr(sys, "_MEIPASS"):
    use(Path(sys._MEIPASS) / NAME)  # noqa: SLF001 - where PyInstaller has unpacked it
elif __name__ == "__main__":
    record(Path(sys.argv[1]))
