"""The command line's beginning: by which name it was called, which command, how errors are shown.

The one file is the appliance and the client: as `step` it is the client, as `step-ca` the server.
Every command's module is imported when it is called, so that `hearth version` stays quick.
"""

import gc
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

import click

from appliance.cli.command import CONFIG_FILE, StepGroup, UnknownCommand, load
from appliance.cli.process_list import hide_secrets
from appliance.model.errors import HearthError

_COMMANDS: Final = {
    "alerts": ("appliance.cli.alerts:alerts", "see what is wrong, and who is told of it"),
    "backup": ("appliance.cli.backup:backup", "back up the CA, prove its backups, restore it"),
    "ca": ("appliance.cli.ca:ca", "get, renew and revoke certificates; set up a CA"),
    "certificate": (
        "appliance.cli.certificate:certificate",
        "create, inspect, verify and convert certificates and requests",
    ),
    "certs": (
        "appliance.cli.certs:certs",
        "list, show, watch, count and export what the CA issues",
    ),
    "clock": ("appliance.cli.clock_command:clock", "see whether the running CA trusts its clock"),
    "completion": (
        "appliance.cli.completion:completion",
        "print what makes a shell complete commands",
    ),
    "console": ("appliance.cli.attached:console", "show the console of the running CA"),
    "context": ("appliance.cli.context:context", "choose among several CAs"),
    "crl": ("appliance.cli.crl:crl", "show what a revocation list says"),
    "crypto": ("appliance.cli.crypto:crypto", "make keys and change their passwords"),
    "db": ("appliance.cli.db:db", "read, compact, measure and repair the database"),
    "doctor": ("appliance.cli.doctor:doctor", "check a configuration before it is used"),
    "import": (
        "appliance.cli.import_command:import_",
        "take over a step-ca with its embedded database",
    ),
    "install": ("appliance.cli.install:install", "make a service of this program"),
    "kms": ("appliance.cli.kms:kms", "make keys on hardware tokens, and use them there"),
    "log": ("appliance.cli.log:log", "see what has happened, and that nobody changed the record"),
    "oauth": ("appliance.cli.oauth:oauth", "log in with OAuth 2.0 or OpenID Connect"),
    "path": ("appliance.cli.path:path", "print where the files are"),
    "serve": ("appliance.cli.serve:serve", "run the certificate authority"),
    "ssh": ("appliance.cli.ssh:ssh", "get SSH certificates, and keep them in the SSH agent"),
    "template": ("appliance.cli.template:template", "try templates before they issue"),
    "token": ("appliance.cli.token:token", "see and open the hardware tokens of the running CA"),
    "uninstall": (
        "appliance.cli.install:uninstall",
        "remove the service, and leave the CA",
    ),
    "upgrade": (
        "appliance.cli.upgrade:upgrade",
        "put another version into the service, with a way back",
    ),
    "version": ("appliance.cli.version:version", "print the version of this program"),
}
_PLUGIN: Final = "step-kms-plugin"  # what step calls for keys on tokens
_CONSOLE: Final = "appliance.cli.console:default"
_COMPLETING: Final = "_HEARTH_COMPLETE"  # a shell asks what may follow
_WORKER: Final = "--internal-worker"  # the one file started by itself, to load a PKCS#11 module
_SERVER_WORKER: Final = "--internal-server-worker"  # the same, to do a part of the server's work
_INTERRUPTED: Final = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (the process's own, when None) and give its exit code."""
    program, *arguments = sys.argv if argv is None else ["hearth", *argv]
    name = Path(program).name
    if argv is None:
        hide_secrets()
        _spare_imports()
    if arguments[:1] in ([_WORKER], [_SERVER_WORKER]):
        return _worker(*arguments)
    if argv is None:
        gc.disable()  # what is imported stays; `load` enables it again
    try:
        return _run(name, arguments)
    except click.ClickException as error:
        return _show_usage(error)
    except HearthError as error:
        return _show(error)
    except (KeyboardInterrupt, click.Abort):
        print("interrupted", file=sys.stderr)  # noqa: T201 - the command line's own output
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last resort; a person gets a sentence
        return _show_fault(error)


def _spare_imports() -> None:
    """Keep libraries from importing what is not used here.

    httpx has a command line, with rich and pygments (3 MB, 40 ms), PyJWT a client of its own for
    key sets, with urllib and http.client (10 ms), Trio TLS for datagrams (8 ms).
    """
    _spare("httpx._main")
    _spare("jwt.jwks_client", "PyJWKClient")
    _spare("trio._dtls", "DTLSChannel", "DTLSChannelStatistics", "DTLSEndpoint")


def _spare(module: str, *names: str) -> None:
    """Have a module be there that has nothing behind its names."""
    spared = ModuleType(module)
    vars(spared).update(dict.fromkeys(names))
    sys.modules.setdefault(module, spared)


def _worker(flag: str, *descriptors: str) -> int:
    """Be a process that another of this program has started."""
    if flag == _WORKER:
        from appliance.keys.pkcs11.worker import main as worker  # noqa: PLC0415

        return worker()
    from appliance.server.workers.worker import main as server_worker  # noqa: PLC0415

    return server_worker(descriptors)


def _run(name: str, arguments: list[str]) -> int:
    """Choose the command by the program's name and run it."""
    if name == "step-ca":
        serving = arguments[:1] not in (["version"], ["--version"])
        command = load(_COMMANDS["serve" if serving else "version"][0])
        arguments = arguments if serving else arguments[1:]
    elif name == _PLUGIN:
        command = plugin(name)
    elif name == "step" or arguments or _COMPLETING in os.environ:
        command = command_tree(name if name == "step" else "hearth")
    else:
        command = load(_CONSOLE)
    called = name if name in ("step", "step-ca", _PLUGIN) else "hearth"
    code = command.main(arguments, prog_name=called, standalone_mode=False)
    return code if isinstance(code, int) else 0


def command_tree(name: str) -> StepGroup:
    """Make the tree of all commands, under the name by which it was called."""
    group = StepGroup(
        name,
        help=(
            "A certificate authority that fits in one file: the server, the client and the "
            "console.\n\nWithout a command: the console on a terminal, else the server."
        ),
        lazy=_COMMANDS,
        callback=_configure,
        params=[
            click.Option(
                ["--config"], help="Take the values of flags from this file.", metavar="<file>"
            ),
            click.Option(
                ["-v", "--version"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_version,
                help="Show the version and exit.",
            ),
        ],
    )
    group.add_command(_help_command(), "help")
    return group


def plugin(name: str) -> click.Command:
    """Make the tree of `kms` alone, as a program of its own."""
    from appliance.cli.kms import group  # noqa: PLC0415

    return group(name)


def _configure(config: str | None) -> None:
    """Remember --config for the command that follows."""
    if config:
        click.get_current_context().meta[CONFIG_FILE] = config


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: FBT001
    """Print what `hearth version` prints."""
    if value:
        ctx.invoke(load(_COMMANDS["version"][0]))
        ctx.exit()


def _help_command() -> click.Command:
    """Make `help [COMMAND]...`, the other way to ask for --help."""

    @click.command("help", short_help="show the help of a command")
    @click.argument("names", nargs=-1, metavar="[<command>]...")
    @click.pass_context
    def show(ctx: click.Context, names: tuple[str, ...]) -> None:
        """Show the help of a command: `hearth help ca token` is `hearth ca token --help`."""
        root = ctx.find_root()
        root.command.main([*names, "--help"], prog_name=root.info_name, standalone_mode=False)

    return show


def _show(error: HearthError) -> int:
    """Print a refusal; where it came from only when asked for."""
    if os.environ.get("STEPDEBUG") == "1":
        _print_traceback(error)
    print(error, file=sys.stderr)  # noqa: T201 - the command line's own output
    return 1


def _show_usage(error: click.ClickException) -> int:
    """Print what is wrong with the command line, and where help is."""
    print(error.format_message(), file=sys.stderr)  # noqa: T201 - the command line's own output
    if isinstance(error, click.UsageError) and error.ctx is not None:
        print(f"See '{error.ctx.command_path} --help'.", file=sys.stderr)  # noqa: T201
    return error.exit_code if isinstance(error, UnknownCommand) else 1


def _show_fault(error: Exception) -> int:
    """Own up to a fault of ours, without a wall of text unless it is asked for."""
    if os.environ.get("STEPDEBUG") == "1":
        _print_traceback(error)
        return 2
    text = f"Something unexpected happened: {type(error).__name__}: {error}"
    print(text, file=sys.stderr)  # noqa: T201 - the command line's own output
    print("Run it again with STEPDEBUG=1 to see where.", file=sys.stderr)  # noqa: T201
    return 2


def _print_traceback(error: BaseException) -> None:
    """Show the way that it took."""
    traceback.print_exception(error)


if __name__ == "__main__":
    sys.exit(main())
