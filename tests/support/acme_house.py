"""A house whose machines get certificates by ACME: a CA, a name server, a web root, on loopback.

Clients are foreign programs. What they do at a name, they do by files: hooks write TXT records to
`House.zone`, one file a name; `House.web_root` is served while `serving_files` runs.
"""

import functools
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dns.message
import trio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from tests.support.acme_by_hand import Client, encode, over_https
from tests.support.appliance import Appliance
from tests.support.judges import openssl_verify
from tests.support.targets import Nameserver, nameserver

DOMAIN = "home.example"
NOBODY = 65534


@dataclass
class Zone(Nameserver):
    """Every host is on loopback; the TXT records of a name are the lines of the file named so."""

    directory: Path = Path()

    def _fill(self, response: dns.message.Message, name: str, kind: str) -> None:
        file = self.directory / name.rstrip(".")
        self.records = {(name, "A"): ["127.0.0.1"]}
        if file.exists():
            self.records = {(name, "TXT"): [f'"{line}"' for line in file.read_text().split()]}
        super()._fill(response, name, kind)


@contextmanager
def zone(directory: Path) -> Iterator[Zone]:
    """Answer for a zone from a thread."""
    made = Zone(directory=directory)
    ready, done = threading.Event(), trio.Event()
    token: list[trio.lowlevel.TrioToken] = []

    async def run() -> None:
        token.append(trio.lowlevel.current_trio_token())
        async with nameserver(server=made):
            ready.set()
            await done.wait()

    thread = threading.Thread(target=trio.run, args=(run,))
    thread.start()
    assert ready.wait(10)
    try:
        yield made
    finally:
        token[0].run_sync_soon(done.set)
        thread.join()


class _Files(SimpleHTTPRequestHandler):
    """Files of a directory, without a log."""

    def log_message(self, *_: Any) -> None:
        pass


@dataclass(kw_only=True)
class House:
    """What a client needs to know. The CA looks at `http_port` and `tls_port`, not 80 and 443."""

    ca: Appliance
    directory: Path
    zone: Path
    dns_port: int
    http_port: int
    tls_port: int

    @property
    def root(self) -> Path:
        return self.ca.root

    def url(self, provisioner: str = "acme") -> str:
        """Where a client finds the directory."""
        return f"{self.ca.url}/acme/{provisioner}/directory"

    def bound(self, *names: str) -> tuple[str, str]:
        """Let an account in at the provisioner `bound`, for names: the key's id, and the key."""
        allowed = [word for name in names for word in ("--allow", name)]
        made = self.ca.run("ca", "acme", "eab", "add", "bound", *allowed, "--format", "json")
        assert made.returncode == 0, made.stderr
        found = json.loads(made.stdout)
        return found["id"], found["key"]

    @property
    def web_root(self) -> Path:
        made = self.directory / "www"
        (made / ".well-known" / "acme-challenge").mkdir(parents=True, exist_ok=True)
        return made

    @contextmanager
    def serving_files(self) -> Iterator[Path]:
        """Serve the web root where http-01 looks; give the folder of challenges."""
        files = functools.partial(_Files, directory=str(self.web_root))
        server = ThreadingHTTPServer(("127.0.0.1", self.http_port), files)
        serve = functools.partial(server.serve_forever, poll_interval=0.02)
        threading.Thread(target=serve, daemon=True).start()
        try:
            yield self.web_root / ".well-known" / "acme-challenge"
        finally:
            server.shutdown()
            server.server_close()

    def run(
        self, *command: str | Path, cwd: Path, wants: int = 0, more: Mapping[str, str] | None = None
    ) -> str:
        """Run a client to its end in its own folder; give what it said."""
        ended = subprocess.run(
            [str(word) for word in command],
            cwd=cwd, env=self.environment(cwd) | dict(more or {}), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60, check=False, start_new_session=True,
        )  # fmt: skip
        said = ended.stdout + ended.stderr
        assert ended.returncode == wants, f"{ended.returncode}: {said}"
        return said

    def environment(self, home: Path) -> dict[str, str]:
        """Trust in our root, in the words of each client; a home of its own; no proxy."""
        kept = {name: text for name, text in os.environ.items() if "proxy" not in name.lower()}
        root = str(self.root)
        return kept | {
            "HOME": str(home),
            "ZONE": str(self.zone),
            "CHALLENGES": str(self.web_root / ".well-known" / "acme-challenge"),
            "SSL_CERT_FILE": root,
            "REQUESTS_CA_BUNDLE": root,
            "LEGO_CA_CERTIFICATES": root,
            "NODE_EXTRA_CA_CERTS": root,
        }

    def take(self, file: Path, *names: str) -> x509.Certificate:
        """Judge the chain in a file by OpenSSL, and its names; give the leaf."""
        assert openssl_verify(file, self.root) == ""
        leaf = x509.load_pem_x509_certificates(file.read_bytes())[0]
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert set(found.get_values_for_type(x509.DNSName)) == set(names)
        return leaf

    def revoke_by_key(self, leaf: x509.Certificate, key: Path) -> None:
        """Revoke as whoever holds the certificate's key may (RFC 8555 7.6)."""

        async def revoke() -> None:
            client = Client(over_https(self.ca.context()), self.url())
            await client.begin()
            held: Any = load_pem_private_key(key.read_bytes(), None)
            asked = {"certificate": encode(leaf.public_bytes(Encoding.DER))}
            url = client.directory["revokeCert"]
            answer = await client.post(url, asked, key=held, by_key=True)
            assert answer.status == 200, answer

        trio.run(revoke)

    def revoked(self, leaf: x509.Certificate) -> bool:
        """Look the certificate up in the CA's list, which is made anew at each revocation."""
        with urllib.request.urlopen(f"{self.ca.url}/crl", context=self.ca.context()) as answer:
            crl = x509.load_der_x509_crl(answer.read())
        return crl.get_revoked_certificate_by_serial_number(leaf.serial_number) is not None


def hours(leaf: x509.Certificate) -> int:
    """How long a certificate is good for."""
    return round((leaf.not_valid_after_utc - leaf.not_valid_before_utc).total_seconds() / 3600)


def present(program: str) -> str:
    """Find a client that packaging/setup.sh installs for the tests."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    assert found, f"{program} is missing: packaging/setup.sh test installs it"
    return found


def script(file: Path, text: str) -> Path:
    """Write a hook."""
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


@contextmanager
def running(
    house: House, *command: str | Path, cwd: Path
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Run a server that is a client too; give it and its log. It ends when the block does."""
    log = cwd / "output"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(word) for word in command], cwd=cwd, env=house.environment(cwd),
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        yield process, log
    finally:
        process.terminate()
        process.wait(20)


def until(met: Callable[[], bool], log: Path, *, seconds: float = 30) -> None:
    """Wait for what a server brings about by itself."""
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def shown(port: int, name: str, root: Path) -> x509.Certificate | None:
    """Shake hands as a browser that trusts our root; None where that fails."""
    context = ssl.create_default_context(cafile=str(root))
    try:
        pem = _peer(context, port, name)
    except OSError:
        return None
    return x509.load_der_x509_certificate(pem)


def _peer(context: ssl.SSLContext, port: int, name: str) -> bytes:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=name) as secured,
    ):
        return secured.getpeercert(binary_form=True) or b""


@contextmanager
def plain_folder(house: House) -> Iterator[tuple[Path, list[str]]]:
    """A folder of a user who may do nothing more, and the words before a command to be that user.

    Whoever runs the tests without being root is such a user.
    """
    with tempfile.TemporaryDirectory(prefix="hearth-") as name:
        folder = Path(name)
        (folder / "root.pem").write_bytes(house.root.read_bytes())
        if os.geteuid() != 0:
            yield folder, []
            return
        os.chown(folder, NOBODY, NOBODY)
        yield (
            folder,
            [
                "setpriv",
                f"--reuid={NOBODY}",
                f"--regid={NOBODY}",
                "--clear-groups",
                "--no-new-privs",
            ],
        )
