"""What the server imports, made ready for its start (`prepared`) when the one file is built.

With the name of a file, this keeps there what the server's modules generate; the recipe then packs
it together with the modules' own code.
"""

import _sre
import marshal
import re
import sys
from importlib import import_module
from pathlib import Path
from re import _compiler
from types import CodeType, SimpleNamespace
from typing import Any, Protocol

from prepared import PLACE, generate_by

FIRST = (  # with all that they import
    "appliance.cli.main",
    "appliance.cli.serve",
    "appliance.server.acme",
    "appliance.server.validating",
)
LATER = (  # with what of it is ours
    "appliance.web.publish.ocsp",
    "appliance.provisioners.nebula",
    "appliance.provisioners.x5c",
    "appliance.server.operating",
)


class Archive(Protocol):
    """Modules by their names, as PyInstaller reads its own."""

    toc: Any

    def extract(self, name: str) -> CodeType | None: ...


def record(file: Path) -> None:
    """Import what serves, and keep the names of modules and what each of them generates."""
    generated: dict[str, list[tuple[Any, Any]]] = {}

    def keep(key: Any, what: Any) -> None:
        frame = sys._getframe(2)
        while frame.f_code.co_name != "<module>":
            assert frame.f_back is not None
            frame = frame.f_back
        generated.setdefault(frame.f_globals["__name__"], []).append((key, what))

    def compiled(text: str, name: str, mode: str) -> CodeType:
        code = compile(text, name, mode)
        assert isinstance(code, CodeType)
        keep((text, mode), code)
        return code

    translate, programs = _compiler.compile, []

    def noted(pattern: Any, flags: int, code: list[int], *groups: Any) -> re.Pattern[Any]:
        programs.append((pattern, int(flags), [int(each) for each in code], *groups))
        return _sre.compile(pattern, flags, code, *groups)

    def expressed(pattern: str | bytes, flags: int) -> re.Pattern[Any]:
        found = translate(pattern, flags)
        keep((pattern, int(flags)), programs.pop())
        return found

    vars(_compiler)["_sre"] = SimpleNamespace(**{**vars(_sre), "compile": noted})
    re.purge()  # what was compiled before this is wanted, too
    generate_by(compiled, expressed)
    for module in FIRST:
        import_module(module)
    names = set(sys.modules)
    for module in LATER:
        import_module(module)
    names |= {name for name in sys.modules if name.startswith("appliance.")}
    file.write_bytes(marshal.dumps({name: generated.get(name, []) for name in sorted(names)}))


def pack(recorded: Path, archive: Archive, file: Path) -> set[str]:
    """Write a piece for each module that was recorded and is in an archive, and their table.

    Gives their names: the archive need not have them any more.
    """
    table = {}
    with file.open("wb") as writing:
        for name, generated in marshal.loads(recorded.read_bytes()).items():
            code = archive.extract(name) if name in archive.toc else None
            if code is not None:
                piece = marshal.dumps((code, generated))
                is_package = Path(code.co_filename).name == "__init__.py"
                table[name] = (is_package, writing.tell(), len(piece))
                writing.write(piece)
        place = writing.tell()
        writing.write(marshal.dumps(table) + place.to_bytes(PLACE, "big"))
    return set(table)


if __name__ == "__main__":
    record(Path(sys.argv[1]))
