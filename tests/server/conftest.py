"""A whole appliance in this process, on a free port, with its log lines at hand."""

import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.operator.ring import EventRing
from appliance.server.launch import Controls, Launch, Running
from appliance.server.run import serve_appliance
from tests.support.load import Provisioner, csr
from tests.support.web import PATIENCE, Pki


class Lines:
    """An Output that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        self.lines.append(line)

    def flush(self) -> None:
        """Nothing waits here."""

    async def wait_for(self, text: str) -> str:
        """Wait for a line with the text, and take the lines up to it away."""
        with trio.fail_after(PATIENCE):
            while True:
                for number, line in enumerate(self.lines):
                    if text in line:
                        del self.lines[: number + 1]
                        return line
                await trio.sleep(0.005)


@dataclass(slots=True)
class Authority:
    """The files of a CA with plain keys, and the provisioner that its tests sign with."""

    directory: Path
    pki: Pki = field(default_factory=Pki.generate)
    provisioner: Provisioner = field(default_factory=lambda: Provisioner.generate("load"))

    def __post_init__(self) -> None:
        self.install(self.pki)
        self.configure()

    def install(self, pki: Pki) -> None:
        """Put certificates and key where ca.json has them."""
        self.pki = pki
        for name, text in (
            ("root.crt", self.pki.root.pem),
            ("issuer.crt", self.pki.intermediate.pem),
            ("issuer.key", self.pki.intermediate.key_pem),
        ):
            file = self.directory / name
            file.touch(mode=0o600)
            file.write_text(text)

    @property
    def file(self) -> Path:
        return self.directory / "ca.json"

    def configure(self, *provisioners: Provisioner, **changes: Any) -> None:
        """Write ca.json anew; a change to `...` takes the key away."""
        entries = [each.entry() for each in (self.provisioner, *provisioners)]
        whole = {
            "root": str(self.directory / "root.crt"),
            "crt": str(self.directory / "issuer.crt"),
            "key": str(self.directory / "issuer.key"),
            "address": "127.0.0.1:0",
            "dnsNames": ["localhost", "127.0.0.1"],
            "logger": {"format": "json"},
            "db": {"type": "leveldb", "dataSource": str(self.directory / "db")},
            "authority": {"provisioners": entries},
            **changes,
        }
        whole = {name: value for name, value in whole.items() if value is not ...}
        self.file.write_text(json.dumps(whole))

    def context(self) -> ssl.SSLContext:
        """A client's context that trusts the root."""
        return ssl.create_default_context(cadata=self.pki.root.pem)

    def request(self, name: str, provisioner: Provisioner | None = None) -> dict[str, str]:
        """The body of a request to sign."""
        key = ec.generate_private_key(ec.SECP256R1())
        return {"csr": csr(name, key), "ott": (provisioner or self.provisioner).token(name)}


@dataclass(slots=True, kw_only=True)
class Appliance:
    """A running appliance, and a client of it."""

    running: Running
    controls: Controls
    output: Lines
    ring: EventRing
    client: httpx.AsyncClient

    async def reload(self, expected: str) -> str:
        """Ask for a reload and wait for a line about it."""
        self.output.lines.clear()
        self.controls.reload()
        return await self.output.wait_for(expected)


Start = Callable[..., AbstractAsyncContextManager[Appliance]]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def start(authority: Authority) -> Start:
    """Serve the authority for the length of a block; flags are those of Launch."""

    @asynccontextmanager
    async def start(**launch: Any) -> AsyncIterator[Appliance]:
        output, controls, ring = Lines(), Controls(), EventRing()
        async with trio.open_nursery() as nursery:
            running: Running = await nursery.start(
                partial(
                    serve_appliance,
                    Launch(file=authority.file, **launch),
                    ring=ring,
                    controls=controls,
                    output=output,
                )
            )
            port = running.addresses[0][1]
            async with httpx.AsyncClient(
                base_url=f"https://localhost:{port}", verify=authority.context(), timeout=PATIENCE
            ) as client:
                yield Appliance(
                    running=running, controls=controls, output=output, ring=ring, client=client
                )
            with trio.fail_after(PATIENCE):
                controls.stop.set()

    return start
