"""The console over a real authority in this process: two threads and a bridge, as `hearth` has."""

import asyncio
from collections.abc import Callable
from datetime import UTC
from functools import partial
from pathlib import Path

import httpx
from cryptography import x509
from textual.pilot import Pilot
from textual.widgets import Input

from appliance.operator.bridge import BridgedOperator
from appliance.operator.ring import EventRing
from appliance.operator.thread import ServerThread
from appliance.server.launch import Controls, Launch, Running
from appliance.server.run import serve_appliance
from tests.server.conftest import Authority, Lines
from tests.support.console import QUICK
from tui.app import Console
from tui.ending import Ending


def test_what_is_issued_is_counted_found_revoked_and_written(tmp_path: Path) -> None:
    authority, controls = Authority(tmp_path), Controls()
    serve = partial(
        serve_appliance,
        Launch(file=authority.file),
        ring=EventRing(),
        controls=controls,
        output=Lines(),
    )
    server: ServerThread[Running] = ServerThread(serve)
    running = server.start()
    try:
        with httpx.Client(
            base_url=f"https://localhost:{running.addresses[0][1]}", verify=authority.context()
        ) as client:
            client.post("/sign", json=authority.request("nas.home.arpa")).raise_for_status()
            issued = client.post("/sign", json=authority.request("tv.home.arpa"))
        serial = x509.load_pem_x509_certificate(issued.json()["crt"].encode()).serial_number
        console = Console(BridgedOperator(server.bridge, running.operator), zone=UTC, rhythm=QUICK)
        asyncio.run(use(console, serial, tmp_path / "tv.json"))
    finally:
        server.tell(controls.stop.set)
        server.join()
    assert server.error is None
    assert f'"serial":"{serial}"' in (tmp_path / "tv.json").read_text()


async def use(console: Console, serial: int, file: Path) -> None:
    async with console.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "2 issued" in shown(console) and "2 active" in shown(console))
        await pilot.press("3")
        await until(pilot, lambda: "2 found" in shown(console))
        await pilot.press("slash", *"tv", "enter")
        await until(pilot, lambda: "nas" not in shown(console))
        await pilot.press("r", "tab", *"sold", "enter", *str(serial)[-4:], "enter")
        await until(pilot, lambda: "■ revoked  tv.home.arpa" in shown(console))
        await pilot.press("w", "tab", "down", "down", "down", "enter", "tab")
        console.screen.query_one("#path", Input).value = str(file)
        await pilot.press("enter")
        await until(pilot, file.exists)
        await pilot.press("escape", "1")
        await until(pilot, lambda: "1 revoked" in shown(console))
        await look_after_the_box(console, pilot, file.parent / "stick")


async def look_after_the_box(console: Console, pilot: Pilot[Ending], stick: Path) -> None:
    """See the keys, make a backup, verify the journal, and read the log."""
    await pilot.press("5")
    await until(pilot, lambda: "● intermediate" in shown(console))
    assert "issuer.key" in shown(console)
    await pilot.press("6", "b", "o")
    console.screen.query_one("#place", Input).value = str(stick)
    await pilot.press("enter")
    await until(pilot, lambda: "● backup" in shown(console))
    assert len(list(stick.iterdir())) == 1
    await pilot.press("escape", "e", "v")
    await until(pilot, lambda: "● unbroken" in shown(console))
    assert "revoked" in shown(console)
    await pilot.press("escape", "l")
    await until(pilot, lambda: "POST" in shown(console))
    await pilot.press("escape", "s", "r")
    await until(pilot, lambda: "● in force as written" in shown(console))


async def until(pilot: Pilot[Ending], holds: Callable[[], object]) -> None:
    try:
        async with asyncio.timeout(20):
            while not holds():
                await pilot.pause(0.02)
    except TimeoutError:
        raise AssertionError(f"it never held:\n{shown(pilot.app)}") from None


def shown(app: object) -> str:
    assert isinstance(app, Console)
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())
