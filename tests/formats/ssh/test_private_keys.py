"""OpenSSH's form of private keys: what we write, ssh-keygen opens, and the other way round."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from appliance.formats import keyfile, pem
from appliance.formats.keys import PrivateKey
from appliance.formats.ssh import keys, private_keys, wire
from appliance.model.errors import FormatError
from appliance.model.secret import Password

KEYS: dict[str, PrivateKey] = {
    "ecdsa-256": ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-384": ec.generate_private_key(ec.SECP384R1()),
    "ecdsa-521": ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
    "rsa-2048": rsa.generate_private_key(65537, 2048),
}
PASSWORD = Password(b"a good password")
ENTROPY = bytes(range(private_keys.ENTROPY))


def _public_line(file: Path, password: str) -> str:
    """Ask ssh-keygen for the public half."""
    file.chmod(0o600)
    command = ["ssh-keygen", "-y", "-P", password, "-f", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("password", [None, PASSWORD], ids=["open", "encrypted"])
def test_ssh_keygen_opens_what_we_write(
    kind: str, password: Password | None, tmp_path: Path
) -> None:
    key = KEYS[kind]
    text = private_keys.dump(key, password, entropy=ENTROPY, comment="jane@desk")
    file = tmp_path / "key"
    file.write_bytes(text)
    line = keys.of_key(key.public_key()).line
    assert _public_line(file, password.reveal().decode() if password else "") == f"{line} jane@desk"
    assert keyfile.load_private_key(text, password).public_key() == key.public_key()


@pytest.mark.parametrize(
    ("kind", "cipher"),
    [("ecdsa -b 384", "aes256-ctr"), ("ed25519", "aes128-cbc"), ("rsa -b 2048", "aes192-ctr")],
)
def test_we_open_what_ssh_keygen_writes(kind: str, cipher: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    command = ["ssh-keygen", "-q", "-N", "secret", "-Z", cipher, "-f", str(file), "-t"]
    subprocess.run([*command, *kind.split()], check=True, timeout=60)
    key = keyfile.load_private_key(file.read_bytes(), Password(b"secret"))
    assert keys.of_key(key.public_key()).line == _public_line(file, "secret").rsplit(" ", 1)[0]
    with pytest.raises(keyfile.PasswordNeeded):
        keyfile.load_private_key(file.read_bytes(), None)
    with pytest.raises(keyfile.WrongPassword):
        keyfile.load_private_key(file.read_bytes(), Password(b"Secret"))


def _sealed(**changes: object) -> bytes:
    text = private_keys.dump(KEYS["ed25519"], PASSWORD, entropy=ENTROPY)
    sealed = private_keys.read(pem.first(text, private_keys.LABEL))
    changed = replace(sealed, **changes)  # type: ignore[arg-type]
    return pem.encode(private_keys.LABEL, changed.octets).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"cipher": "chacha20-poly1305@openssh.com"},
        {"kdf": "scrypt"},
        {"kdf_options": wire.string(bytes(16)) + wire.uint32(2**32 - 1)},
        {"kdf_options": wire.string(b"") + wire.uint32(16)},
        {"kdf_options": b"\0"},
        {"content": b"odd"},
    ],
    ids=["cipher", "kdf", "rounds without end", "no salt", "cut", "no whole block"],
)
def test_what_cannot_be_opened_is_refused_at_once(changes: dict[str, object]) -> None:
    with pytest.raises(FormatError):
        keyfile.load_private_key(_sealed(**changes), PASSWORD)


@pytest.mark.parametrize("length", [0, 14, 15, 30, 60, 100])
def test_a_file_that_ends_too_early_is_refused(length: int) -> None:
    text = private_keys.dump(KEYS["ed25519"], None, entropy=ENTROPY)
    octets = pem.first(text, private_keys.LABEL)
    with pytest.raises(FormatError):
        keyfile.load_private_key(pem.encode(private_keys.LABEL, octets[:length]).encode(), None)


def test_a_compressed_point_is_refused() -> None:
    text = private_keys.dump(KEYS["ecdsa-256"], None, entropy=ENTROPY)
    octets = pem.first(text, private_keys.LABEL).replace(
        wire.uint32(65) + b"\x04", wire.uint32(65) + b"\x02"
    )
    with pytest.raises(FormatError):
        keyfile.load_private_key(pem.encode(private_keys.LABEL, octets).encode(), None)
