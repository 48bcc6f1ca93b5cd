"""Audiences: URLs of the CA's names without their ports, compared otherwise exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.model.errors import Unauthorized
from appliance.provisioners.audiences import audiences, fragment, without_port


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://ca.example:9000/1.0/sign", "https://ca.example/1.0/sign"),
        ("HTTPS://ca.example/sign", "https://ca.example/sign"),
        ("https://[::1]:443/sign", "https://::1/sign"),
        ("https://[::1]/sign#x5c/a", "https://::1/sign#x5c/a"),
        ("https://u:p@ca.example:1/sign?a=b", "https://u:p@ca.example/sign?a=b"),
        ("https://ca.example:", "https://ca.example"),
        ("https://ca.example:port/sign", "https://ca.example:port/sign"),
        ("step-certificate-authority", "step-certificate-authority"),
        ("", ""),
    ],
)
def test_the_port_is_taken_out(url: str, bare: str) -> None:
    assert without_port(url) == bare


@given(st.text())
def test_any_text_can_be_an_audience(text: str) -> None:
    assert without_port(without_port(text)) == without_port(text)


def test_each_operation_has_its_own() -> None:
    accepted = audiences(["ca.example", "ca.other:8443"])
    accepted.sign.check(["https://ca.example/1.0/ssh/sign"])
    accepted.sign.check(["https://ca.other/sign"])
    accepted.revoke.check(["step-certificate-authority"])
    accepted.renew.check(["x", "https://ca.example:1/renew"])
    for audience, wrong in (
        (accepted.renew, "step-certificate-authority"),
        (accepted.renew, "https://ca.example/sign"),
        (accepted.sign, "https://ca.example/1.0/sign/"),
        (accepted.sign, "http://ca.example/1.0/sign"),
    ):
        with pytest.raises(Unauthorized):
            audience.check([wrong])


def test_the_first_fragment_names_the_provisioner() -> None:
    assert fragment(["https://a/b", "https://a/b#x5c/n", "https://a/b#other"]) == "x5c/n"
    assert fragment(["https://a/b", "https://a/b#"]) == ""


@pytest.mark.parametrize(
    ("url", "matches"),
    [
        ("https://ca.example:9000/sign#x5c/my name", True),
        ("https://ca.example/sign#x5c/my%20name", True),
        ("https://ca.example/sign#x5c%2Fmy%20name", False),
        ("https://ca.example/sign#x5c/my", False),
        ("https://ca.example/sign#", False),
        ("https://ca.example/sign", False),
        ("https://ca.example/sign#x5c/my%zzname", False),
        ("https://other.example/sign#x5c/my name", False),
        ("step-certificate-authority#x5c/my name", False),
    ],
)
def test_a_fragment_is_compared_as_go_writes_it(url: str, matches: bool) -> None:
    audience = audiences(["ca.example"]).with_fragment("x5c/my name").sign
    assert audience.matches([url], "x5c/my name") == matches
    if matches:
        audience.check([url])
    else:
        with pytest.raises(Unauthorized):
            audience.check([url])


def test_a_broken_fragment_names_nobody() -> None:
    assert fragment(["https://a/b#%zz", "https://a/b#x5c%2Fa%20b"]) == "x5c/a b"


@given(st.text())
def test_any_text_can_be_a_fragment(text: str) -> None:
    named = fragment([f"https://ca.example/sign#{text}"])
    audiences(["ca.example"]).every.matches([f"https://ca.example/sign#{text}"], named)
