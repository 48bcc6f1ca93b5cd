"""The commands that smallstep's documents print, typed line by line: the answers are the printed.

Our program has the names `step` and `step-ca`. In what is printed, `<…>` stands for what differs
each time. How a line begins that a terminal draws twice (`?`, then `✔`) is not compared, and where
the documents are of several ages, the provisioner is shown as the later ones show it.
"""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.appliance import environment, free_port
from tests.support.shell import Shell, named, shell

PASSWORD = "p4ssword"
PROVISIONER = ("to decrypt the provisioner key", PASSWORD)
KEY = ("to encrypt the private key", PASSWORD)
OVERWRITE = ("[y/n]", "y")
ASKED = """
✔ Provisioner: admin (JWK) [kid: <kid>]
✔ Please enter the password to decrypt the provisioner key:
"""
INSPECTED = """
X.509v3 TLS Certificate (ECDSA P-256) [Serial: <short>]
Subject: {subject}
Issuer: Local CA Intermediate CA
Provisioner: admin [ID: <short>]
Valid from: <time>
to: <time>
"""
JWT = """
{{ "header": {{ "alg": "ES256", "kid": "<kid>", "typ": "JWT" }},
"payload": {{ "aud": "<url>{path}", "exp": <number>, "iat": <number>, "iss": "admin",
"jti": "<hex>", "nbf": <number>, {sans} "sha": "<hex>", "sub": "{subject}"{user} }},
"signature": "<kid>" }}
"""
PLACES = {
    "<kid>": r"[\w-]{20,}",
    "<short>": r"[\w-]{4}\.\.\.[\w-]{4}",
    "<time>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "<date>": r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d",
    "<duration>": r"(\d+h)?(\d+m)?\d+s",
    "<url>": r"https://localhost:\d+",
    "<number>": r"\d+",
    "<hex>": r"[0-9a-f]{64}",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("documents")
    named(made / "bin", "step", "step-ca")
    return made


@pytest.fixture(scope="module")
def typed(folder: Path) -> Iterator[Shell]:
    """A shell in a folder where the documents' CA runs: made and started as they say."""
    with shell(folder, environment(folder / ".step")) as made:
        made.type('echo "p4ssword" > password.txt')
        address = f"127.0.0.1:{free_port()}"  # printed: ":443"
        made.type(
            f'step ca init --name "Local CA" --provisioner admin --dns localhost --address '
            f'"{address}" --password-file password.txt --provisioner-password-file password.txt'
        )
        served = "step-ca $(step path)/config/ca.json --password-file password.txt"
        process = int(made.type(f"{served} > log 2>&1 & echo $!"))
        try:
            wait_in(folder / "log", "Serving HTTPS")
            yield made
        finally:
            os.kill(process, signal.SIGTERM)


def wait_in(file: Path, text: str, said: Path | None = None) -> None:
    """Wait until a file has a text; whoever writes it may say elsewhere what keeps it from that."""
    deadline = time.monotonic() + 60
    while not file.exists() or text not in file.read_text():
        told = [each.read_text() for each in (file, said) if each and each.exists()]
        assert time.monotonic() < deadline, f"{text!r} is not in {file}: {told}"
        time.sleep(0.02)


def alike(shown: str, printed: str) -> None:
    """Compare what is on the screen with what a document prints."""
    pattern = re.escape(plain(printed))
    for name, found in PLACES.items():
        pattern = pattern.replace(re.escape(name), found)
    assert re.fullmatch(pattern, plain(shown)), f"{plain(shown)!r} is not as {plain(printed)!r}"


def plain(text: str) -> str:
    lines = (re.sub(r"^[✔?] ", "", line.strip()) for line in text.splitlines())
    return " ".join(" ".join(lines).split())


def inspected(typed: Shell, name: str, subject: str) -> None:
    alike(typed.type(f"step certificate inspect --short {name}"), INSPECTED.format(subject=subject))


def serial(typed: Shell, name: str) -> str:
    """Printed: `step certificate inspect --format=json localhost.crt | jq .serial_number`."""
    found: str = json.loads(typed.type(f"step certificate inspect --format=json {name}"))[
        "serial_number"
    ]
    return found


def token(typed: Shell, printed: str, *, path: str, subject: str, more: str = "") -> None:
    """Take a token and look at it; today's step has `user` in those that sign."""
    alike(typed.type(printed, PROVISIONER), ASKED)
    looked = typed.type("echo $TOKEN | step crypto jwt inspect --insecure")
    alike(
        looked,
        JWT.format(path=path, subject=subject, sans=more, user=', "user": {}' if more else ""),
    )


def test_short_lived_certificates_and_their_renewal(typed: Shell) -> None:
    """Production considerations: creating short-lived certificates, manual and automated."""
    shown = typed.type("TOKEN=$(step ca token --password-file password.txt foo.local)")
    alike(shown, "✔ Provisioner: admin (JWK) [kid: <kid>]")
    alike(
        typed.type("step ca certificate foo.local foo.crt foo.key --token $TOKEN"),
        "✔ CA: <url>\n✔ Certificate: foo.crt\n✔ Private Key: foo.key",
    )
    inspected(typed, "foo.crt", "foo.local")
    saved = "Your certificate has been saved in foo.crt."
    alike(typed.type("step ca renew --force foo.crt foo.key"), saved)
    inspected(typed, "foo.crt", "foo.local")
    shown = typed.type("step ca renew --force --expires-in 4h foo.crt foo.key")
    alike(shown, "certificate not renewed: expires in <duration>")
    alike(typed.type("step ca renew --force --expires-in 24h foo.crt foo.key"), saved)


def test_the_renewal_daemon(typed: Shell, folder: Path) -> None:
    """Printed without the end that SIGTERM makes."""
    said, hup = folder / "daemon", folder / "hup"
    server = typed.type(
        '(trap "touch hup" HUP; while :; do sleep 0.1; done) & NGINX_PID=$!; echo $!'
    )
    daemon = typed.type(
        'step ca renew --daemon --exec "kill -HUP $NGINX_PID" foo.crt foo.key > daemon 2>&1 &'
        " echo $!"
    )
    try:
        wait_in(said, "first renewal in")
        os.kill(int(daemon), signal.SIGHUP)
        wait_in(said, "next in")
        wait_in(hup, "", said)
    finally:
        for process in (server, daemon):
            os.kill(int(process), signal.SIGTERM)
    alike(
        said.read_text(),
        "INFO: <date> first renewal in <duration>\n"
        "INFO: <date> foo.local certificate renewed, next in <duration>",
    )


def test_revocation(typed: Shell) -> None:
    """Production considerations: X.509 certificate revocation, from its first line to its last."""
    alike(
        typed.type("step ca certificate localhost localhost.crt localhost.key", PROVISIONER),
        f"{ASKED}✔ CA: <url>\n✔ Certificate: localhost.crt\n✔ Private Key: localhost.key",
    )
    inspected(typed, "localhost.crt", "localhost")
    renew = "step ca renew localhost.crt localhost.key"
    overwritten = "✔ Would you like to overwrite localhost.crt [y/n]: y\n"
    alike(
        typed.type(renew, OVERWRITE),
        f"{overwritten}Your certificate has been saved in localhost.crt.",
    )
    inspected(typed, "localhost.crt", "localhost")
    number = serial(typed, "localhost.crt")
    revoked = f"Certificate with Serial Number {number} has been revoked."
    alike(typed.type(f"step ca revoke {number}", PROVISIONER), f"{ASKED}✔ CA: <url>\n{revoked}")
    refused = (
        "error renewing certificate: The request lacked necessary authorization to be completed. "
        "Please see the certificate authority logs for more info."
    )
    assert plain(typed.type(renew, OVERWRITE)).startswith(plain(overwritten + refused))


def test_revocation_by_certificate_and_by_token(typed: Shell) -> None:
    def issued() -> str:
        typed.type(
            "step ca certificate --force --password-file password.txt localhost localhost.crt"
            " localhost.key"
        )
        return serial(typed, "localhost.crt")

    number = issued()
    revoked = "✔ CA: <url>\nCertificate with Serial Number {} has been revoked."
    alike(
        typed.type("step ca revoke --cert localhost.crt --key localhost.key"),
        revoked.format(number),
    )
    number = issued()
    printed = f"TOKEN=$(step ca token --revoke {number})"
    token(typed, printed, path="/1.0/revoke", subject=number)
    alike(typed.type(f"step ca revoke --token $TOKEN {number}"), revoked.format(number))


def test_revocation_without_the_address(typed: Shell) -> None:
    """Printed last: `--offline`, here beside a server that runs; by number, step asks who may."""
    for how, answers in (("{}", [PROVISIONER]), ("--cert off.crt --key off.key", [])):
        typed.type(
            "step ca certificate --force --password-file password.txt localhost off.crt off.key"
        )
        number = serial(typed, "off.crt")
        shown = typed.type(f"step ca revoke --offline {how.format(number)}", *answers)
        assert f"Certificate with Serial Number {number} has been revoked." in shown
        assert "error renewing" in typed.type("step ca renew --force off.crt off.key")


def test_basic_operations(typed: Shell) -> None:
    """Basic operations: from scratch, a request of one's own, a token, renewed and revoked."""
    alike(
        typed.type("step ca certificate svc.example.com svc.crt svc.key", PROVISIONER),
        f"{ASKED}✔ CA: <url>\n✔ Certificate: svc.crt\n✔ Private Key: svc.key",
    )
    alike(
        typed.type("step certificate inspect svc.crt --short"),
        INSPECTED.format(subject="svc.example.com"),
    )
    alike(
        typed.type("step certificate create --csr foo.example.com bar.csr bar.key", KEY),
        "Please enter the password to encrypt the private key:\n"
        "Your certificate signing request has been saved in bar.csr.\n"
        "Your private key has been saved in bar.key.",
    )
    alike(
        typed.type("step ca sign bar.csr bar.crt", PROVISIONER),
        f"{ASKED}✔ CA: <url>\n✔ Certificate: bar.crt",
    )
    number = serial(typed, "svc.crt")
    alike(
        typed.type("step ca revoke --cert svc.crt --key svc.key"),
        f"✔ CA: <url>\nCertificate with Serial Number {number} has been revoked.",
    )


def test_a_single_use_token(typed: Shell) -> None:
    printed = "TOKEN=$(step ca token localhost)"
    token(typed, printed, path="/1.0/sign", subject="localhost", more='"sans": [ "localhost" ],')
    typed.type("step certificate create --csr localhost own.csr own.key", KEY)
    alike(
        typed.type("step ca sign --token $TOKEN own.csr own.crt"),
        "✔ CA: <url>\n✔ Certificate: own.crt",
    )
    inspected(typed, "own.crt", "localhost")
    again = typed.type("step ca sign --force --token $TOKEN own.csr own.crt")
    assert "lacked necessary authorization" in again


def test_other_passwords_for_the_keys(typed: Shell) -> None:
    """Production considerations: a password of its own for the intermediate's key."""
    key = "$STEPPATH/secrets/intermediate_ca_key"
    shown = typed.type(
        f"step crypto change-pass {key}",
        ("to decrypt", PASSWORD),
        ("to encrypt", "another"),
        OVERWRITE,
    )
    assert shown.splitlines()[-1].startswith("Your key has been saved in ")
    typed.type(f"echo another > other.txt; cp {key} copy")
    back = "step crypto change-pass copy --password-file other.txt --new-password-file password.txt"
    assert "has been saved in" in typed.type(f"{back} --force")


def test_keys_for_ssh(typed: Shell, folder: Path) -> None:
    """Configuring step-ca: `step crypto keypair host.pub host.key`."""
    alike(
        typed.type("step crypto keypair host.pub host.key", KEY),
        "Please enter the password to encrypt the private key:\n"
        "Your public key has been saved in host.pub.\nYour private key has been saved in host.key.",
    )
