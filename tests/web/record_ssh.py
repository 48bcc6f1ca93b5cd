"""Record step-ca's answers as golden/ssh_exchanges.json: `python -m tests.web.record_ssh`.

Needs step-ca on PATH.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.stepca import serving
from tests.web.exchanges import Client
from tests.web.ssh_exchanges import GOLDEN, Post, World, run


@contextmanager
def served(world: World) -> Iterator[Post]:
    """Let step-ca serve it."""
    with serving(world.folder, world.configuration()) as reference:
        yield Client(reference.port, world.folder, world.pki.root).send


def recorded() -> dict[str, Any]:
    """Ask a fresh step-ca everything."""
    with tempfile.TemporaryDirectory() as name:
        return run(served, Path(name))


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(recorded(), indent=1, ensure_ascii=False) + "\n")
