"""The part of a sample operator that issues certificates: a CA of the test's own signs them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from appliance.model.errors import HearthError
from appliance.model.issuing import CertificateOrder, Offer, Span, SshMade, SshOrder

_NOW = datetime(2026, 11, 21, 14, 2, 11, tzinfo=UTC)
_DAYS = Span(shortest=timedelta(minutes=5), longest=timedelta(days=825), usual=timedelta(days=365))
_HOURS = Span(shortest=timedelta(minutes=5), longest=timedelta(hours=24), usual=timedelta(hours=16))
OFFERS = (
    Offer(name="admin", type="JWK", x509=_DAYS, ssh_user=_HOURS, ssh_host=_DAYS),
    Offer(name="acme", type="ACME", x509=_HOURS, profiles={"device": _DAYS}),
)


class KeptIssuing:
    """What was ordered is kept; `refusal` is what comes instead of a certificate."""

    offered: Sequence[Offer] = OFFERS
    refusal: HearthError | None = None
    ordered: tuple[CertificateOrder | SshOrder, ...] = ()

    async def offers(self) -> Sequence[Offer]:
        return self.offered

    async def issue_certificate(self, order: CertificateOrder) -> Sequence[bytes]:
        if self.refusal is not None:
            raise self.refusal
        self.ordered = (*self.ordered, order)
        return _signed(order)

    async def issue_ssh_certificate(self, order: SshOrder) -> SshMade:
        if self.refusal is not None:
            raise self.refusal
        self.ordered = (*self.ordered, order)
        return SshMade(
            line="ssh-ed25519-cert-v01@openssh.com AAAA",
            serial=77,
            not_after=_NOW + timedelta(hours=16),
        )


def _signed(order: CertificateOrder) -> tuple[bytes, bytes]:
    """Sign what was ordered, as if by an intermediate, which is the second."""
    request = x509.load_der_x509_csr(order.csr)
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Home Intermediate CA")])
    base = x509.CertificateBuilder(
        issuer_name=issuer, not_valid_before=_NOW, not_valid_after=_NOW + timedelta(days=90)
    )
    above = base.subject_name(issuer).public_key(key.public_key()).serial_number(2)
    leaf = base.subject_name(request.subject).public_key(request.public_key()).serial_number(77)
    for each in request.extensions:
        leaf = leaf.add_extension(each.value, each.critical)
    made = [each.sign(key, hashes.SHA256()) for each in (leaf, above)]
    return made[0].public_bytes(Encoding.DER), made[1].public_bytes(Encoding.DER)
