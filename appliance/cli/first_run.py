"""`hearth` on a terminal where there is no CA yet: the wizard, then server and console.

The wizard's engine runs in a thread with Trio, as the server does later; when it has ended, the
passwords that were typed open the keys once, and the same process goes on as the CA.
"""

import asyncio
import secrets
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeAlias

import trio

from appliance.cli import terminal
from appliance.cli.boot import boot, serve_at_boot
from appliance.cli.clock import SystemClock
from appliance.config.location import Location
from appliance.model.errors import Broken, HearthError
from appliance.model.founding import Founded
from appliance.model.secret import Password
from appliance.model.tokens import TokenState
from appliance.operator.bridge import Bridge
from appliance.operator.founding import BridgedFirstCertificates, BridgedFounding, FirstCertificates
from appliance.operator.interface import Issuance
from appliance.operator.remote import RemoteOperator, connected
from appliance.operator.thread import ServerThread
from appliance.server.founding.course import FirstRun
from appliance.server.founding.first import FirstIssuance
from appliance.server.launch import Launch, Running
from tui.wizard import Greeting, Wizard

Welcome: TypeAlias = Callable[[Bridge, Running], tuple[FirstCertificates, Founded]]


def begun(location: Location) -> FirstRun:
    """Give the first run of a step path, wherever it is."""
    return FirstRun(
        location=location,
        now=SystemClock().now,
        octets=secrets.token_bytes,
        boot=boot(location),
    )


def guide(run: FirstRun) -> int:
    """Show the wizard to its end, then serve with the console; give the exit code."""
    from appliance.cli.console import run_with_console  # noqa: PLC0415 - each calls the other

    founded = _shown(run)
    if founded is None:
        made = "It is made; `hearth` starts it." if not run.is_under_way() else ""
        _say(made or "Left as it is. Call `hearth` again to go on.")
        return 0
    if founded.is_service:
        return _serve_at_boot(run, founded)
    _say(f"Starting {founded.name} ...")
    launch = Launch(
        file=run.location.ca_json,
        context=run.location.context.name if run.location.context else "",
        password=run.password,
        pins=run.pins,
    )
    name, password = run.provisioner
    welcome = partial(_welcome, run, founded, name, password) if password else None
    return run_with_console(launch, welcome)


def _serve_at_boot(run: FirstRun, founded: Founded) -> int:
    """Make the service, have it issue the first certificate, and show its console."""
    try:
        serve_at_boot(run)
    except HearthError:
        _say(f"The CA is made. hearth install --data {run.location.path} makes it a service, once:")
        raise
    directory = run.location.db

    async def attach(*, task_status: trio.TaskStatus[RemoteOperator]) -> None:
        async with connected(directory) as operator:
            for token, pin in run.pins.items():
                await _open(operator, token, pin)
            task_status.started(operator)
            await trio.sleep_forever()

    name, password = run.provisioner
    thread: ServerThread[RemoteOperator] = ServerThread(attach)
    operator = thread.start()
    try:
        if password is not None:
            made = _certificates(run, founded, name, password, operator)
            asyncio.run(_run(Greeting(BridgedFirstCertificates(thread.bridge, made), founded)))
    finally:
        thread.cancel()
        thread.join()
    return attached(run.location)


def attached(location: Location) -> int:
    """Show the console of the CA that runs at this place already."""
    from appliance.cli.attached import console  # noqa: PLC0415 - it is seldom wanted

    flags = ["--ca-config", str(location.ca_json)]
    code = console.main(flags, prog_name="hearth console", standalone_mode=False)
    return code if isinstance(code, int) else 0


async def _open(operator: RemoteOperator, token: str, pin: Password) -> None:
    """Give a token the PIN that was typed; where that fails, the console says how it is."""
    with suppress(HearthError):
        statuses = await operator.tokens()
        waiting = [each for each in statuses if each.state is not TokenState.READY]
        for each in waiting if len(waiting) == 1 else (e for e in waiting if e.uri == token):
            await operator.unlock_token(each.name, pin.reveal().decode())


def _shown(run: FirstRun) -> Founded | None:
    async def engine(*, task_status: trio.TaskStatus[FirstRun]) -> None:
        task_status.started(run)
        await trio.sleep_forever()

    thread: ServerThread[FirstRun] = ServerThread(engine)
    thread.start()
    try:
        return asyncio.run(_run(Wizard(BridgedFounding(thread.bridge, run), terminal.seat())))
    finally:
        thread.cancel()
        thread.join()


async def _run(wizard: Wizard | Greeting) -> Founded | None:
    """Run a part of it; a signal, or a terminal that has gone, ends it with its answers kept."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, wizard.exit)
    try:
        founded = await wizard.run_async(mouse=wizard.seat.terminal.mouse)
        if wizard.fault is not None:
            fault = f"{type(wizard.fault).__name__}: {wizard.fault}"
            raise Broken(f"the wizard failed; what was answered is kept ({fault})")
        return founded
    finally:
        if not terminal.is_there():
            terminal.let_go()


def _welcome(
    run: FirstRun,
    founded: Founded,
    provisioner: str,
    password: Password,
    bridge: Bridge,
    running: Running,
) -> tuple[FirstCertificates, Founded]:
    certificates = _certificates(run, founded, provisioner, password, running.issuance)
    return BridgedFirstCertificates(bridge, certificates), founded


def _certificates(
    run: FirstRun, founded: Founded, provisioner: str, password: Password, issuance: Issuance
) -> FirstIssuance:
    return FirstIssuance(
        issuance=issuance,
        location=run.location,
        url=founded.url,
        provisioner=provisioner,
        password=password,
        directory=Path.cwd(),
        now=SystemClock().now,
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - the terminal is ours again
