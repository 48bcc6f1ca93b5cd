"""Record step-ca's answers as golden/exchanges.json: `python -m tests.web.record`.

Needs step-ca on PATH.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from tests.support.stepca import serving
from tests.web.exchanges import GOLDEN, Client, World


def recorded() -> dict[str, Any]:
    """Ask a fresh step-ca everything."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        world = World(folder / "ca")
        with serving(folder / "ca", world.configuration()) as reference:
            return Client(reference.port, folder, world.pki.root).run(world)


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(recorded(), indent=1, ensure_ascii=False) + "\n")
