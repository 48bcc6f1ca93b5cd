"""SSH certificates: what we write others read the same, and the other way round.

Judges are OpenSSH's ssh-keygen and the reader of `cryptography`.
"""

import base64
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    SSHCertificate,
    SSHCertificateType,
    load_ssh_public_identity,
)

from appliance.formats.keys import PrivateKey
from appliance.formats.ssh import certificate, keys, signatures, wire
from appliance.formats.ssh.certificate import FOREVER, SshCertificate
from appliance.formats.ssh.keys import SshPublicKey
from appliance.issuance.algorithms import ECDSA_SCHEMES, RSA_SCHEMES
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import FormatError
from appliance.model.ssh import CertificateType
from tests.support.openssh import key_blob, keygen, shown
from tests.support.requests import key_of

KINDS = ("P-256", "P-384", "P-521", "Ed25519", "RSA-2048", "RSA-3072")
SECURITY_KEYS = ("sk-ecdsa", "sk-ed25519")


@cache
def private(kind: str) -> PrivateKey:
    key = key_of(kind)
    assert isinstance(key, PrivateKey)
    return key


def sign(key: PrivateKey, message: bytes) -> signatures.SshSignature:
    """Sign as a Signer does."""
    algorithm = signatures.algorithm_of(keys.of_key(key.public_key()))
    if isinstance(key, ec.EllipticCurvePrivateKey):
        octets = key.sign(message, ECDSA_SCHEMES[algorithm])
    elif algorithm is SignatureAlgorithm.ED25519:
        octets = key.sign(message)  # type: ignore[call-arg]
    else:
        octets = key.sign(message, *RSA_SCHEMES[algorithm])  # type: ignore[call-arg]
    return signatures.of_signature(algorithm, octets)


def made(authority: PrivateKey, key: SshPublicKey, **changes: Any) -> SshCertificate:
    fields: dict[str, Any] = {
        "nonce": b"0123456789abcdefghijABCDEFGHIJxy", "key": key, "serial": 2**64 - 3,
        "type": CertificateType.USER, "key_id": "jäne@example",
        "principals": ("jane", "jäne@example"), "valid_after": 1_700_000_000,
        "valid_before": 4_000_000_000,
        "critical_options": {"force-command": "echo 'a b'", "source-address": "10.0.0.0/8"},
        "extensions": {"permit-pty": "", "permit-X11-forwarding": "", "login@example.com": "x"},
        "signature_key": keys.of_key(authority.public_key()),
    }  # fmt: skip
    unsigned = SshCertificate(**(fields | changes))
    return unsigned.signed(sign(authority, unsigned.to_be_signed))


def line(each: SshCertificate) -> str:
    """Write a certificate as its file has it."""
    return f"{each.type_name} {base64.b64encode(each.blob).decode()}"


@pytest.mark.parametrize("kind", KINDS)
def test_keys_are_written_as_openssh_writes_them(kind: str, tmp_path: Path) -> None:
    ours = keys.of_key(private(kind).public_key())
    file = tmp_path / "key.pub"
    file.write_text(f"{ours.line} somebody\n")
    bits, fingerprint, comment, form = keygen("-l", "-f", file).split()
    assert (bits, fingerprint) == (str(ours.size), ours.fingerprint)
    assert (comment, form) == ("somebody", f"({ours.key_form})")
    assert keys.parse(ours.blob) == ours
    assert keys.read_line(f"{ours.line} some body\n") == (ours, "some body")


@pytest.mark.parametrize("kind", SECURITY_KEYS)
def test_keys_in_security_keys_are_read(kind: str, tmp_path: Path) -> None:
    key = keys.parse(key_blob(kind))
    assert (key.application, key.type.split("-")[0]) == ("ssh:", "sk")
    file = tmp_path / "key.pub"
    file.write_text(key.line)
    assert keygen("-l", "-f", file).split()[1] == key.fingerprint
    with pytest.raises(FormatError, match="cannot sign"):
        signatures.algorithm_of(key)


@pytest.mark.parametrize("kind", [*KINDS, *SECURITY_KEYS])
@pytest.mark.parametrize("authority", KINDS)
def test_ssh_keygen_reads_what_we_write(authority: str, kind: str, tmp_path: Path) -> None:
    ca = private(authority)
    subject = keys.parse(key_blob(kind))
    ours = made(ca, subject)
    found = shown(line(ours), tmp_path)
    assert found["Type"] == f"{ours.type_name} user certificate"
    assert found["Public key"].endswith(f"-CERT {subject.fingerprint}")
    signed_with = "rsa-sha2-512" if authority.startswith("RSA") else ours.signature_key.type
    assert found["Signing CA"].endswith(f"{ours.signature_key.fingerprint} (using {signed_with})")
    assert found["Serial"] == str(2**64 - 3)
    assert found["Valid"] == "from 2023-11-14T22:13:20 to 2096-10-02T07:06:40"
    assert found["Critical Options"] == ["force-command echo 'a b'", "source-address 10.0.0.0/8"]
    names = [each.split()[0] for each in found["Extensions"]]
    assert names == ["login@example.com", "permit-X11-forwarding", "permit-pty"]
    assert certificate.parse(ours.blob) == ours
    assert ours.is_signed_by([ours.signature_key])


@pytest.mark.parametrize("kind", ["P-256", "P-384", "P-521", "Ed25519", "RSA-2048"])
def test_cryptography_reads_what_we_write(kind: str) -> None:
    ca = private("Ed25519")
    ours = made(ca, keys.of_key(private(kind).public_key()), type=CertificateType.HOST)
    read = load_ssh_public_identity(line(ours).encode())
    assert isinstance(read, SSHCertificate)
    read.verify_cert_signature()
    assert read.type is SSHCertificateType.HOST
    assert (read.nonce, read.serial) == (ours.nonce, ours.serial)
    assert read.key_id.decode() == ours.key_id
    assert [each.decode() for each in read.valid_principals] == list(ours.principals)
    assert (read.valid_after, read.valid_before) == (ours.valid_after, ours.valid_before)
    assert {k.decode(): v.decode() for k, v in read.extensions.items()} == ours.extensions
    assert {k.decode(): v.decode() for k, v in read.critical_options.items()} == (
        ours.critical_options
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("-n jane,joe -z 77 -V 20260101000000Z:20270101000000Z -O force-command=ls -O no-pty",
         {"serial": 77, "principals": ("jane", "joe"), "type": CertificateType.USER,
          "valid_after": 1767225600, "valid_before": 1798761600,
          "critical_options": {"force-command": "ls"}}),
        ("-h -n host.example -O clear",
         {"type": CertificateType.HOST, "valid_after": 0, "valid_before": FOREVER,
          "serial": 0, "extensions": {}}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("authority", ["ecdsa", "ed25519", "rsa", "rsa-sha2-256"])
def test_we_read_what_ssh_keygen_writes(
    authority: str, arguments: str, expected: dict[str, Any], tmp_path: Path
) -> None:
    ca, subject = tmp_path / "ca", tmp_path / "subject"
    kind, _, rest = authority.partition("-")
    keygen("-q", "-t", kind, "-N", "", "-f", ca)
    keygen("-q", "-t", "ed25519", "-N", "", "-f", subject)
    flags = ["-t", authority] if rest else []
    keygen("-q", "-s", ca, "-I", "an id", *flags, *arguments.split(), subject.with_suffix(".pub"))
    read, comment = certificate.read_line((tmp_path / "subject-cert.pub").read_text())
    for name, value in expected.items():
        assert getattr(read, name) == value, name
    assert read.key_id == "an id"
    assert comment
    signer, _ = keys.read_line(ca.with_suffix(".pub").read_text())
    assert read.is_signed_by([signer])
    other = keys.of_key(private("P-256").public_key())
    assert not read.is_signed_by([other])
    assert read.blob == certificate.parse(read.blob).blob


def test_any_other_octet_breaks_the_signature() -> None:
    ca = private("Ed25519")
    ours = made(ca, keys.of_key(private("Ed25519").public_key()))
    blob = ours.blob
    for place in range(len(blob)):
        changed = blob[:place] + bytes((blob[place] ^ 1,)) + blob[place + 1 :]
        try:
            read = certificate.parse(changed)
        except FormatError:
            continue
        assert not read.is_signed_by([ours.signature_key])


@pytest.mark.parametrize(
    ("blob", "problem"),
    [
        (b"", "ends too early"),
        (wire.string("ssh-foo"), "no type of SSH certificate"),
        (wire.string("ssh-foo-cert-v01@openssh.com") + wire.string(b""), "unknown type"),
        (wire.string("ssh-dss-cert-v01@openssh.com") + wire.string(b""), "DSA"),
    ],
)
def test_what_is_no_certificate_is_told(blob: bytes, problem: str) -> None:
    with pytest.raises(FormatError, match=problem):
        certificate.parse(blob)


def test_options_out_of_order_are_refused() -> None:
    """PROTOCOL.certkeys: options must be lexically ordered, each once."""
    ours = made(private("Ed25519"), keys.of_key(private("Ed25519").public_key()))
    first, second = (wire.string(name) + wire.string(b"") for name in ("permit-X", "permit-a"))
    blob = ours.blob
    listed = certificate._options(ours.extensions)
    for wrong in (second + first, first + first):
        with pytest.raises(FormatError, match="not in order"):
            certificate.parse(blob.replace(wire.string(listed), wire.string(wrong)))
