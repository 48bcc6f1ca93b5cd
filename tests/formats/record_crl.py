"""Record how step shows revocation lists, in golden/crl: `python -m tests.formats.record_crl`.

Needs step on PATH. Lists that are there already are kept; the tests replay every file.
"""

import datetime as dt
import subprocess
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.formats.record import named, raw, signed, usage

GOLDEN = Path(__file__).parent / "golden" / "crl"
FORMS = {"txt": ("--format", "text"), "json": ("--format", "json")}
START = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
LONG = dt.timedelta(days=36500)
CA = named("CRL CA")
Extensions = list[tuple[x509.ExtensionType, bool]]
Entry = tuple[int, list[tuple[x509.ExtensionType, bool]]]


class Signer:
    """A CA that signs lists."""

    def __init__(
        self, key: CertificateIssuerPrivateKeyTypes, name: x509.Name = CA, days: int = 36600
    ) -> None:
        self.key = key
        self.name = name
        public = key.public_key()
        self.key_id = x509.SubjectKeyIdentifier.from_public_key(public)
        extensions: Extensions = [
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (usage(5, 6), True),
            (self.key_id, False),
        ]
        self.certificate = signed(
            name, extensions, public_key=public, key=key, issuer=name, days=days  # type: ignore[arg-type]
        )  # fmt: skip

    def sign(
        self,
        entries: list[Entry],
        extensions: Extensions,
        *,
        lasts: dt.timedelta = LONG,
        pss: bool = False,
    ) -> bytes:
        """Make a list in DER."""
        builder = x509.CertificateRevocationListBuilder(self.name, START, START + lasts)
        for serial, given in entries:
            revoked = x509.RevokedCertificateBuilder(
                serial, START - dt.timedelta(hours=serial % 99)
            )
            for value, critical in given:
                revoked = revoked.add_extension(value, critical)
            builder = builder.add_revoked_certificate(revoked.build())
        for value, critical in extensions:
            builder = builder.add_extension(value, critical)
        digest = None if isinstance(self.key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if pss else None
        made = builder.sign(self.key, digest, rsa_padding=scheme)
        return made.public_bytes(Encoding.DER)

    def usual(self, number: int = 7) -> Extensions:
        """Name the key, and count."""
        return [
            (x509.AuthorityKeyIdentifier(self.key_id.digest, None, None), False),
            (x509.CRLNumber(number), False),
        ]


def point(**changes: object) -> tuple[x509.ExtensionType, bool]:
    whole: dict[str, object] = {
        "full_name": [x509.UniformResourceIdentifier("http://crl.example/a b?<c>&d")],
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
        **changes,
    }
    return x509.IssuingDistributionPoint(**whole), True  # type: ignore[arg-type]


def every_reason() -> list[Entry]:
    reasons = [each for each in x509.ReasonFlags if each.name != "aa_compromise"]
    entries: list[Entry] = [
        (10**20 + number, [(x509.CRLReason(reason), False)])
        for number, reason in enumerate((*reasons, x509.ReasonFlags.aa_compromise))
    ]
    return [(5, []), (0x80, []), *entries]


def lists() -> Iterator[tuple[str, Signer, bytes]]:
    """Give name, signer and list of each."""
    curve = Signer(ec.generate_private_key(ec.SECP256R1()))
    yield "reasons", curve, curve.sign(every_reason(), [*curve.usual(), point()])
    yield "empty", curve, curve.sign([], curve.usual(0))
    odd: list[Entry] = [
        (7, [(x509.InvalidityDate(START.replace(tzinfo=None)), False)]),
        (8, [(raw("1.2.3.4", b"caf\xc3\xa9 \x1b[31m \xff"), False)]),
        (9, [(raw("2.5.29.21", b"\x0a\x01\x07"), False)]),
        (2**159 + 1, [(raw("1.2.3.5", b""), True)]),
    ]
    yield (
        "odd-entries",
        curve,
        curve.sign(odd, [*curve.usual(2**70), (raw("1.2.3", b"<&>"), False)]),
    )
    points: dict[str, dict[str, object]] = {
        "user": {"only_contains_user_certs": True},
        "ca": {"only_contains_ca_certs": True, "full_name": None},
        "attribute": {"only_contains_attribute_certs": True},
        "some-reasons": {
            "only_some_reasons": frozenset({x509.ReasonFlags.key_compromise}),
            "indirect_crl": True,
        },
        "two-names": {
            "full_name": [x509.UniformResourceIdentifier("http://a"), x509.DNSName("b.example")]
        },
    }
    for name, changes in points.items():
        yield f"point-{name}", curve, curve.sign([], [*curve.usual(), point(**changes)])
    broken = raw("2.5.29.28", b"point")
    yield "broken-point", curve, curve.sign([], [*curve.usual(), (broken, False)])
    no_key = [(x509.CRLNumber(1), False)]
    yield "no-key-id", curve, curve.sign([], list(no_key))
    yield "expired", curve, curve.sign([], curve.usual(), lasts=dt.timedelta(hours=1))
    ended = Signer(ec.generate_private_key(ec.SECP384R1()), days=1)
    yield "expired-ca", ended, ended.sign([], ended.usual())
    other = Signer(ec.generate_private_key(ec.SECP256R1()))
    yield "other-key", other, curve.sign([], [(x509.CRLNumber(1), False)])
    yield "other-key-id", other, curve.sign([], curve.usual())
    of_rsa = Signer(rsa.generate_private_key(65537, 2048))
    yield "rsa", of_rsa, of_rsa.sign([(1, [])], of_rsa.usual())
    yield "rsa-pss", of_rsa, of_rsa.sign([(1, [])], of_rsa.usual(), pss=True)
    of_ed = Signer(ed25519.Ed25519PrivateKey.generate())
    yield "ed25519", of_ed, of_ed.sign([(1, [])], of_ed.usual())
    full = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "NL"),
            x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "Noord-Holland"),
            x509.NameAttribute(NameOID.LOCALITY_NAME, "Amsterdam"),
            x509.NameAttribute(NameOID.STREET_ADDRESS, "Keizersgracht 1"),
            x509.NameAttribute(NameOID.POSTAL_CODE, "1015"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "One & Co"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Two"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Unit"),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, "42"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Full <CA>"),
            x509.NameAttribute(NameOID.TITLE, "Dr"),
        ]
    )
    named_in_full = Signer(ec.generate_private_key(ec.SECP256R1()), full)
    yield "full-name", named_in_full, named_in_full.sign([], named_in_full.usual())


def main() -> None:
    """Make what is missing, and ask step about all of it."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name, signer, made in lists():
        file, authority = GOLDEN / f"{name}.crl", GOLDEN / f"{name}.pem"
        if not file.exists():
            file.write_bytes(made)
            authority.write_bytes(signer.certificate)
        for suffix, flags in FORMS.items():
            command = ["step", "crl", "inspect", "--ca", str(authority), *flags, str(file)]
            shown = subprocess.run(command, capture_output=True, check=False)
            assert shown.returncode == 0, (name, shown.stderr)
            file.with_suffix(f".{suffix}").write_bytes(shown.stdout)


if __name__ == "__main__":
    main()
