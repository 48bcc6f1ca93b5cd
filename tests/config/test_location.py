"""The step path, with and without contexts."""

import json
from pathlib import Path

import pytest

from appliance.config.location import (
    Context,
    Location,
    add_context,
    base_directory,
    contexts,
    current_context,
    defaults,
    find,
)
from appliance.model.errors import ConfigError, NotFound


def _write(file: Path, value: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(value if isinstance(value, str) else json.dumps(value))


def test_the_base_is_steppath_or_in_the_home(tmp_path: Path) -> None:
    assert base_directory({"STEPPATH": "/x//y/", "HOME": "/h"}) == Path("/x/y")
    assert base_directory({"HOME": "/h"}) == Path("/h/.step")
    assert base_directory({"STEPPATH": "", "HOME": "/h"}) == Path("/h/.step")


def test_without_contexts_everything_is_in_the_base(tmp_path: Path) -> None:
    where = find({"STEPPATH": str(tmp_path)})
    assert where.context is None
    assert where.path == where.profile_path == tmp_path
    assert where.ca_json == tmp_path / "config/ca.json"
    assert where.root_certificate == tmp_path / "certs/root_ca.crt"
    assert (where.secrets, where.db) == (tmp_path / "secrets", tmp_path / "db")
    assert where.templates == tmp_path / "templates"
    assert where.identity_json == tmp_path / "config/identity.json"


def test_a_context_has_an_authority_and_a_profile(tmp_path: Path) -> None:
    where = Location(base=tmp_path, context=Context(name="c", authority="a", profile="p"))
    assert where.path == tmp_path / "authorities/a"
    assert where.defaults_json == tmp_path / "authorities/a/config/defaults.json"
    assert where.profile_defaults_json == tmp_path / "profiles/p/config/defaults.json"


def test_an_added_context_is_the_current_one(tmp_path: Path) -> None:
    base = tmp_path / "new"
    for name in ("one", "two"):
        add_context(Location(base=base), Context(name=name, authority=name, profile="p"))
    assert sorted(contexts(base)) == ["one", "two"]
    assert current_context(base) == "two"
    found = find({"STEPPATH": str(base)})
    assert found.context == Context(name="two", authority="two", profile="p")
    named = find({"STEPPATH": str(base)}, context="one")
    assert named.path == base / "authorities/one"
    modes = {p.name: p.stat().st_mode & 0o777 for p in base.iterdir()}
    assert modes == {"contexts.json": 0o600, "current-context.json": 0o644}


def test_a_context_that_is_not_there_is_named_and_the_known_ones(tmp_path: Path) -> None:
    add_context(Location(base=tmp_path), Context(name="one", authority="a", profile="p"))
    with pytest.raises(NotFound, match=r"no context 'x' in .*contexts\.json \(known: one\)"):
        find({"STEPPATH": str(tmp_path)}, context="x")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "contexts.json: is not JSON"),
        ("[]", "contexts.json: is not a JSON object"),
        ({"c": 1}, "contexts.json: c: is not an object"),
        ({"c": {"authority": "a"}}, "contexts.json: c.profile: is missing or empty"),
        ({"c": {"profile": "a", "authority": ""}}, "c.authority: is missing or empty"),
    ],
)
def test_broken_contexts_are_told_with_their_place(
    tmp_path: Path, content: object, says: str
) -> None:
    _write(tmp_path / "contexts.json", content)
    with pytest.raises(ConfigError) as caught:
        find({"STEPPATH": str(tmp_path)})
    assert says in str(caught.value)


def test_the_profiles_defaults_win_and_cannot_choose_a_context(tmp_path: Path) -> None:
    where = Location(base=tmp_path, context=Context(name="c", authority="a", profile="p"))
    _write(where.defaults_json, {"ca-url": "a", "root": "r", "profile": "x"})
    _write(where.profile_defaults_json, {"ca-url": "p", "context": "x"})
    assert defaults(where) == {"ca-url": "p", "root": "r"}


def test_relative_paths_are_below_the_step_path(tmp_path: Path) -> None:
    where, home = Location(base=tmp_path), Path("/home/mina")
    assert where.resolve("certs/a", home=home) == tmp_path / "certs/a"
    assert where.resolve("/certs/a", home=home) == Path("/certs/a")
    assert where.resolve("~/a", home=home) == home / "a"
    assert where.resolve("./a", home=home) == Path.cwd() / "a"
