"""How SSH's connection is made: over a bastion by another ssh, or directly."""

import socket
import subprocess
import sys
import threading

import pytest

from appliance.cli.ssh_proxycommand import bastion_command
from appliance.client.ssh.hosts import Bastion
from appliance.model.errors import BadRequest


@pytest.mark.parametrize(
    ("bastion", "expected"),
    [
        (Bastion(hostname="b"), ["--", "b", "nc", "h", "22"]),
        (
            Bastion(hostname="b", user="u", port="2", flags="-4 -o 'A b'"),
            ["-l", "u", "-p", "2", "-4", "-o", "A b", "--", "b", "nc", "h", "22"],
        ),
        (Bastion(hostname="b", command="x %%h %h:%p %r %%"), ["--", "b", "x %h h:22 joe %"]),
        (Bastion(hostname="b", command="x %d"), ["--", "b", "x %d"]),
    ],
)
def test_the_command_for_a_bastion(bastion: Bastion, expected: list[str]) -> None:
    assert bastion_command(bastion, "joe", "h", "22") == ["ssh", *expected]


def test_a_name_is_no_command() -> None:
    """The bastion's shell gets names, whatever is in them."""
    for command in ("", "nc %h %p"):
        made = bastion_command(Bastion(hostname="b", command=command), "joe", "h;reboot", "$(x)")
        assert " ".join(made[3:]) == "nc 'h;reboot' '$(x)'"


def test_flags_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(BadRequest, match="flags of the CA's bastion"):
        bastion_command(Bastion(hostname="b", flags="-o 'x"), "joe", "h", "22")


CONNECT = (
    "import sys, trio; from appliance.cli import ssh_proxycommand as p; "
    "trio.run(p._connect, '127.0.0.1', sys.argv[1])"
)


def connected(server: socket.socket) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", CONNECT, str(server.getsockname()[1])],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


def test_the_last_words_of_a_host_come_after_the_end_of_ours() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        process = connected(server)
        heard = bytearray()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(20)
                while octets := connection.recv(65536):
                    heard.extend(octets)
                connection.sendall(bytes(1_000_000))

        thread = threading.Thread(target=serve)
        thread.start()
        said, _ = process.communicate(b"x" * 500_000, timeout=30)
        thread.join(20)
    assert (bytes(heard), said, process.returncode) == (b"x" * 500_000, bytes(1_000_000), 0)


def test_it_ends_with_the_host_though_ssh_is_still_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        process = connected(server)
        connection, _ = server.accept()
        connection.close()
        assert process.wait(20) == 0
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.stdout.close()
