"""The SSH session of smallstep's basic operations, typed line by line, with a real sshd and ssh.

As in test_documented_commands.py. What the document calls alice is whoever runs the test, for sshd
lets nobody else in; `/etc/ssh` is a folder, and restarting ssh.service is to start an sshd.
"""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.test_documented_commands import KEY, PROVISIONER, alike, wait_in
from tests.support import ssh_agent, sshd
from tests.support.appliance import environment, free_port
from tests.support.shell import Shell, named, shell
from tests.support.sshd import ME

CHOICE = ("sshpop (SSHPOP)", "")  # the last of those to choose from; the first is chosen
TO_THE_CA = """
✔ Provisioner: admin (JWK) [kid: <kid>]
Please enter the password to decrypt the provisioner key:
✔ CA: <url>
"""
ASKED = f"{TO_THE_CA}Please enter the password to encrypt the private key:\n"
INSPECTED = """
-:
Type: ecdsa-sha2-nistp256-cert-v01@openssh.com {kind} certificate
Public key: ECDSA-CERT <sha256>
Signing CA: ECDSA <sha256> (using ecdsa-sha2-nistp256)
Key ID: "{name}"
Serial: <number>
Valid: from <local> to <local>
Principals: {name}
Critical Options: (none)
"""
OF_A_USER = {"permit-pty", "permit-user-rc", "permit-X11-forwarding", "permit-agent-forwarding",
             "permit-port-forwarding"}  # fmt: skip
HERE = {
    "<sha256>": r"SHA256:[\w+/]{43}",
    "<local>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
}


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell with an agent, in a folder where a CA runs that was made with --ssh."""
    folder = tmp_path_factory.mktemp("ssh")
    named(folder / "bin", "step", "step-ca")
    with (
        ssh_agent.running() as agent,
        shell(folder, environment(folder / ".step") | {"SSH_AUTH_SOCK": str(agent)}) as made,
    ):
        made.type('echo "p4ssword" > password.txt')
        made.type(
            'step ca init --ssh --name "Local CA" --provisioner admin --dns localhost '
            f'--address "127.0.0.1:{free_port()}" --password-file password.txt '
            "--provisioner-password-file password.txt"
        )
        served = "step-ca $(step path)/config/ca.json --password-file password.txt"
        process = int(made.type(f"{served} > log 2>&1 & echo $!"))
        try:
            wait_in(folder / "log", "Serving HTTPS")
            made.type("mkdir ssh")
            yield made
        finally:
            os.kill(process, signal.SIGTERM)


def answered(typed: Shell, line: str, *answers: tuple[str, str]) -> str:
    """Choose the first provisioner and give its password; give what is shown from then on."""
    shown = typed.type(line, CHOICE, PROVISIONER, *answers)
    return shown[shown.index("✔ Provisioner") :]


def inspected(typed: Shell, file: str, kind: str, name: str) -> set[str]:
    """Compare what a certificate says, and give its extensions; today a signature follows."""
    shown = typed.type(f"cat {file} | tail -1 | step ssh inspect")
    for place, found in HERE.items():
        shown = re.sub(found, place, shown)
    facts, extensions = shown.split("Extensions:")
    alike(facts, INSPECTED.format(kind=kind, name=name))
    return set(extensions.partition("Signature:")[0].split())


def test_the_session(typed: Shell) -> None:
    """Working with SSH certificates, from trust on both ends to a log-in."""
    folder = Path(typed.type("pwd"))

    # Getting a host to authenticate users
    assert typed.type("step ssh config --roots > ssh/ca.pub") == ""
    assert (folder / "ssh/ca.pub").read_text().startswith("ecdsa-sha2-nistp256 AAAA")
    typed.type(
        "cat <<EOF >> sshd_config\n"
        "# This is the CA's public key for authenticating user certificates:\n"
        f"TrustedUserCAKeys {folder}/ssh/ca.pub\n"
        "EOF"
    )
    alike(
        answered(typed, f"step ssh certificate {ME} id_ecdsa", KEY),
        f"{ASKED}✔ Private Key: id_ecdsa\n✔ Public Key: id_ecdsa.pub\n"
        "✔ Certificate: id_ecdsa-cert.pub\n✔ SSH Agent: yes",
    )
    assert inspected(typed, "id_ecdsa-cert.pub", "user", ME) == OF_A_USER

    # Getting SSH clients to trust hosts
    alike(
        answered(  # printed without the flags; but sshd has nobody to ask for a password
            typed,
            "step ssh certificate --host localhost ssh_host_ecdsa_key --no-password --insecure",
        ),
        f"{TO_THE_CA}✔ Private Key: ssh_host_ecdsa_key\n"
        "✔ Public Key: ssh_host_ecdsa_key.pub\n"
        "✔ Certificate: ssh_host_ecdsa_key-cert.pub",
    )
    assert inspected(typed, "ssh_host_ecdsa_key-cert.pub", "host", "localhost") == {"(none)"}
    typed.type("mv ssh_host_ecdsa_key* ssh")
    typed.type(
        "cat <<EOF >> sshd_config\n"
        "# This is our host private key and certificate:\n"
        f"HostKey {folder}/ssh/ssh_host_ecdsa_key\n"
        f"HostCertificate {folder}/ssh/ssh_host_ecdsa_key-cert.pub\n"
        "EOF"
    )

    # Automate host key rotation
    typed.type(
        "cat <<EOF > rotate-ssh-certificate\n"
        "#!/bin/sh\n"
        f"export STEPPATH={folder}/.step\n"
        f"cd {folder}/ssh && step ssh renew ssh_host_ecdsa_key-cert.pub ssh_host_ecdsa_key --force "
        "2> /dev/null\n"
        "exit 0\n"
        "EOF"
    )
    typed.type("chmod 755 rotate-ssh-certificate")
    before = (folder / "ssh/ssh_host_ecdsa_key-cert.pub").read_text()
    typed.type("./rotate-ssh-certificate")
    assert (folder / "ssh/ssh_host_ecdsa_key-cert.pub").read_text() != before
    shown = inspected(typed, "ssh/ssh_host_ecdsa_key-cert.pub", "host", "localhost")
    assert shown == {"(none)"}

    # Configure SSH clients to trust your host CA, and test your connection
    key = typed.type("step ssh config --host --roots")
    assert re.fullmatch(r"ecdsa-sha2-nistp256 [A-Za-z0-9+/]+=*", key)
    typed.type(f'echo "@cert-authority * {key}" >> known_hosts')
    with sshd.running(folder / "ssh", *(folder / "sshd_config").read_text().splitlines()) as server:
        options = f"-F none -p {server.port} -o UserKnownHostsFile=known_hosts -o BatchMode=yes"
        assert typed.type(f"ssh {options} {ME}@localhost id -un") == ME


def test_a_list_of_what_is_in_the_agent_and_a_revocation(typed: Shell) -> None:
    """step ssh help's other words for the same certificate: list, needs-renewal, revoke, logout."""
    assert "ECDSA-CERT" in typed.type("step ssh list")
    assert typed.type("step ssh needs-renewal id_ecdsa-cert.pub; echo $?").splitlines()[-1] == "1"
    shown = typed.type("step ssh inspect --format json id_ecdsa-cert.pub")
    found = re.search(r'"[Ss]erial": ?"?(\d+)', shown)
    assert found is not None, shown
    said = answered(typed, f"step ssh revoke {found[1]}")
    assert f"SSH Certificate with Serial Number {found[1]} has been revoked." in said
    typed.type("step ssh logout --all")
    assert "ECDSA-CERT" not in typed.type("step ssh list")
