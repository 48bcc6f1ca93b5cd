"""Rules about principals: what step-ca's recording (tests/authority) does not show."""

import pytest

from appliance.issuance.policy import BadPattern
from appliance.issuance.ssh.policy import PrincipalPolicy, PrincipalRules
from appliance.model.errors import Forbidden
from appliance.model.ssh import CertificateType

USER, HOST = CertificateType.USER, CertificateType.HOST


def rules(allow: dict[str, list[str]] | None = None, **deny: list[str]) -> PrincipalRules:
    return PrincipalRules.compile(allow or {}, deny, place="rules")


@pytest.mark.parametrize("principals", [[], [""]])
@pytest.mark.parametrize("kind", [USER, HOST])
@pytest.mark.parametrize(
    "side", [rules({"principal": ["*"], "dns": ["*.example"]}), rules(principal=["root"])]
)
def test_a_certificate_for_everybody_passes_no_rules(
    kind: CertificateType, side: PrincipalRules, principals: list[str]
) -> None:
    """Without principals a certificate is for all (OpenSSH's PROTOCOL.certkeys)."""
    policy = PrincipalPolicy(place="policy", user=side, host=side)
    with pytest.raises(Forbidden, match="would be for everybody"):
        policy.check(kind, principals)


@pytest.mark.parametrize("name", ["*", "*.example", "a*.example", "h?st.example"])
@pytest.mark.parametrize("side", [rules({"dns": ["*.example"]}), rules(dns=["secret.example"])])
def test_a_host_with_wildcards_passes_no_rules(side: PrincipalRules, name: str) -> None:
    """ssh matches a host's principals as patterns, so that they would be for denied names too."""
    with pytest.raises(Forbidden, match="it has wildcards"):
        PrincipalPolicy(place="policy", host=side).check(HOST, [name])


def test_without_rules_everything_passes() -> None:
    policy = PrincipalPolicy(place="policy")
    assert not policy
    policy.check(USER, [])
    policy.check(HOST, ["*"])


def test_a_denied_address_is_denied_in_any_capitals() -> None:
    policy = PrincipalPolicy(place="policy", user=rules(email=["root@example.com"]))
    policy.check(USER, ["joe@example.com"])
    with pytest.raises(Forbidden, match=r"deny\.email has"):
        policy.check(USER, ["ROOT@Example.com"])


def test_one_bad_name_among_good_ones_is_refused() -> None:
    policy = PrincipalPolicy(place="policy", user=rules({"principal": ["a", "b"]}))
    policy.check(USER, ["a", "B"])
    with pytest.raises(Forbidden, match='principal name "c" not allowed by rules: no rule in'):
        policy.check(USER, ["a", "b", "c"])


def test_a_bad_rule_is_told_with_its_place() -> None:
    with pytest.raises(BadPattern) as raised:
        rules({"ip": ["10.0.0.1", "x"]})
    assert raised.value.place == "allow.ip[1]"
