"""The SSH authority as a process: asked over HTTPS, judged by ssh-keygen."""

import base64
import json
import re
import secrets
import signal
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.formats import jwk, keyfile
from appliance.formats.ssh import certificate as ssh_certificate
from appliance.formats.ssh import keys
from appliance.formats.ssh.certificate import SshCertificate
from appliance.model.secret import Password
from tests.support.appliance import PASSWORD, Appliance
from tests.support.openssh import new_key, shown
from tests.support.requests import signing_request


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """One authority for the tests of this file, stopped between them."""
    appliance = Appliance(tmp_path_factory.mktemp("ssh"), "--ssh")
    document = json.loads(appliance.ca_json.read_text())
    document["authority"]["claims"] = {"enableSSHCA": True}
    appliance.ca_json.write_text(json.dumps(document))
    yield appliance
    if appliance.process is not None:
        appliance.kill()


@pytest.fixture
def appliance(made: Appliance) -> Iterator[Appliance]:
    made.log.write_bytes(b"")
    before = made.ca_json.read_bytes()
    yield made
    if made.process is not None:
        made.stop()
    made.ca_json.write_bytes(before)


def ask(
    appliance: Appliance, path: str, body: object = None, tls: ssl.SSLContext | None = None
) -> tuple[int, dict[str, Any]]:
    data, tls = None if body is None else json.dumps(body).encode(), tls or appliance.context()
    request = urllib.request.Request(appliance.url + path, data)
    try:
        with urllib.request.urlopen(request, context=tls, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def sign(
    appliance: Appliance, key: ec.EllipticCurvePrivateKey, kind: str, name: str, **more: Any
) -> tuple[int, dict[str, Any]]:
    token = appliance.load.token(
        name,
        aud="https://localhost/ssh/sign",
        step={"ssh": {"certType": kind, "keyID": name, "principals": [name]}},
        **more,
    )
    body = {"publicKey": keys.of_key(key.public_key()).text, "ott": token, "certType": kind}
    return ask(appliance, "/ssh/sign", body)


def certificate(answer: tuple[int, dict[str, Any]], status: int = 201) -> SshCertificate:
    assert answer[0] == status, answer
    return ssh_certificate.parse(base64.b64decode(answer[1]["crt"]))


def pop(made: SshCertificate, key: ec.EllipticCurvePrivateKey, operation: str) -> str:
    """Make a token of a certificate's holder."""
    now = int(datetime.now(UTC).timestamp())
    claims = {
        "iss": "sshpop", "sub": str(made.serial), "iat": now, "nbf": now, "exp": now + 300,
        "jti": f"{operation}-{made.serial}-{secrets.token_hex(4)}",
        "aud": f"https://localhost/ssh/{operation}#sshpop/sshpop",
    }  # fmt: skip
    shown = base64.b64encode(made.blob).decode()
    return jwt.encode(claims, key, algorithm="ES256", headers={"sshpop": shown})


def line(made: SshCertificate) -> str:
    return f"{made.type_name} {base64.b64encode(made.blob).decode()}"


def test_a_certificate_from_its_beginning_to_its_end(appliance: Appliance, tmp_path: Path) -> None:
    """Signed, read by ssh-keygen, renewed, rekeyed, revoked; then refused, also after a restart."""
    appliance.start()
    key = new_key()
    first = certificate(sign(appliance, key, "host", "h.internal"))
    status, roots = ask(appliance, "/1.0/ssh/roots")
    assert status == 200
    read = shown(line(first), tmp_path)
    assert read["Type"] == "ecdsa-sha2-nistp256-cert-v01@openssh.com host certificate"
    assert read["Key ID"] == '"h.internal"'
    assert read["Principals"] == ["h.internal"]
    assert read["Critical Options"] == read["Extensions"] == "(none)"
    assert keys.parse(base64.b64decode(roots["hostKey"][0])).fingerprint in read["Signing CA"]

    renewed = certificate(ask(appliance, "/ssh/renew", {"ott": pop(first, key, "renew")}))
    assert (renewed.key, renewed.principals) == (first.key, first.principals)
    assert renewed.serial != first.serial
    other = new_key()
    body = {"ott": pop(renewed, key, "rekey"), "publicKey": keys.of_key(other.public_key()).text}
    rekeyed = certificate(ask(appliance, "/1.0/ssh/rekey", body))
    assert rekeyed.key == keys.of_key(other.public_key())

    ott = pop(rekeyed, other, "revoke")
    revocation = {"serial": str(rekeyed.serial), "ott": ott, "passive": True}
    assert ask(appliance, "/ssh/revoke", revocation) == (200, {"status": "ok"})
    assert ask(appliance, "/ssh/renew", {"ott": pop(rekeyed, other, "renew")})[0] == 401
    appliance.stop()
    appliance.start()
    token = pop(rekeyed, other, "rekey")
    body = {"ott": token, "publicKey": keys.of_key(key.public_key()).text}
    assert ask(appliance, "/ssh/rekey", body)[0] == 401

    log = appliance.log.read_text()
    fields = next(each for each in log.splitlines() if "path=/ssh/sign" in each)
    assert f"serial={first.serial} " in fields
    assert 'principals="[h.internal]"' in fields
    assert 'certificate-type="ecdsa-sha2-nistp256-cert-v01@openssh.com host certificate"' in fields
    assert f'public-key="{first.key.fingerprint} (ECDSA-CERT)"' in fields
    assert re.search(rf"path=/ssh/revoke .*serial={rekeyed.serial} .*ssh=true", log)


def test_a_renewal_renews_the_identity_that_is_shown(appliance: Appliance, tmp_path: Path) -> None:
    appliance.start()
    key, identity_key = new_key(), new_key()
    token = appliance.load.token(
        "h.internal",
        aud="https://localhost/ssh/sign",
        step={"ssh": {"certType": "host", "keyID": "h.internal", "principals": ["h.internal"]}},
    )
    csr = signing_request(identity_key, "h.internal", [])
    body = {"publicKey": keys.of_key(key.public_key()).text, "ott": token, "identityCSR": csr}
    answer = ask(appliance, "/ssh/sign", body)
    first = certificate(answer)
    (tmp_path / "crt").write_text("".join(answer[1]["identityCrt"]))
    (tmp_path / "key").write_bytes(keyfile.dump_private_key(identity_key, None))
    tls = appliance.context()
    tls.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    old = x509.load_pem_x509_certificate(answer[1]["identityCrt"][0].encode())
    for path, more in (
        ("/ssh/renew", {}),
        ("/ssh/rekey", {"publicKey": keys.of_key(new_key().public_key()).text}),
    ):
        ott = pop(first, key, path.rpartition("/")[2])
        assert "identityCrt" not in ask(appliance, path, {"ott": ott, **more})[1]
        ott = pop(first, key, path.rpartition("/")[2])
        again = ask(appliance, path, {"ott": ott, **more}, tls)
        certificate(again)
        identity = x509.load_pem_x509_certificate(again[1]["identityCrt"][0].encode())
        assert identity.serial_number != old.serial_number
        assert identity.subject == old.subject
        assert identity.public_key() == old.public_key()


def test_a_user_and_the_keys_that_are_told(appliance: Appliance, tmp_path: Path) -> None:
    """A user may do all that is usual; keys are told at start and to who asks."""
    appliance.start()
    _, roots = ask(appliance, "/ssh/roots")
    deadline = time.monotonic() + 60
    while "SSH User CA Key" not in (log := appliance.log.read_text()):  # told once it serves
        assert time.monotonic() < deadline, log
        time.sleep(0.02)
    for kind in ("Host", "User"):
        (told,) = re.findall(rf"SSH {kind} CA Key: (.*)", log)
        written = appliance.steppath / "certs" / f"ssh_{kind.lower()}_ca_key.pub"
        assert told == written.read_text().strip()
        assert roots[f"{kind.lower()}Key"] == [told.split()[1]]
    assert ask(appliance, "/ssh/federation") == (200, roots)
    made = certificate(sign(appliance, new_key(), "user", "jane"))
    read = shown(line(made), tmp_path)
    assert read["Extensions"] == [
        "permit-X11-forwarding", "permit-agent-forwarding", "permit-port-forwarding",
        "permit-pty", "permit-user-rc",
    ]  # fmt: skip
    begin, end = re.fullmatch(r"from (\S+) to (\S+)", read["Valid"]).groups()  # type: ignore[union-attr]
    length = datetime.fromisoformat(end) - datetime.fromisoformat(begin)
    assert length.total_seconds() == 16 * 3600 + 60


def test_other_keys_follow_a_reload(appliance: Appliance) -> None:
    """Those known beside are trusted; federated ones are told to who asks for them."""
    appliance.start()
    before = ask(appliance, "/ssh/roots")[1]
    document = json.loads(appliance.ca_json.read_text())
    old, foreign = new_key(), new_key()
    document["ssh"]["keys"] = [
        {"type": "host", "key": jwk.public_jwk(old.public_key())},
        {"type": "user", "federated": True, "key": jwk.public_jwk(foreign.public_key())},
    ]
    del document["ssh"]["userKey"]
    appliance.ca_json.write_text(json.dumps(document))
    assert appliance.process is not None
    appliance.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 60
    while appliance.log.read_text().count("Serving HTTPS on") < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    former = keys.of_key(old.public_key()).text
    assert ask(appliance, "/ssh/roots")[1] == {"hostKey": [*before["hostKey"], former]}
    federated = keys.of_key(foreign.public_key()).text
    assert ask(appliance, "/ssh/federation")[1] == {
        "hostKey": before["hostKey"], "userKey": [federated],
    }  # fmt: skip
    assert sign(appliance, new_key(), "user", "jane")[0] == 501
    assert sign(appliance, new_key(), "host", "h.internal")[0] == 201


def test_without_keys_nothing_is_signed(appliance: Appliance) -> None:
    """501 for what signs, 404 for the keys; the token of such a request is not used up."""
    document = json.loads(appliance.ca_json.read_text())
    del document["ssh"]
    appliance.ca_json.write_text(json.dumps(document))
    appliance.start()
    assert sign(appliance, new_key(), "user", "jane")[0] == 501
    body = {"ott": "x.y.z", "publicKey": keys.of_key(new_key().public_key()).text}
    for path in ("/ssh/sign", "/sign-ssh", "/ssh/renew", "/ssh/rekey"):
        assert ask(appliance, path, body)[0] == 501
    for path in ("/ssh/roots", "/ssh/federation"):
        assert ask(appliance, path)[0] == 404


def shut(appliance: Appliance, kind: str, password: str) -> None:
    """Give an SSH key a password of its own."""
    file = appliance.steppath / "secrets" / f"ssh_{kind}_ca_key"
    key = keyfile.load_private_key(file.read_bytes(), Password(PASSWORD.encode()))
    file.write_bytes(keyfile.dump_private_key(key, Password(password.encode()), entropy=b"e" * 32))


def test_passwords_of_their_own_open_the_keys(tmp_path: Path) -> None:
    appliance = Appliance(tmp_path, "--ssh")
    files = {}
    for kind in ("host", "user"):
        shut(appliance, kind, f"of the {kind}")
        files[kind] = tmp_path / f"{kind}-password"
        files[kind].touch(mode=0o600)
        files[kind].write_text(f"of the {kind}\n")
    given = [f"--ssh-{kind}-password-file={file}" for kind, file in files.items()]
    try:
        appliance.start(*given)
        assert appliance.stop() == 0
    finally:
        if appliance.process is not None:
            appliance.kill()
    first = f"--password-file={appliance.password_file}"
    assert appliance.run("doctor", first).returncode == 1
    assert "password does not open" not in appliance.run("doctor", first, *given).stdout
    for arguments, problem in (
        (given[:1], "ssh_user_ca_key: the password does not open the key"),
        ([given[0], f"--ssh-user-password-file={files['host']}"], "does not open the key"),
        ([given[0], f"--ssh-user-password-file={tmp_path / 'none'}"], "cannot be read"),
    ):
        ended = appliance.run("serve", first, *arguments)
        assert ended.returncode == 2
        assert problem in ended.stderr
        assert "Traceback" not in ended.stderr


def test_a_key_that_is_missing_or_elsewhere_is_told(appliance: Appliance) -> None:
    for name, problem in (
        ("/nowhere/key", "/nowhere/key: cannot be read"),
        ("awskms:key-id=1", "ssh.hostKey: keys in Amazon's KMS ('awskms')"),
    ):
        document = json.loads(appliance.ca_json.read_text())
        document["ssh"]["hostKey"] = name
        appliance.ca_json.write_text(json.dumps(document))
        ended = appliance.run("serve", f"--password-file={appliance.password_file}")
        assert (ended.returncode, problem in ended.stderr) == (2, True), ended.stderr
