"""What systemd is told of the service.

The unit is the same on every machine; what differs is in files beside it, which `hearth install`
writes: where the password comes from, which devices may be reached, which directories written.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from appliance.server.service.layout import DATA, SETTINGS, USER, Device, Layout, Unlock

CREDENTIAL: Final = "hearth-password"  # as server.passwords knows it
_ASKING: Final = "/run/hearth-unlock.sock"


def unit(layout: Layout) -> str:
    """Write hearth.service. What it may not do is what `systemd-analyze security` asks for."""
    data = (
        "StateDirectory=hearth\nStateDirectoryMode=0700"
        if layout.data == DATA
        else f"ReadWritePaths={layout.data}"
    )
    return f"""\
[Unit]
Description=Hearth certificate authority
Documentation=man:hearth(1)
Wants=network-online.target
After=network-online.target time-sync.target pcscd.socket
ConditionPathExists={layout.configuration}
StartLimitIntervalSec=10min
StartLimitBurst=5

[Service]
Type=notify
ExecStart={layout.program} serve {layout.configuration}
ExecReload=/bin/sh -c "kill -HUP $MAINPID"
Environment=STEPPATH={layout.data}
WorkingDirectory={layout.data}
User={USER}
Group={USER}
UMask=0077
{data}
WatchdogSec=60
Restart=on-failure
RestartSec=5
TimeoutStartSec=5min
TimeoutStopSec=45
LimitNOFILE=65536
LimitCORE=0

# Ports below 1024, and nothing else that root may.
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes

LockPersonality=yes
MemoryDenyWriteExecute=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
ProcSubset=pid
KeyringMode=private
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged

[Install]
WantedBy=multi-user.target
"""


def unlocking(unlock: Unlock, layout: Layout) -> str:
    """Say where the password comes from. It is in the memory of systemd and of the server only."""
    lines: list[str] = []
    match unlock:
        case Unlock.FILE:
            lines = [f"LoadCredential={CREDENTIAL}:{layout.password}"]
        case Unlock.CREDENTIAL:
            lines = [f"LoadCredentialEncrypted={CREDENTIAL}:{layout.sealed_password}"]
        case Unlock.CONSOLE:
            return (
                "[Unit]\nRequires=hearth-unlock.socket\nAfter=hearth-unlock.socket\n\n"
                f"[Service]\nLoadCredential={CREDENTIAL}:{_ASKING}\nTimeoutStartSec=infinity\n"
            )
        case Unlock.NONE:
            pass
    return "\n".join(["[Service]", *lines, ""])


def asking() -> tuple[str, str]:
    """Write the socket that the password is read from, and the service that asks a person for it.

    Whoever starts the service is asked, or who sits at the machine while it boots, or who calls
    systemd-tty-ask-password-agent.
    """
    socket = f"""\
[Unit]
Description=Whom Hearth's service asks for its password

[Socket]
ListenStream={_ASKING}
SocketMode=0600
Accept=yes
"""
    service = """\
[Unit]
Description=Ask for the password of Hearth's keys
DefaultDependencies=no
After=systemd-ask-password-console.path
Wants=systemd-ask-password-console.path

[Service]
ExecStart=/bin/systemd-ask-password -n --timeout=0 --id=hearth "Password of the CA's keys:"
StandardOutput=socket
StandardError=journal
PrivateTmp=yes
ProtectSystem=full
ProtectHome=yes
NoNewPrivileges=yes
"""
    return socket, service


def devices(reached: frozenset[Device]) -> str:
    """Let the service reach what its tokens are behind. PC/SC needs nothing but its socket."""
    lines = ["[Service]"]
    if reached & {Device.USB, Device.TPM}:
        lines += ["PrivateDevices=no", "DevicePolicy=closed"]
    if Device.USB in reached:
        lines += [
            "DeviceAllow=char-usb_device rw",
            "RestrictAddressFamilies=AF_NETLINK",  # libusb hears of what is plugged in by it
            "ProcSubset=all",
        ]
    if Device.TPM in reached:
        lines += ["DeviceAllow=/dev/tpmrm0 rw", "SupplementaryGroups=tss"]
    return "\n".join([*lines, ""])


def writing(directories: Sequence[Path]) -> str:
    """Let the service write there, too, such as backups to a stick; absent ones are passed by."""
    return "\n".join(["[Service]", *(f"ReadWritePaths=-{each}" for each in directories), ""])


def account(layout: Layout) -> str:
    """Say which user there has to be (sysusers.d(5))."""
    return f'u {USER} - "Hearth certificate authority" {layout.data}\n'


def openrc(layout: Layout) -> str:
    """Write the script for OpenRC."""
    return f"""\
#!/sbin/openrc-run
description="Hearth certificate authority"
supervisor=supervise-daemon
command="{layout.program}"
command_args="serve {layout.configuration} --password-file {layout.password}"
command_user="{USER}:{USER}"
capabilities="^cap_net_bind_service"
directory="{layout.data}"
umask=0077
output_logger="logger -t hearth -p daemon.info"
error_logger="logger -t hearth -p daemon.info"
respawn_delay=5
respawn_max=5
respawn_period=600
retry="SIGTERM/45/SIGKILL/5"
extra_started_commands="reload"
export STEPPATH="{layout.data}"

depend() {{
    need net
    after clock pcscd
}}

start_pre() {{
    checkpath --directory --owner {USER}:{USER} --mode 0700 {layout.data}
    [ -e {SETTINGS}/password ] || {{
        eerror "{SETTINGS}/password is missing: hearth install --unlock file --password-file FILE"
        return 1
    }}
    checkpath --file --owner {USER}:{USER} --mode 0400 {SETTINGS}/password
}}

reload() {{
    ebegin "Reading the configuration of hearth again"
    supervise-daemon "$RC_SVCNAME" --signal HUP
    eend $?
}}
"""
