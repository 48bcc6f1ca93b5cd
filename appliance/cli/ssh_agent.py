"""The SSH agent of the person who runs a command."""

import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from appliance.cli.online import now
from appliance.cli.prompts import failed, selected
from appliance.client.ssh.agent import Agent, open_agent
from appliance.formats.keys import PrivateKey
from appliance.formats.ssh.certificate import SshCertificate
from appliance.model.errors import HearthError

T = TypeVar("T")


def with_agent(call: Callable[[Agent], Awaitable[T]]) -> T:
    """Connect to the agent, and talk with it. Raises Unavailable where there is none."""

    async def once() -> T:
        async with open_agent(os.environ.get("SSH_AUTH_SOCK", "")) as agent:
            return await call(agent)

    return trio.run(once)


def hold(key: PrivateKey, certified: SshCertificate, comment: str, *, name: str) -> None:
    """Put a certificate into the agent, and say whether that went well."""
    try:
        with_agent(lambda agent: agent.add(key, certified, comment, now()))
    except HearthError as error:
        failed(name, str(error))
    else:
        selected(name, "yes")
