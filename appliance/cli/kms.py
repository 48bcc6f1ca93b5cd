"""`hearth kms`: keys and certificates on tokens, as smallstep's plugin for step does it.

Called by the name `step-kms-plugin`, this file is that plugin: `step kms …` and `step --kms …` find
it on PATH.
"""

from typing import Any, Final

import click

from appliance.cli.command import StepGroup, load

PLUGIN: Final = "step-kms-plugin"
_HERE: Final = "appliance.cli.kms"
_VALUED: Final = ("kms", "import", "format", "in")  # flags before a command that have a value
_NOT_HERE: Final = (
    "to encrypt and decrypt is not what a CA's keys are for; use pkcs11-tool or yubico-piv-tool"
)
_COMMANDS: Final = {
    "attest": ("appliance.cli.kms_attest:attest", "have a device state that it made a key"),
    "certificate": (f"{_HERE}:certificate", "print, import, copy or delete a certificate"),
    "create": ("appliance.cli.kms_create:create", "make a key on a token"),
    "delete": ("appliance.cli.kms_delete:delete", "destroy a key"),
    "key": (f"{_HERE}:key", "print a public key, or destroy a key"),
    "list": ("appliance.cli.kms_list:list_keys", "list the keys on a token"),
    "search": ("appliance.cli.kms_list:search", "list the names of the keys on a token"),
    "sign": ("appliance.cli.kms_sign:sign", "sign a digest or a file"),
}


class _Leading(StepGroup):
    """A command that has commands below it: `key URI`, and `key delete URI`."""

    def __init__(self, *args: Any, itself: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.itself = itself

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Bring the name of the command to the front; without one, the first is meant."""
        names = set(self.list_commands(ctx))
        before = ["", *args]
        for place, word in enumerate(args):
            if word in names and before[place].lstrip("-") not in _VALUED:
                return super().parse_args(ctx, [word, *args[:place], *args[place + 1 :]])
        return super().parse_args(ctx, [self.itself, *args] if args else ["--help"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command itself, which is not listed, or one below it."""
        if cmd_name == self.itself:
            command = load(self.itself)
            command.name = self.name
            return command
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Give the command itself its arguments, whatever they look like."""
        if args and args[0] == self.itself:
            return "", self.get_command(ctx, self.itself), args[1:]
        return super().resolve_command(ctx, args)


def group(name: str) -> StepGroup:
    """Make the group under the name by which it was called."""
    commands = dict(_COMMANDS)
    if name == PLUGIN:
        commands["version"] = ("appliance.cli.version:version", "print the version of this program")
        commands["completion"] = (
            "appliance.cli.completion:completion",
            "print what makes a shell complete commands",
        )
    return StepGroup(
        name,
        help=(
            "Make keys on a YubiKey or any PKCS#11 token, and use them there. A key or token is "
            "named by a URI, as in ca.json:\n\n"
            "\b\n"
            "  yubikey:slot-id=82;serial=112233?pin-source=/run/pin\n"
            "  pkcs11:module-path=/usr/lib/softhsm/libsofthsm2.so;token=ca;id=7331;object=root-ca\n"
            "\n"
            "What --kms says of the token need not be in each key's URI. A PIN that neither has is "
            "asked for; prefer that, or pin-source, to pin-value, which others on this machine may "
            "see in the list of processes.\n\n"
            "The same file, called step-kms-plugin, is the plugin that the commands of step with "
            "--kms look for.\n\n"
            "\b\nExamples:\n"
            "  $ hearth kms create --json --kms 'yubikey:serial=112233' 'yubikey:slot-id=82'\n"
            "  $ hearth kms list yubikey:"
        ),
        lazy=commands,
        absent=dict.fromkeys(("encrypt", "decrypt"), _NOT_HERE),
    )


kms = group("kms")
key = _Leading(
    "key",
    itself="appliance.cli.kms_key:key",
    lazy={"delete": ("appliance.cli.kms_delete:delete", "destroy a key")},
)
certificate = _Leading(
    "certificate",
    itself="appliance.cli.kms_certificate:certificate",
    lazy={
        "copy": ("appliance.cli.kms_certificate:copy", "copy a certificate onto a token"),
        "delete": ("appliance.cli.kms_certificate:delete", "remove a certificate"),
    },
)
