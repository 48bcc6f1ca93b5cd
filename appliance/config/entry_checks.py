"""What makes an entry of a type with a protocol of its own unusable, found when it is read.

Other types find out when their provisioner is made.
"""

from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from appliance.config.entries import Acme, Entry, Scep
from appliance.formats import certificates, keyfile, pem
from appliance.formats.keyfile import PasswordNeeded, WrongPassword
from appliance.model.errors import FormatError
from appliance.model.secret import Password

_CHALLENGES: Final = (
    "http-01", "dns-01", "tls-alpn-01", "device-attest-01", "wire-oidc-01", "wire-dpop-01",
    "dns-account-01", "dns-persist-01",
)  # fmt: skip
_ATTESTATION_FORMATS: Final = ("apple", "step", "tpm")
_LAST_ENCRYPTION_ALGORITHM: Final = 4


def problem(written: Entry) -> str:
    """Say why the entry cannot be used; nothing when it can."""
    try:
        match written:
            case Acme():
                _check_acme(written)
            case Scep():
                _check_scep(written)
            case _:
                pass
    except FormatError as error:
        return error.public
    return ""


def _check_acme(written: Acme) -> None:
    for name, given, known in (
        ("challenges", written.challenges, _CHALLENGES),
        ("attestationFormats", written.attestation_formats, _ATTESTATION_FORMATS),
    ):
        for each in given or ():
            if each.lower() not in known:
                raise FormatError(f"{name}: '{each}' is none of {', '.join(known)}")
    if written.attestation_roots:
        try:
            for der in pem.certificates(written.attestation_roots):
                certificates.load(der)
        except FormatError as error:
            raise FormatError("attestationRoots: no certificates in PEM") from error


def _check_scep(written: Scep) -> None:
    if written.minimum_public_key_length % 8:
        raise FormatError("minimumPublicKeyLength: must be a multiple of 8")
    if not 0 <= written.encryption_algorithm_identifier <= _LAST_ENCRYPTION_ALGORITHM:
        raise FormatError(
            f"encryptionAlgorithmIdentifier: must be 0 to {_LAST_ENCRYPTION_ALGORITHM}"
        )
    certificate = _decrypter_certificate(written)
    if not written.decrypter_key_pem:
        return
    key = _decrypter_key(written)
    if certificate is None:
        raise FormatError("decrypterCertificate: is needed beside decrypterKeyPEM")
    if certificate.public_key() != key.public_key():
        raise FormatError("decrypterCertificate: is not of the key in decrypterKeyPEM")


def _decrypter_certificate(written: Scep) -> x509.Certificate | None:
    if not written.decrypter_certificate:
        return None
    try:
        (der,) = pem.certificates(written.decrypter_certificate)
        return certificates.load(der)
    except (FormatError, ValueError) as error:
        raise FormatError("decrypterCertificate: is not one certificate in PEM") from error


def _decrypter_key(written: Scep) -> RSAPrivateKey:
    password = written.decrypter_key_password
    try:
        key = keyfile.load_private_key(
            written.decrypter_key_pem, Password(password.encode()) if password else None
        )
    except (PasswordNeeded, WrongPassword) as error:
        raise FormatError("decrypterKeyPEM: decrypterKeyPassword does not open it") from error
    except FormatError as error:
        raise FormatError("decrypterKeyPEM: is not a private key in PEM") from error
    if not isinstance(key, RSAPrivateKey):
        raise FormatError("decrypterKeyPEM: must be an RSA key")
    return key
