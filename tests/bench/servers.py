"""The programs under measurement: ours, and step-ca where it is on PATH, over one PKI."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.support.load import Provisioner

PASSWORD = "bench"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to start, and how it wants its configuration.

    `settings` are more keys of ca.json, `environment` more variables.
    """

    name: str
    command: list[str]
    database: dict[str, str]
    settings: Mapping[str, int] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def workers(self) -> int:
        return self.settings.get("workers", 0)


def programs(workers: Sequence[int] = ()) -> list[Program]:
    """Ours from this checkout, again with so many workers, and the reference when it is there."""
    ours = Program(
        name="hearth",
        command=[sys.executable, "-m", "appliance.cli.main", "serve"],
        database={"type": "leveldb"},
        environment={"PYTHONDONTWRITEBYTECODE": ""},  # it starts as it does every other time
    )
    all_of_ours = [
        ours,
        *(
            replace(ours, name=f"hearth with {count} workers", settings={"workers": count})
            for count in workers
        ),
    ]
    reference = shutil.which("step-ca")
    if reference is None:
        return all_of_ours
    return [
        *all_of_ours,
        Program(name="step-ca", command=[reference], database={"type": "badgerv2"}),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A PKI made by `ca init`, and the provisioner whose key the load generator holds.

    Both programs look for http-01's answers at the port of `challenged`.
    """

    directory: Path
    provisioner: Provisioner
    challenged: socket.socket

    @classmethod
    def create(cls, directory: Path) -> "Authority":
        directory.mkdir(parents=True, exist_ok=True)
        password = directory / "password"
        password.write_text(PASSWORD)
        step = directory / "step"
        subprocess.run(
            [sys.executable, "-m", "appliance.cli.main", "ca", "init", "--name", "Bench"]
            + ["--dns", "localhost", "--address", "127.0.0.1:0", "--provisioner", "admin"]
            + ["--deployment-type", "standalone", "--ssh", "--password-file", str(password)],
            env={**os.environ, "STEPPATH": str(step)},
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return cls(
            directory=directory,
            provisioner=Provisioner.generate("bench"),
            challenged=socket.create_server(("0.0.0.0", 0), backlog=1024),
        )

    @property
    def root(self) -> Path:
        return self.directory / "step" / "certs" / "root_ca.crt"

    def configuration(self, program: Program, port: int) -> Path:
        """Write a ca.json of this program's own beside a database of its own."""
        document = json.loads((self.directory / "step" / "config" / "ca.json").read_text())
        database = self.directory / f"db-{program.name}"
        document |= program.settings
        document["address"] = f"127.0.0.1:{port}"
        document["db"] = {**program.database, "dataSource": str(database)}
        document["authority"]["provisioners"] = [
            self.provisioner.entry(claims={"enableSSHCA": True}),
            {"type": "ACME", "name": "acme"},
        ]
        file = self.directory / f"ca-{program.name}.json"
        file.write_text(json.dumps(document))
        return file


class Running:
    """One started server.

    `first_answer` is the time from exec to a good /health, `first_cost` the processor time, both
    in seconds.
    """

    def __init__(self, program: Program, authority: Authority) -> None:
        self.program = program
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        self.database = authority.directory / f"db-{program.name}"
        file = authority.configuration(program, self.port)
        self.log = (authority.directory / f"{program.name}.log").open("ab")
        self._before = self.log.tell()
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [*program.command, str(file), "--password-file", str(authority.directory / "password")]
            + ["--insecure", "--acme-http-port", str(authority.challenged.getsockname()[1])],
            env={
                **os.environ,
                "STEPPATH": str(authority.directory / "step"),
                **program.environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )
        self.context = ssl.create_default_context(cafile=str(authority.root))
        while not self.answers():
            if self.process.poll() is not None or time.perf_counter() - began > 30:
                self.process.kill()
                raise RuntimeError(f"{program.name} does not start; see {self.log.name}")
            time.sleep(0.005)
        self.first_answer = time.perf_counter() - began
        self.first_cost = self.processor()
        while len(self.processes) <= program.workers or not self.is_manned():
            time.sleep(0.05)

    def is_manned(self) -> bool:
        """Whether all of it is there, and its workers serve; also when it has none."""
        told = Path(self.log.name).read_bytes()[self._before :]
        if b"Serving HTTPS on" not in told or not self.program.workers:
            return b"Serving HTTPS on" in told
        with urllib.request.urlopen(f"{self.url}/health?verbose", context=self.context) as answer:
            conditions = json.load(answer)["conditions"]
        return any(each["name"] == "workers" and each["ok"] for each in conditions)

    @property
    def processes(self) -> list[int]:
        """Its own number, and those of its workers."""
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [
            self.process.pid,
            *(int(pid) for file in children for pid in file.read_text().split()),
        ]

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(
                f"{self.url}/health", context=self.context, timeout=2
            ) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def memory(self) -> float:
        """Resident memory in MB, of all its processes: what they share is counted to each."""
        found = 0
        for pid in self.processes:
            status = Path(f"/proc/{pid}/status").read_text()
            line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
            found += int(line.split()[1])
        return found / 1024

    def processor(self) -> float:
        """Seconds of processor time used so far, by all of its threads and processes."""
        found = 0
        for pid in self.processes:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            found += int(fields[11]) + int(fields[12])
        return found / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=90)
        self.log.close()

    def disk(self) -> int:
        """Octets that the database takes on disk."""
        return sum(
            file.stat().st_blocks * 512 for file in self.database.rglob("*") if file.is_file()
        )
