"""`hearth` on a terminal where there is no CA yet: the wizard, then server and console.

The wizard's engine runs in a thread with Trio, as the server does later; when it has ended, the
passwords that were typed open the keys once, and the same process goes on as the CA.
"""

import asyncio
import secrets
import shutil
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import trio

from appliance.cli import terminal
from appliance.cli.clock import SystemClock
from appliance.config.location import Location
from appliance.model.errors import Broken
from appliance.model.founding import Founded
from appliance.model.secret import Password
from appliance.operator.bridge import Bridge
from appliance.operator.founding import BridgedFirstCertificates, BridgedFounding, FirstCertificates
from appliance.operator.thread import ServerThread
from appliance.server.founding.course import FirstRun
from appliance.server.founding.first import FirstIssuance
from appliance.server.launch import Launch, Running
from tui.wizard import Wizard

Welcome: TypeAlias = Callable[[Bridge, Running], tuple[FirstCertificates, Founded]]


def begun(location: Location) -> FirstRun:
    """Give the first run of a step path, wherever it is."""
    return FirstRun(
        location=location,
        now=SystemClock().now,
        octets=secrets.token_bytes,
        installs=shutil.which("systemctl") is not None or Path("/sbin/openrc-run").exists(),
    )


def guide(run: FirstRun) -> int:
    """Show the wizard to its end, then serve with the console; give the exit code."""
    from appliance.cli.console import run_with_console  # noqa: PLC0415 - each calls the other

    founded = _shown(run)
    if founded is None:
        made = "It is made; `hearth` starts it." if not run.is_under_way() else ""
        _say(made or "Left as it is. Call `hearth` again to go on.")
        return 0
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


async def _run(wizard: Wizard) -> Founded | None:
    """Run the wizard; a signal, or a terminal that has gone, ends it with its answers kept."""
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
    certificates = FirstIssuance(
        issuance=running.issuance,
        location=run.location,
        url=founded.url,
        provisioner=provisioner,
        password=password,
        directory=Path.cwd(),
        now=SystemClock().now,
    )
    return BridgedFirstCertificates(bridge, certificates), founded


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - the terminal is ours again
