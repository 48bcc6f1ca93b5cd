"""The agent: a real one, and ones that misbehave."""

import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from appliance.client.ssh import agent as client
from appliance.client.ssh.agent import Agent, open_agent
from appliance.formats.keys import PrivateKey
from appliance.formats.ssh import authorized, keys, wire
from appliance.formats.ssh.agent import AgentKey
from appliance.formats.ssh.certificate import SshCertificate
from appliance.model.errors import BadRequest, Broken, HearthError, Unavailable
from tests.support import ssh_agent

KEYS: dict[str, PrivateKey] = {
    "ecdsa-256": ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-521": ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
    "rsa": rsa.generate_private_key(65537, 2048),
}


@pytest.fixture(scope="module")
def socket() -> Iterator[Path]:
    with ssh_agent.running() as socket:
        yield socket


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ca")
    for name in ("ca", "other"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True
        )
    return folder


def certified(folder: Path, key: PrivateKey, *flags: str, ca: str = "ca") -> SshCertificate:
    """Let ssh-keygen certify a key."""
    file = folder / "key.pub"
    file.write_text(f"{keys.of_key(key.public_key()).line}\n")
    command = ["ssh-keygen", "-q", "-s", str(folder / ca), "-I", "id", *flags, str(file)]
    subprocess.run(command, check=True, timeout=20)
    held, _ = authorized.read((folder / "key-cert.pub").read_bytes())
    assert isinstance(held, SshCertificate)
    return held


@pytest.mark.parametrize("kind", KEYS)
async def test_a_certificate_goes_in_and_out(kind: str, socket: Path, folder: Path) -> None:
    held = certified(folder, KEYS[kind], "-V", "always:forever")
    async with open_agent(str(socket)) as agent:
        await agent.add(KEYS[kind], held, "jane", datetime.now(UTC))
        (found,) = await agent.keys()
        assert found == AgentKey(blob=held.blob, comment="jane")
        assert found.certificate == held
        assert [found.line] == ssh_agent.listed(socket)
        await agent.remove(found)
        assert await agent.keys() == ()


async def test_it_is_forgotten_when_it_ends(socket: Path, folder: Path) -> None:
    key, now = KEYS["ed25519"], datetime.now(UTC)
    held = certified(folder, key, "-V", "always:20300101000000Z")
    end = datetime.fromtimestamp(held.valid_before, UTC)
    async with open_agent(str(socket)) as agent:
        await agent.add(key, held, "jane", end - timedelta(seconds=1))
        with trio.fail_after(60):
            while await agent.keys():
                await trio.sleep(0.2)
        with pytest.raises(BadRequest, match="expired"):
            await agent.add(key, held, "jane", end)
        await agent.add(key, held, "jane", now)
        await agent.remove_all()
        assert await agent.keys() == ()


async def test_keys_are_told_apart(socket: Path, folder: Path) -> None:
    """By who signed them, by being certificates at all, and by their time."""
    key = KEYS["ed25519"]
    ours = certified(folder, key, "-V", "always:20200101000000Z")
    theirs = certified(folder, key, "-V", "always:forever", ca="other")
    mere = keys.of_key(key.public_key())
    held = [AgentKey(blob=each.blob, comment="") for each in (ours, theirs, mere)]
    now = datetime.now(UTC)
    assert [*map(client.signed_by([ours.signature_key]), held)] == [True, False, False]
    assert [*map(client.is_certificate, held)] == [True, True, False]
    assert [client.is_expired(each, now) for each in held] == [True, False, False]


async def test_a_locked_agent_says_so(socket: Path, folder: Path) -> None:
    key = KEYS["ed25519"]
    held = certified(folder, key, "-V", "always:forever")
    async with open_agent(str(socket)) as agent:
        assert await agent._ask(bytes((22,)) + wire.string("pw")) == b"\x06"
        try:
            assert await agent.keys() == ()
            with pytest.raises(Unavailable, match="is it locked"):
                await agent.add(key, held, "jane", datetime.now(UTC))
        finally:
            assert await agent._ask(bytes((23,)) + wire.string("pw")) == b"\x06"


@pytest.mark.parametrize(
    ("path", "says"),
    [("", "SSH_AUTH_SOCK is not set"), ("/nonexistent/s", "no such file"), ("x" * 200, "xxx")],
)
async def test_an_agent_that_is_not_there(path: str, says: str) -> None:
    with pytest.raises(Unavailable, match=says):
        async with open_agent(path):
            pass


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    """Be an agent that answers anything with these octets, and ends the connection."""
    with tempfile.TemporaryDirectory(prefix="agent-") as folder:
        name = os.path.join(folder, "s")  # noqa: PTH118 - a text is wanted
        listening = trio.socket.socket(trio.socket.AF_UNIX)
        await listening.bind(name)
        listening.listen()

        async def serve(stream: trio.SocketStream) -> None:
            async with stream:
                await stream.receive_some(1000)
                await stream.send_all(answer)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, serve, [trio.SocketListener(listening)])
            yield name
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0\0",
        wire.string(b""),
        wire.string(b"\x05"),
        wire.string(b"\x0c"),
        wire.string(b"\x0c\xff\xff\xff\xff"),
        wire.string(b"\x0c\0\0\0\1\0\0\0\5abc"),
        wire.string(b"\x0c\0\0\0\0more"),
        b"\xff\xff\xff\xff",
        wire.string(b"\x0c\0\0\0\0")[:-1],
    ],
)
async def test_whatever_it_answers_an_error_of_ours_says_it(answer: bytes) -> None:
    async with answering(answer) as socket:
        with pytest.raises((Unavailable, Broken)):
            async with open_agent(socket) as agent:
                await agent.keys()


@pytest.mark.parametrize("answer", [b"", b"\x05", b"\x0c"])
async def test_what_it_refuses_is_not_taken_for_done(answer: bytes) -> None:
    calls: list[Callable[[Agent], Awaitable[None]]] = [
        Agent.remove_all,
        lambda agent: agent.remove(AgentKey(blob=b"", comment="")),
    ]
    for call in calls:
        async with answering(wire.string(answer)) as socket:
            with pytest.raises(HearthError, match="refused"):
                async with open_agent(socket) as agent:
                    await call(agent)


async def test_comments_and_keys_that_nobody_can_read_are_shown_all_the_same() -> None:
    blob, comment = wire.string("ssh-new") + b"\1\2", b"\xff"
    answer = b"\x0c" + wire.uint32(1) + wire.strings((blob, comment))
    async with answering(wire.string(answer)) as socket, open_agent(socket) as agent:
        (found,) = await agent.keys()
    assert found.certificate is None
    assert found.line.startswith("ssh-new ")
    assert found.line.endswith(" \ufffd")
