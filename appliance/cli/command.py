"""step's flag grammar over click.

A command is written with plain click options; StepCommand reads them as step does:
- a flag may stand anywhere, with one dash or two (`-force`, `--force`), its value after `=` or as
  the next argument, whatever that begins with; `--` ends the flags;
- a boolean is turned off by `--flag=false`;
- an absent flag takes its value from the environment (STEP_ and its first name in capitals), and
  then from defaults.json of the context, under any of its names.
"""

import gc
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeVar, final

import click

from appliance.cli.prompts import choose
from appliance.config.location import Location, contexts, defaults, find
from appliance.model.errors import BadRequest, NotSupported

_TRUE: Final = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_LOCATION: Final = "appliance.cli.location"
CONFIG_FILE: Final = "appliance.cli.config_file"  # key of ctx.meta: what --config named
_HELP: Final = ("-h", "--help")

F = TypeVar("F", bound=Callable[..., Any])


@final
class RefusedOption(click.Option):
    """A flag of step that this version does not honour: named, and refused when it is given."""

    def __init__(self, *args: Any, because: str, **kwargs: Any) -> None:
        kwargs |= {"hidden": True, "expose_value": False}
        super().__init__(*args, **kwargs)
        self.because = because


def refused(*names: str, because: str, is_flag: bool = False) -> Callable[[F], F]:
    """Refuse each of these flags with a sentence, instead of not knowing it."""

    def decorate(function: F) -> F:
        for name in names:
            option = click.option(
                f"--{name}", cls=RefusedOption, because=because, is_flag=is_flag, default=None
            )
            function = option(function)
        return function

    return decorate


@dataclass(slots=True)
class _Given:
    """What the command line, the environment and the defaults say, by option."""

    values: dict[click.Option, list[str]] = field(default_factory=dict)
    positional: list[str] = field(default_factory=list)


class StepCommand(click.Command):
    """A command with step's flag grammar.

    `no_context` is for commands that must not read the context's defaults (bootstrap, init).
    """

    def __init__(self, *args: Any, no_context: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **_with_help_names(kwargs))
        self.no_context = no_context

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Bring the arguments into the form that click parses."""
        if ctx.resilient_parsing:  # a shell completes what is not whole yet
            return super().parse_args(ctx, args)
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        given = _read(ctx, args, _by_name(options))
        helping = any(set(option.opts) & set(_HELP) for option in given.values)
        if not helping:
            _from_environment(given, options)
            if not self.no_context:
                _from_defaults(ctx, given, options)
            _refuse(given)
        booleans, tokens = _tokens(given)
        ctx.allow_extra_args = True  # to name them as step does
        try:
            rest = super().parse_args(ctx, tokens)
        except click.MissingParameter as error:
            raise _missing(ctx, error) from error
        if rest:
            raise click.UsageError(
                f"too many positional arguments were provided in '{_usage(ctx)}'", ctx
            )
        for option, value in booleans.items():
            if option.expose_value:
                ctx.params[option.name] = value
                ctx.set_parameter_source(option.name, click.core.ParameterSource.COMMANDLINE)
        return rest

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Show the arguments, then that there are flags, as step's usage lines do."""
        pieces = super().collect_usage_pieces(ctx)
        return [*(piece for piece in pieces[1:] if piece), "[flags]"]


class StepGroup(click.Group):
    """A group whose commands are imported when they are called.

    `lazy` maps a name to the address of its command (`module:attribute`) and one line about it,
    `absent` the name of a command of step that this version does not have to why, and what to do.
    """

    command_class = StepCommand

    def __init__(
        self,
        *args: Any,
        lazy: Mapping[str, tuple[str, str]] | None = None,
        absent: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **_with_help_names(kwargs))
        self.lazy = dict(lazy or {})
        self.absent = dict(absent or {})

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show the help when no command is named; that is not an error."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give every name, in order."""
        return sorted({*super().list_commands(ctx), *self.lazy})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command where that is still to be done."""
        if cmd_name not in self.commands and cmd_name in self.lazy:
            address, summary = self.lazy[cmd_name]
            command = load(address)
            command.short_help = summary
            self.add_command(command, cmd_name)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing one."""
        lines = []
        for name in self.list_commands(ctx):
            known = self.commands.get(name)
            lines.append((name, known.get_short_help_str(80) if known else self.lazy[name][1]))
        with formatter.section("Commands"):
            formatter.write_dl(lines)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Say which name is not known; step's exit code for it is 3."""
        if args and args[0] in self.absent:
            raise NotSupported(f"'{ctx.command_path} {args[0]}': {self.absent[args[0]]}")
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            raise UnknownCommand(f"there is no command '{ctx.command_path} {args[0]}'", ctx)
        return super().resolve_command(ctx, args)


@final
class UnknownCommand(click.UsageError):
    """A command that does not exist."""

    exit_code = 3


def load(address: str) -> click.Command:
    """Import `module:attribute`. Begins to collect garbage, without what is imported, where off."""
    module, _, attribute = address.partition(":")
    command = getattr(import_module(module), attribute)
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
    if not isinstance(command, click.Command):
        raise TypeError(f"{address} is not a command")
    return command


def location() -> Location:
    """Give the step path as the running command sees it."""
    ctx = click.get_current_context()
    if (found := ctx.meta.get(_LOCATION)) is None:
        found = ctx.meta[_LOCATION] = find(os.environ)
    if not isinstance(found, Location):
        raise TypeError("the context holds something else than a location")
    return found


def was_given(name: str) -> bool:
    """Tell if the parameter has a value from the person: flag, environment or defaults.json."""
    ctx = click.get_current_context()
    return ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def _with_help_names(settings: dict[str, Any]) -> dict[str, Any]:
    """Add -h to click's settings."""
    context_settings = settings.get("context_settings") or {}
    return settings | {"context_settings": {"help_option_names": list(_HELP), **context_settings}}


def _by_name(options: Sequence[click.Option]) -> dict[str, click.Option]:
    """Map every spelling without its dashes to its option."""
    return {
        spelling.lstrip("-"): option
        for option in options
        for spelling in (*option.opts, *option.secondary_opts)
    }


def _read(ctx: click.Context, args: Sequence[str], by_name: Mapping[str, click.Option]) -> _Given:
    """Take flags and arguments apart."""
    given = _Given()
    rest = list(args)
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            given.positional += rest
            break
        if argument == "-" or not argument.startswith("-"):
            given.positional.append(argument)
            continue
        name, equals, value = argument.removeprefix("-").removeprefix("-").partition("=")
        option = by_name.get(name)
        if option is None:
            raise click.NoSuchOption(f"--{name}", possibilities=_similar(name, by_name), ctx=ctx)
        if not equals:
            if option.is_flag:
                value = "true"
            elif rest:
                value = rest.pop(0)
            else:
                raise click.UsageError(f"flag needs a value: --{name}", ctx)
        given.values.setdefault(option, []).append(value)
    return given


def _similar(name: str, by_name: Mapping[str, click.Option]) -> list[str]:
    """Guess what was meant."""
    shown = [known for known, option in by_name.items() if not option.hidden]
    return [f"--{match}" for match in get_close_matches(name, shown)]


def _names(option: click.Option) -> list[str]:
    """Give an option's names in their order, without dashes."""
    return [spelling.lstrip("-") for spelling in option.opts]


def _from_environment(given: _Given, options: Sequence[click.Option]) -> None:
    """Fill absent flags from STEP_<FIRST NAME>; a list is separated by commas."""
    for option in options:
        if option in given.values or set(option.opts) & set(_HELP):
            continue
        variable = "STEP_" + _names(option)[0].replace("-", "_").upper()
        value = os.environ.get(variable)
        if value is not None and not (option.is_flag and not value):
            given.values[option] = value.split(",") if option.multiple else [value]


def _from_defaults(ctx: click.Context, given: _Given, options: Sequence[click.Option]) -> None:
    """Fill flags that are still absent from defaults.json of the context."""
    chosen = next((o for o in options if "context" in _names(o) and o in given.values), None)
    found = find(os.environ, context=given.values[chosen][-1] if chosen else None)
    if found.context is None and (known := contexts(found.base)):
        found = _ask_context(sorted(known))
    ctx.meta[_LOCATION] = found
    named = ctx.meta.get(CONFIG_FILE) if found.context is None else None
    values = defaults(found, file=Path(named) if named else None)
    for option in options:
        if option in given.values:
            continue
        value = next((values[name] for name in _names(option) if name in values), None)
        if isinstance(value, list):
            given.values[option] = [_text(each) for each in value]
        elif value is not None:
            given.values[option] = [_text(value)]


def _ask_context(names: Sequence[str]) -> Location:
    """Ask for the context when there are some and none is current."""
    chosen = names[choose("Select a context", names, name="Context", flag="--context")]
    return find(os.environ, context=chosen)


def _text(value: object) -> str:
    """Write a JSON value as it would stand on the command line."""
    return value if isinstance(value, str) else json.dumps(value)


def _refuse(given: _Given) -> None:
    """Name the first flag that we know but do not honour."""
    for option, values in given.values.items():
        if isinstance(option, RefusedOption) and not (option.is_flag and values[-1] in _FALSE):
            raise NotSupported(f"flag '{option.opts[0]}' is refused: {option.because}")


def _tokens(given: _Given) -> tuple[dict[click.Option, bool], list[str]]:
    """Write it all as click reads it; booleans are kept apart, since click has no --flag=false."""
    booleans: dict[click.Option, bool] = {}
    tokens: list[str] = []
    for option, values in given.values.items():
        spelling = next((name for name in option.opts if name.startswith("--")), option.opts[0])
        if isinstance(option, RefusedOption):
            continue
        if not option.is_flag:
            for value in values:
                tokens += [spelling, value]
        elif set(option.opts) & set(_HELP) or option.is_eager:
            tokens.append(spelling)
        else:
            booleans[option] = _boolean(spelling, values[-1])
    return booleans, [*tokens, "--", *given.positional]


def _boolean(spelling: str, value: str) -> bool:
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise BadRequest(f"invalid value '{value}' for flag '{spelling}': write true or false")


def _missing(ctx: click.Context, error: click.MissingParameter) -> click.UsageError:
    """Name what is missing, and how the command is called."""
    if isinstance(error.param, click.Argument):
        name = error.param.make_metavar(ctx).strip("<>[]").lower().replace("_", "-")
        return click.UsageError(f"missing positional argument <{name}> in '{_usage(ctx)}'", ctx)
    name = error.param.opts[0] if error.param is not None else "flag"
    return click.UsageError(f"'{ctx.command_path}' requires the '{name}' flag", ctx)


def _usage(ctx: click.Context) -> str:
    """Say how the command is called."""
    return " ".join([ctx.command_path, *ctx.command.collect_usage_pieces(ctx)])
