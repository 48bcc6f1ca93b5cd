"""Sign requests in bulk, as a client makes them: tokens of a JWK provisioner, CSRs, JSON bodies."""

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import NameOID


def unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def json_part(value: object) -> str:
    return unpadded(json.dumps(value, separators=(",", ":")).encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioner:
    """A JWK provisioner whose private key is at hand; the key is EC P-256."""

    name: str
    key: ec.EllipticCurvePrivateKey
    audience: str = "https://localhost/1.0/sign"

    @classmethod
    def generate(cls, name: str) -> "Provisioner":
        return cls(name=name, key=ec.generate_private_key(ec.SECP256R1()))

    def public_jwk(self) -> dict[str, str]:
        numbers = self.key.public_key().public_numbers()
        x, y = unpadded(numbers.x.to_bytes(32)), unpadded(numbers.y.to_bytes(32))
        thumbprint = json.dumps(
            {"crv": "P-256", "kty": "EC", "x": x, "y": y}, separators=(",", ":")
        ).encode()
        kid = unpadded(hashlib.sha256(thumbprint).digest())
        return {
            "use": "sig", "kty": "EC", "kid": kid, "crv": "P-256", "alg": "ES256", "x": x, "y": y
        }  # fmt: skip

    def entry(self, **more: object) -> dict[str, object]:
        """The provisioner as ca.json lists it (its private key stays here)."""
        return {"type": "JWK", "name": self.name, "key": self.public_jwk(), **more}

    def sign(self, header: dict[str, object], claims: dict[str, object]) -> str:
        message = f"{json_part(header)}.{json_part(claims)}".encode()
        signature = self.key.sign(message, ec.ECDSA(hashes.SHA256()))
        r, s = utils.decode_dss_signature(signature)
        return f"{message.decode()}.{unpadded(r.to_bytes(32) + s.to_bytes(32))}"

    def header(self) -> dict[str, object]:
        return {"alg": "ES256", "kid": self.public_jwk()["kid"], "typ": "JWT"}

    def claims(self, subject: str, sans: list[str], **changes: object) -> dict[str, object]:
        now = int(datetime.now(UTC).timestamp())
        claims: dict[str, object] = {
            "aud": self.audience,
            "exp": now + 300,
            "iat": now,
            "nbf": now,
            "iss": self.name,
            "jti": secrets.token_hex(32),
            "sans": sans,
            "sub": subject,
        }
        claims.update(changes)
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, subject: str, sans: list[str] | None = None, **changes: object) -> str:
        names = [subject] if sans is None else sans
        return self.sign(self.header(), self.claims(subject, names, **changes))


def csr(name: str, key: ec.EllipticCurvePrivateKey) -> str:
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return request.public_bytes(serialization.Encoding.PEM).decode()


def bodies(provisioner: Provisioner, count: int, stem: str = "h") -> Iterator[tuple[str, bytes]]:
    """Give token and JSON body of so many different sign requests."""
    key = ec.generate_private_key(ec.SECP256R1())
    for number in range(count):
        name = f"{stem}{number}.load.test"
        token = provisioner.token(name)
        body = {"csr": csr(name, key), "ott": token, "notAfter": "", "notBefore": ""}
        yield token, json.dumps(body).encode()


def ssh_bodies(provisioner: Provisioner, count: int, key: str) -> Iterator[bytes]:
    """Give the JSON body of so many different requests to certify a user's key.

    `key` is in base64, as the protocol has it.
    """
    for number in range(count):
        name = f"user{number}"
        step = {"ssh": {"certType": "user", "keyID": name, "principals": [name]}}
        audience = "https://localhost/1.0/ssh/sign"
        claims = provisioner.claims(name, [], aud=audience, step=step)
        yield json.dumps(
            {
                "publicKey": key,
                "ott": provisioner.sign(provisioner.header(), claims),
                "certType": "user",
                "keyID": name,
                "principals": [name],
            }
        ).encode()
