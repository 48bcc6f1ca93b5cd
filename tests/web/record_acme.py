"""Record step-ca's answers by ACME as golden/acme.json: `python -m tests.web.record_acme`.

Needs step-ca on PATH.
"""

import json
import ssl
import tempfile
from pathlib import Path
from typing import Any

import trio

from tests.support.acme_by_hand import over_https
from tests.support.pages import showing_pages
from tests.support.stepca import serving
from tests.web.acme_exchanges import GOLDEN, run
from tests.web.exchanges import World


def recorded() -> dict[str, Any]:
    """Ask a fresh step-ca everything."""
    with tempfile.TemporaryDirectory() as name:
        world = World(Path(name) / "ca")
        with (
            showing_pages() as (pages, port),
            serving(
                Path(name) / "ca",
                world.configuration(),
                options=("--insecure", "--acme-http-port", str(port)),
            ) as reference,
        ):
            context = ssl.create_default_context(cadata=world.pki.root.pem)
            url = f"https://localhost:{reference.port}/acme/acme/directory"
            return trio.run(run, over_https(context), url, pages)


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(recorded(), indent=1, sort_keys=True) + "\n")
