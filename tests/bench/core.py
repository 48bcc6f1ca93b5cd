"""python -m tests.bench.core: what one request costs from its endpoint downwards.

Real tokens and requests, a real store with its syncs, no HTTP and no TLS: what is left is the
authority. Processor time is taken in slices, of which the fastest is the least disturbed by what
else the machine does. `--profile` says which functions it goes to; under `valgrind
--tool=callgrind`, two runs of different COUNT tell the instructions of one request.
"""

import argparse
import cProfile
import json
import os
import pstats
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import trio
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.authority.kinds import SOUGHT_IN_VAIN
from appliance.config.loading import load
from appliance.formats import pem
from appliance.formats.ssh import keys
from appliance.model.secret import Password
from appliance.operator.ring import EventRing
from appliance.server.assembly import Assembly, assemble, lay_foundation
from appliance.server.system import SystemChance, SystemClock, settle_collector
from appliance.stores.leveldb import open_store
from appliance.web.http import PeerCertificate, Request, Route
from tests.support.load import Provisioner, bodies, csr, ssh_bodies

PASSWORD = "bench"
SLICE = 50  # requests


def create(directory: Path) -> Path:
    """Make a CA with SSH keys; give its ca.json."""
    password = directory / "password"
    password.write_text(PASSWORD)
    subprocess.run(
        [sys.executable, "-m", "appliance.cli.main", "ca", "init", "--name", "Bench", "--ssh"]
        + ["--dns", "localhost", "--address", "127.0.0.1:0", "--provisioner", "admin"]
        + ["--deployment-type", "standalone", "--password-file", str(password)],
        env={**os.environ, "STEPPATH": str(directory / "step")},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return directory / "step" / "config" / "ca.json"


@dataclass(slots=True, kw_only=True)
class Core:
    """The authority at work, and what makes requests for it."""

    assembly: Assembly
    provisioner: Provisioner
    key: str  # to be certified, as SSH has it

    def ask(self, path: str) -> Route:
        """Give the route that a client asks at `path`."""
        return next(each for each in self.assembly.application.routes if each.path == path)

    async def signs(self, count: int) -> tuple[Route, list[Request]]:
        made = apart(lambda: [body for _, body in bodies(self.provisioner, count)])
        return self.ask("/sign"), [request("/sign", body) for body in made]

    async def renewals(self, count: int) -> tuple[Route, list[Request]]:
        """Renew certificates of a hundred, each in its turn."""
        held = await self._held()
        return self.ask("/renew"), [
            request("/renew", b"", peer=held[number % len(held)]) for number in range(count)
        ]

    async def rekeys(self, count: int) -> tuple[Route, list[Request]]:
        held = await self._held()
        body = json.dumps({"csr": csr("any", ec.generate_private_key(ec.SECP256R1()))}).encode()
        return self.ask("/rekey"), [
            request("/rekey", body, peer=held[number % len(held)]) for number in range(count)
        ]

    async def ssh_signs(self, count: int) -> tuple[Route, list[Request]]:
        made = apart(lambda: list(ssh_bodies(self.provisioner, count, self.key)))
        return self.ask("/ssh/sign"), [request("/ssh/sign", body) for body in made]

    async def _held(self) -> Sequence[PeerCertificate]:
        route, asked = await self.signs(100)
        held = []
        for each in asked:
            answer = json.loads((await route.endpoint(each)).body)
            chain = tuple(pem.certificates(one.encode())[0] for one in answer["certChain"])
            held.append(PeerCertificate(certificate=chain[0], chain=chain))
        return held


KINDS: dict[str, Callable[[Core, int], object]] = {
    "sign": Core.signs,
    "renew": Core.renewals,
    "rekey": Core.rekeys,
    "ssh": Core.ssh_signs,
}


def apart(make: Callable[[], list[bytes]]) -> list[bytes]:
    """Do it in another process, so that no profile of this one has it."""
    reading, writing = os.pipe()
    if child := os.fork():
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            found: list[str] = json.loads(pipe.read())
        os.waitpid(child, 0)
        return [each.encode() for each in found]
    with os.fdopen(writing, "w") as pipe:
        pipe.write(json.dumps([each.decode() for each in make()]))
    os._exit(0)


def request(path: str, body: bytes, peer: PeerCertificate | None = None) -> Request:
    return Request(
        method="POST", path=path, parameters={}, query="", headers={}, body=body,
        client="192.0.2.1", peer=peer, request_id="c0ffee00c0ffee00c0ffee00c0ffee00",
    )  # fmt: skip


async def run(route: Route, asked: Iterator[Request], tasks: int) -> list[float]:
    """Ask all, so many at a time; give the processor seconds of each full slice."""
    done, since, slices = 0, time.process_time(), list[float]()

    async def client() -> None:
        nonlocal done, since
        for each in asked:
            answer = await route.endpoint(each)
            if answer.status != 201:
                raise RuntimeError(f"{answer.status} {answer.body!r}")
            done += 1
            if done % SLICE == 0:
                now = time.process_time()
                slices.append(now - since)
                since = now

    async with trio.open_nursery() as nursery:
        for _ in range(tasks):
            nursery.start_soon(client)
    return slices


async def measure(arguments: argparse.Namespace, file: Path) -> None:
    provisioner = Provisioner.generate("bench")
    document = json.loads(file.read_text())
    document["authority"]["provisioners"] = [
        {**provisioner.entry(), "claims": {"enableSSHCA": True}}
    ]
    file.write_text(json.dumps(document))
    store = await open_store(Path(tempfile.mkdtemp(dir=file.parent)) / "db")
    await store.learn(SOUGHT_IN_VAIN)  # as a server does
    foundation = lay_foundation(
        store, clock=SystemClock(), chance=SystemChance(), events=EventRing(),
        password=Password(PASSWORD.encode()),
    )  # fmt: skip
    assembly = assemble(load(file), foundation, lambda line: None)
    key = keys.of_key(ec.generate_private_key(ec.SECP256R1()).public_key()).text
    core = Core(assembly=assembly, provisioner=provisioner, key=key)
    for kind in arguments.kinds or KINDS:
        route, asked = await KINDS[kind](core, arguments.warm + arguments.count)  # type: ignore[misc]
        settle_collector()
        await run(route, iter(asked[: arguments.warm]), arguments.tasks)
        profile = cProfile.Profile() if arguments.profile else None
        if profile:
            profile.enable()
        slices = await run(route, iter(asked[arguments.warm :]), arguments.tasks)
        if profile:
            profile.disable()
            pstats.Stats(profile).sort_stats(arguments.sort).print_stats(70)
        if slices:
            fastest, usual = (f(slices) / SLICE * 1e6 for f in (min, statistics.median))
            print(f"{kind}: {fastest:.0f} µs of processor a request at best, {usual:.0f} usually")
    await foundation.journal.flush()
    await store.aclose()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.core",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--warm", type=int, default=200, help="requests before the first slice")
    parser.add_argument("--tasks", type=int, default=16, help="requests at a time")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--sort", default="tottime")
    parser.add_argument(
        "--directory", type=Path, help="a CA made before; made there if there is none"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hearth-core-") as scratch:
        directory = arguments.directory or Path(scratch)
        directory.mkdir(parents=True, exist_ok=True)
        file = directory / "step" / "config" / "ca.json"
        trio.run(measure, arguments, file if file.exists() else create(directory))


if __name__ == "__main__":
    main()
