"""Provisioners changed by the operator of a running CA: all of it, or nothing of it."""

import json
import stat
from collections.abc import Sequence
from typing import Any

import pytest
import trio

from appliance.model.errors import BadRequest, NotFound, NotSupported
from appliance.model.provisioners import (
    ChangeOutcome,
    Deed,
    FieldKind,
    FieldProblem,
    ProvisionerChange,
    Side,
)
from appliance.operator.interface import Operator
from appliance.operator.remote import connected
from tests.server.conftest import Appliance, Authority, Start

ACME = ProvisionerChange(deed=Deed.ADD, name="acme", type="ACME", values={"name": "acme"})


def entries(authority: Authority) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(authority.file.read_text())["authority"][
        "provisioners"
    ]
    return found


async def make(operator: Operator, change: ProvisionerChange) -> ChangeOutcome:
    preview = await operator.preview_provisioner(change)
    assert preview.problems == ()
    return await operator.change_provisioner(change, preview.basis)


def change(of: str = "load", /, **values: str) -> ProvisionerChange:
    named = {key.replace("_", "-"): value for key, value in values.items()}
    return ProvisionerChange(deed=Deed.CHANGE, name=of, values=named)


def told(appliance: Appliance) -> Sequence[tuple[str, str]]:
    return [
        (each.event.operation, each.event.reason)
        for each in appliance.ring.events()
        if each.event.operation.startswith("provisioner-")
    ]


async def test_a_change_is_previewed_saved_and_served(start: Start, authority: Authority) -> None:
    """The former file stays beside it, with the same mode; the journal says who and what."""
    authority.file.chmod(0o640)
    before = authority.file.read_bytes()
    async with start() as appliance:
        operator = appliance.running.operator
        preview = await operator.preview_provisioner(ACME)
        assert any('+        "name": "acme"' in line for line in preview.diff)
        assert authority.file.read_bytes() == before
        outcome = await operator.change_provisioner(ACME, preview.basis)
        assert outcome.problems == ()
        former = authority.file.with_name("ca.json.old")
        assert former.read_bytes() == before
        assert stat.S_IMODE(former.stat().st_mode) == 0o640
        assert stat.S_IMODE(authority.file.stat().st_mode) == 0o640
        assert (await appliance.client.get("/acme/acme/directory")).status_code == 200
        assert [(each.name, each.type, each.names) for each in await operator.provisioners()] == [
            ("load", "JWK", "any name"), ("acme", "ACME", "any proven name"),
        ]  # fmt: skip
        assert told(appliance) == [
            ("provisioner-add", "the operator at the console added provisioner 'acme' (ACME): name")
        ]


async def test_over_the_control_socket_it_is_the_same(start: Start, authority: Authority) -> None:
    async with start() as appliance, connected(authority.directory / "db") as remote:
        await make(remote, ACME)
        form = await remote.provisioner("acme")
        assert form == await appliance.running.operator.provisioner("acme")
        assert form.recipes[0].text.endswith("/acme/acme/directory")
        assert (await remote.new_provisioner("X5C")).fields[0].needed
        rules = change("acme", x509_allow_dns="*.home.arpa")
        judged = await remote.judge_names(rules, ["nas.home.arpa"], Side.X509)
        assert judged.judgements[0].why == 'allow.dns has "*.home.arpa"'
        tried = await remote.try_template(rules, ["nas.home.arpa"], Side.X509)
        assert "nas.home.arpa" in tried.certificate
        assert "user 0" in told(appliance)[0][1] or "by the control socket" in told(appliance)[0][1]
        with pytest.raises(NotFound):
            await remote.provisioner("nobody")
        with pytest.raises(NotSupported):
            await remote.new_provisioner("SCEP")


async def test_what_nobody_knows_stays_and_what_changes_is_only_that(
    start: Start, authority: Authority
) -> None:
    document = json.loads(authority.file.read_text())
    document["authority"]["provisioners"][0]["x-ours"] = {"a": 1}
    authority.file.write_text(json.dumps(document))
    async with start() as appliance:
        operator = appliance.running.operator
        assert "x-ours" in (await operator.provisioner("load")).kept
        await make(operator, change(x509_max_dur="48h", ssh="yes", x509_allow_dns="a.test, b.test"))
        expected = document["authority"]["provisioners"][0] | {
            "claims": {"maxTLSCertDuration": "48h0m0s", "enableSSHCA": True},
            "options": {"x509": {"allow": {"dns": ["a.test", "b.test"]}}},
        }
        assert entries(authority) == [expected]
        await make(operator, change(x509_max_dur="", ssh="", x509_allow_dns=""))
        fields = {each.name: each for each in (await operator.provisioner("load")).fields}
        assert (fields["x509-max-dur"].value, fields["x509-max-dur"].inherited) == ("", "24h")
        assert fields["ssh"].kind is FieldKind.CLAIM


WRONG = (
    ({"name": ""}, "name", "a name is needed"),
    ({"x509-max-dur": "a day"}, "x509-max-dur", "duration"),
    ({"x509-max-dur": "1m"}, "x509-max-dur", "is less than"),
    ({"x509-allow-ip": "10.0.0.0/99"}, "x509-allow-ip", "10.0.0.0/99"),
    ({"x509-template": "{{ nothing }}"}, "x509-template", "nothing"),
    ({"x509-template-data": "[1"}, "x509-template-data", "not JSON"),
    ({"issuer": "nobody"}, "issuer", "nobody"),
    ({"ssh": "perhaps"}, "ssh", "yes or no"),
    ({"jwk": "{}"}, "jwk", "JWK"),
    ({"challenge": "http-01"}, "challenge", "no field"),
)


async def test_a_wrong_value_is_told_beside_its_field(start: Start, authority: Authority) -> None:
    before = authority.file.read_bytes()
    async with start() as appliance:
        for values, field, part in WRONG:
            wrong = ProvisionerChange(deed=Deed.CHANGE, name="load", values=values)
            preview = await appliance.running.operator.preview_provisioner(wrong)
            assert [each.field for each in preview.problems] == [field], preview
            assert part in preview.problems[0].text
            outcome = await appliance.running.operator.change_provisioner(wrong, preview.basis)
            assert outcome.problems == preview.problems
    assert authority.file.read_bytes() == before


async def test_what_the_reload_refuses_is_taken_back(start: Start, authority: Authority) -> None:
    """A reload can meet what no check of the file finds: here, a port that is taken."""
    (taken,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with taken, start() as appliance:
        operator = appliance.running.operator
        document = json.loads(authority.file.read_text())
        document["address"] = f"127.0.0.1:{taken.socket.getsockname()[1]}"
        authority.file.write_text(json.dumps(document))
        before = authority.file.read_bytes()
        outcome = await make(operator, ACME)
        assert outcome.problems[0].field == ""
        assert "cannot listen" in outcome.problems[0].text
        assert authority.file.read_bytes() == before
        assert (await appliance.client.get("/health")).status_code == 200
        assert (await appliance.client.get("/acme/acme/directory")).status_code == 404
        assert "refused" in told(appliance)[0][1]


async def test_who_changed_the_file_meanwhile_is_not_overwritten(
    start: Start, authority: Authority
) -> None:
    async with start() as appliance:
        operator = appliance.running.operator
        preview = await operator.preview_provisioner(ACME)
        authority.configure(commonName="Somebody else")
        after = authority.file.read_bytes()
        with pytest.raises(BadRequest, match="changed by somebody else"):
            await operator.change_provisioner(ACME, preview.basis)
        assert authority.file.read_bytes() == after
        await appliance.reload("Serving HTTPS")
        states = [each.state for each in await operator.provisioners()]
        assert states == [""]


async def test_disabled_enabled_renamed_and_removed(start: Start, authority: Authority) -> None:
    async with start() as appliance:
        operator = appliance.running.operator
        await make(operator, ACME)
        await make(operator, ProvisionerChange(deed=Deed.DISABLE, name="acme"))
        assert [each.disabled for each in await operator.provisioners()] == [False, True]
        assert (await appliance.client.get("/acme/acme/directory")).status_code == 401
        await make(operator, ProvisionerChange(deed=Deed.ENABLE, name="acme"))
        await make(operator, change("acme", name="house"))
        assert (await appliance.client.get("/acme/house/directory")).status_code == 200
        taken = await operator.preview_provisioner(change("house", name="load"))
        assert taken.problems == (
            FieldProblem(field="name", text="provisioner with name load already exists"),
        )
        await make(operator, ProvisionerChange(deed=Deed.REMOVE, name="house"))
        assert [each["name"] for each in entries(authority)] == ["load"]


async def test_no_secret_is_in_a_form_a_preview_or_the_journal(
    start: Start, authority: Authority
) -> None:
    async with start() as appliance:
        operator = appliance.running.operator
        values = {"name": "more", "password": "correct horse"}
        added = ProvisionerChange(deed=Deed.ADD, name="more", type="JWK", values=values)
        outcome = await make(operator, added)
        shown = repr((await operator.provisioner("more"), outcome, told(appliance), added))
        sealed = entries(authority)[1]["encryptedKey"]
        assert sealed not in shown
        assert "correct horse" not in shown


async def test_ssh_rules_and_templates_are_tried_too(start: Start, authority: Authority) -> None:
    async with start() as appliance:
        operator = appliance.running.operator
        rules = change(ssh_user_allow_principal="jane", ssh_template='{"type": {{ toJson .Type }}}')
        judged = await operator.judge_names(rules, ["jane", "root"], Side.SSH_USER)
        assert [each.allowed for each in judged.judgements] == [True, False]
        tried = await operator.try_template(rules, ["jane"], Side.SSH_USER)
        assert json.loads(tried.rendered) == {"type": "user"}
        broken = change(x509_template='{\n{{ fail "no" }}\n}')
        refused = await operator.try_template(broken, ["a.test"], Side.X509)
        assert "no" in refused.problem
        bad = change(x509_allow_dns="*.*.test")
        assert (await operator.judge_names(bad, ["a"], Side.X509)).problems[0].field == (
            "x509-allow-dns"
        )
