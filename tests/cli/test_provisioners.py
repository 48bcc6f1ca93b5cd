"""`ca provisioner add`, `update` and `remove`: what they make of ca.json, and what they leave."""

import base64
import json
import os
import stat
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from appliance.cli.main import main
from appliance.config import editing
from appliance.formats import jwe, jwk
from appliance.model.errors import ConfigError
from tests.cli.provisioner_commands import (
    CASES,
    IDP,
    PASSWORD,
    WORKING,
    comparable,
    with_described_key,
    write,
)

GOLDEN = json.loads((Path(__file__).parent / "golden" / "provisioners.json").read_text())
FILES = {name: base64.b64decode(text) for name, text in GOLDEN["files"].items()}

Edit = Callable[..., str]


@pytest.fixture
def config(tmp_path: Path, steppath: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ca.json that step-ca's initialization wrote, in a folder with all files."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, FILES)
    file = steppath / "config" / "ca.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(GOLDEN["before"]))
    file.chmod(0o640)
    return file


@pytest.fixture
def edit(config: Path, capsys: pytest.CaptureFixture[str]) -> Edit:
    """Run a command line; give what it said."""
    del config

    def run(*words: str, code: int = 0) -> str:
        status = main(("ca", "provisioner", *words))
        printed = capsys.readouterr()
        assert status == code, printed
        assert not printed.out
        return printed.err

    return run


@pytest.fixture
def say(config: Path, capsys: pytest.CaptureFixture[str]) -> Edit:
    """Run a command line; give what it printed, or complained of."""
    del config

    def run(*words: str, group: str = "provisioner", code: int = 0) -> str:
        assert main(("ca", group, *words)) == code
        printed = capsys.readouterr()
        return printed.err if code else printed.out

    return run


def provisioners(config: Path) -> list[dict[str, Any]]:
    return list(json.loads(config.read_text())["authority"]["provisioners"])


def entry(config: Path, name: str) -> dict[str, Any]:
    return next(each for each in provisioners(config) if each["name"] == name)


def change(config: Path, **members: Any) -> dict[str, Any]:
    """Write members into the first entry, by hand."""
    document = json.loads(config.read_text())
    document["authority"]["provisioners"][0] |= members
    config.write_text(json.dumps(document))
    return dict(document["authority"]["provisioners"][0])


def compared(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    jane = [each for each in listed if each["name"] == "jane"]
    assert jane == [each for each in GOLDEN["before"]["authority"]["provisioners"] if jane]
    return [
        with_described_key(comparable(each), FILES) for each in listed if each["name"] != "jane"
    ]


@pytest.mark.parametrize("case", CASES)
def test_the_result_is_that_of_step(case: str, config: Path, edit: Edit) -> None:
    expected = GOLDEN["cases"][case]
    before = ""
    for number, line in enumerate(CASES[case], 1):
        before = config.read_text()
        last = number == len(CASES[case])
        code = expected["code"] if last and case not in WORKING else 0
        edit(*line.replace("{idp}", IDP).split(), code=code)
    if case in WORKING:
        assert expected["code"] == 1
        return
    if expected["code"]:
        assert config.read_text() == before
    assert compared(provisioners(config)) == compared(expected["provisioners"])


def test_what_works_here_and_not_with_step(config: Path, edit: Edit) -> None:
    edit("add", "n", "--public-key=rsa.pub.jwk")
    edit("update", "n", "--name", "m", "--public-key=p256.pub.jwk", "--private-key=p256.jwe")
    found = entry(config, "m")
    assert found["key"] == json.loads(FILES["p256.pub.jwk"])
    opened = json.loads(jwe.decrypt(found["encryptedKey"], PASSWORD))
    assert opened == json.loads(FILES["p256.jwk"])
    edit("update", "m", "--create", "--password-file=password")
    assert entry(config, "m")["key"]["kid"] != found["key"]["kid"]
    oidc = ["--type=OIDC", "--client-id=me", f"--configuration-endpoint={IDP}", "--group=a"]
    edit("add", "o", *oidc)
    edit("update", "o", "--client-id=you", "--remove-group=a", "--auth-param=a=b")
    edit("update", "o", "--remove-auth-param=a=b")
    assert entry(config, "o")["clientID"] == "you"
    assert not {"groups", "authParams"} & entry(config, "o").keys()


def test_keys_that_nobody_knows_and_the_mode_stay(config: Path, edit: Edit) -> None:
    document = json.loads(config.read_text())
    document["vendor"] = {"a": [1, {"b": None}]}
    document["authority"]["note"] = "ours"
    config.write_text(json.dumps(document))
    jane = change(config, NOTE="kept", options={"x509": {"futureKey": 1}, "other": True})
    said = edit("update", "jane", "--x509-max-dur=48h", "--x509-template=leaf.tpl")
    assert "SIGHUP" in said
    jane["claims"] = {"maxTLSCertDuration": "48h0m0s"}
    jane["options"]["x509"]["template"] = FILES["leaf.tpl"].decode()
    assert entry(config, "jane") == jane
    after = json.loads(config.read_text())
    after["authority"]["provisioners"] = document["authority"]["provisioners"]
    assert after == document
    assert stat.S_IMODE(config.stat().st_mode) == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_changes_stays_its_users(config: Path, edit: Edit) -> None:
    """The server, which is another user, must be able to read it after a reload."""
    os.chown(config, 1234, 4321)
    edit("update", "jane", "--disable-renewal")
    assert (config.stat().st_uid, config.stat().st_gid) == (1234, 4321)


def test_an_update_says_nothing_about_what_was_not_asked(config: Path, edit: Edit) -> None:
    """step writes `enableSSHCA: false` beside any change when the claim was not there."""
    before = entry(config, "jane")
    edit("update", "jane", "--disable-renewal")
    assert entry(config, "jane") == before | {"claims": {"disableRenewal": True}}


def test_keys_are_found_in_any_spelling(config: Path, edit: Edit) -> None:
    document = json.loads(config.read_text())
    (jane,) = document["authority"].pop("provisioners")
    jane["Claims"] = {"MAXTLSCERTDURATION": "30h", "disablerenewal": True}
    jane["NAME"] = jane.pop("name")
    document["AUTHORITY"] = {"Provisioners": [jane]}
    del document["authority"]
    config.write_text(json.dumps(document))
    edit("update", "jane", "--x509-max-dur=48h", "--disable-renewal=false", "--name=june")
    (found,) = json.loads(config.read_text())["AUTHORITY"]["Provisioners"]
    assert found["NAME"] == "june"
    assert found["Claims"] == {"MAXTLSCERTDURATION": "48h0m0s", "disablerenewal": False}


def test_a_template_in_a_file_gives_way_to_one_that_is_given(config: Path, edit: Edit) -> None:
    change(config, options={"x509": {"templateFile": str(config.parent / "there.tpl")}})
    (config.parent / "there.tpl").write_bytes(FILES["leaf.tpl"])
    edit("update", "jane", "--x509-template=leaf.tpl")
    assert entry(config, "jane")["options"]["x509"].keys() == {"template"}


def test_an_issuer_is_one_of_those_that_there_are(config: Path, edit: Edit) -> None:
    before = config.read_text()
    assert "'2036'" in edit("update", "jane", "--issuer=2036", code=1)
    assert config.read_text() == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add", "n", "--type=AWS"), "AWS are not supported"),
        (("add", "n", "--type=Azure", "--azure-tenant=t"), "not supported"),
        (("add", "n", "--type=LDAP"), "options are JWK, OIDC"),
        (("add", "n", "--admin-subject=me"), "no admin API"),
        (("add", "jane", "--type=ACME"), "provisioner with name jane already exists"),
        (("remove", "joe"), "provisioner joe not found"),
        (("update", "joe", "--ssh"), "provisioner joe not found"),
        (("update", "jane", "--name="), "needs a name"),
        (("add", "n", "--public-key=symmetric.jwk"), "symmetric"),
        (("add", "n", "--public-key=leaf.tpl"), "error reading leaf.tpl"),
        (("update", "jane", "--x509-min-dur=30h"), "nothing was changed"),
        (("update", "jane", "--x509-template=broken.tpl"), "nothing was changed"),
        (
            ("add", "n", "--public-key=rsa.pub.jwk", "--private-key=p256.jwk"),
            "not that of the public key",
        ),
        (("add", "n", "--type=ACME", "--ca-config=nowhere.json"), "--ca-config"),
        (("add", "n", "--type=X5C", "--x5c-roots=leaf.crt"), "certificate 'Leaf'"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(
    words: tuple[str, ...], told: str, config: Path, edit: Edit
) -> None:
    Path("broken.tpl").write_text("{{ .Subject")
    before = config.read_bytes()
    assert told in edit(*words, code=1)
    assert config.read_bytes() == before
    assert not list(config.parent.glob(".ca.json*"))


def test_a_flag_of_another_type_is_told_to_do_nothing(config: Path, edit: Edit) -> None:
    said = edit("add", "n", "--type=ACME", "--client-id=me")
    assert "flag '--client-id' has no effect on provisioners of type ACME" in said
    assert "clientID" not in entry(config, "n")


def test_of_a_private_key_only_the_public_half_is_published(config: Path, edit: Edit) -> None:
    edit("add", "n", "--public-key=p256.jwk")
    assert entry(config, "n")["key"] == json.loads(FILES["p256.pub.jwk"])


def test_an_encrypted_key_that_is_left_behind_is_told(config: Path, edit: Edit) -> None:
    del config
    said = edit("update", "jane", "--public-key=p256.pub.jwk")
    assert "--private-key" in said


def test_the_password_of_a_key_ends_before_the_end_of_the_line(config: Path, edit: Edit) -> None:
    """step takes the end of the line into it, so that nobody can give the password any more."""
    Path("password").write_bytes(PASSWORD.reveal() + b"\n")
    edit("add", "n", "--public-key=p256.pub.jwk", "--private-key=p256.jwk",
         "--password-file=password")  # fmt: skip
    opened = jwe.decrypt(entry(config, "n")["encryptedKey"], PASSWORD)
    assert jwk.thumbprint(json.loads(opened)) == entry(config, "n")["key"]["kid"]


def test_who_changes_the_file_meanwhile_is_not_overwritten(config: Path) -> None:
    one = editing.edit(config)
    one.members["vendor"] = 1
    other = editing.edit(config)
    other.members["vendor"] = 2
    other.save()
    with pytest.raises(ConfigError, match="changed by somebody else meanwhile"):
        one.save()
    assert json.loads(config.read_text())["vendor"] == 2


def test_of_many_at_once_none_is_lost(config: Path) -> None:
    """Each that says that it succeeded is in the file."""
    succeeded = []

    def work(number: int) -> None:
        changed = editing.edit(config)
        changed.members[f"vendor{number}"] = number
        try:
            changed.save()
        except ConfigError:
            return
        succeeded.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    document = json.loads(config.read_text())
    assert {key for key in document if key.startswith("vendor")} == {
        f"vendor{number}" for number in succeeded
    }
    assert succeeded


def test_what_step_has_no_flag_for_is_set_for_acme_and_taken_away(config: Path, edit: Edit) -> None:
    Path("profiles.json").write_text('{"short-lived": {}, "server": {"lifetime": "20h"}}')
    edit(
        "add", "n", "--type=ACME", "--terms-of-service=https://ca.example/terms",
        "--website=https://ca.example", "--caa-identity=ca.example", "--caa=Strict",
        "--patience=90s", "--subdomains", "--profiles=profiles.json", "--default-profile=server",
        "--challenge=dns-persist-01",
    )  # fmt: skip
    found = entry(config, "n")
    assert found["termsOfService"] == "https://ca.example/terms"
    assert (found["website"], found["caaIdentities"]) == ("https://ca.example", ["ca.example"])
    assert found["options"]["acme"] == {
        "caa": "strict", "patience": "1m30s", "subdomains": True, "defaultProfile": "server",
        "profiles": {"short-lived": {}, "server": {"lifetime": "20h"}},
    }  # fmt: skip
    edit("update", "n", "--profiles=", "--default-profile=", "--subdomains=false",
         "--terms-of-service=", "--patience=24h")  # fmt: skip
    found = entry(config, "n")
    assert found["options"]["acme"] == {"caa": "strict", "patience": "24h0m0s", "subdomains": False}
    assert "termsOfService" not in found


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--caa=maybe",), "warn, strict, off"),
        (("--patience=25h",), "at most 24h"),
        (("--default-profile=server",), "there are no profiles"),
        (("--website=ftp://x",), "https://"),
    ],
)
def test_a_wrong_option_of_acme_changes_nothing(
    config: Path, edit: Edit, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], told: str
) -> None:
    before = config.read_text()
    assert main(("ca", "provisioner", "add", "n", "--type=ACME", *flags)) != 0
    assert told in capsys.readouterr().err
    assert config.read_text() == before


def test_the_list_of_a_file_is_that_of_its_server(
    config: Path, edit: Edit, capsys: pytest.CaptureFixture[str]
) -> None:
    edit("add", "n", "--type=ACME", "--challenge=dns-01")
    capsys.readouterr()
    assert main(("ca", "provisioner", "list", "--offline")) == 0
    assert json.loads(capsys.readouterr().out) == provisioners(config)


class TestWebhooks:
    ADD = ("webhook", "add", "jane", "ask", "--url=https://hook.example.com/ask")

    def hooks(self, config: Path) -> list[dict[str, Any]]:
        return list(entry(config, "jane")["options"]["webhooks"])

    def test_one_is_added_changed_and_removed(self, config: Path, say: Edit) -> None:
        Path("token").write_text("t0ken\n")
        said = say(*self.ADD, "--kind=authorizing", "--cert-type=X509", "--bearer-token-file=token")
        (hook,) = self.hooks(config)
        assert said == f"Webhook ID: {hook['id']}\nSecret: {hook['secret']}\n"
        assert len(base64.b64decode(hook["secret"])) == 64
        assert hook | {"kind": "AUTHORIZING", "certType": "X509", "bearerToken": "t0ken"} == hook
        say("webhook", "update", "jane", "ask", "--url=https://b.example.com",
            "--basic-auth-username=me", "--basic-auth-password-file=password",
            "--disable-tls-client-auth")  # fmt: skip
        del hook["bearerToken"]
        assert self.hooks(config) == [
            hook
            | {
                "url": "https://b.example.com",
                "basicAuth": {"username": "me", "password": PASSWORD.reveal().decode()},
                "disableTLSClientAuth": True,
            }
        ]
        say("webhook", "remove", "jane", "ask")
        assert self.hooks(config) == []

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (("webhook", "add", "jane", "b"), "'--url'"),
            (("webhook", "add", "jane", "b", "--url=http://x.example.com"), "must use https"),
            (("webhook", "add", "jane", "b", "--url=https://x", "--kind=NICE"), "kind must be"),
            (("webhook", "add", "jane", "b", "--url=https://x", "--cert-type=PGP"), "X509, SSH"),
            (ADD, "has a webhook 'ask' already"),
            (("webhook", "update", "jane", "b", "--url=https://x"), "has no webhook 'b'"),
            (("webhook", "remove", "joe", "ask"), "provisioner joe not found"),
        ],
    )
    def test_what_is_wrong_changes_nothing(
        self, words: tuple[str, ...], told: str, config: Path, say: Edit
    ) -> None:
        say(*self.ADD)
        before = config.read_bytes()
        assert told in say(*words, code=1)
        assert config.read_bytes() == before


class TestPolicy:
    @pytest.fixture
    def policy(self, say: Edit) -> Edit:
        return partial(say, group="policy")

    def test_that_of_the_authority(self, config: Path, policy: Edit) -> None:
        policy("authority", "x509", "allow", "dns", "*.example.com", "example.org", "a.b")
        policy("authority", "x509", "allow", "dns", "a.b", "c.d", "--remove")
        policy("authority", "x509", "deny", "ip", "10.0.0.0/8")
        policy("authority", "x509", "wildcards", "allow")
        policy("authority", "ssh", "host", "allow", "dns", "*.example.com")
        expected = {
            "x509": {
                "allow": {"dns": ["*.example.com", "example.org"]},
                "deny": {"ip": ["10.0.0.0/8"]},
                "allowWildcardNames": True,
            },
            "ssh": {"host": {"allow": {"dns": ["*.example.com"]}}},
        }
        assert json.loads(config.read_text())["authority"]["policy"] == expected
        assert json.loads(policy("authority", "view")) == expected
        policy("authority", "remove")
        assert "policy" not in json.loads(config.read_text())["authority"]
        assert json.loads(policy("authority", "view")) == {}

    def test_that_of_a_provisioner_for_ssh(self, config: Path, policy: Edit) -> None:
        mine = ("--provisioner", "jane")
        policy("provisioner", "ssh", "user", "allow", "principal", "jane", "joe", *mine)
        policy("provisioner", "ssh", "host", "deny", "dns", "ca.example", *mine)
        viewed = json.loads(policy("provisioner", "view", *mine))
        assert viewed["ssh"] == {
            "user": {"allow": {"principal": ["jane", "joe"]}},
            "host": {"deny": {"dns": ["ca.example"]}},
        }
        policy("provisioner", "remove", *mine)
        assert json.loads(policy("provisioner", "view", *mine)) == {"x509": {}}

    def test_that_of_a_provisioner(self, config: Path, policy: Edit) -> None:
        change(config, options={"x509": {"templateData": {"a": 1}}})
        mine = ("--provisioner", "jane")
        policy("provisioner", "x509", "allow", "email", "@example.com", *mine)
        policy("provisioner", "x509", "wildcards", "deny", *mine)
        rules = {"allow": {"email": ["@example.com"]}, "allowWildcardNames": False}
        assert entry(config, "jane")["options"] == {"x509": {"templateData": {"a": 1}, **rules}}
        assert json.loads(policy("provisioner", "view", *mine)) == {"x509": rules}
        policy("provisioner", "remove", *mine)
        assert entry(config, "jane")["options"] == {"x509": {"templateData": {"a": 1}}}

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (("authority", "x509", "allow", "dns"), "say what"),
            (("authority", "x509", "permit", "dns", "a"), "say what"),
            (("authority", "x509", "allow", "principal", "a"), "say what"),
            (("authority", "ssh", "user", "allow", "dns", "a"), "say what"),
            (("authority",), "say what"),
            (("authority", "x509", "allow", "ip", "10.0.0.300"), "10.0.0.300"),
            (("provisioner", "view"), "'--provisioner'"),
            (("provisioner", "view", "--provisioner=joe"), "provisioner joe not found"),
            (("provisioner", "ssh", "host", "--provisioner=jane"), "say what"),
            (("provisioner", "ssh", "host", "allow", "dns", "a..b", "--provisioner=jane"), "a..b"),
        ],
    )
    def test_what_is_wrong_changes_nothing(
        self, words: tuple[str, ...], told: str, config: Path, policy: Edit
    ) -> None:
        before = config.read_bytes()
        assert told in policy(*words, code=1)
        assert config.read_bytes() == before


def test_one_is_switched_off_and_on_again(config: Path, edit: Edit, say: Edit) -> None:
    before = provisioners(config)
    edit("disable", "jane")
    assert entry(config, "jane")["disabled"] is True
    assert json.loads(say("list", "--offline"))[0]["state"] == "Disabled"
    edit("enable", "jane")
    assert provisioners(config) == before
    edit("disable", "nobody", code=1)
