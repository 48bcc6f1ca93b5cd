"""Keys in files sign, and never for a certificate that is not theirs."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from appliance.formats.keyfile import PasswordNeeded, WrongPassword
from appliance.formats.keys import PrivateKey
from appliance.issuance.algorithms import is_signed, natural_algorithm
from appliance.keys.file import FileSigner, open_signer
from appliance.model.algorithms import SignatureAlgorithm as Algorithm
from appliance.model.errors import Broken, ConfigError
from appliance.model.secret import Password

RSA = rsa.generate_private_key(65537, 2048)
KEYS: dict[str, PrivateKey] = {
    "P-256": ec.generate_private_key(ec.SECP256R1()),
    "P-384": ec.generate_private_key(ec.SECP384R1()),
    "P-521": ec.generate_private_key(ec.SECP521R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    "RSA": RSA,
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
async def test_signs_with_the_algorithm_of_the_key(key: PrivateKey) -> None:
    signer = FileSigner(key)
    algorithm = natural_algorithm(signer.public_key)
    signature = await signer.sign(b"message", algorithm)
    assert is_signed(b"message", signature, algorithm, signer.public_key)
    assert not is_signed(b"massage", signature, algorithm, signer.public_key)


@pytest.mark.parametrize("algorithm", [each for each in Algorithm if "RSA" in each])
async def test_rsa_signs_with_every_rsa_algorithm(algorithm: Algorithm) -> None:
    signature = await FileSigner(RSA).sign(b"m", algorithm)
    assert is_signed(b"m", signature, algorithm, RSA.public_key())


@pytest.mark.parametrize("name", KEYS)
async def test_an_algorithm_of_another_kind_is_refused(name: str) -> None:
    for algorithm in Algorithm:
        kind = "RSA" if "RSA" in algorithm else "Ed" if algorithm == "Ed25519" else "P-"
        if not name.startswith(kind):
            with pytest.raises(Broken):
                await FileSigner(KEYS[name]).sign(b"m", algorithm)
            assert not is_signed(b"m", b"", algorithm, KEYS[name].public_key())


def written(folder: Path, key: PrivateKey, password: bytes = b"") -> Path:
    file = folder / "key"
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return file


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_opens_plain_and_encrypted(key: PrivateKey, tmp_path: Path) -> None:
    for password in (b"", b"secret"):
        signer = open_signer(
            written(tmp_path, key, password),
            Password(password),
            certificate=tmp_path / "crt",
            public_key=key.public_key(),
        )
        assert signer.public_key == key.public_key()


def test_wrong_and_missing_passwords_are_told_apart(tmp_path: Path) -> None:
    key = KEYS["P-256"]
    file = written(tmp_path, key, b"secret")
    for password, error in ((None, PasswordNeeded), (Password(b"other"), WrongPassword)):
        with pytest.raises(error):
            open_signer(file, password, certificate=tmp_path, public_key=key.public_key())


def test_a_key_of_another_certificate_names_both_files(tmp_path: Path) -> None:
    file, certificate = written(tmp_path, KEYS["P-256"]), tmp_path / "ca.crt"
    for other in ("P-384", "RSA", "Ed25519"):
        with pytest.raises(ConfigError) as error:
            open_signer(file, None, certificate=certificate, public_key=KEYS[other].public_key())
        assert str(file) in str(error.value)
        assert str(certificate) in str(error.value)


def test_what_is_no_key_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    public = KEYS["P-256"].public_key()
    (tmp_path / "junk").write_text("junk")
    for name in ("junk", "missing"):
        with pytest.raises(ConfigError, match=name):
            open_signer(tmp_path / name, None, certificate=tmp_path, public_key=public)
