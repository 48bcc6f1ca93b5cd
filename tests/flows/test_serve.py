"""The server as a process: made by `ca init`, asked over HTTPS, told by signals, judged by exit."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.appliance import PASSWORD, Appliance, environment
from tests.support.load import csr
from tests.support.terminal import on_terminal


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """One authority for the tests of this file, stopped between them."""
    appliance = Appliance(tmp_path_factory.mktemp("serve"))
    yield appliance
    if appliance.process is not None:
        appliance.kill()


@pytest.fixture
def appliance(made: Appliance) -> Iterator[Appliance]:
    made.log.write_bytes(b"")
    before = made.ca_json.read_bytes()
    yield made
    made.stop()
    made.ca_json.write_bytes(before)


def post(appliance: Appliance, path: str, body: object) -> tuple[int, dict[str, object]]:
    request = urllib.request.Request(appliance.url + path, json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, context=appliance.context(), timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def sign(appliance: Appliance, name: str) -> int:
    key = ec.generate_private_key(ec.SECP256R1())
    status, _ = post(
        appliance, "/1.0/sign", {"csr": csr(name, key), "ott": appliance.load.token(name)}
    )
    return status


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def tell(appliance: Appliance, number: signal.Signals) -> None:
    assert appliance.process is not None
    appliance.process.send_signal(number)


def test_it_signs_reloads_and_ends_with_zero(appliance: Appliance) -> None:
    appliance.start()
    assert appliance.process is not None
    pid = appliance.process.pid
    assert sign(appliance, "first.test") == 201
    document = json.loads(appliance.ca_json.read_text())
    document["authority"]["claims"] = {"disableRenewal": True}
    document["dnsNames"].append("extra.test")
    appliance.ca_json.write_text(json.dumps(document))
    tell(appliance, signal.SIGHUP)
    wait_for(lambda: appliance.log.read_text().count("Serving HTTPS on") == 2)
    assert sign(appliance, "second.test") == 201
    appliance.ca_json.write_text("{")
    tell(appliance, signal.SIGHUP)
    wait_for(lambda: "error reloading: " in appliance.log.read_text())
    assert sign(appliance, "third.test") == 201
    assert appliance.process.pid == pid
    assert appliance.stop() == 0
    log = appliance.log.read_text()
    assert log.rstrip().endswith("shutting down ...")
    assert PASSWORD not in log
    assert not re.search(r"ey[\w-]+\.ey[\w-]+\.[\w-]+", log)  # no token


def test_interrupt_ends_it_as_termination_does(appliance: Appliance) -> None:
    appliance.start()
    tell(appliance, signal.SIGINT)
    assert appliance.process is not None
    assert appliance.process.wait(15) == 0


def test_a_second_signal_does_not_wait_for_requests(appliance: Appliance) -> None:
    appliance.start()
    plain = socket.create_connection(("127.0.0.1", appliance.port))
    with appliance.context().wrap_socket(plain, server_hostname="localhost") as slow:
        slow.sendall(b"POST /sign HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n1")
        time.sleep(0.3)
        tell(appliance, signal.SIGTERM)
        wait_for(lambda: "shutting down" in appliance.log.read_text())
        time.sleep(0.3)
        assert appliance.process is not None
        assert appliance.process.poll() is None
        tell(appliance, signal.SIGTERM)
        assert appliance.process.wait(5) == 1
    appliance.process = None
    appliance.start()  # the store was closed: it opens again
    assert sign(appliance, "again.test") == 201


def test_a_free_port_is_told(appliance: Appliance) -> None:
    started = subprocess.Popen(
        [*appliance.command, "serve", "--password-file", str(appliance.password_file)]
        + ["--address", "127.0.0.1:0", "--quiet"],
        env=environment(appliance.steppath),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert started.stderr is not None
    with started:
        line = started.stderr.readline()
        found = re.search(r"Serving HTTPS on 127\.0\.0\.1:(\d+) \.\.\.$", line)
        assert found, line
        port = int(found[1])
        with urllib.request.urlopen(
            f"https://localhost:{port}/health", context=appliance.context(), timeout=10
        ) as answer:
            assert answer.status == 200
        started.send_signal(signal.SIGTERM)
        assert started.wait(15) == 0


def test_systemd_gets_its_word_and_gives_the_password(appliance: Appliance, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "hearth-password").write_text(PASSWORD + "\n")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        started = subprocess.Popen(
            [*appliance.command, "serve", "--pidfile", str(tmp_path / "pid")],
            env=environment(appliance.steppath)
            | {
                "CREDENTIALS_DIRECTORY": str(credentials),
                "NOTIFY_SOCKET": str(tmp_path / "notify"),
            },
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert started.stderr is not None
        with started:
            assert systemd.recv(100) == b"READY=1"
            assert (tmp_path / "pid").read_text() == f"{started.pid}\n"
            started.send_signal(signal.SIGHUP)
            assert systemd.recv(100).startswith(b"RELOADING=1\n")
            assert systemd.recv(100) == b"READY=1"
            started.send_signal(signal.SIGTERM)
            assert systemd.recv(100) == b"STOPPING=1"
            assert started.wait(15) == 0
        assert not (tmp_path / "pid").exists()


def test_the_password_is_asked_for_on_a_terminal(appliance: Appliance) -> None:
    command = [*appliance.command, "serve", "--address", "127.0.0.1:0"]
    environ = environment(appliance.steppath)
    with on_terminal(command, cwd=appliance.directory, environ=environ) as terminal:
        terminal.wait_for("password to decrypt")
        terminal.type(PASSWORD + "\n")
        terminal.wait_for("Serving HTTPS on")
        assert PASSWORD not in terminal.screen
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.end() == 0


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["/no/such/ca.json"], 1, "/no/such/ca.json: there is no such file\n"),
        (["a", "b"], 1, "too many positional arguments"),
        (["--no-such-flag"], 1, "--no-such-flag"),
        (["--token", "t"], 1, "flag '--token' is refused: "),
        (["--issuer-password-file", "f"], 1, "flag '--issuer-password-file' is refused: "),
        (["--acme-http-port", "8080"], 1, "requires the '--insecure' flag"),
        (["--resolver", "1.1.1.1:x"], 1, "flag '--resolver': '1.1.1.1:x' is not the address of"),
        (["--address", "nonsense"], 1, "flag '--address': 'nonsense' is not an address"),
        (["--context", "nowhere"], 1, "there is no context 'nowhere'"),
        ([], 2, "there is no terminal to ask on: Please enter the password to decrypt"),
        (["--password-file", "/no/such/file"], 2, "/no/such/file: the password file cannot be"),
        (["--password-file", "{wrong}"], 2, "intermediate_ca_key: the password does not open"),
        (["{broken}"], 2, "broken.json: line 1, column 2: is not JSON"),
        (["{refused}"], 2, "refused.json: db.type: MySQL is not supported"),
    ],
)
def test_what_keeps_it_from_serving_is_one_line_and_an_exit_code(
    made: Appliance, tmp_path: Path, arguments: list[str], code: int, text: str
) -> None:
    """step-ca's codes: 1 for the command line or no configuration, 2 for what is in it."""
    document = json.loads(made.ca_json.read_text())
    files = {
        "wrong": "another password",
        "broken": "{",
        "refused": json.dumps(document | {"db": {"type": "mysql", "dataSource": "x"}}),
    }
    named = {}
    for name, content in files.items():
        named[name] = tmp_path / (name + ("" if name == "wrong" else ".json"))
        named[name].touch(mode=0o600)
        named[name].write_text(content)
    given = [each.format(**named) for each in arguments]
    ended = made.run("serve", *given)
    assert ended.returncode == code
    assert text in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_it_serves_with_the_flags_that_say_how_acme_looks_at_targets(appliance: Appliance) -> None:
    appliance.start(
        "--resolver", "127.0.0.1:53", "--insecure", "--acme-http-port", "8080",
        "--acme-tls-port", "8443", "--acme-strict-fqdn",
    )  # fmt: skip
    assert "warning" not in appliance.log.read_text()
    assert appliance.stop() == 0


def test_called_step_ca_it_serves(appliance: Appliance, tmp_path: Path) -> None:
    """A unit that names step-ca keeps working after a symbolic link."""
    script = tmp_path / "step-ca"
    script.write_text(
        f"#!{sys.executable}\nimport sys\nfrom appliance.cli.main import main\nsys.exit(main())\n"
    )
    script.chmod(0o755)
    ended = subprocess.run(
        [str(script), "/no/such/ca.json"],
        env=environment(appliance.steppath) | {"PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 1
    assert "there is no such file" in ended.stderr
