"""Key files that step, OpenSSL and OpenSSH wrote open with ours (golden/keys, password pass123)."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from appliance.formats import der, keyfile, pem
from appliance.formats.keys import PrivateKey, checked_public
from appliance.model.errors import FormatError
from appliance.model.secret import Password

GOLDEN = Path(__file__).parent / "golden" / "keys"
PASSWORD = Password(b"pass123")
ENTROPY = bytes(range(32))
OPENED = [
    "step-ec-plain",
    "step-ec-rfc1423",
    "step-ed25519-pbes2",
    "step-rsa-rfc1423",
    "openssl-ec-aes128",
    "openssl-ec-aes192",
    "openssl-ec-des3",
    "openssl-ec-pbes2",
    "openssl-ec-pbes2-des3",
    "openssl-ec-pkcs8",
    "openssl-ec-with-parameters",
    "openssl-ed25519",
    "openssl-rsa-plain",
    "ssh-ecdsa",
]
KEYS: dict[str, PrivateKey] = {
    "EC": generate_private_key(SECP384R1()),
    "RSA": generate_rsa(65537, 2048),
    "Ed25519": Ed25519PrivateKey.generate(),
}


def golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.pem").read_bytes()


@pytest.mark.parametrize("name", OPENED)
def test_files_of_others_open(name: str) -> None:
    key = keyfile.load_private_key(golden(name), PASSWORD)
    if "-ec-" in name and "parameters" not in name and name != "step-ec-rfc1423":
        assert (
            key.public_key() == keyfile.load_private_key(golden("step-ec-plain"), None).public_key()
        )


@pytest.mark.parametrize("name", [name for name in OPENED if b"ENCRYPTED" in golden(name)])
def test_an_encrypted_file_asks_for_its_password(name: str) -> None:
    assert keyfile.is_encrypted(golden(name))
    for password in (None, Password(b"")):
        with pytest.raises(keyfile.PasswordNeeded):
            keyfile.load_private_key(golden(name), password)
    for wrong in range(3):
        with pytest.raises(keyfile.WrongPassword):
            keyfile.load_private_key(golden(name), Password(b"wrong%d" % wrong))


def test_a_wrong_password_that_leaves_right_padding_is_still_wrong() -> None:
    """One in 256 does; for this file, 619 is the first number."""
    with pytest.raises(keyfile.WrongPassword):
        keyfile.load_private_key(golden("step-ec-rfc1423"), Password(b"619"))


def test_an_encryption_that_nobody_knows_is_refused() -> None:
    scheme = der.sequence(der.oid("1.2.3.4"), der.sequence())
    data = pem.encode("ENCRYPTED PRIVATE KEY", der.sequence(scheme, der.octet_string(bytes(16))))
    with pytest.raises(FormatError, match="not supported"):
        keyfile.load_private_key(data.encode(), PASSWORD)


def test_plain_files_say_so() -> None:
    assert not keyfile.is_encrypted(golden("step-ec-plain"))
    assert not keyfile.is_encrypted(golden("ssh-ecdsa"))


def test_an_encrypted_openssh_key_opens_with_its_password_alone() -> None:
    data = golden("ssh-ed25519-encrypted")
    assert keyfile.is_encrypted(data)
    with pytest.raises(keyfile.WrongPassword):
        keyfile.load_private_key(data, Password(b"another"))
    assert isinstance(keyfile.load_private_key(data, PASSWORD), Ed25519PrivateKey)


@pytest.mark.parametrize("name", ["refused-secp256k1", "refused-x25519"])
def test_keys_that_we_do_not_use_are_refused(name: str) -> None:
    with pytest.raises(FormatError, match="unsupported"):
        keyfile.load_private_key(golden(name), None)
    with pytest.raises(FormatError, match="unsupported"):
        checked_public(load_pem_private_key(golden("refused-x25519"), None).public_key())


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("pkcs8", [False, True])
@pytest.mark.parametrize("password", [None, PASSWORD])
def test_what_we_write_opens_again(kind: str, pkcs8: bool, password: Password | None) -> None:
    data = keyfile.dump_private_key(KEYS[kind], password, entropy=ENTROPY, pkcs8=pkcs8)
    key = keyfile.load_private_key(data, password)
    foreign = load_pem_private_key(data, password.reveal() if password else None)
    assert key.public_key() == foreign.public_key() == KEYS[kind].public_key()


@pytest.mark.parametrize(
    ("kind", "pkcs8", "password", "label"),
    [
        ("EC", False, None, "EC PRIVATE KEY"),
        ("EC", False, PASSWORD, "EC PRIVATE KEY"),
        ("EC", True, None, "PRIVATE KEY"),
        ("EC", True, PASSWORD, "ENCRYPTED PRIVATE KEY"),
        ("RSA", False, PASSWORD, "RSA PRIVATE KEY"),
        ("Ed25519", False, None, "PRIVATE KEY"),
        ("Ed25519", False, PASSWORD, "ENCRYPTED PRIVATE KEY"),
    ],
)
def test_forms_are_steps(kind: str, pkcs8: bool, password: Password | None, label: str) -> None:
    data = keyfile.dump_private_key(KEYS[kind], password, entropy=ENTROPY, pkcs8=pkcs8)
    (block,) = pem.blocks(data)
    assert block.label == label
    legacy = password is not None and "ENCRYPTED" not in label
    assert ("DEK-Info" in block.headers) == legacy
    if legacy:
        assert data.decode().splitlines()[1:4] == [
            "Proc-Type: 4,ENCRYPTED",
            f"DEK-Info: AES-256-CBC,{ENTROPY[16:].hex()}",
            "",
        ]


def test_step_and_ours_encrypt_to_the_same_octets() -> None:
    """Given the same IV."""
    data = golden("step-ec-rfc1423")
    initial = bytes.fromhex(pem.blocks(data)[0].headers["DEK-Info"].partition(",")[2])
    key = keyfile.load_private_key(data, PASSWORD)
    assert keyfile.dump_private_key(key, PASSWORD, entropy=bytes(16) + initial) == data


def test_step_and_ours_write_the_same_pbes2() -> None:
    data = golden("step-ed25519-pbes2")
    content = pem.blocks(data)[0].der
    salt_at = content.index(b"\x04\x10") + 2
    initial_at = content.index(b"\x04\x10", salt_at) + 2
    entropy = content[salt_at : salt_at + 16] + content[initial_at : initial_at + 16]
    key = keyfile.load_private_key(data, PASSWORD)
    assert keyfile.dump_private_key(key, PASSWORD, entropy=entropy) == data


def test_encrypting_asks_for_entropy() -> None:
    with pytest.raises(ValueError, match="32 octets"):
        keyfile.dump_private_key(KEYS["EC"], PASSWORD)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "no PEM block"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no PEM block"),
        (pem.encode("EC PRIVATE KEY", b"x").encode(), "cannot be read"),
        (pem.encode("PRIVATE KEY", b"x").encode(), "cannot be read"),
        (pem.encode("OPENSSH PRIVATE KEY", b"x").encode(), "cannot be read"),
        (pem.encode("DSA PRIVATE KEY", b"x").encode(), "DSA PRIVATE KEY"),
        (pem.encode("ENCRYPTED PRIVATE KEY", b"x").encode(), "DER"),
        (pem.encode("ENCRYPTED PRIVATE KEY", b"0\0").encode(), "cannot be read"),
        (pem.encode("ENCRYPTED PRIVATE KEY", b"\x30\4\x30\0\4\0").encode(), "decrypt"),
        (
            pem.encode(
                "EC PRIVATE KEY",
                bytes(16),
                {"Proc-Type": "4,ENCRYPTED", "DEK-Info": "RC2-CBC,00"},
            ).encode(),
            "RC2-CBC",
        ),
        (
            pem.encode(
                "EC PRIVATE KEY",
                bytes(16),
                {"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,0x"},
            ).encode(),
            "DEK-Info",
        ),
    ],
)
def test_what_is_no_key_is_refused(data: bytes, what: str) -> None:
    with pytest.raises(FormatError, match=what):
        keyfile.load_private_key(data, PASSWORD)


@pytest.mark.parametrize("kind", KEYS)
def test_public_keys_come_back(kind: str) -> None:
    public = KEYS[kind].public_key()
    assert keyfile.load_public_key(keyfile.dump_public_key(public)) == public
    with pytest.raises(FormatError):
        keyfile.public_key_of_der(b"0\0")
