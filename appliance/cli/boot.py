"""A service of the CA that the first run has made: whether it can be, and making it."""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from appliance.cli.extras import extras
from appliance.cli.install import set_up
from appliance.cli.service_flags import layout_of
from appliance.config.location import Location, find
from appliance.model.errors import HearthError
from appliance.model.founding import Boot, Unlock
from appliance.operator.remote import NotListening, open_connection
from appliance.server.founding.course import FirstRun
from appliance.server.service import layout as service
from appliance.server.service.installing import found_init
from appliance.server.service.layout import DATA, Device, Init, Layout, Order

_WAYS: Final = {
    Unlock.ASK: service.Unlock.CONSOLE,
    Unlock.FILE: service.Unlock.FILE,
    Unlock.SEALED: service.Unlock.CREDENTIAL,
}
_BEHIND: Final = {"yubikey": (Device.PCSC,), "pkcs11": (Device.PCSC, Device.USB)}


def place(environ: Mapping[str, str]) -> Location:
    """Find the CA, or where one is to be: root's is where a service sees it.

    Whoever names a step path, or has a CA in the usual one, means that.
    """
    found = find(environ)
    usual = found.ca_json.exists() or found.defaults_json.exists() or "STEPPATH" in environ
    if usual or os.geteuid() != 0 or _init(Layout()) is Init.NONE:
        return found
    return Location(base=DATA)


def boot(location: Location) -> Boot:
    """Say whether the CA of this place can be made a service, by this program and this user."""
    here = Layout()
    init = _init(here)
    if init is Init.NONE:
        return Boot(otherwise=f"have this machine run `{_serve(location)}` (homelab.md 1).")
    if not getattr(sys, "frozen", False):
        return Boot(
            otherwise=f"have this machine run `{_serve(location)}`; only the one file or the "
            "package makes a service of itself (homelab.md 1)."
        )
    try:
        layout_of("/", str(here.prefix), str(location.path))
    except HearthError:
        return Boot(otherwise="leave (Ctrl+S) and begin with `sudo hearth`: it makes a service.")
    if os.geteuid() != 0:
        return Boot(
            otherwise=f"`sudo hearth install --data {location.path}` makes it a service, when this "
            "is finished."
        )
    systemd = init is Init.SYSTEMD
    return Boot(is_possible=True, can_ask=systemd, can_seal=systemd)


def is_served(location: Location) -> bool:
    """Say whether the CA of this place runs already, so that it is only to be shown."""
    try:
        open_connection(location.db).close()
    except NotListening:
        return False
    except HearthError:  # it runs, and says itself what is wrong
        return True
    return True


def serve_at_boot(run: FirstRun) -> None:
    """Make a service of the CA that was made, and start it. Raises HearthError."""
    layout = layout_of("/", str(Layout().prefix), str(run.location.path))
    from appliance.cli.main import command_tree  # noqa: PLC0415 - which leads here

    with click.Context(command_tree("hearth"), info_name="hearth"):
        texts = extras(layout)
    set_up(replace(order_of(run, layout, _init(layout)), extras=texts))


def order_of(run: FirstRun, layout: Layout, init: Init) -> Order:
    """Say what is to be installed: what opens the keys, and which devices they are behind.

    PINs are in files that ca.json names, or are typed at the console.
    """
    unlock = service.Unlock.NONE if run.password is None else _WAYS[run.draft.unlock]
    asked = unlock in (service.Unlock.NONE, service.Unlock.CONSOLE)
    devices = {each for scheme in run.schemes for each in _BEHIND[scheme]}
    return Order(
        layout=layout,
        init=init,
        unlock=unlock,
        password=None if asked else run.password,
        devices=frozenset(devices) or None,
    )


def _init(layout: Layout) -> Init:
    try:
        return found_init(layout)
    except HearthError:
        return Init.NONE


def _serve(location: Location) -> str:
    usual = Path("~/.step").expanduser()
    before = f"STEPPATH={location.base} " if location.base != usual else ""
    return f"{before}hearth serve"
