"""Generated methods and regular expressions, compiled when the one file is built, not as it starts.

Dataclasses and attrs write methods as text, and compile them whenever a module is imported, as
modules do their expressions: two fifths of what the server's start takes, and a twentieth. This
module is run twice:

    at the build, with the name of a file      keeps there what the server's modules compile
    in the one file, before everything else    has it taken from there, by the text's hash

What is not kept is compiled as ever.
"""

import _sre
import dataclasses
import marshal
import re
import sys
from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from re import _compiler
from types import CodeType, SimpleNamespace
from typing import Any, TypeAlias

import attr._make

NAME = "generated.code"
MODULES = (
    "appliance.cli.main",
    "appliance.cli.serve",
    "appliance.server.acme",
    "appliance.server.validating",
    "appliance.web.publish.ocsp",
    "appliance.provisioners.nebula",
    "appliance.provisioners.x5c",
    "appliance.server.operating",
)


Compiled: TypeAlias = Callable[[str, str, str], CodeType]
Expressed: TypeAlias = Callable[[str | bytes, int], re.Pattern[Any]]


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()[:16]


def digest_of(pattern: str | bytes, flags: int) -> bytes:
    return digest(repr((pattern, flags)))


def generate_by(compiled: Compiled, expressed: Expressed) -> None:
    """Have what generates call these, by their modules' own names for Python's functions."""
    vars(dataclasses)["exec"] = lambda text, *spaces: exec(
        compiled(text, "<dataclass>", "exec"), *spaces
    )
    vars(attr._make)["compile"] = compiled
    vars(_compiler)["compile"] = expressed


def record(file: Path) -> None:
    """Import what serves, and keep what it generates."""
    kept: dict[bytes, bytes] = {}

    def compiled(text: str, name: str, mode: str) -> CodeType:
        code = compile(text, name, mode)
        assert isinstance(code, CodeType)
        kept[digest(text)] = marshal.dumps(code)
        return code

    translate, programs = _compiler.compile, []

    def noted(pattern: Any, flags: int, code: list[int], *groups: Any) -> re.Pattern[Any]:
        programs.append((pattern, int(flags), [int(each) for each in code], *groups))
        return _sre.compile(pattern, flags, code, *groups)

    def expressed(pattern: str | bytes, flags: int) -> re.Pattern[Any]:
        found = translate(pattern, flags)
        kept[digest_of(pattern, flags)] = marshal.dumps(programs.pop())
        return found

    vars(_compiler)["_sre"] = SimpleNamespace(**{**vars(_sre), "compile": noted})
    re.purge()  # what was compiled before this is wanted, too
    generate_by(compiled, expressed)
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

    translate = _compiler.compile

    def expressed(pattern: str | bytes, flags: int) -> re.Pattern[Any]:
        found = kept.pop(digest_of(pattern, flags), None)
        return _sre.compile(*marshal.loads(found)) if found else translate(pattern, flags)

    generate_by(compiled, expressed)


if hasattr(sys, "_MEIPASS"):
    use(Path(sys._MEIPASS) / NAME)  # noqa: SLF001 - where PyInstaller has unpacked it
elif __name__ == "__main__":
    record(Path(sys.argv[1]))
