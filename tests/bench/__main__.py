"""make bench: signing measured over TLS with wrk, beside the reference in the same run.

Each program gets the same PKI, the same provisioner and the same kind of requests: one-time
tokens, ECDSA P-256, durable store, keep-alive. Programs take turns round by round, so that what
else the machine does falls on both; figures are medians of the rounds.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from tests.bench.servers import Authority, Running, programs
from tests.support.load import bodies

SCRIPT = Path(__file__).with_name("sign.lua")
RESULT = re.compile(
    r"RESULT requests=(\d+) micros=(\d+) refused=(\d+) socket=(\d+) exhausted=(\d+) "
    r"p50=(\d+) p99=(\d+)"
)
Figures = dict[str, list[float]]


def load(
    server: Running, authority: Authority, connections: int, seconds: int, most: int
) -> dict[str, float]:
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
        raise RuntimeError(f"{server.program.name} signed all {most} requests: give --most more")
    if refused or broken:
        print(f"! {server.program.name}: {refused} refused, {broken} broken", file=sys.stderr)
    return {
        "signs/s": (requests - refused) / (micros / 1e6),
        "p50 ms": p50 / 1000,
        "p99 ms": p99 / 1000,
        "cpu µs/sign": used * 1e6 / max(1, requests),
        "signed": float(requests - refused),
    }


def measure(arguments: argparse.Namespace, directory: Path) -> dict[str, dict[str, Figures]]:
    authority = Authority.create(directory)
    results: dict[str, dict[str, Figures]] = {}
    for program in programs():
        results[program.name] = defaultdict(lambda: defaultdict(list))
    signed: dict[str, float] = defaultdict(float)
    for number in range(arguments.rounds):
        servers = [Running(program, authority) for program in programs()]
        for server in servers:
            process = results[server.program.name]["process"]
            process["first answer s"].append(server.first_answer)
            process["memory idle MB"].append(server.memory())
        if number == 0:
            for server in servers:
                filled = fill(server, authority, arguments.certificates, arguments.most)
                signed[server.program.name] += filled
                process = results[server.program.name]["process"]
                process["memory after fill MB"].append(server.memory())
        for connections in arguments.connections:
            servers.reverse()
            for server in servers:
                figures = load(server, authority, connections, arguments.seconds, arguments.most)
                signed[server.program.name] += figures.pop("signed")
                group = results[server.program.name][f"{connections} connections"]
                for name, value in figures.items():
                    group[name].append(value)
                print(
                    f"round {number + 1}, {connections} connections: {server.program.name} "
                    f"{figures['signs/s']:.0f} signs/s",
                    file=sys.stderr,
                )
        for server in servers:
            server.stop()
            if number == arguments.rounds - 1:
                process = results[server.program.name]["process"]
                name = server.program.name
                process["bytes on disk/certificate"].append(server.disk() / signed[name])
                process["certificates"].append(signed[name])
    return results


def fill(server: Running, authority: Authority, certificates: int, most: int) -> float:
    """Sign at least this many certificates at 64 connections, for the memory figure."""
    signed = 0.0
    while signed < certificates:
        signed += load(server, authority, 64, 4, most)["signed"]
    return signed


def table(results: dict[str, dict[str, Figures]]) -> str:
    names = list(results)
    lines = [f"| figure | {' | '.join(names)} |", f"|---{'|---' * len(names)}|"]
    for group in results[names[0]]:
        for figure in results[names[0]][group]:
            cells = [statistics.median(results[name][group][figure]) for name in names]
            shown = " | ".join(f"{cell:.2f}" if cell < 10 else f"{cell:.0f}" for cell in cells)
            lines.append(f"| {group}: {figure} | {shown} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--connections", type=int, nargs="+", default=[2, 16, 64])
    parser.add_argument(
        "--certificates", type=int, default=20_000, help="signed before memory is read again"
    )
    parser.add_argument("--most", type=int, default=24_000, help="requests prepared for a run")
    parser.add_argument("--json", type=Path, help="write every figure of every round here")
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="hearth-bench-"))
    try:
        results = measure(arguments, directory)
    finally:
        shutil.rmtree(directory)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))
    print(table(results))


if __name__ == "__main__":
    main()
