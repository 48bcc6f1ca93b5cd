"""How soon a server answers: from its start to a good /health, ours beside the reference.

Ours is started from this checkout and, where `make dist/hearth` has built it, as it is installed:
unpacked. Programs take turns; each is started once before, so that its files are in memory.
"""

import shutil
import statistics
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Final

from appliance.server.service.program import read_release
from appliance.server.service.steps import Tree
from tests.bench.servers import Authority, Program, Running, programs

_BUILT: Final = Path("dist/hearth")


def main(rounds: int) -> None:
    directory = Path(tempfile.mkdtemp(prefix="hearth-bench-"))
    try:
        authority = Authority.create(directory)
        measured = _programs(directory)
        for program in measured:
            Running(program, authority).stop()
        starts: dict[str, list[float]] = defaultdict(list)
        costs: dict[str, list[float]] = defaultdict(list)
        for _ in range(rounds):
            for program in measured:
                server = Running(program, authority)
                starts[program.name].append(server.first_answer)
                costs[program.name].append(server.first_cost)
                server.stop()
    finally:
        shutil.rmtree(directory)
    print("| program | first answer s | of that, processor s |\n|---|---|---|")
    for name, found in starts.items():
        print(f"| {name} | {statistics.median(found):.2f} | {statistics.median(costs[name]):.2f} |")


def _programs(directory: Path) -> list[Program]:
    ours, *others = programs()
    found = [replace(ours, name="hearth, this checkout"), *others]
    if _BUILT.exists():
        unpacked = read_release(_BUILT).unpacked
        assert unpacked is not None
        Tree(path=directory / "installed", unpacked=unpacked).carry_out()
        command = [str(directory / "installed" / "hearth"), "serve"]
        found.insert(0, replace(ours, name="hearth, installed", command=command))
    return found
