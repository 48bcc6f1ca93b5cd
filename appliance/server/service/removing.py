"""The service taken off the machine; what the CA made stays, unless that is to go, too."""

import pwd
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from appliance.server.service.installing import starting
from appliance.server.service.layout import SETTINGS, USER, Init, Layout
from appliance.server.service.steps import Command, Gone, Run, Step

_UNITS: Final = ("hearth.service", "hearth-unlock.socket", "hearth-unlock@.service")
_RULES: Final = (
    "/etc/sysusers.d/hearth.conf",
    "/etc/udev/rules.d/70-hearth.rules",
    "/etc/polkit-1/rules.d/70-hearth.rules",
    "/etc/runlevels/default/hearth",
    "/etc/systemd/system/multi-user.target.wants/hearth.service",
)


def steps_of(
    layout: Layout, init: Init, run: Run, *, extras: Sequence[Path], purge: bool
) -> list[Step]:
    """Give the steps that remove the service and the program; with `purge`, the CA itself."""
    steps: list[Step] = []
    if layout.is_here and init is not Init.NONE:
        steps += _stopping(init, run, layout)
    gone = [
        *(layout.units / each for each in _UNITS),
        layout.choices,
        layout.script,
        *map(Path, _RULES),
        *(layout.prefix / each for each in extras),
        *_links(layout),
        layout.program,
        layout.releases,
    ]
    steps += [Gone(path=layout.at(each)) for each in gone]
    if layout.is_here and init is Init.SYSTEMD:
        steps.append(Command(command=("systemctl", "daemon-reload"), run=run))
    if purge:
        steps += [Gone(path=layout.at(layout.data)), Gone(path=layout.at(SETTINGS))]
        if layout.is_here:
            steps.append(Command(command=("userdel", USER), run=run, done=_has_no_account))
    return steps


def _stopping(init: Init, run: Run, layout: Layout) -> list[Step]:
    def absent() -> bool:
        there = layout.script if init is Init.OPENRC else layout.units / "hearth.service"
        return not there.exists()

    stop = starting(init, "stop", run)
    disable = (
        ("rc-update", "del", "hearth", "default")
        if init is Init.OPENRC
        else ("systemctl", "disable", "--quiet", "hearth.service", "hearth-unlock.socket")
    )
    return [
        Command(command=stop.command, run=run, done=absent),
        Command(command=disable, run=run, done=absent),
    ]


def _links(layout: Layout) -> list[Path]:
    """Give the other names of the program, where they are names of ours."""
    names = [layout.program.parent / each for each in ("step", "step-ca")]
    return [each for each in names if _leads_to_us(layout.at(each))]


def _leads_to_us(link: Path) -> bool:
    return link.is_symlink() and str(link.readlink()) == "hearth"


def _has_no_account() -> bool:
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return True
    return False
