"""Commands that only a running CA can answer."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import trio

from appliance.cli.ca_json import ca_json
from appliance.config.loading import load
from appliance.config.settings import LevelDbSettings
from appliance.model.errors import NotSupported
from appliance.operator.remote import NotListening, RemoteOperator, connected

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def which_ca(function: F) -> F:
    """Add the flags that say which CA is meant."""
    function = click.option("--context", metavar="<name>", help="The context whose CA is meant.")(
        function
    )
    return click.option(
        "--ca-config", metavar="<file>", help="The CA's ca.json; that of the context by default."
    )(function)


def control_directory(ca_config: str | None) -> Path:
    """Find where the running CA can be asked. Raises NotSupported without a database."""
    file: Path = ca_json(ca_config)
    database = load(file).database
    if not isinstance(database, LevelDbSettings):
        raise NotSupported(f"{file} has no `db`, and so the CA no control socket")
    return database.directory


def ask_running(ca_config: str | None, use: Callable[[RemoteOperator], Awaitable[T]]) -> T:
    """Ask the running CA. Raises NotListening when none runs, NotSupported without a database."""
    directory = control_directory(ca_config)

    async def main() -> T:
        try:
            async with connected(directory) as operator:
                return await use(operator)
        except NotListening as error:
            text = f"the CA does not run, and only it can tell: start it ({error.public})"
            raise NotListening(text) from error

    return trio.run(main)
