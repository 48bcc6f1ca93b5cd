"""`hearth oauth` names what is wrong with its flags before it asks anybody."""

import pytest

from appliance.cli.main import main

WRONG_FLAGS = {
    "no client": (["oauth"], "'--client-id' is required"),
    "no provider": (["oauth", "--client-id", "x", "--provider", "idp"], "--provider"),
    "no flow": (["oauth", "--client-id", "x", "--console-flow", "paper"], "device, oob"),
    "half the endpoints": (
        ["oauth", "--client-id", "x", "--authorization-endpoint", "https://a"],
        "requires flag '--token-endpoint'",
    ),
    "implicit": (["oauth", "--client-id", "x", "--implicit"], "--implicit"),
    "no parameter": (["oauth", "--client-id", "x", "--auth-param", "=x"], "--auth-param"),
    "no port": (["oauth", "--client-id", "x", "--listen", "here"], "--listen"),
    "no account": (["oauth", "--account", "/nowhere"], "/nowhere"),
}


@pytest.mark.parametrize(("words", "said"), WRONG_FLAGS.values(), ids=WRONG_FLAGS)
@pytest.mark.usefixtures("steppath")
def test_what_makes_no_sense_is_named(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 1
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""
