"""Public keys in PEM, in whichever wrapping: bare, PKCS #1, in a certificate or a request."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_public_key

from appliance.formats import keyfile, pem
from appliance.formats.certificates import UNREADABLE
from appliance.formats.keys import PublicKey, checked_public
from appliance.formats.pem import Block
from appliance.model.errors import FormatError


def read_all(text: bytes) -> tuple[PublicKey, ...]:
    """Read the key of every block. Raises FormatError for a block that has none."""
    return tuple(map(of_block, pem.blocks(text)))


def of_block(block: Block) -> PublicKey:
    """Read the key of a block: of itself, a certificate or a request. Raises FormatError."""
    try:
        match block.label:
            case "PUBLIC KEY":
                return keyfile.public_key_of_der(block.der)
            case "RSA PUBLIC KEY":  # load_der_public_key reads PKCS #1 as well
                return checked_public(load_der_public_key(block.der))
            case "CERTIFICATE":
                return checked_public(x509.load_der_x509_certificate(block.der).public_key())
            case "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST":
                return checked_public(x509.load_der_x509_csr(block.der).public_key())
            case _:
                raise FormatError(f"a PEM block of type {block.label} is no public key")
    except UNREADABLE:
        raise FormatError(f"a {block.label} that cannot be read") from None
