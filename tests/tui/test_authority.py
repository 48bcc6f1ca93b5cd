"""The console over a real authority in this process: two threads and a bridge, as `hearth` has."""

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
from tests.support.piloted import Piloted, play
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
        play(console, partial(use, console, serial, tmp_path / "tv.json"))
    finally:
        server.tell(controls.stop.set)
        server.join()
    assert server.error is None
    assert f'"serial":"{serial}"' in (tmp_path / "tv.json").read_text()


async def use(app: Console, serial: int, file: Path, pilot: Pilot[Ending]) -> None:
    console = Piloted(app=app, pilot=pilot)
    await console.shows("2 issued", "2 active")
    await console.press("3")
    await console.shows("2 found")
    await console.press("slash", *"tv", "enter")
    await console.until(lambda: "nas" not in console.text)
    await console.press("r", "tab", *"sold", "enter", *str(serial)[-4:], "enter")
    await console.shows("■ revoked  tv.home.arpa")
    await console.press("w", "tab", "down", "down", "down", "enter", "tab")
    console.app.screen.query_one("#path", Input).value = str(file)
    await console.press("enter")
    await console.until(file.exists)
    await console.press("escape", "1")
    await console.shows("1 revoked")
    await look_after_the_box(console, file.parent / "stick")


async def look_after_the_box(console: Piloted, stick: Path) -> None:
    """See the keys, make a backup, verify the journal, and read the log."""
    await console.press("5")
    await console.shows("● intermediate")
    assert "issuer.key" in console.text
    await console.press("6", "b", "o")
    console.app.screen.query_one("#place", Input).value = str(stick)
    await console.press("enter")
    await console.shows("● backup")
    assert len(list(stick.iterdir())) == 1
    await console.press("escape", "e", "v")
    await console.shows("● unbroken")
    assert "revoked" in console.text
    await console.press("escape", "l")
    await console.shows("POST")
    await console.press("escape", "s", "r")
    await console.shows("● in force as written")
