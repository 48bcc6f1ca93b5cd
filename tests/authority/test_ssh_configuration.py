"""What step-ca answered about configuration and hosts, ours answers, but where a table says why."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from appliance.authority.ssh.configuration import SshConfiguration
from appliance.authority.ssh.hosts import SshHosts
from appliance.authority.ssh.keys import KnownKey, SshKeys, SshSigningKey
from appliance.config import client_templates, ssh, tokens
from appliance.config.document import Document
from appliance.config.schema import CaJson
from appliance.formats.ssh import keys
from appliance.model.errors import ConfigError
from appliance.model.ssh_files import FileType
from appliance.stores.memory import MemoryStore
from appliance.web.api.ssh_hosts import SshHostEndpoints
from appliance.web.application import mounted
from appliance.web.http import Request, Route
from appliance.web.visits import run
from tests.authority.ssh_configuration_cases import (
    CONFIGURATIONS,
    GOLDEN,
    HOST_CONFIGURATIONS,
    HOSTS,
    reduced,
    ssh_of,
    write_templates,
)
from tests.support.authority import StandingClock, SystemChance, shared_hierarchy

RENDERED: Mapping[str, tuple[str, ...]] = {
    "only a user key": ("with data", "without data"),
    "only a host key": ("host",),
}
"""Configurations whose built-in templates fail in step-ca (500), since they take both keys for
granted; ours leave out the lines of the key that is not there."""


@cache
def golden() -> Any:
    return json.loads(GOLDEN.read_text())


def routes(folder: Path, given: Mapping[str, Any]) -> list[Route]:
    """Our routes for a configuration, with the public keys that step-ca had."""
    written = {
        name: value
        for name in ("ssh", "templates")
        if (value := given.get(name) if name != "ssh" else ssh_of(given["ssh"], folder)) is not None
    }
    document = Document(file=folder / "ca.json", members=written)
    settings = ssh.read(document.read(CaJson).ssh, document, tokens.read(None, document))
    signer = shared_hierarchy().signer

    def signing(name: str) -> SshSigningKey | None:
        if name not in (given["ssh"] or {}):
            return None
        public_key, _ = keys.read_line(golden()["keys"][given["ssh"][name]])
        return SshSigningKey(public_key=public_key, signer=signer)

    made = SshKeys(
        user=signing("userKey"),
        host=signing("hostKey"),
        known=(
            KnownKey(type=each.type, key=each.key, federated=each.federated)
            for each in (settings.keys if settings else ())
        ),
    )
    clock = StandingClock()
    configuration = SshConfiguration(
        keys=made,
        templates=client_templates.read(document.read(CaJson).templates, document),
        clock=clock,
        chance=SystemChance(),
    )
    hosts = SshHosts(
        store=MemoryStore(),
        clock=clock,
        settings=settings,
        listed=not given.get("disableGetSSHHosts"),
        persistent="db" not in given,
    )
    return mounted(SshHostEndpoints(configuration, hosts).routes(), "", "/1.0")


async def answer(table: list[Route], method: str, path: str, body: object) -> dict[str, Any]:
    """Ask as the web server does."""
    route = next(
        (
            each
            for each in table
            if each.method == method
            and (
                each.path == path
                or (each.path.endswith("{type}") and path.removeprefix("/ssh/config/").isalpha())
            )
        ),
        None,
    )
    if route is None:
        return {"status": 404, "body": None}
    request = Request(
        method=method,
        path=path,
        parameters={},
        query="",
        headers={},
        body=json.dumps(body).encode(),
        client="192.0.2.1",
        peer=None,
        request_id="r",
    )
    response = await run(route, request)
    return reduced(response.status, response.body)


@pytest.mark.parametrize("name", CONFIGURATIONS)
async def test_files_are_rendered_as_recorded(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPPATH", str(tmp_path))
    write_templates(tmp_path)
    given = CONFIGURATIONS[name]
    table = routes(tmp_path, given)
    ours = {
        each: await answer(table, "POST", "/ssh/config", body)
        for each, body in given["requests"].items()
    }
    different = {each: ours.pop(each) for each in RENDERED.get(name, ())}
    expected = golden()["configurations"][name]
    assert ours == {each: expected[each] for each in ours}
    assert all(each["status"] == 200 for each in different.values())
    assert all(expected[each]["status"] == 500 for each in different)


WRONG: Mapping[str, tuple[object, str]] = {
    "a template without name": (
        {"ssh": {"user": [{"type": "file", "template": "plain.tpl", "path": "p"}]}},
        "templates.ssh.user[0].name",
    ),
    "an unknown type": (
        {"ssh": {"host": [{"name": "n", "type": "x", "template": "plain.tpl", "path": "p"}]}},
        "templates.ssh.host[0].type",
    ),
    "no template": (
        {"ssh": {"user": [{"name": "n", "type": "file", "path": "p"}]}},
        "templates.ssh.user[0].template",
    ),
    "a directory with a template": (
        {"ssh": {"user": [{"name": "n", "type": "directory", "template": "x", "path": "p"}]}},
        "templates.ssh.user[0].template",
    ),
    "no path": (
        {"ssh": {"user": [{"name": "n", "type": "file", "template": "plain.tpl"}]}},
        "templates.ssh.user[0].path",
    ),
    "data that the CA sets": ({"data": {"Step": {}}}, "templates.data"),
    "data that the client sets": ({"data": {"User": {}}}, "templates.data"),
    "a list": ({"ssh": []}, "templates.ssh"),
    "a text among the templates": ({"ssh": {"user": ["x"]}}, "templates.ssh.user[0]"),
}


@pytest.mark.parametrize("name", WRONG)
def test_templates_that_step_ca_does_not_start_with_are_refused_by_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPPATH", str(tmp_path))
    write_templates(tmp_path)
    written, place = WRONG[name]
    document = Document(file=tmp_path / "ca.json", members={"templates": written})
    with pytest.raises(ConfigError) as refused:
        client_templates.read(written, document)  # type: ignore[arg-type]
    assert refused.value.place == place


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("wrong.tpl", "unclosed action"),
        ("none.tpl", "No such file or directory"),
        ("/", "Is a directory"),
    ],
)
def test_a_template_that_cannot_be_used_is_told_and_starts(
    name: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with templates of certificates: the server starts, and /ssh/config fails."""
    monkeypatch.setenv("STEPPATH", str(tmp_path))
    write_templates(tmp_path)
    entry = {"name": "n", "type": "file", "template": name, "path": "p"}
    written = {"ssh": {"user": [entry]}}
    document = Document(file=tmp_path / "ca.json", members={"templates": written})
    read = client_templates.read(written, document)
    (found,) = read.user
    assert found.type is FileType.FILE
    assert why in found.problem
    (warning,) = client_templates.warnings(read)
    assert why in warning


@pytest.mark.parametrize("name", HOST_CONFIGURATIONS)
async def test_hosts_are_told_as_recorded(name: str, tmp_path: Path) -> None:
    table = routes(tmp_path, HOST_CONFIGURATIONS[name])
    ours = {each: await answer(table, *request) for each, request in HOSTS.items()}
    assert ours == golden()["hosts"][name]
