"""Which certificates lead to a root, and may be used by clients."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.issuance import chains, issuers
from appliance.model.errors import FormatError, Unauthorized

START = datetime(2026, 1, 1, tzinfo=UTC)
KEY, OTHER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
ANY = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
SIGNATURE, CERTIFICATES = 0, 5


def made(
    name: str,
    issuer: str,
    *,
    depth: int | None = None,
    usage: int | None = None,
    purposes: Sequence[x509.ObjectIdentifier] = (),
    days: int = 100,
    by: ec.EllipticCurvePrivateKey = KEY,
) -> bytes:
    """Make a certificate; a depth makes it a CA."""
    subject, above = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in (name, issuer)
    )
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(above)
    builder = builder.public_key(KEY.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(START).not_valid_after(START + timedelta(days=days))
    if depth is not None:
        constraints = x509.BasicConstraints(ca=True, path_length=depth)
        builder = builder.add_extension(constraints, critical=True)
    if usage is not None:
        builder = builder.add_extension(
            x509.KeyUsage(*(bit == usage for bit in range(9))), critical=True
        )
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return builder.sign(by, hashes.SHA256()).public_bytes(Encoding.DER)


ROOT = made("root", "root", depth=2, usage=CERTIFICATES)
MIDDLE = made("middle", "root", depth=1, usage=CERTIFICATES)
LOWER = made("lower", "middle", depth=0)
LEAF = made("leaf", "lower", usage=SIGNATURE, purposes=[SERVER, CLIENT])


@pytest.mark.parametrize(
    "leaf",
    [
        LEAF,
        made("leaf", "lower", usage=SIGNATURE),
        made("leaf", "lower", usage=SIGNATURE, purposes=[ANY]),
    ],
)
def test_a_chain_in_any_order(leaf: bytes) -> None:
    chains.check_client(leaf, [MIDDLE, LOWER], [ROOT])
    chains.check_client(leaf, [LOWER, MIDDLE], [made("other", "other", depth=1), ROOT])


def test_a_leaf_that_is_expired_by_now_passes() -> None:
    chains.check_client(made("leaf", "lower", usage=SIGNATURE, days=1), [LOWER, MIDDLE], [ROOT])


@pytest.mark.parametrize(
    ("leaf", "lower", "words"),
    [
        (made("leaf", "lower"), LOWER, "signatures"),
        (made("leaf", "lower", usage=CERTIFICATES), LOWER, "signatures"),
        (made("leaf", "lower", usage=SIGNATURE, purposes=[SERVER]), LOWER, "by clients"),
        (made("leaf", "lower", usage=SIGNATURE, by=OTHER), LOWER, "does not lead"),
        (made("leaf", "nobody", usage=SIGNATURE), LOWER, "does not lead"),
        (LEAF, made("lower", "middle"), "does not lead"),
        (LEAF, made("lower", "middle", depth=0, usage=SIGNATURE), "does not lead"),
        (LEAF, made("lower", "middle", depth=0, purposes=[SERVER]), "does not lead"),
        (LEAF, made("lower", "middle", depth=0, by=OTHER), "does not lead"),
        (LEAF, made("lower", "middle", depth=0, days=50), "does not lead"),
        (b"junk", LOWER, "cannot be read"),
        (LEAF, b"junk", "cannot be read"),
    ],
)
def test_what_breaks_a_chain(leaf: bytes, lower: bytes, words: str) -> None:
    with pytest.raises(Unauthorized, match=words):
        chains.check_client(leaf, [lower, MIDDLE], [ROOT])


def test_a_ca_may_not_have_more_cas_below_than_it_says() -> None:
    short = made("middle", "root", depth=0)
    with pytest.raises(Unauthorized):
        chains.check_client(LEAF, [LOWER, short], [ROOT])


def test_a_circle_ends() -> None:
    circle = [made("lower", "middle", depth=9), made("middle", "lower", depth=9)]
    with pytest.raises(Unauthorized):
        chains.check_client(LEAF, circle * 20, [ROOT])


def test_an_issuer_without_key_identifier_leaves_it_out() -> None:
    assert issuers.of_certificate(MIDDLE).authority_key_id is None


def test_junk_is_no_issuer() -> None:
    with pytest.raises(FormatError):
        issuers.of_certificate(b"junk")
