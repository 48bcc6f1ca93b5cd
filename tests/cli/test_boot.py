"""What the first run makes of a wish to start at boot."""

import os
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.cli import boot
from appliance.config.creation import Wishes
from appliance.config.location import Location
from appliance.model.ceremony import Role
from appliance.model.founding import Draft, Unlock
from appliance.model.secret import Password
from appliance.server.ceremony.plan import Plan
from appliance.server.ceremony.secrets import Secrets
from appliance.server.founding.course import FirstRun
from appliance.server.service import layout as service
from appliance.server.service.layout import DATA, Device, Init, Layout

CHOSEN = Password(b"a long password of my own")
FILES = {Role.ROOT: "/stick/root_ca_key", Role.INTERMEDIATE: f"{DATA}/secrets/intermediate_ca_key"}
ON_TOKEN = {
    Role.ROOT: "/stick/root_ca_key",
    Role.INTERMEDIATE: "yubikey:serial=1;slot-id=83",
}


def made(homes: dict[Role, str], unlock: Unlock) -> FirstRun:
    plan = Plan(wishes=Wishes(name="Home CA", provisioner="admin"), homes=homes, pin_sources={})
    known = dict.fromkeys(plan.phrases, CHOSEN)
    return FirstRun(
        location=Location(base=DATA),
        now=lambda: datetime.now(UTC),
        octets=secrets.token_bytes,
        plan=plan,
        draft=Draft(service=True, unlock=unlock),
        secrets=Secrets(known),
    )


@pytest.mark.parametrize(
    ("homes", "unlock", "way", "kept"),
    [
        (FILES, Unlock.ASK, service.Unlock.CONSOLE, None),
        (FILES, Unlock.FILE, service.Unlock.FILE, CHOSEN),
        (FILES, Unlock.SEALED, service.Unlock.CREDENTIAL, CHOSEN),
        (ON_TOKEN, Unlock.ASK, service.Unlock.NONE, None),
        (ON_TOKEN, Unlock.FILE, service.Unlock.NONE, None),
    ],
)
def test_the_service_gets_what_opens_the_keys_and_reaches_their_devices(
    homes: dict[Role, str], unlock: Unlock, way: service.Unlock, kept: Password | None
) -> None:
    """A PIN is in a file that ca.json names, or typed: it is no password of the service."""
    order = boot.order_of(made(homes, unlock), Layout(), Init.SYSTEMD)
    assert (order.unlock, order.password, order.start) == (way, kept, True)
    assert order.devices == (frozenset({Device.PCSC}) if homes is ON_TOKEN else None)


def test_root_s_ca_is_made_where_a_service_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(boot, "_init", lambda _: Init.SYSTEMD)
    assert boot.place({"HOME": str(tmp_path)}).base == DATA
    assert boot.place({"HOME": str(tmp_path), "STEPPATH": str(tmp_path)}).base == tmp_path
    usual = tmp_path / ".step" / "config" / "defaults.json"
    usual.parent.mkdir(parents=True)
    usual.touch()
    assert boot.place({"HOME": str(tmp_path)}).base == tmp_path / ".step"
    usual.unlink()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert boot.place({"HOME": str(tmp_path)}).base == tmp_path / ".step"


def test_what_cannot_be_done_from_here_is_told_as_a_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = Location(base=Path("/srv/hearth"))
    monkeypatch.setattr(boot, "_init", lambda _: Init.NONE)
    assert "STEPPATH=/srv/hearth hearth serve" in boot.boot(seen).otherwise
    monkeypatch.setattr(boot, "_init", lambda _: Init.SYSTEMD)
    assert "only the one file" in boot.boot(seen).otherwise
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "sudo hearth install --data /srv/hearth" in boot.boot(seen).otherwise
    hidden = Location(base=Path("/home/jane/.step"))
    assert "begin with `sudo hearth`" in boot.boot(hidden).otherwise
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    able = boot.boot(seen)
    assert (able.is_possible, able.can_ask, able.can_seal) == (True, True, True)
    monkeypatch.setattr(boot, "_init", lambda _: Init.OPENRC)
    able = boot.boot(seen)
    assert (able.is_possible, able.can_ask, able.can_seal) == (True, False, False)
