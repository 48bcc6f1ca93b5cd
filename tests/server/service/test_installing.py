"""A service made in a directory that stands for another machine, and taken away again."""

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from appliance.cli.main import main
from appliance.model.errors import BadRequest, Broken, NotFound
from appliance.model.secret import Password
from appliance.server.service import installing
from appliance.server.service.layout import Device, Init, Layout, Order, Unlock
from appliance.server.service.program import in_use, read_release
from appliance.server.service.steps import Command, Directory, File, Tree, carry_out, run_command
from appliance.server.service.upgrading import Upgrade
from tests.support.onefile import script

UNITS = "etc/systemd/system"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    system = tmp_path / "system"
    (system / "usr/lib/systemd").mkdir(parents=True)
    (system / "usr/lib/systemd/systemd").touch()
    return system


@pytest.fixture
def password(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text("correct horse\n")
    return file


def install(root: Path, binary: Path, *flags: str) -> int:
    return main(["install", "--root", str(root), "--binary", str(binary), *flags])


def contents(root: Path) -> dict[str, tuple[int, object]]:
    """Everything that is there, to be compared: links by their targets."""
    return {
        str(each.relative_to(root)): (
            each.lstat().st_mode,
            str(each.readlink()) if each.is_symlink() else each.is_file() and each.read_bytes(),
        )
        for each in sorted(root.rglob("*"))
    }


def test_everything_is_there_and_a_second_time_nothing_changes(
    root: Path, tmp_path: Path, password: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    binary = script(tmp_path / "hearth")
    assert install(root, binary, "--password-file", str(password), "--links") == 0
    first = contents(root)

    program = root / "usr/local/bin/step"
    assert subprocess.check_output([program, "version"]).startswith(b"Hearth/9.9.9")
    assert (program.resolve().parent / "_internal/library.so").exists()
    secret = root / "etc/hearth/password"
    assert secret.read_text() == "correct horse\n"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    unlock = (root / UNITS / "hearth.service.d/10-unlock.conf").read_text()
    assert "LoadCredential=hearth-password:/etc/hearth/password" in unlock
    assert (root / UNITS / "multi-user.target.wants/hearth.service").is_symlink()
    assert "_HEARTH_COMPLETE" in (
        root / "usr/local/share/bash-completion/completions/hearth"
    ).read_text()  # fmt: skip
    assert "correct horse" not in capsys.readouterr().err

    assert install(root, binary, "--links") == 0
    assert "nothing: all of it is there" in capsys.readouterr().err
    assert contents(root) == first


def test_a_dry_run_only_tells(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(root)
    assert install(root, script(tmp_path / "hearth"), "--dry-run") == 0
    assert f"write {root}/{UNITS}/hearth.service" in capsys.readouterr().err
    assert contents(root) == before


def test_what_is_removed_is_all_but_the_ca(root: Path, tmp_path: Path, password: Path) -> None:
    before = {name for name in contents(root) if not (root / name).is_dir()}
    data = root / "var/lib/hearth"
    data.mkdir(parents=True)
    (data / "key").write_text("the CA")
    install(root, script(tmp_path / "hearth"), "--password-file", str(password), "--links")
    own = root / "usr/local/bin/step-ca"
    own.unlink()
    own.symlink_to("/opt/somebody/else")

    assert main(["uninstall", "--root", str(root)]) == 0
    left = {name for name in contents(root) if not (root / name).is_dir()} - before
    assert left - {"usr/local/bin/step-ca"} == {"var/lib/hearth/key", "etc/hearth/password"}
    assert main(["uninstall", "--root", str(root), "--purge", "--force"]) == 0
    assert not data.exists()
    assert not (root / "etc/hearth").exists()


def test_a_purge_wants_to_be_told_what(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = root / "var/lib/hearth"
    data.mkdir(parents=True)
    assert main(["uninstall", "--root", str(root), "--purge"]) == 1
    assert "--force" in capsys.readouterr().err
    assert data.exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--unlock", "file"], "--password-file FILE"),
        (["--unlock", "credential", "--password-file", "PASSWORD"], "call it there"),
        (["--unlock", "console", "--password-file", "PASSWORD"], "leave out --password-file"),
        (["--data", "relative"], "--data"),
        (["--data", "/home/ann/.step"], "does not see /home/ann/.step"),
        (["--data", "/srv/with space"], "--data"),
        (["--writable", "/srv/%n"], "--writable"),
        (["--device", "tpm"], "apt-get install tpm-udev"),
        (["--init", "openrc", "--unlock", "console"], "--unlock file"),
        (["--seal", "luck", "--unlock", "none"], "host+tpm2"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_done(
    root: Path,
    tmp_path: Path,
    password: Path,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    said: str,
) -> None:
    before = contents(root)
    given = [str(password) if each == "PASSWORD" else each for each in flags]
    assert install(root, script(tmp_path / "hearth"), *given) == 1
    assert said in capsys.readouterr().err
    assert contents(root) == before


def test_a_machine_without_services_that_we_know_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert install(empty, script(tmp_path / "hearth")) == 1
    assert "--init none" in capsys.readouterr().err
    assert install(empty, script(tmp_path / "hearth"), "--init", "none") == 0
    assert (empty / "usr/local/bin/hearth").resolve().exists()
    assert not (empty / "etc").exists()


def test_a_checkout_and_a_file_of_another_kind_are_no_programs(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["install", "--root", str(root)]) == 1
    assert "--binary dist/hearth" in capsys.readouterr().err
    other = tmp_path / "other"
    other.write_bytes(b"\x7fELF other")
    assert install(root, other) == 1
    assert "not Hearth in one file" in capsys.readouterr().err


def test_who_is_not_root_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for words in (["install", "--init", "none"], ["upgrade", "file"], ["uninstall"]):
        assert main([*words, "--init", "none"]) == 1
        assert f"sudo hearth {words[0]}" in capsys.readouterr().err


def test_openrc_has_a_script_that_a_shell_reads(tmp_path: Path, password: Path) -> None:
    root = tmp_path / "alpine"
    (root / "sbin").mkdir(parents=True)
    (root / "sbin/openrc-run").touch()
    assert install(root, script(tmp_path / "hearth"), "--password-file", str(password)) == 0
    init = root / "etc/init.d/hearth"
    subprocess.check_call(["/bin/sh", "-n", init])
    assert os.access(init, os.X_OK)
    assert "cap_net_bind_service" in init.read_text()
    assert not (root / UNITS).exists()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_units_and_finds_little_exposure(
    root: Path, tmp_path: Path, password: Path
) -> None:
    """The score is the one that homelab.md names; the check of `--device` is part of it."""
    flags = ["--device", "usb", "--device", "pcsc", "--writable", "/mnt/stick"]
    install(root, script(tmp_path / "hearth"), "--password-file", str(password), *flags)
    units = root / UNITS
    for target in ("sysinit", "basic", "shutdown", "network-online", "sockets", "multi-user"):
        (units / f"{target}.target").write_text("[Unit]\n")
    (root / "bin").mkdir()
    for name in ("sh", "systemd-ask-password"):
        (root / "bin" / name).write_text("#!/bin/true\n")
        (root / "bin" / name).chmod(0o755)
    names = ("hearth.service", "hearth-unlock.socket", "hearth-unlock@.service")
    verified = subprocess.run(
        ["systemd-analyze", "verify", f"--root={root}", "--man=no", *names],
        check=False,
        capture_output=True,
        text=True,
    )
    assert [line for line in verified.stderr.splitlines() if "hearth" in line] == []
    (units / "hearth.service.d/20-devices.conf").unlink()
    scored = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager",
         str(units / "hearth.service")],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert scored.returncode == 0, scored.stdout


def order(layout: Layout, **choices: object) -> Order:
    return Order(layout=layout, init=Init.SYSTEMD, **choices)  # type: ignore[arg-type]


class Recorder:
    """Commands of the system that are not run, only remembered; some fail."""

    def __init__(self, *failing: str) -> None:
        self.commands: list[str] = []
        self.given: list[bytes] = []
        self.failing = failing

    def __call__(
        self, command: Sequence[str], *, given: bytes = b"", user: str = "", asks: bool = False
    ) -> bytes:
        line = " ".join(command)
        self.commands.append(line)
        self.given.append(given)
        if any(each in line for each in self.failing):
            raise Broken(f"{line} failed (1): no")
        return b""


def test_a_credential_is_made_from_standard_input_and_nothing_else_is_kept(root: Path) -> None:
    run = Recorder()
    steps = installing.steps_of(
        order(Layout(), unlock=Unlock.CREDENTIAL, password=Password(b"correct horse")), None, run
    )
    told = [each.what for each in steps]
    assert (
        "run systemd-creds encrypt --name=hearth-password --with-key=auto - "
        "/etc/hearth/password.cred"
    ) in told
    assert any(each.startswith("remove /etc/hearth/password (") for each in told)
    assert not any("correct horse" in each for each in told)
    sealing = next(each for each in steps if "systemd-creds" in each.what)
    assert isinstance(sealing, Command)
    sealing.carry_out()
    assert run.given == [b"correct horse"]


def test_after_a_change_systemd_reads_its_files_again_before_the_service_restarts(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(root=root, data=Path("/srv/ca"))
    monkeypatch.setattr(Layout, "is_here", True)
    monkeypatch.setattr(Layout, "configuration", root)
    run = Recorder()
    installing.start(order(layout), run, changed=True)
    assert run.commands == ["systemctl daemon-reload", "systemctl restart hearth.service"]
    run.commands.clear()
    installing.start(order(layout), run, changed=False)
    installing.start(order(layout, start=False), run, changed=False)
    installing.start(order(layout), run, changed=True, only_tell=True)
    assert run.commands == ["systemctl start hearth.service"]


def test_each_kind_of_device_opens_only_what_it_needs(root: Path) -> None:
    def written(*devices: Device) -> str:
        choices = order(Layout(root=root), devices=frozenset(devices))
        steps = installing.steps_of(choices, None, Recorder())
        files = [each for each in steps if isinstance(each, File)]
        return next(each.content.decode() for each in files if "20-devices" in each.what)

    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/group").write_text("root:x:0:\ntss:x:110:\n")
    assert "PrivateDevices" not in written(Device.PCSC)
    assert "char-usb_device" in written(Device.USB)
    assert "tpmrm0" not in written(Device.USB)
    assert "SupplementaryGroups=tss" in written(Device.TPM)


def test_half_of_a_program_is_none(tmp_path: Path) -> None:
    """What a power cut left half written is written anew; nobody sees it in between."""
    release = read_release(script(tmp_path / "hearth"))
    assert release.unpacked is not None
    step = Tree(path=tmp_path / "lib" / release.name, unpacked=release.unpacked)
    (step.path / "_internal").mkdir(parents=True)
    assert list(carry_out([step])) == [step.what]
    assert step.is_done()
    assert [each.name for each in step.path.parent.iterdir()] == [release.name]


def test_a_step_that_fails_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Broken, match=r"cannot make the directory .*/file/below"):
        list(carry_out([Directory(path=tmp_path / "file" / "below")]))


def test_commands_that_fail_or_are_missing_are_told_with_what_they_said() -> None:
    with pytest.raises(Broken, match=r"failed \(3\): because"):
        run_command(["sh", "-c", "echo because >&2; exit 3"])
    with pytest.raises(Broken, match="not on this machine"):
        run_command(["no-such-command-here"])


class Machine:
    """A system in a directory, in which the first version is installed."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.layout = Layout(root=root)
        self.root = root
        self.folder = folder
        self.first = self.release("first", "")
        install(root, self.first, "--init", "none")
        self.told: list[str] = []

    def release(self, name: str, body: str) -> Path:
        return script(self.folder / name, body, version=f"Hearth/{name} (linux/test)")

    def upgrade(self, file: Path, *, force: bool = False) -> None:
        self.change(force=force).to(read_release(file))

    def change(self, *, force: bool = False) -> Upgrade:
        return Upgrade(
            layout=self.layout,
            init=Init.SYSTEMD,
            run=run_command,
            tell=self.told.append,
            force=force,
        )

    @property
    def version(self) -> str:
        program = self.root / "usr/local/bin/hearth"
        said = subprocess.run([program, "version"], check=True, capture_output=True, text=True)
        return said.stdout.split()[0]

    @property
    def releases(self) -> set[str]:
        return {
            each.name
            for each in (self.root / "usr/local/lib/hearth").iterdir()
            if not each.is_symlink()
        }


@pytest.fixture
def machine(root: Path, tmp_path: Path) -> Iterator[Machine]:
    return Machine(root, tmp_path)  # type: ignore[return-value]


def test_an_upgrade_switches_keeps_one_version_and_goes_back(machine: Machine) -> None:
    second, third = machine.release("second", ""), machine.release("third", "")
    machine.upgrade(second)
    assert machine.version == "Hearth/second"
    machine.upgrade(second)
    assert machine.told[-1] == "this version is in use already"
    machine.upgrade(third)
    assert machine.version == "Hearth/third"
    assert len(machine.releases) == 2
    machine.change().back()
    assert machine.version == "Hearth/second"


def test_a_version_that_says_nothing_or_something_else_is_not_used(machine: Machine) -> None:
    for each in (
        script(machine.folder / "silent", version=""),
        script(machine.folder / "other", version="Other/1.0"),
    ):
        with pytest.raises(Broken, match="is not Hearth"):
            machine.upgrade(each)
    assert machine.version == "Hearth/first"
    assert len(machine.releases) == 1


def test_a_version_that_objects_to_the_configuration_is_not_used_but_by_force(
    machine: Machine,
) -> None:
    configuration = machine.root / "var/lib/hearth/config/ca.json"
    configuration.parent.mkdir(parents=True)
    configuration.write_text("{}")
    finding = json.dumps([{"level": "failure", "topic": "key", "text": "no key"}])
    body = f"if [ \"$1\" = doctor ]; then echo '{finding}'; exit 1; fi"
    objecting = machine.release("objecting", body)
    with pytest.raises(BadRequest, match=r"would not serve .*: key: no key"):
        machine.upgrade(objecting)
    assert machine.version == "Hearth/first"
    machine.upgrade(objecting, force=True)
    assert machine.version == "Hearth/objecting"
    address = json.dumps([{"level": "failure", "topic": "address", "text": "needs a privilege"}])
    body = f"if [ \"$1\" = doctor ]; then echo '{address}'; exit 1; fi"
    willing = machine.release("willing", body)
    machine.upgrade(willing)
    assert machine.version == "Hearth/willing"


def test_a_version_that_does_not_come_up_gives_way_to_the_former(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on this machine: a service that is active is restarted, and its failure is seen."""
    bad = machine.release("bad", "")
    current = machine.root / "usr/local/lib/hearth/current"
    former = in_use(machine.layout)
    restarts: list[str] = []

    def run(
        command: Sequence[str], *, given: bytes = b"", user: str = "", asks: bool = False
    ) -> bytes:
        if command[0] != "systemctl":
            return run_command(command)
        if command[1] == "restart":
            restarts.append(str(current.readlink()))
            if len(restarts) == 1:
                raise Broken("systemctl restart hearth.service failed (1): timeout")
        return b""

    monkeypatch.setattr(Layout, "is_here", True)
    change = Upgrade(layout=machine.layout, init=Init.SYSTEMD, run=run, tell=machine.told.append)
    with pytest.raises(Broken, match="the former one serves again"):
        change.to(read_release(bad))
    assert restarts == [read_release(bad).name, former]
    assert machine.version == "Hearth/first"
    assert machine.releases == {former}
    assert not os.path.lexists(machine.root / "usr/local/lib/hearth/previous")


def test_there_has_to_be_something_to_upgrade_or_to_go_back_to(
    machine: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NotFound, match="no version to go back to"):
        machine.change().back()
    empty = tmp_path / "nothing"
    empty.mkdir()
    assert main(["upgrade", str(machine.first), "--root", str(empty), "--init", "none"]) == 1
    assert "hearth install puts one there" in capsys.readouterr().err
    assert main(["upgrade", "--init", "none"]) == 1
    assert "--back" in capsys.readouterr().err
