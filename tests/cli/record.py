"""Record what step makes of ca.json when it edits provisioners: `python -m tests.cli.record`.

Needs step on PATH; writes golden/provisioners.json, with the files that the commands name.
"""

import base64
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from tests.cli.provisioner_commands import CASES, IDP, files, write

GOLDEN = Path(__file__).parent / "golden" / "provisioners.json"


@contextmanager
def provider() -> Iterator[str]:
    """Serve as an identity provider, which step asks before it adds one; give its URL."""

    url = ""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = {"issuer": url, "jwks_uri": f"{url}/keys", "keys": []}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, *said: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answers)
    url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def step(folder: Path, *words: str) -> int:
    """Run step; give its exit code."""
    environment = os.environ | {"STEPPATH": str(folder / "step")}
    done = subprocess.run(
        ["step", *words],
        cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False,
        timeout=60,
    )  # fmt: skip
    return done.returncode


def record(folder: Path, idp: str) -> dict[str, Any]:
    """Run every case on a new copy of the same ca.json."""
    content = files()
    write(folder, content)
    step(
        folder, "ca", "init", "--name=Test", "--dns=localhost", "--address=127.0.0.1:1",
        "--provisioner=jane", "--password-file=password", "--deployment-type=standalone",
    )  # fmt: skip
    config = folder / "step" / "config" / "ca.json"
    before = config.read_text()
    found = {}
    for name, lines in CASES.items():
        config.write_text(before)
        codes = [
            step(folder, "ca", "provisioner", *line.replace("{idp}", idp).split()) for line in lines
        ]
        after = config.read_text().replace(idp, IDP)
        found[name] = {
            "code": codes[-1],
            "provisioners": json.loads(after)["authority"]["provisioners"],
        }
    encoded = {name: base64.b64encode(octets).decode() for name, octets in content.items()}
    return {"files": encoded, "before": json.loads(before), "cases": found}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary, provider() as at:
        recorded = record(Path(temporary), at)
    GOLDEN.write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n")
