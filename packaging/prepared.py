"""What a start would look for, inflate and compile, taken from where the build has made it ready.

PyInstaller keeps each module deflated in an archive, and looks for its name in several places;
dataclasses, attrs and typing write code as text, and compile it whenever a module is imported, as
modules do their expressions. That was a third of what a start takes. So there is a file with a
piece for each module that the server imports: its code, and what that generates (`preparing`).

In the one file this runs before everything else, while all other modules are still to be imported.
What is not in that file is found and compiled as ever.
"""

import marshal
import os
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import SourcelessFileLoader
from types import CodeType

NAME = "start.code"
PLACE = 8  # octets at the end of that file, which say where its table begins


class Kept:
    """What is kept: a finder of modules, and of what they generate."""

    def __init__(self, file: str, root: str) -> None:
        self._root = root  # where modules say that they are
        self._file = os.open(file, os.O_RDONLY)  # for good: an upgrade may remove it
        size = os.fstat(self._file).st_size - PLACE
        place = int.from_bytes(os.pread(self._file, PLACE, size), "big")
        self._table = marshal.loads(os.pread(self._file, size - place, place))
        self._generated: "dict[object, list[object]]" = {}

    def find_spec(
        self, name: str, path: object = None, target: object = None
    ) -> "ModuleSpec | None":
        """Say how a module is imported; None where it is not kept."""
        if name not in self._table:
            return None
        is_package = self._table[name][0]
        directory = f"{self._root}/{name.replace('.', '/')}"
        origin = f"{directory}/__init__.py" if is_package else f"{directory}.py"
        spec = ModuleSpec(name, Loader(name, origin, self), origin=origin, is_package=is_package)
        spec.has_location = True
        spec.cached = origin
        if is_package:
            spec.submodule_search_locations.append(directory)
        return spec

    def code(self, name: str) -> CodeType:
        """Give a module's code, and have at hand what it generates."""
        _, place, length = self._table[name]
        code, generated = marshal.loads(os.pread(self._file, length, place))
        for key, each in generated:
            self._generated.setdefault(key, []).append(each)
        return code

    def generated(self, key: object) -> object:
        """Give what is kept for a key, each once, so that nothing of it stays in memory.

        None where there is none. Callable from any thread.
        """
        found = self._generated.pop(key, None)
        if found is None:
            return None
        one = found.pop()
        if found:
            self._generated.setdefault(key, found)
        return one


class Loader(SourcelessFileLoader):
    """Loads a module that is kept; its resources are where its file would be."""

    def __init__(self, name: str, path: str, kept: Kept) -> None:
        super().__init__(name, path)
        self._kept = kept

    def get_code(self, fullname: str) -> CodeType:
        return self._kept.code(fullname)


def generate_by(compiled: object, expressed: object) -> None:
    """Have what generates call these, by their modules' own names for Python's functions.

    `compiled` is for `compile`, `expressed` for the one that compiles regular expressions.
    """
    from re import _compiler

    vars(_compiler)["compile"] = expressed
    import collections
    import dataclasses
    import typing

    import attr._make

    vars(collections)["eval"] = lambda text, *spaces: eval(
        compiled(text, "<string>", "eval"), *spaces
    )
    vars(dataclasses)["exec"] = lambda text, *spaces: exec(
        compiled(text, "<dataclass>", "exec"), *spaces
    )
    vars(typing)["compile"] = vars(attr._make)["compile"] = compiled


def use(file: str, root: str) -> None:
    """Import from that file, and generate by it; nothing changes where it is missing."""
    try:
        kept = Kept(file, root)
    except (OSError, ValueError, EOFError):
        return
    sys.meta_path.insert(0, kept)
    import _sre
    from re import _compiler

    translate = _compiler.compile

    def compiled(text: str, name: str, mode: str) -> CodeType:
        return kept.generated((text, mode)) or compile(text, name, mode)

    def expressed(pattern: object, flags: int) -> object:
        found = kept.generated((pattern, int(flags)))
        return _sre.compile(*found) if found else translate(pattern, flags)

    generate_by(compiled, expressed)


if hasattr(sys, "_MEIPASS"):
    use(os.path.join(sys._MEIPASS, NAME), sys._MEIPASS)  # where PyInstaller has unpacked it
