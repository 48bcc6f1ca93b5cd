"""Rules for names in ca.json: of the authority, and of a provisioner."""

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.config.loading import load
from appliance.config.settings import Settings
from appliance.model.errors import ConfigError, Forbidden
from appliance.model.names import San, SanKind
from appliance.model.ssh import CertificateType
from tests.support.load import Provisioner

X = San(kind=SanKind.DNS, value="x.example")
HOST = San(kind=SanKind.DNS, value="host.example")


def loaded(folder: Path, policy: Any = None, options: Any = None) -> Settings:
    """Read a configuration with this policy, and these options of its one provisioner."""
    file = folder / "ca.json"
    provisioner = Provisioner.generate("p").entry() | {"options": options}
    file.write_text(
        json.dumps(
            {
                "root": "root.crt", "crt": "ca.crt", "key": "ca.key", "address": ":443",
                "authority": {"policy": policy, "provisioners": [provisioner]},
            }
        )
    )  # fmt: skip
    return load(file)


@pytest.mark.parametrize(
    ("policy", "place"),
    [
        ({"x509": {"allow": {"dns": ["a.example", "*a"]}}}, "authority.policy.x509.allow.dns[1]"),
        ({"X509": {"Deny": {"IP": ["10.0.0.0/33"]}}}, "authority.policy.x509.deny.ip[0]"),
        ({"x509": {"deny": {"cn": ["*"]}}}, "authority.policy.x509.deny.cn[0]"),
        ({"x509": {"allow": {"dns": "a.example"}}}, "authority.policy.x509.allow.dns"),
        ({"x509": {"allowWildcardNames": "yes"}}, "authority.policy.x509.allowWildcardNames"),
        ({"ssh": {"user": {"allow": {"email": ["*@x"]}}}},
         "authority.policy.ssh.user.allow.email[0]"),
        ({"ssh": {"host": {"deny": {"dns": [".x"]}}}}, "authority.policy.ssh.host.deny.dns[0]"),
        ({"ssh": {"host": {"deny": {"principal": 5}}}}, "authority.policy.ssh.host.deny.principal"),
        (5, "authority.policy"),
    ],
)  # fmt: skip
def test_a_bad_rule_is_told_with_its_place(tmp_path: Path, policy: Any, place: str) -> None:
    with pytest.raises(ConfigError) as raised:
        loaded(tmp_path, policy)
    assert raised.value.place == place


@pytest.mark.parametrize("policy", [None, {}, {"x509": {"allow": {"dns": []}}}, {"ssh": {}}])
def test_a_policy_without_rules_is_none(tmp_path: Path, policy: Any) -> None:
    settings = loaded(tmp_path, policy)
    assert settings.policy is None
    assert not any("policy" in line for line in settings.warnings)


def test_the_authoritys_rules_are_compiled(tmp_path: Path) -> None:
    settings = loaded(tmp_path, {"x509": {"allow": {"dns": ["host.example"]}}})
    assert settings.policy is not None
    settings.policy.check("host.example", [HOST])
    with pytest.raises(Forbidden, match=r"by authority\.policy\.x509: no rule in allow\.dns"):
        settings.policy.check("", [X])


def test_a_provisioner_has_rules_of_its_own(tmp_path: Path) -> None:
    """step-ca keeps them for its paid product; here `options.x509` has them."""
    options = {"x509": {"deny": {"dns": ["x.example"]}, "allowWildcardNames": True}}
    settings = loaded(tmp_path, options=options)
    (provisioner,) = settings.provisioners
    assert provisioner.profile.policy is not None
    provisioner.profile.policy.check("", [HOST])
    with pytest.raises(Forbidden, match=r"provisioners\[0\]\.options\.x509: deny\.dns has"):
        provisioner.profile.policy.check("", [X])


def test_a_bad_rule_of_a_provisioner_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        loaded(tmp_path, options={"x509": {"allow": {"uri": ["https://x"]}}})
    assert raised.value.place == "authority.provisioners[0].options.x509.allow.uri[0]"


def test_the_authoritys_rules_for_ssh_are_compiled(tmp_path: Path) -> None:
    policy = {"ssh": {"user": {"allow": {"email": ["@x.y"], "principal": ["root"]}}}}
    settings = loaded(tmp_path, policy)
    assert settings.policy is None
    assert settings.ssh_policy is not None
    settings.ssh_policy.check(CertificateType.USER, ["Root", "joe@x.y"])
    with pytest.raises(Forbidden, match=r'principal name "joe" not allowed by authority\.policy\.'
                       r"ssh\.user: no rule in allow\.principal matches"):  # fmt: skip
        settings.ssh_policy.check(CertificateType.USER, ["joe"])
    with pytest.raises(Forbidden, match=r"by authority\.policy\.ssh: it has rules for user"):
        settings.ssh_policy.check(CertificateType.HOST, ["host.example"])


def test_a_provisioner_has_rules_for_ssh_of_its_own(tmp_path: Path) -> None:
    options = {"ssh": {"host": {"deny": {"dns": ["x.example"]}}}}
    settings = loaded(tmp_path, options=options)
    policy = settings.provisioners[0].ssh_profile.policy
    assert policy is not None
    policy.check(CertificateType.HOST, ["host.example"])
    with pytest.raises(Forbidden, match=r"by authority\.provisioners\[0\]\.options\.ssh\.host"):
        policy.check(CertificateType.HOST, ["x.example"])


def test_a_bad_rule_for_ssh_of_a_provisioner_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        loaded(tmp_path, options={"ssh": {"user": {"allow": {"email": ["a@b@c"]}}}})
    place = "authority.provisioners[0].options.ssh.user.allow.email[0]"
    assert raised.value.place == place


def test_unknown_keys_in_a_policy_are_warned_about(tmp_path: Path) -> None:
    settings = loaded(tmp_path, {"x509": {"allow": {"principal": ["x"]}}, "scep": {}})
    text = "\n".join(settings.warnings)
    assert "authority.policy.x509.allow.principal: nobody knows this key" in text
    assert "authority.policy.scep: nobody knows this key" in text
