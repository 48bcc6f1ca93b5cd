"""The flags of `ca provisioner add` and `update`: one for each row of `config.entry_rows`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import click

from appliance.cli.command import refused, was_given
from appliance.cli.files import read_file
from appliance.cli.prompts import say
from appliance.config import entry_rows, entry_values
from appliance.config.entry_rows import Form, Row
from appliance.config.provisioner_edits import Amend, Edit, Put
from appliance.model.errors import BadRequest, FormatError

F = TypeVar("F", bound=Callable[..., Any])

ROWS: Final = tuple(row for row in entry_rows.ROWS if row.flag)
_REPEATED: Final = (Form.LIST, Form.WORDS, Form.FILES)
ADMIN_FLAGS: Final = (
    "admin-cert", "admin-key", "admin-subject", "admin-name", "admin-provisioner", "admin-issuer",
    "admin-password-file",
)  # fmt: skip
_ADMIN: Final = "provisioners are changed in ca.json: there is no admin API to sign in to"
_CLOUD: Final = "provisioners of types AWS, GCP and Azure are not supported by this version"


def entry_flags(*, removing: bool) -> Callable[[F], F]:
    """Add all of them, and refuse those that need what comes later."""

    def decorate(function: F) -> F:
        for option in reversed([*_declared(removing=removing)]):
            function = option(function)
        return refuse_admin_flags(_refuse_cloud_flags(function))

    return decorate


def refuse_admin_flags(function: F) -> F:
    """Refuse the flags by which step signs in to the admin API."""
    return refused(*ADMIN_FLAGS, because=_ADMIN)(function)


def edits(kind: str, values: Mapping[str, Any]) -> list[Edit]:
    """Say what the given flags change in an entry of the type. Raises BadRequest."""
    found = []
    for row in ROWS:
        if row.types and kind not in row.types:
            continue
        edit = _edit(row, values)
        if edit is not None:
            found.append(edit)
    return found


def missing(kind: str, values: Mapping[str, Any]) -> Iterator[str]:
    """Name the flags that a new entry of the type cannot do without."""
    for row in ROWS:
        if row.needed and kind in row.types and not values[row.parameter]:
            yield row.name


def tell_idle(kind: str, values: Mapping[str, Any]) -> None:
    """Say which flags mean nothing to the type."""
    used = {row.parameter for row in ROWS if not row.types or kind in row.types}
    for row in ROWS:
        if row.parameter not in used and row.parameter in values and was_given(row.parameter):
            used.add(row.parameter)
            say(f"flag '--{row.name}' has no effect on provisioners of type {kind}")


def _declared(*, removing: bool) -> Iterator[Callable[[F], F]]:
    known = set()
    for row in ROWS:
        if row.name in known:
            continue
        known.add(row.name)
        names = [f"--{each}" for each in (row.name, row.alias) if each]
        if row.form is Form.SWITCH:
            yield click.option(*names, row.parameter, is_flag=True, help=row.help)
            continue
        yield click.option(
            *names,
            row.parameter,
            metavar=_metavar(row),
            multiple=row.form in _REPEATED,
            type=int if row.form is Form.NUMBER else str,
            help=row.help,
        )
        if removing and row.remove:
            yield click.option(
                f"--{row.remove}", metavar=_metavar(row), multiple=True, help="Take one away again."
            )


def _metavar(row: Row) -> str:
    match row.form:
        case Form.FILE | Form.FILES | Form.TEMPLATE | Form.OBJECT:
            return "<file>"
        case Form.URL:
            return "<url>"
        case Form.NUMBER:
            return "<number>"
        case Form.DURATION:
            return "<duration>"
        case _:
            return f"<{row.name.rpartition('-')[2]}>"


def _refuse_cloud_flags(function: F) -> F:
    names = (
        "aws-account", "remove-aws-account", "azure-tenant", "azure-resource-group",
        "remove-azure-resource-group", "azure-audience", "azure-subscription-id",
        "remove-azure-subscription-id", "azure-object-id", "remove-azure-object-id",
        "gcp-service-account", "remove-gcp-service-account", "gcp-project", "remove-gcp-project",
        "gcp-organization", "instance-age",
    )  # fmt: skip
    switches = (
        "disable-custom-sans", "disable-trust-on-first-use", "disable-tofu", "disable-ssh-ca-user",
        "disable-ssh-ca-host",
    )  # fmt: skip
    function = refused(*names, because=_CLOUD)(function)
    return refused(*switches, because=_CLOUD, is_flag=True)(function)


def _edit(row: Row, values: Mapping[str, Any]) -> Edit | None:
    """Make the edit of one flag; None when it is not given."""
    value = values[row.parameter]
    if row.form is Form.LIST:
        removed = values.get(row.remove.replace("-", "_")) or ()
        if not value and not removed:
            return None
        return Amend(path=row.path, add=_chosen(row, value), remove=_chosen(row, removed))
    if not was_given(row.parameter):
        return None
    return Put(path=row.path, value=_written(row, value), instead=row.instead)


def _written(row: Row, value: Any) -> Any:
    """Give a value as ca.json has it; what is empty takes the key away. Raises BadRequest."""
    if row.form in _REPEATED:
        value = [each for each in value if each]
    if value in ("", []):
        return None
    if row.read is not None:
        names = value if row.form in _REPEATED else [value]
        return row.read([(name, read_file(name)) for name in names])
    if row.form is Form.WORDS and row.name == "challenge":
        if len(value) > 1:
            raise BadRequest("provisioners of type SCEP have one '--challenge' only")
        return value[0]
    return _held(row, value) if isinstance(value, str) else value


def _chosen(row: Row, values: Sequence[str]) -> tuple[str, ...]:
    """Hold values against what there is to choose from."""
    return tuple(_held(row, each) for each in values if each)


def _held(row: Row, value: str) -> str:
    try:
        return entry_values.canonical(row, value)
    except FormatError as error:
        raise BadRequest(
            f"invalid value '{value}' for flag '--{row.name}'{_joint(error)}{error.public}"
        ) from error


def _joint(error: FormatError) -> str:
    return "; " if error.public.startswith("options are") else ": "
