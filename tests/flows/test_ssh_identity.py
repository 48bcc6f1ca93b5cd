"""A CA that wants to know its clients gives them an identity along with SSH certificates."""

import base64
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    SSHCertificateBuilder,
    SSHCertificateType,
    load_ssh_public_key,
)

from appliance.cli.clock import SystemClock
from appliance.cli.main import main
from appliance.client.identity import default_identity
from appliance.formats import jwt, pem
from tests.support.authority import hierarchy
from tests.support.online import served

SSH_KEY, X509_KEY = ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())
TOKEN = jwt.sign({"aud": "somebody", "sub": "h.example"}, X509_KEY, {"kid": "k"})


class StrictCa:
    """Answers what such a CA answers; `asked` holds the bodies of the requests."""

    def __init__(self, issuer: x509.Certificate) -> None:
        self.issuer = issuer
        self.asked: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request, or begin and end."""
        if scope["type"] == "lifespan":
            for _ in range(2):
                await send({"type": f"{(await receive())['type']}.complete"})
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        status, answer = self._answer(scope["path"], json.loads(body or b"{}"))
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    def _answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path == "/version":
            return 200, {"version": "1", "requireClientAuthentication": True}
        self.asked.append(body)
        answer: dict[str, Any] = {"crt": _certificate(body)}
        if body.get("identityCSR"):
            chain = (_identity(body["identityCSR"], self.issuer), self.issuer)
            answer["identityCrt"] = [each.public_bytes(Encoding.PEM).decode() for each in chain]
        return 201, answer


def _certificate(body: dict[str, Any]) -> str:
    """Certify a key for SSH."""
    blob = base64.b64decode(body["publicKey"])
    kind = blob[4 : 4 + int.from_bytes(blob[:4])]
    key = load_ssh_public_key(kind + b" " + body["publicKey"].encode())
    host = body["certType"] == "host"
    made = (
        SSHCertificateBuilder()
        .public_key(key)  # type: ignore[arg-type]
        .serial(1)
        .type(SSHCertificateType.HOST if host else SSHCertificateType.USER)
        .key_id(body["keyID"].encode())
        .valid_principals([name.encode() for name in body["principals"]])
        .valid_after(0)
        .valid_before(2**64 - 1)
        .sign(SSH_KEY)
    )
    return made.public_bytes().split()[1].decode()


def _identity(request: str, issuer: x509.Certificate) -> x509.Certificate:
    """Certify a request for TLS with its names."""
    csr = x509.load_pem_x509_csr(request.encode())
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(csr.subject)
        .issuer_name(issuer.subject)
        .public_key(csr.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
    )
    for extension in csr.extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    return builder.sign(X509_KEY, hashes.SHA256())


@pytest.fixture
def ca(
    steppath: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[StrictCa, Path]]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SSH_AUTH_SOCK", "")
    pki = hierarchy(SystemClock().now() - timedelta(days=1), key=X509_KEY)
    strict = StrictCa(x509.load_der_x509_certificate(pki.issuer.certificate))
    with served(strict, pki) as url:
        Path("root.crt").write_text(pem.encode("CERTIFICATE", pki.root))
        config = steppath / "config"
        config.mkdir(parents=True)
        defaults = {"ca-url": url, "root": str(tmp_path / "root.crt"), "force": "true"}
        (config / "defaults.json").write_text(json.dumps(defaults))
        yield strict, steppath


def _ask(*flags: str) -> None:
    open_key = ("--no-password", "--insecure")
    words = ("ssh", "certificate", "h.example", "k", "--token", TOKEN, *open_key, *flags)
    assert main(words) == 0


def _names(body: dict[str, Any]) -> list[str]:
    csr = x509.load_pem_x509_csr(body["identityCSR"].encode())
    found = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in found]


def test_an_identity_is_asked_for_and_kept(ca: tuple[StrictCa, Path]) -> None:
    strict, steppath = ca
    _ask()
    assert _names(strict.asked[0]) == ["h.example"]
    shown = default_identity(steppath / "config/identity.json", datetime.now(UTC))
    assert shown is not None
    assert shown.leaf.serial == 7
    modes = [file.stat().st_mode & 0o777 for file in (steppath / "identity").iterdir()]
    assert modes == [0o600, 0o600]
    key = (steppath / "identity/identity_key").read_bytes()
    _ask()
    assert (steppath / "identity/identity_key").read_bytes() == key  # it stays the same person


@pytest.mark.parametrize("given", ["", "machine", "00000000-0000-0000-0000-000000000001"])
def test_a_host_has_an_id_that_stays(ca: tuple[StrictCa, Path], given: str) -> None:
    strict, _ = ca
    flags = ("--host", *(["--host-id", given] if given else []))
    _ask(*flags)
    _ask(*flags)
    first, second = map(_names, strict.asked)
    assert sorted(first) == sorted(second)
    (urn,) = (name for name in first if name.startswith("urn:uuid:"))
    assert "h.example" in first
    assert uuid.UUID(urn).version == (None if given.endswith("1") else 4)
    if given.endswith("1"):
        assert urn.endswith(given)
