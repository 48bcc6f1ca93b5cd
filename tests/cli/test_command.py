"""step's flag grammar: what the command line, the environment and defaults.json mean."""

import json
from pathlib import Path

import click
import pytest

from appliance.cli.command import StepCommand, StepGroup, location, refused, was_given
from appliance.cli.main import main
from appliance.model.errors import HearthError


def _run(*args: str, no_context: bool = False) -> dict[str, object]:
    seen: dict[str, object] = {}

    @click.command("probe", cls=StepCommand, no_context=no_context)
    @click.option("-f", "--force", is_flag=True)
    @click.option("--mtls", is_flag=True, default=True)
    @click.option("--ca-url")
    @click.option("--provisioner", "--issuer")
    @click.option("--context")
    @click.option("--size", type=int)
    @click.option("--san", multiple=True)
    @refused("offline", because="it comes later", is_flag=True)
    @refused("x5c-cert", because="it comes later")
    @click.argument("subject", metavar="<subject>")
    @click.argument("file", metavar="[<file>]", required=False)
    def probe(**values: object) -> None:
        seen.update(values, path=location().path, size_given=was_given("size"))

    group = StepGroup("hearth")
    group.add_command(probe)
    group.main(["probe", *args], prog_name="hearth", standalone_mode=False)
    return seen


@pytest.mark.parametrize(
    "args",
    [
        ("--ca-url", "ca", "name", "file"),
        ("name", "--ca-url=ca", "file"),
        ("name", "file", "-ca-url", "ca"),
        ("-ca-url=ca", "--", "name", "file"),
    ],
)
def test_flags_stand_anywhere_with_one_dash_or_two(steppath: Path, args: tuple[str, ...]) -> None:
    seen = _run(*args)
    assert (seen["ca_url"], seen["subject"], seen["file"]) == ("ca", "name", "file")


def test_a_value_may_begin_with_a_dash_and_may_hold_equal_signs(steppath: Path) -> None:
    assert _run("x", "--ca-url", "--force")["ca_url"] == "--force"
    assert _run("x", "--ca-url=a=b")["ca_url"] == "a=b"
    assert _run("x", "--ca-url=")["ca_url"] == ""


def test_a_lone_dash_is_an_argument(steppath: Path) -> None:
    assert _run("-")["subject"] == "-"
    assert _run("--", "-x")["subject"] == "-x"


@pytest.mark.parametrize(("word", "value"), [("true", True), ("1", True), ("F", False)])
def test_booleans_take_a_value_after_an_equal_sign_only(
    steppath: Path, word: str, value: bool
) -> None:
    assert _run("x", f"--force={word}")["force"] is value
    assert _run("x", f"-f={word}")["force"] is value
    assert _run("x", f"--mtls={word}")["mtls"] is value
    assert _run("--force", word)["subject"] == word


def test_booleans_have_their_defaults(steppath: Path) -> None:
    seen = _run("x")
    assert (seen["force"], seen["mtls"], seen["size_given"]) == (False, True, False)
    assert _run("x", "--mtls")["mtls"] is True


def test_the_last_value_of_a_flag_holds_and_lists_keep_all(steppath: Path) -> None:
    seen = _run("x", "--size", "1", "--san", "a", "--size=2", "--san=b")
    assert (seen["size"], seen["san"], seen["size_given"]) == (2, ("a", "b"), True)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("x", "--bogus"), "No such option '--bogus'."),
        (("x", "--provisoner", "a"), "--provisioner"),
        (("x", "--ca-url"), "flag needs a value: --ca-url"),
        ((), "missing positional argument <subject>"),
        (("a", "b", "c"), "too many positional arguments"),
        (("a", "--size", "big"), "'big' is not a valid integer"),
    ],
)
def test_a_wrong_command_line_is_told_in_words(
    steppath: Path, args: tuple[str, ...], says: str
) -> None:
    with pytest.raises(click.ClickException) as caught:
        _run(*args)
    assert says in caught.value.format_message()


def test_a_boolean_with_another_word_is_refused(steppath: Path) -> None:
    with pytest.raises(HearthError, match="invalid value 'maybe' for flag '--force'"):
        _run("x", "--force=maybe")


def test_a_flag_of_a_later_version_is_refused_by_name(steppath: Path) -> None:
    with pytest.raises(HearthError, match="'--x5c-cert' is refused: it comes later"):
        _run("x", "--x5c-cert", "file")
    with pytest.raises(HearthError, match="'--offline' is refused"):
        _run("x", "-offline")
    assert _run("x", "--offline=false")["subject"] == "x"


def test_the_environment_fills_absent_flags_under_their_first_name(
    steppath: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEP_CA_URL", "env")
    monkeypatch.setenv("STEP_F", "1")
    monkeypatch.setenv("STEP_FORCE", "0")
    monkeypatch.setenv("STEP_PROVISIONER", "jo")
    monkeypatch.setenv("STEP_SAN", "a,b")
    monkeypatch.setenv("STEP_MTLS", "false")
    seen = _run("x")
    assert (seen["ca_url"], seen["force"], seen["mtls"]) == ("env", True, False)
    assert (seen["provisioner"], seen["san"]) == ("jo", ("a", "b"))
    assert _run("x", "--ca-url", "flag")["ca_url"] == "flag"


def _write(file: Path, **values: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(values))


def test_defaults_fill_what_the_environment_left_under_any_name(
    steppath: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(steppath / "config/defaults.json", **{"ca-url": "file", "issuer": "jo", "size": 7})
    monkeypatch.setenv("STEP_SIZE", "8")
    seen = _run("x")
    assert (seen["ca_url"], seen["provisioner"], seen["size"]) == ("file", "jo", 8)
    assert _run("x", no_context=True)["ca_url"] is None


def test_a_context_brings_its_own_defaults_and_path(steppath: Path) -> None:
    _write(
        steppath / "contexts.json",
        a={"authority": "east", "profile": "work"},
        b={"authority": "west", "profile": "home"},
    )
    _write(steppath / "current-context.json", context="a")
    _write(steppath / "authorities/east/config/defaults.json", **{"ca-url": "e", "issuer": "x"})
    _write(steppath / "profiles/work/config/defaults.json", issuer="jo", context="b")
    _write(steppath / "authorities/west/config/defaults.json", **{"ca-url": "w"})
    seen = _run("x")
    assert (seen["ca_url"], seen["provisioner"]) == ("e", "jo")
    assert seen["path"] == steppath / "authorities/east"
    seen = _run("x", "--context", "b")
    assert (seen["ca_url"], seen["path"]) == ("w", steppath / "authorities/west")
    with pytest.raises(HearthError, match="no context 'c'"):
        _run("x", "--context", "c")


@pytest.mark.parametrize(
    ("content", "says"), [("{", "is not JSON"), ("[]", "is not a JSON object")]
)
def test_broken_defaults_are_named(steppath: Path, content: str, says: str) -> None:
    (steppath / "config").mkdir(parents=True)
    (steppath / "config/defaults.json").write_text(content)
    with pytest.raises(HearthError, match=f"defaults.json: {says}"):
        _run("x")


def test_help_asks_for_nothing(steppath: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEP_OFFLINE", "1")
    assert _run("--help") == _run("-h") == {}


class TestMain:
    """What scripts see: exit codes, and which stream."""

    def test_version_and_path(self, steppath: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["version"]) == main(["--version"]) == 0
        first, second, *_ = capsys.readouterr().out.splitlines()
        assert first.startswith("Hearth/")
        assert second.startswith("Release Date: ")
        assert main(["path"]) == 0
        assert capsys.readouterr().out == f"{steppath}\n"

    @pytest.mark.parametrize(
        ("args", "code", "says"),
        [
            (["nosuch"], 3, "there is no command 'hearth nosuch'"),
            (["ca", "nosuch"], 3, "there is no command 'hearth ca nosuch'"),
            (["path", "--nosuch"], 1, "No such option '--nosuch'"),
        ],
    )
    def test_mistakes(
        self,
        steppath: Path,
        capsys: pytest.CaptureFixture[str],
        args: list[str],
        code: int,
        says: str,
    ) -> None:
        assert main(args) == code
        out, err = capsys.readouterr()
        assert out == ""
        assert says in err
        assert "Traceback" not in err

    @pytest.mark.parametrize("args", [["ca"], ["ca", "--help"], ["help", "ca"], ["help", "path"]])
    def test_help_is_no_error(
        self, steppath: Path, capsys: pytest.CaptureFixture[str], args: list[str]
    ) -> None:
        assert main(args) == 0
        assert capsys.readouterr().out.startswith("Usage: hearth ")

    def test_a_fault_of_ours_is_owned_up_to(
        self,
        steppath: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def fail() -> None:
            raise ZeroDivisionError("no")

        monkeypatch.setattr("appliance.cli.path.location", fail)
        assert main(["path"]) == 2
        assert "STEPDEBUG=1" in capsys.readouterr().err
        monkeypatch.setenv("STEPDEBUG", "1")
        assert main(["path"]) == 2
        assert "Traceback" in capsys.readouterr().err


def test_by_the_name_step_it_is_the_client(
    steppath: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/bin/step", "path"])
    assert main() == 0
    monkeypatch.setattr("sys.argv", ["/usr/bin/step"])
    assert main() == 0
    assert "Usage: step " in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["step-ca", "version"])
    assert main() == 0
