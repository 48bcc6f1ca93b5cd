"""make bench ARGS=soak: what stays of a load when it is over.

The service is asked for everything at once and as fast as it goes: X.509 and SSH signs, renewals on
kept and on new connections, ACME orders, with clients that leave in the middle, speak plainly or
are refused, and with a console attached, again and again. What it holds is read when it is idle:
just started; after a few seconds of the same, with which all is loaded that is loaded at first use;
and two minutes after the load. Memory then is to be within 20 MB of what it was, and no descriptor,
thread, task or temporary file more. The database may open more of its tables, which are told apart.
"""

import argparse
import json
import multiprocessing
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.bench import console, ordering, renewing, rude, signing
from tests.bench.connection import Failed
from tests.bench.loads import Load, Loaded
from tests.bench.servers import Authority, Running, programs

_FORK = multiprocessing.get_context("fork")
_PORTION = 20  # seconds; tokens are made for so long
_EASE = 75  # seconds until a server is idle: unused memory is given back each minute
_AFTER = 120  # seconds of idleness after the load
_ALLOWED = 20.0  # MB
_COMPACTING = 1  # thread, that LevelDB has from its first compaction on
_MOST = 6_000  # requests prepared for the first portion


def attend(
    server: Running, authority: Authority, connections: int, seconds: int, most: int
) -> Loaded:
    """Watch by so many consoles."""
    del authority, most
    with console.attached(server, connections) as consoles:
        time.sleep(seconds)
        drawn = sum(each.drawn for each in consoles)
    return Loaded(issued=0, figures={"octets drawn/s": drawn / seconds})


LOADS: Mapping[str, tuple[Load, int]] = {
    "sign": (signing.load, 32),
    "ssh": (signing.ssh, 32),
    "renew": (renewing.kept, 4),
    "renew-anew": (renewing.anew, 4),
    "acme": (ordering.load, 4),
    "rude": (rude.load, 2),
    "console": (attend, 1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a server holds; memory in MB."""

    memory: Mapping[str, float]
    descriptors: Counter[str]
    threads: int
    tasks: Counter[str]
    objects: Counter[str]
    files: frozenset[str]


def look(server: Running, directory: Path) -> Held:
    memory = {"resident": 0.0, "its own": 0.0, "of files": 0.0}
    descriptors, threads = Counter[str](), 0
    for pid in server.processes:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        status = {name: value for name, _, value in (line.partition(":") for line in lines)}
        for kind, name in zip(memory, ("VmRSS", "RssAnon", "RssFile"), strict=True):
            memory[kind] += int(status[name].split()[0]) / 1024
        threads += int(status["Threads"])
        descriptors += _descriptors(pid, server.database)
    told = _told(server, directory / "told")
    return Held(
        memory=memory,
        descriptors=descriptors,
        threads=threads,
        tasks=Counter(told["tasks"]),
        objects=Counter(told["objects"]),
        files=frozenset(_files(server, directory)),
    )


def _descriptors(pid: int, database: Path) -> Counter[str]:
    """Count them by kind."""
    found = Counter[str]()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        target = str(link.readlink())
        if target.startswith(str(database)):
            found["of the database"] += 1
        else:
            found[target.partition(":")[0]] += 1
    return found


def _told(server: Running, file: Path) -> Any:
    file.unlink(missing_ok=True)
    server.process.send_signal(signal.SIGUSR1)
    while not file.exists():
        if server.process.poll() is not None:
            raise RuntimeError(f"{server.program.name} has ended; see {server.log.name}")
        time.sleep(0.05)
    return json.loads(file.read_text())


def _files(server: Running, directory: Path) -> list[str]:
    """Name what lies about: all but the database's own tables and logs."""
    places = [directory / "tmp", directory / "step", server.database]
    found = (file for place in places for file in place.rglob("*"))
    return [
        str(file.relative_to(directory))
        for file in found
        if not (file.parent == server.database and file.suffix in (".ldb", ".log"))
    ]


def _again(
    name: str, server: Running, authority: Authority, until: float, portion: int, done: Any
) -> None:
    """Load in portions until then; more is prepared than the portion before has used.

    A portion may fail where the machine has too little for all of this; the next one is tried.
    """
    (load, connections), most, failed = LOADS[name], _MOST, 0
    issued, rates = 0, list[float]()
    while (left := until - time.perf_counter()) > 1:
        seconds = max(1, min(portion, round(left)))
        try:
            found = load(server, authority, connections, seconds, most)
        except (Failed, OSError, RuntimeError):
            print(f"! {name}: {traceback.format_exc()}", file=sys.stderr)
            failed += 1
            most *= 2  # it may have been too few, of a portion after a slow one
            time.sleep(1)
            continue
        issued += found.issued
        rates.append(next(iter(found.figures.values())))
        most = max(500, 3 * found.issued)
    done.put((name, issued, sum(rates) / max(1, len(rates)), failed))


def burden(server: Running, authority: Authority, seconds: float, portion: int) -> dict[str, float]:
    """Ask for all of it at once; give how many were issued and how fast it went."""
    until, done, used = time.perf_counter() + seconds, _FORK.SimpleQueue(), server.processor()
    processes = [
        _FORK.Process(target=_again, args=(name, server, authority, until, portion, done))
        for name in LOADS
    ]
    began = time.perf_counter()
    for each in processes:
        each.start()
    found, issued = dict[str, float](), 0
    for _ in processes:
        name, count, rate, failed = done.get()
        issued += count
        found[f"{name}, mean of portions"] = rate
        found[f"{name}, portions that failed"] = failed
    for each in processes:
        each.join()
    took = time.perf_counter() - began
    return {
        "seconds": took,
        "certificates": issued,
        "certificates/s": issued / took,
        "processor, cores": (server.processor() - used) / took,
        **found,
    }


def grown(before: Counter[str], after: Counter[str]) -> dict[str, int]:
    """Give what there is more of, the most first."""
    return {name: count for name, count in (after - before).most_common() if count > 0}


def tell(times: Mapping[str, Held]) -> None:
    print(f"| idle | {' | '.join(times)} |\n|---{'|---' * len(times)}|")
    all_of_it = list(times.values())
    rows = {
        f"memory, {kind}, MB": [each.memory[kind] for each in all_of_it]
        for kind in all_of_it[0].memory
    }
    for row, values in rows.items():
        print(f"| {row} | {' | '.join(f'{value:.1f}' for value in values)} |")
    kinds = sorted({kind for each in all_of_it for kind in each.descriptors})
    for kind in kinds:
        counts = " | ".join(str(each.descriptors[kind]) for each in all_of_it)
        print(f"| descriptors, {kind} | {counts} |")
    print(f"| threads | {' | '.join(str(each.threads) for each in all_of_it)} |")
    print(f"| tasks | {' | '.join(str(each.tasks.total()) for each in all_of_it)} |")
    print(f"| files | {' | '.join(str(len(each.files)) for each in all_of_it)} |")


def judge(before: Held, after: Held) -> list[str]:
    """Say what stayed and should not have."""
    more = grown(before.descriptors, after.descriptors)
    more.pop("of the database", None)
    found = [f"more descriptors: {more}"] if more else []
    if tasks := grown(before.tasks, after.tasks):
        found.append(f"more tasks: {tasks}")
    if files := after.files - before.files:
        found.append(f"more files: {sorted(files)}")
    if (threads := after.threads - before.threads) > _COMPACTING:
        found.append(f"more threads: {threads}")
    difference = after.memory["resident"] - before.memory["resident"]
    if difference > _ALLOWED:
        found.append(f"{difference:.1f} MB more of memory")
    return found


def soak(directory: Path, minutes: float, idle: int) -> list[str]:
    authority = Authority.create(directory)
    (directory / "tmp").mkdir()
    ours = programs()[0]
    program = replace(
        ours,
        command=[sys.executable, "-m", "tests.bench.telling", "serve"],
        environment={"TMPDIR": str(directory / "tmp"), "HEARTH_TELLS": str(directory / "told")},
    )
    server, times = Running(program, authority), dict[str, Held]()
    try:
        time.sleep(_EASE)
        times["started"] = look(server, directory)
        burden(server, authority, 5, 5)
        time.sleep(_EASE)
        times["all loaded"] = look(server, directory)
        figures = burden(server, authority, minutes * 60, _PORTION)
        time.sleep(5)
        times["5 s after the load"] = look(server, directory)
        time.sleep(idle)
        times[f"{idle} s after"] = look(server, directory)
    finally:
        server.stop()
    for name, value in figures.items():
        print(f"{name}: {value:.1f}")
    tell(times)
    _, before, *_, after = times.values()
    print("objects that there are more of:")
    for name, count in list(grown(before.objects, after.objects).items())[:40]:
        print(f"  {count} {name}")
    return judge(before, after)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="tests.bench soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--idle", type=int, default=_AFTER, help="seconds of idleness after it")
    given = parser.parse_args(arguments)
    directory = Path(tempfile.mkdtemp(prefix="hearth-soak-"))
    try:
        found = soak(directory, given.minutes, given.idle)
    finally:
        shutil.rmtree(directory)
    for each in found:
        print(f"! {each}")
    if found:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
