"""Which steps make the service: decided from the order and from what the machine says.

What is chosen once stays: a later call without a flag leaves that choice as it is.
"""

import pwd
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from appliance.model.errors import BadRequest, NotSupported
from appliance.server.service import rules, units
from appliance.server.service.layout import (
    SETTINGS,
    USER,
    Device,
    Init,
    Layout,
    Order,
    Unlock,
)
from appliance.server.service.program import Release, putting, using
from appliance.server.service.steps import (
    Command,
    Directory,
    File,
    Files,
    Gone,
    Link,
    Owned,
    Run,
    Step,
    carry_out,
)

_SEALS: Final = ("auto", "host", "tpm2", "host+tpm2")
_SYSTEMD: Final = ("lib/systemd/systemd", "usr/lib/systemd/systemd")
_SOCKET: Final = "hearth-unlock.socket"


def found_init(layout: Layout) -> Init:
    """Tell what starts services there. Raises NotSupported when it is neither of what we know."""
    if layout.is_here and Path("/run/systemd/system").is_dir():
        return Init.SYSTEMD
    if layout.at(Path("/sbin/openrc-run")).exists():
        return Init.OPENRC
    if not layout.is_here and any((layout.root / each).exists() for each in _SYSTEMD):
        return Init.SYSTEMD
    raise NotSupported(
        f"neither systemd nor OpenRC runs the services of {layout.root}; with --init none only "
        "the program is installed"
    )


def steps_of(order: Order, release: Release | None, run: Run) -> list[Step]:
    """Decide what is to be there. Raises BadRequest, NotSupported for what cannot be had."""
    layout = order.layout
    _check(order)
    steps: list[Step] = []
    if release is not None:
        steps += [*putting(layout, release), *using(layout, release.name)]
    if order.links:
        names = ("step", "step-ca")
        steps += [
            Link(path=layout.at(layout.program.parent / each), target="hearth") for each in names
        ]
    steps += refreshing(order) if release is not None else []
    if order.init is not Init.NONE:
        steps += [*_account(order, run), *_secrets(order, run), *_choices(order)]
        steps += _starting(order, run)
    return steps


def refreshing(order: Order) -> list[Step]:
    """Give the files that come with a version: unit, rules, manual pages, completions."""
    layout = order.layout
    texts = Files(
        below=layout.at(layout.prefix),
        kind="manual pages and completions",
        contents=order.extras,
    )
    steps: list[Step] = [texts] if order.extras else []
    if order.init is Init.NONE:
        return steps
    return steps + _service_files(order) + _rule_files(layout)


def _service_files(order: Order) -> list[Step]:
    layout = order.layout
    if order.init is Init.OPENRC:
        return [_text(layout, layout.script, units.openrc(layout), 0o755)]
    socket, asking = units.asking()
    return [
        _text(layout, layout.units / "hearth.service", units.unit(layout)),
        _text(layout, layout.units / _SOCKET, socket),
        _text(layout, layout.units / "hearth-unlock@.service", asking),
    ]


def _rule_files(layout: Layout) -> list[Step]:
    etc, usr = Path("/etc"), Path("/usr/lib")
    shared = Path("/usr/share") if layout.is_packaged else etc
    base = usr if layout.is_packaged else etc
    return [
        _text(layout, base / "sysusers.d/hearth.conf", units.account(layout)),
        _text(layout, base / "udev/rules.d/70-hearth.rules", rules.udev()),
        _text(layout, shared / "polkit-1/rules.d/70-hearth.rules", rules.polkit()),
    ]


def _check(order: Order) -> None:
    if order.init is Init.OPENRC and order.unlock in (Unlock.CREDENTIAL, Unlock.CONSOLE):
        raise NotSupported(
            f"--unlock {order.unlock} is done by systemd, which this machine does not run; use "
            "--unlock file"
        )
    if order.seal not in _SEALS:
        raise BadRequest(f"flag '--seal': use one of {', '.join(_SEALS)}")
    if order.password is None and not _is_known(order):
        raise BadRequest(
            f"--unlock {order.unlock} needs the password of the CA's keys: --password-file FILE"
        )
    if order.unlock is Unlock.CREDENTIAL and not order.layout.is_here:
        raise BadRequest(
            "--unlock credential encrypts to the machine itself: call it there, not with --root"
        )
    tpm = order.devices and Device.TPM in order.devices
    if tpm and "\ntss:" not in _read(order.layout.at(Path("/etc/group"))):
        raise NotSupported(
            "there is no group tss that may use a TPM; on Debian: apt-get install tpm-udev"
        )


def _is_known(order: Order) -> bool:
    """Tell if the password is not needed, or there from before."""
    if order.unlock is Unlock.FILE:
        return order.layout.at(order.layout.password).exists()
    if order.unlock is Unlock.CREDENTIAL:
        return order.layout.at(order.layout.sealed_password).exists()
    return True


def _account(order: Order, run: Run) -> list[Step]:
    layout = order.layout
    if not layout.is_here:  # made by systemd-sysusers at the first boot, as is the data directory
        return [Directory(path=layout.at(SETTINGS), mode=0o755)]
    command = ("useradd", "--system", "--user-group", "--home-dir", str(layout.data), "--shell",
               "/usr/sbin/nologin", "--comment", "Hearth certificate authority", USER)  # fmt: skip
    return [
        Command(command=command, run=run, done=_has_account),
        Directory(path=SETTINGS),
        Directory(path=layout.data, mode=0o700, owner=USER),
        Owned(path=layout.data, owner=USER),
    ]


def _has_account() -> bool:
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return False
    return True


def _secrets(order: Order, run: Run) -> list[Step]:
    """Put the password where the chosen way has it, and nowhere else."""
    layout, password = order.layout, order.password
    plain, sealed = layout.at(layout.password), layout.at(layout.sealed_password)
    steps: list[Step] = []
    if order.unlock is None:
        return steps
    if order.unlock is Unlock.FILE and password is not None:
        owner = USER if order.init is Init.OPENRC and layout.is_here else ""
        steps.append(File(path=plain, content=password.reveal() + b"\n", mode=0o600, owner=owner))
    if order.unlock is Unlock.CREDENTIAL and password is not None:
        command = ("systemd-creds", "encrypt", f"--name={units.CREDENTIAL}",
                   f"--with-key={order.seal}", "-", str(sealed))  # fmt: skip
        steps.append(Command(command=command, run=run, given=password.reveal()))
    if order.unlock is not Unlock.FILE:
        steps.append(Gone(path=plain, why=f"the password comes by {order.unlock}"))
    if order.unlock is not Unlock.CREDENTIAL:
        steps.append(Gone(path=sealed, why=f"the password comes by {order.unlock}"))
    return steps


def _choices(order: Order) -> list[Step]:
    layout = order.layout
    if order.init is not Init.SYSTEMD:
        return []
    steps: list[Step] = []
    if order.unlock is not None:
        steps.append(_choice(layout, "10-unlock", units.unlocking(order.unlock, layout)))
    if order.devices is not None:
        steps.append(_choice(layout, "20-devices", units.devices(order.devices)))
    if order.writable is not None:
        steps.append(_choice(layout, "30-writable", units.writing(order.writable)))
    return steps


def _starting(order: Order, run: Run) -> list[Step]:
    """Have the service started now and at each boot."""
    layout = order.layout
    if not layout.is_here:
        return _enabled_elsewhere(order)
    if order.init is Init.OPENRC:
        enabled = lambda: Path("/etc/runlevels/default/hearth").is_symlink()  # noqa: E731
        return [Command(command=("rc-update", "add", "hearth", "default"), run=run, done=enabled)]
    return [
        Command(
            command=("systemctl", "enable", "--quiet", "hearth.service"),
            run=run,
            done=_says(run, ("systemctl", "is-enabled", "hearth.service"), b"enabled"),
        ),
        Command(
            command=("udevadm", "control", "--reload"),
            run=run,
            done=lambda: not Path("/run/udev/control").exists(),
        ),
    ]


def _enabled_elsewhere(order: Order) -> list[Step]:
    layout = order.layout
    if layout.is_packaged:  # the package's own scripts do it where it is installed
        return []
    if order.init is Init.OPENRC:
        return [
            Link(path=layout.at(Path("/etc/runlevels/default/hearth")), target=str(layout.script))
        ]
    wants = layout.at(Path("/etc/systemd/system/multi-user.target.wants/hearth.service"))
    return [Link(path=wants, target=str(layout.units / "hearth.service"))]


def start(order: Order, run: Run, *, changed: bool, only_tell: bool = False) -> list[str]:
    """Start the service, or restart it after a change, where there is a CA; tell what was done.

    Raises Broken when it does not come up.
    """
    layout = order.layout
    if not layout.is_here or order.init is Init.NONE:
        return []
    steps: list[Step] = []
    if changed and order.init is Init.SYSTEMD:  # it does not notice each new file by itself
        steps.append(Command(command=("systemctl", "daemon-reload"), run=run))
    if order.start and layout.configuration.exists():
        steps.append(starting(order.init, "restart" if changed else "start", run))
    return list(carry_out(steps, only_tell=only_tell))


def starting(init: Init, verb: str, run: Run) -> Command:
    """Give the command that starts, stops or restarts the service and waits for it to be so."""
    if init is Init.OPENRC:
        command: tuple[str, ...] = ("rc-service", "hearth", verb)
    else:
        command = ("systemctl", verb, "hearth.service")
    return Command(command=command, run=run, asks=True)


def _says(run: Run, command: Sequence[str], end: bytes) -> Callable[[], bool]:
    def ask() -> bool:
        try:
            return run(command).strip().endswith(end)
        except Exception:  # noqa: BLE001 - it is done then, and fails there if it must
            return False

    return ask


def _choice(layout: Layout, name: str, content: str) -> File:
    return File(path=layout.at(layout.choices / f"{name}.conf"), content=content.encode())


def _text(layout: Layout, path: Path, content: str, mode: int = 0o644) -> File:
    return File(path=layout.at(path), content=content.encode(), mode=mode)


def _read(file: Path) -> str:
    try:
        return "\n" + file.read_text()
    except OSError:
        return ""
