"""Signs per second: POST /sign with one-time tokens, by wrk."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.bench.loads import Loaded, exhausted
from tests.bench.servers import Authority, Running
from tests.support.load import bodies

SCRIPT = Path(__file__).with_name("sign.lua")
RESULT = re.compile(
    r"RESULT requests=(\d+) micros=(\d+) refused=(\d+) socket=(\d+) exhausted=(\d+) "
    r"p50=(\d+) p99=(\d+)"
)


def load(
    server: Running, authority: Authority, connections: int, seconds: int, most: int
) -> Loaded:
    """Run wrk once; the bodies are made just before, so that no token is old."""
    file = authority.directory / "bodies"
    with file.open("wb") as out:
        for _, body in bodies(authority.provisioner, most):
            out.write(body + b"\n")
    threads = min(2, connections)
    used = server.processor()
    output = subprocess.run(
        ["wrk", "--latency", "-t", str(threads), "-c", str(connections), "-d", f"{seconds}s"]
        + ["-s", str(SCRIPT), f"{server.url}/1.0/sign"],
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
        raise exhausted(server, most)
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
