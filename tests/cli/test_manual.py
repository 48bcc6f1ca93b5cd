"""Manual pages made of the help: every command is in one, and nothing in it is taken for roff."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import click
import pytest

from appliance.cli.command import StepGroup
from appliance.cli.main import command_tree
from appliance.cli.manual import pages


@pytest.fixture(scope="module")
def written() -> Mapping[str, str]:
    return pages(command_tree("hearth"))


def test_every_command_of_the_top_has_a_page_and_those_below_are_in_it(
    written: Mapping[str, str],
) -> None:
    root = command_tree("hearth")
    names = set(root.list_commands(click.Context(root))) - {"help"}
    assert set(written) == {"hearth.1", *(f"hearth-{name}.1" for name in names)}
    assert ".SS hearth ca acme eab add" in written["hearth-ca.1"]
    assert "\\fB\\-\\-password\\-file <file>\\fR" in written["hearth-serve.1"]
    for name in names:
        assert f".BR hearth\\-{name} (1)" in written["hearth.1"]


def test_what_roff_would_obey_is_only_text() -> None:
    @click.command("odd")
    @click.option("--path", help=".hidden is `one-file`")
    def odd(path: str) -> None:
        """'Quoted' \\n is no line break.

        .TH is no heading.

        \b
        Example:
          $ odd --path ./a-b
        """

    page = pages(StepGroup("hearth", commands={"odd": odd}))["hearth-odd.1"]
    assert "\n\\&'Quoted' \\en is no line break.\n" in page
    assert "\n\\&.TH is no heading.\n" in page
    assert ".nf\nExample:\n  $ odd \\-\\-path ./a\\-b\n.fi" in page
    assert "\\&.hidden is \\fBone\\-file\\fR" in page


@pytest.mark.skipif(shutil.which("lexgrog") is None, reason="man-db is not installed")
def test_man_finds_each_page_by_name_and_summary(
    written: Mapping[str, str], tmp_path: Path
) -> None:
    for name, page in written.items():
        (tmp_path / name).write_text(page)
    found = subprocess.check_output(["lexgrog", *sorted(tmp_path.iterdir())], text=True)
    assert len(found.splitlines()) == len(written), found
    if shutil.which("mandoc"):
        subprocess.check_call(["mandoc", "-T", "lint", "-W", "warning", *tmp_path.iterdir()])
