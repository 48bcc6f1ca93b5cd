"""The handbook and the program name the same things: routes, commands, keys of ca.json."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import click
import msgspec

from appliance.cli.main import command_tree
from appliance.config import entries, schema
from tests.web import ours
from tests.web.exchanges import World

ROOT = Path(__file__).resolve().parents[2]
HANDBOOK = (ROOT / "homelab.md").read_text()
README = (ROOT / "README.md").read_text()
HIDDEN = {"help"}


def section(number: int) -> str:
    found = re.search(rf"^## {number}\. .*?(?=^## |\Z)", HANDBOOK, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found.group()


def leaves(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if not isinstance(command, click.Group):
        yield words
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None, f"{' '.join((*words, name))} is listed and not there"
        if name not in HIDDEN:
            yield from leaves(child, (*words, name))


def commands() -> set[str]:
    return {" ".join(words) for words in leaves(command_tree("hearth"), ("hearth",))}


def test_every_command_is_in_the_handbook() -> None:
    assert {name for name in commands() if f"`{name}`" not in HANDBOOK} == set()


def test_every_command_named_in_handbook_and_readme_exists() -> None:
    known = commands() | {"hearth"}
    groups = {" ".join(name.split(" ")[:length]) for name in known for length in (1, 2, 3)}
    named = re.findall(
        r"(?<![\w/.-])hearth((?: [a-z][a-z-]*){1,3})", HANDBOOK + README.replace(".venv/bin/", "")
    )
    unknown = set()
    for words in named:
        parts = words.split()
        if not any(f"hearth {' '.join(parts[:length])}" in groups for length in (1, 2, 3)):
            unknown.add(words)
    assert unknown - {" serve ca"} == set()


def named_command(words: Sequence[str]) -> click.Command:
    """The command that a line of words begins with."""
    command: click.Command = command_tree("hearth")
    for word in words:
        found = None
        if isinstance(command, click.Group):
            found = command.get_command(click.Context(command), word)
        if found is None:
            break
        command = found
    return command


def test_every_option_shown_with_a_command_is_one_of_it() -> None:
    unknown = []
    shown = (HANDBOOK + README).replace("\\\n", " ")
    for line in re.finditer(r"(?<![\w/.-])hearth((?: [a-z0-9][a-z0-9-]*)+)([^`\n]*)", shown):
        command = named_command(line[1].split())
        known = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
        own = re.split(r"[#|;>]| -- |&&", line[2])[0]
        options = {*re.findall(r"(?<![\w-])--[a-zA-Z][\w-]*", own)} - {"--help"}
        if not isinstance(command, click.Group) and not options <= known:
            unknown.append(f"{line[0]}: {options - known}")
    assert unknown == []


def fields(struct: type[msgspec.Struct]) -> Iterator[tuple[str, type[msgspec.Struct] | None]]:
    for field in msgspec.structs.fields(struct):
        nested = [each for each in (field.type, *get_args(field.type))
                  if isinstance(each, type) and issubclass(each, msgspec.Struct)]  # fmt: skip
        yield field.encode_name, nested[0] if nested else None


def keys(struct: type[msgspec.Struct], prefix: str = "") -> Iterator[str]:
    """Every key as the handbook writes it; claims and names have tables of their own."""
    for name, nested in fields(struct):
        if nested is None or nested in {schema.Claims, schema.DistinguishedName}:
            yield f"{prefix}{name}"
        elif prefix == "" or nested is not schema.SshKey:
            yield from keys(nested, f"{prefix}{name}.")


def known_keys() -> set[str]:
    shapes = (schema.Claims, schema.DistinguishedName, *entries.SHAPES.values())
    own = {name for struct in shapes for name, _ in fields(struct)}
    return {key.replace("ssh.keys.", "ssh.keys") for key in keys(schema.CaJson)} | own


def test_every_key_of_ca_json_is_in_the_handbook() -> None:
    text = section(8)
    assert {key for key in known_keys() if f"`{key}`" not in text} == set()


def test_every_key_named_there_exists() -> None:
    blocks = {name for name, nested in fields(schema.CaJson) if nested}
    named = set(re.findall(r"`([a-z][A-Za-z]*(?:\.[A-Za-z]+)+)`", section(8)))
    files = {"ca.json"}
    assert {key for key in named - files if key.split(".")[0] in blocks} - known_keys() == set()


def routes(world: Any) -> set[str]:
    return {
        f"{route.method} {route.path}"
        for route in ours.routes(world)
        if not route.path.startswith(("/1.0", "/2.0"))
    }


def test_every_route_is_in_the_handbook_and_no_other(tmp_path: Path) -> None:
    named = set(re.findall(r"`((?:GET|POST|PUT|DELETE) /[^`]*)`", section(9)))
    assert named == routes(World(tmp_path))
