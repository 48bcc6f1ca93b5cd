"""make bench: signs, renewals or ACME orders over TLS, beside the reference in the same run.

Each program gets the same PKI, the same provisioners and the same kind of requests: ECDSA P-256,
durable store, keep-alive. Programs take turns round by round, so that what else the machine does
falls on both; figures are medians of the rounds.

    sign   one-time tokens and CSRs, sent by wrk
    ssh    one-time tokens and a user's key, sent by wrk
    renew  by the certificate that the connection shows, and keeps
    renew-anew
           the same on a connection of its own each time
    acme   whole orders, each of so many clients on a connection of its own: new-order,
           authorization, http-01, authorization until it is valid, finalize, certificate
    hanging
           what others feel of 200 orders, of which half have targets that say nothing
    console
           what consoles in the service cost, and how soon they answer a key
    token  signatures of a virtual YubiKey through the driver, beside the card's own rate
    start  how soon a server answers, from this checkout and as it is installed
    soak   what stays of a load of --minutes when it is over
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from tests.bench import console, hanging, ordering, renewing, signing, soak, start, token
from tests.bench.loads import Load
from tests.bench.servers import Authority, Running, programs

Figures = dict[str, list[float]]


LOADS: Mapping[str, Load] = {
    "sign": signing.load,
    "ssh": signing.ssh,
    "renew": renewing.kept,
    "renew-anew": renewing.anew,
    "acme": ordering.load,
    "hanging": hanging.load,
}


def measure(arguments: argparse.Namespace, directory: Path) -> dict[str, dict[str, Figures]]:
    authority, load = Authority.create(directory), LOADS[arguments.load]
    results: dict[str, dict[str, Figures]] = {}
    measured = programs(arguments.workers)
    for program in measured:
        results[program.name] = defaultdict(lambda: defaultdict(list))
    signed: dict[str, int] = defaultdict(int)
    servers: list[Running] = []
    for number in range(arguments.rounds):
        servers.clear()
        with ExitStack() as ending:
            for program in measured:
                servers.append(Running(program, authority))
                ending.callback(servers[-1].stop)
            for server in servers:
                process = results[server.program.name]["process"]
                process["first answer s"].append(server.first_answer)
                process["memory idle MB"].append(server.memory())
            if number == 0:
                for server in servers:
                    filled = fill(load, server, authority, arguments)
                    signed[server.program.name] += filled
                    process = results[server.program.name]["process"]
                    process["memory after fill MB"].append(server.memory())
            for connections in arguments.connections:
                servers.reverse()
                for server in servers:
                    done = load(server, authority, connections, arguments.seconds, arguments.most)
                    signed[server.program.name] += done.issued
                    group = results[server.program.name][f"{connections} connections"]
                    for name, value in done.figures.items():
                        group[name].append(value)
                    unit, rate = next(iter(done.figures.items()))
                    print(
                        f"round {number + 1}, {connections} connections: {server.program.name} "
                        f"{rate:.0f} {unit}",
                        file=sys.stderr,
                    )
    for server in servers:
        process, name = results[server.program.name]["process"], server.program.name
        process["bytes on disk/certificate"].append(server.disk() / signed[name])
        process["certificates"].append(signed[name])
    return results


def fill(load: Load, server: Running, authority: Authority, arguments: argparse.Namespace) -> int:
    """Issue at least so many certificates at 64 connections, for the memory figure."""
    issued = 0
    while issued < arguments.certificates:
        issued += load(server, authority, 64, 4, arguments.most).issued
    return issued


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
    parser = argparse.ArgumentParser(
        prog="make bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "load", nargs="?", choices=[*LOADS, "console", "token", "start", "soak"], default="sign"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--connections", type=int, nargs="+", default=[2, 16, 64])
    parser.add_argument(
        "--certificates", type=int, default=20_000, help="issued before memory is read again"
    )
    parser.add_argument("--most", type=int, default=24_000, help="requests prepared for a run")
    parser.add_argument(
        "--workers", type=int, nargs="*", default=[], help="measure ours with so many workers, too"
    )
    parser.add_argument("--minutes", type=float, default=30, help="of the soak's load")
    parser.add_argument("--json", type=Path, help="write every figure of every round here")
    arguments = parser.parse_args()
    if arguments.load == "console":
        console.main(["--rounds", str(arguments.rounds), "--seconds", str(arguments.seconds)])
        return
    if arguments.load == "start":
        start.main(arguments.rounds)
        return
    if arguments.load == "soak":
        soak.main(["--minutes", str(arguments.minutes)])
        return
    if arguments.load == "token":
        token.main()
        return
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
