"""A machine that has next to nothing: a root directory with a C library and what is put into it."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_LIBRARY = re.compile(r"(/\S+) \(0x")
# The packages that every Debian has, and libssl3: what the one file takes from its host.
_USUAL = ("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1")
_SHARED = ("libssl.so.3", "libcrypto.so.3", "libstdc++.so.6", "libgcc_s.so.1")
_DEVICES = ("null", "zero", "urandom", "random")
_SCRIPT = """
set -e
root=$1; shift
mount --make-rprivate /
mount -t proc proc "$root/proc"
for each in {devices}; do mount --bind "/dev/$each" "$root/dev/$each"; done
while [ "$1" != -- ]; do mkdir -p "$root$2"; mount --bind "$1" "$root$2"; shift 2; done
shift
exec env -i PATH=/ HOME=/tmp TMPDIR=/tmp "$@"
"""


class BareMachine:
    """Runs programs where there is no Python, no shell and no other library.

    Directories of the test are bound in, at their own or another path; the network is shared.
    """

    def __init__(self, root: Path, program: Path) -> None:
        self.root = root
        for name in ("proc", "dev", "tmp", "run", "etc"):
            (root / name).mkdir(parents=True)
        for name in _DEVICES:
            (root / "dev" / name).touch()
        (root / "etc" / "hosts").write_text("127.0.0.1 localhost\n")
        shutil.copy(program, root / "hearth")
        usual = Path("/lib").glob("*-linux-gnu*/libc.so.6")
        self._libraries = next(usual).parent
        self.add(program, *(self._libraries / name for name in (*_USUAL, *_SHARED)))
        self._bound: list[str] = []

    def add(self, *files: Path) -> None:
        """Put libraries there, at their paths, with what they need."""
        for file in files:
            needed = subprocess.run(["ldd", str(file)], capture_output=True, text=True, check=True)
            for path in (str(file), *_LIBRARY.findall(needed.stdout)):
                target = self.root / path.lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                if not target.exists():
                    shutil.copy(path, target)

    def bind(self, directory: Path, at: str = "") -> None:
        """Show a directory of this machine there."""
        self._bound += [str(directory), at or str(directory)]

    def command(self, words: Sequence[str], environ: Mapping[str, str] = {}) -> list[str]:
        """Say how the program is run there with these words."""
        namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        if os.geteuid() != 0:
            namespaces.append("--map-root-user")
        inside = ["chroot", str(self.root), "/hearth", *words]
        settings = [f"{name}={value}" for name, value in environ.items()]
        script = _SCRIPT.format(devices=" ".join(_DEVICES))
        return [
            *namespaces, "sh", "-c", script, "sh", str(self.root), *self._bound, "--",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *settings, *inside,
        ]  # fmt: skip

    def run(self, *words: str, environ: Mapping[str, str] = {}) -> str:
        """Run it to its end; give what it prints."""
        done = subprocess.run(
            self.command(words, environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout
