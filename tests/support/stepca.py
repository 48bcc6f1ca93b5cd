"""The reference program as a throw-away server: configured in a folder, asked over HTTPS.

Used only to record golden files (`python -m tests.issuance.record`, `tests.authority.record`) and
by tests marked `reference`. Needs `step-ca` on PATH.
"""

import http.client
import json
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server said."""

    status: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A running step-ca."""

    port: int
    folder: Path

    def post(
        self,
        path: str,
        body: object = None,
        *,
        client: tuple[Path, Path] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send JSON (or, for text, just the text), optionally with a client certificate and key."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if client:
            context.load_cert_chain(*client)
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=context, timeout=20
        )
        try:
            text = body if isinstance(body, str) else json.dumps(body)
            connection.request("POST", path, text, dict(headers or {}))
            response = connection.getresponse()
            return Answer(status=response.status, body=json.loads(response.read()))
        except http.client.RemoteDisconnected:
            return Answer(status=0, body={"message": "the connection was dropped"})
        finally:
            connection.close()


def free_port() -> int:
    """Give a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    folder: Path,
    config: dict[str, Any],
    *,
    password: str = "pass",
    options: Sequence[str] = (),
) -> Iterator[Reference]:
    """Run step-ca on a ca.json until the block ends."""
    port = free_port()
    config = {**config, "address": f"127.0.0.1:{port}"}
    folder.mkdir(parents=True, exist_ok=True)
    file, secret, log = folder / "ca.json", folder / "password", folder / "log"
    file.write_text(json.dumps(config))
    secret.write_text(password)
    program = shutil.which("step-ca")
    assert program, "step-ca is not on PATH"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [program, str(file), "--password-file", str(secret), *options],
            stdout=output,
            stderr=output,
        )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        yield Reference(port=port, folder=folder)
    finally:
        process.terminate()
        process.wait(20)
