"""Secrets of key URIs are taken out of this process's own line in the list of processes.

Whoever has a PIN in a URI on a command line has shown it to the machine's other users for a moment;
this makes it a moment. Linux lets a process overwrite its arguments where the kernel put them.
"""

import re
from pathlib import Path
from typing import Final

_SECRET: Final = re.compile(rb"(?:pin-value|management-key|client-secret)=([^;&?#\0]+)")
_START: Final = 47  # the field arg_start of /proc/self/stat, counted from 0 (proc(5))
_AFTER_NAME: Final = 2  # fields before and with the program's name, which may have spaces


def hide_secrets() -> None:
    """Overwrite them with asterisks; where that cannot be done they stay."""
    try:
        arguments = Path("/proc/self/cmdline").read_bytes()
        if _SECRET.search(arguments) is None:
            return
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        start = int(fields[_START - _AFTER_NAME])
    except (OSError, ValueError, IndexError):
        return
    if not start:
        return  # the kernel does not tell
    import ctypes  # noqa: PLC0415  rarely needed

    for found in _SECRET.finditer(arguments):
        ctypes.memset(start + found.start(1), ord("*"), len(found.group(1)))
