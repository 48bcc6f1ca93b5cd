"""Signs per second: POST /sign and /ssh/sign with one-time tokens, by wrk."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.bench.loads import Loaded, exhausted
from tests.bench.servers import Authority, Running
from tests.support.load import bodies, ssh_bodies

SCRIPT = Path(__file__).with_name("sign.lua")
RESULT = re.compile(
    r"RESULT requests=(\d+) micros=(\d+) refused=(\d+) socket=(\d+) exhausted=(\d+) "
    r"p50=(\d+) p99=(\d+)"
)


def load(
    server: Running, authority: Authority, connections: int, seconds: int, most: int
) -> Loaded:
    """Ask for X.509 certificates; the requests are made just before, so that no token is old."""
    asked = [body for _, body in bodies(authority.provisioner, most, f"h{time.time_ns():x}-")]
    return _by_wrk(server, authority.directory, "sign", asked, connections, seconds)


def ssh(server: Running, authority: Authority, connections: int, seconds: int, most: int) -> Loaded:
    """Ask for SSH certificates of users, all for one key."""
    key = generate_private_key(SECP256R1()).public_key()
    shown = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1].decode()
    asked = list(ssh_bodies(authority.provisioner, most, shown))
    return _by_wrk(server, authority.directory, "ssh/sign", asked, connections, seconds)


def _by_wrk(
    server: Running,
    directory: Path,
    path: str,
    asked: Sequence[bytes],
    connections: int,
    seconds: int,
) -> Loaded:
    file = directory / f"bodies-{path.replace('/', '-')}"
    file.write_bytes(b"".join(body + b"\n" for body in asked))
    threads = min(2, connections)
    used = server.processor()
    output = subprocess.run(
        ["wrk", "--latency", "-t", str(threads), "-c", str(connections), "-d", f"{seconds}s"]
        + ["-s", str(SCRIPT), f"{server.url}/1.0/{path}"],
        env={**os.environ, "BENCH_BODIES": str(file), "BENCH_THREADS": str(threads)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    used = server.processor() - used
    found = RESULT.search(output)
    if found is None:
        raise RuntimeError(f"wrk said:\n{output}")
    requests, micros, refused, broken, spare, p50, p99 = map(int, found.groups())
    if spare:
        raise exhausted(server, len(asked))
    if refused or broken:
        print(f"! {server.program.name}: {refused} refused, {broken} broken", file=sys.stderr)
    return Loaded(
        issued=requests - refused,
        figures={
            "signs/s": (requests - refused) / (micros / 1e6),
            "p50 ms": p50 / 1000,
            "p99 ms": p99 / 1000,
            "cpu µs/sign": used * 1e6 / max(1, requests),
        },
    )
