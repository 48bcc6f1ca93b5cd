"""Key revocation lists (OpenSSH's PROTOCOL.krl): written, read back, and judged by ssh-keygen."""

import base64
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from appliance.formats.ssh import certificate, keys, krl, wire
from appliance.formats.ssh.certificate import SshCertificate
from appliance.formats.ssh.krl import KeyRevocationList, RevokedCertificates
from appliance.formats.ssh.signatures import SshSignature
from appliance.model.errors import FormatError
from appliance.model.ssh import CertificateType

CA = Ed25519PrivateKey.from_private_bytes(b"c" * 32)
OTHER_CA = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
USER = Ed25519PrivateKey.from_private_bytes(b"u" * 32)
CA_BLOB = keys.of_key(CA.public_key()).blob

SERIALS = st.one_of(
    st.integers(1, 40), st.integers(1000, 30000), st.integers(1, 2**64 - 1)
)  # close together, a little apart, anywhere


def certified(serial: int, ca: Ed25519PrivateKey = CA, key_id: str = "alice") -> SshCertificate:
    unsigned = SshCertificate(
        nonce=b"n" * 32,
        key=keys.of_key(USER.public_key()),
        serial=serial,
        type=CertificateType.USER,
        key_id=key_id,
        principals=("alice",),
        valid_after=0,
        valid_before=certificate.FOREVER,
        signature_key=keys.of_key(ca.public_key()),
    )
    return unsigned.signed(SshSignature(format=keys.ED25519, blob=ca.sign(unsigned.to_be_signed)))


def of_serials(*serials: int, ca: bytes = CA_BLOB) -> KeyRevocationList:
    revoked = RevokedCertificates(ca=ca, serials=krl.ranges(serials))
    return KeyRevocationList(version=7, generated_at=1_700_000_000, certificates=(revoked,))


def refused_by_openssh(folder: Path, revoked: KeyRevocationList, made: SshCertificate) -> bool:
    """Ask `ssh-keygen -Q`, which ends in 1 for what is revoked (and for a list that is none)."""
    (folder / "list").write_bytes(revoked.octets)
    (folder / "cert.pub").write_text(f"{made.type_name} {wire_text(made)}\n")
    asked = subprocess.run(
        ["ssh-keygen", "-Q", "-f", "list", "cert.pub"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "REVOKED" in asked.stdout if asked.returncode else ": ok" in asked.stdout, asked
    return asked.returncode != 0


def wire_text(made: SshCertificate) -> str:
    return base64.b64encode(made.blob).decode()


@given(st.sets(SERIALS, max_size=60))
def test_what_is_written_is_read_back(serials: set[int]) -> None:
    written = of_serials(*serials)
    assert krl.parse(written.octets) == written
    for serial in serials:
        assert written.revokes(certified(serial))


@pytest.mark.parametrize(
    "serials",
    [
        [5],
        [1, 2, 3],
        [7, 8, 9, 10, 11],
        list(range(100, 400, 3)),
        [*range(1, 50, 2), *range(60, 16000, 30), 2**63, 2**64 - 1],
    ],
    ids=["one", "few", "run", "close", "all kinds"],
)
def test_ssh_keygen_refuses_these_and_no_others(tmp_path: Path, serials: list[int]) -> None:
    written = of_serials(*serials)
    around = sorted({each + step for each in serials for step in (-1, 0, 1)})
    for serial in [*around[:8], *around[-8:]]:
        if 0 < serial < 2**64:
            refused = refused_by_openssh(tmp_path, written, certified(serial))
            assert refused == (serial in serials) == written.revokes(certified(serial))


def test_numbers_close_together_cost_a_bit_each() -> None:
    assert len(of_serials(*range(2, 10000, 2)).octets) < 1500
    assert len(of_serials(*range(1, 10000)).octets) < 150


def test_a_list_is_of_one_ca(tmp_path: Path) -> None:
    assert not refused_by_openssh(tmp_path, of_serials(5), certified(5, OTHER_CA))
    assert not of_serials(5).revokes(certified(5, OTHER_CA))
    assert refused_by_openssh(tmp_path, of_serials(5, ca=b""), certified(5, OTHER_CA))
    assert of_serials(5, ca=b"").revokes(certified(5, OTHER_CA))


def test_key_ids_and_keys_are_refused(tmp_path: Path) -> None:
    mallory = RevokedCertificates(ca=CA_BLOB, key_ids=("mallory", "eve"))
    empty = KeyRevocationList(version=1, generated_at=0, comment="nobody")
    by_id = KeyRevocationList(version=1, generated_at=0, certificates=(mallory,))
    key = keys.of_key(USER.public_key())
    by_key = KeyRevocationList(version=1, generated_at=0, keys=(key.blob,))
    by_hash = KeyRevocationList(version=1, generated_at=0, sha256=(sha256(key.blob).digest(),))
    for listed in (empty, by_id, by_key, by_hash):
        assert krl.parse(listed.octets).octets == listed.octets
    assert not refused_by_openssh(tmp_path, empty, certified(1))
    assert refused_by_openssh(tmp_path, by_id, certified(1, key_id="mallory"))
    assert not refused_by_openssh(tmp_path, by_id, certified(1, key_id="alice"))
    assert by_id.revokes(certified(1, key_id="eve"))
    assert refused_by_openssh(tmp_path, by_key, certified(1))
    assert refused_by_openssh(tmp_path, by_hash, certified(1))
    assert by_hash.revokes(certified(1))


def test_serial_number_0_is_never_listed() -> None:
    """OpenSSH would refuse the whole list, and sshd then every login by key."""
    assert krl.ranges([0, 1, 2**64, -5]) == ((1, 1),)


def test_a_list_that_ssh_keygen_made_is_read(tmp_path: Path) -> None:
    octets = CA.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    (tmp_path / "ca").write_bytes(octets)
    (tmp_path / "ca").chmod(0o600)
    (tmp_path / "spec").write_text(
        "serial: 5\nserial: 10-12\nserial: 1000-90000\nid: mallory\n"
        + "".join(f"serial: {each}\n" for each in range(200, 300, 7))
        + f"key: {keys.of_key(OTHER_CA.public_key()).line}\n"
    )
    subprocess.run(
        ["ssh-keygen", "-k", "-f", "list", "-s", "ca", "-z", "9", "spec"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    read = krl.parse((tmp_path / "list").read_bytes())
    assert read.version == 9
    for serial in (5, 10, 11, 12, 1000, 50000, 90000, 200, 207):
        assert read.revokes(certified(serial))
    for serial in (1, 9, 13, 201, 299, 90001):
        assert not read.revokes(certified(serial))
    assert read.revokes(certified(1, key_id="mallory"))
    assert read.revokes_key(keys.of_key(OTHER_CA.public_key()))


WHOLE = of_serials(*range(1, 50, 3), 77777).octets


@pytest.mark.parametrize("end", range(0, len(WHOLE), 7))
def test_a_list_that_is_cut_off_is_refused(end: int) -> None:
    if end != len(KeyRevocationList(version=7, generated_at=0).octets):  # where a section ends
        with pytest.raises(FormatError):
            krl.parse(WHOLE[:end])


HEAD = KeyRevocationList(version=1, generated_at=0).octets


def section(kind: int, content: bytes) -> bytes:
    return bytes((kind,)) + wire.string(content)


def of_ca(content: bytes) -> bytes:
    return HEAD + section(1, wire.strings((CA_BLOB, b"")) + content)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"", "not a key revocation list"),
        (b"ssh-ed25519 AAAA", "not a key revocation list"),
        (HEAD[:8] + wire.uint32(2) + HEAD[12:], "unknown format 2"),
        (HEAD + section(9, b""), "unknown kind 9"),
        (HEAD + section(4, b""), "given up"),
        (HEAD + section(3, wire.string(b"short")), "wrong length"),
        (of_ca(section(0x20, wire.uint64(0))), "cannot be"),
        (of_ca(section(0x21, wire.uint64(5) + wire.uint64(4))), "cannot be"),
        (of_ca(section(0x22, wire.uint64(2**64 - 1) + wire.mpint(3))), "cannot be"),
        (of_ca(section(0x21, wire.uint64(5) + wire.uint64(6) + b"x")), "octets behind"),
        (of_ca(section(0x40, b"")), "unknown kind 64"),
        (HEAD + section(255, wire.string("x@y") + b"\1" + wire.string(b"")), "x@y"),
    ],
)
def test_what_cannot_be_is_refused(octets: bytes, why: str) -> None:
    with pytest.raises(FormatError, match=why):
        krl.parse(octets)


def test_an_extension_that_need_not_be_understood_is_skipped() -> None:
    added = section(255, wire.string("x@y") + b"\0" + wire.string(b""))
    inner = section(0x39, wire.string("x@y") + b"\0" + wire.string(b""))
    assert krl.parse(HEAD + added) == krl.parse(HEAD)
    assert krl.parse(of_ca(inner)).certificates == (RevokedCertificates(ca=CA_BLOB),)


@given(st.binary(max_size=200))
def test_no_octets_are_too_odd(tail: bytes) -> None:
    for octets in (tail, HEAD + tail, of_ca(tail)):
        try:
            krl.parse(octets)
        except FormatError:
            continue
