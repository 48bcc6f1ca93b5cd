"""The flags that `hearth install`, `upgrade` and `uninstall` share, and who may call them."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from appliance.cli.prompts import say
from appliance.model.errors import BadRequest, Forbidden
from appliance.server.service.installing import found_init
from appliance.server.service.layout import DATA, Init, Layout, plain_path

_UNSEEN: Final = ("/home", "/root", "/run/user", "/tmp", "/var/tmp", "/dev")  # noqa: S108 - refused

F = TypeVar("F", bound=Callable[..., Any])


def place_flags(function: F) -> F:
    """Add --root, --prefix, --data and --init."""
    for option in (
        click.option(
            "--init",
            "starter",
            type=click.Choice([each.value for each in Init]),
            help="What starts services; found by itself.",
        ),
        click.option(
            "--data",
            default=str(DATA),
            metavar="<dir>",
            help=f"The step path of the service; {DATA} by default.",
        ),
        click.option(
            "--prefix",
            default="/usr/local",
            metavar="<dir>",
            help="Where the program goes; /usr/local by default.",
        ),
        click.option(
            "--root",
            default="/",
            metavar="<dir>",
            help="Not this machine, but the one whose files are there (an image being built).",
        ),
    ):
        function = option(function)
    return function


def layout_of(root: str, prefix: str, data: str) -> Layout:
    """Read the flags. Raises BadRequest."""
    place = plain_path(data, "--data")
    if any(place.is_relative_to(each) for each in _UNSEEN):
        raise BadRequest(
            f"flag '--data': the service does not see {place}: it has none of "
            f"{', '.join(_UNSEEN)}; /srv or /var/lib is a place for it"
        )
    return Layout(root=Path(root).resolve(), prefix=plain_path(prefix, "--prefix"), data=place)


def init_of(starter: str | None, layout: Layout) -> Init:
    """Give what was named, or what is found. Raises NotSupported."""
    return Init(starter) if starter else found_init(layout)


def must_be_root(command: str, layout: Layout) -> None:
    """Raises Forbidden when this machine is to be changed by somebody who may not."""
    if layout.is_here and os.geteuid() != 0:
        raise Forbidden(
            f"{command} changes this machine and must run as root: sudo {command} …; "
            "--dry-run only shows what it would do, --root DIR does it elsewhere"
        )


def tell(line: str) -> None:
    """Say one thing that was done."""
    say(f"  {line}")
