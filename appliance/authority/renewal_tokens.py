"""Renewal by token: whoever holds a certificate's key signs a token with it.

The header `x5cInsecure` brings the certificate with its chain. The certificate may be expired
here; its provisioner decides about that.
"""

from dataclasses import dataclass
from datetime import datetime

from appliance.authority.trust import Trust
from appliance.formats import certificates
from appliance.formats.keys import PublicKey, checked_public
from appliance.issuance import chains, parsed
from appliance.issuance.parsed import ParsedCertificate
from appliance.model.errors import FormatError, Unauthorized
from appliance.model.grants import TokenUse
from appliance.provisioners import tokens
from appliance.provisioners.audiences import Audience
from appliance.provisioners.tokens import Claims

_CLIENT = "step-ca-client/1.0"  # the issuer that step's client names


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalToken:
    """A token whose certificate leads to our roots and whose signature holds; not more yet."""

    certificate: ParsedCertificate
    claims: Claims
    use: TokenUse

    def check_claims(self, provisioner: str, audience: Audience, now: datetime) -> None:
        """Hold the claims against the certificate and its provisioner. Raises Unauthorized."""
        claims = self.claims
        if claims.sub != self.certificate.common_name:
            raise Unauthorized(
                "the renewal token is not about its certificate", detail=f"sub: {claims.sub}"
            )
        tokens.check_times(claims, now)
        audience.check(claims.audience)
        if claims.iss not in (_CLIENT, provisioner):
            raise Unauthorized("the renewal token has another issuer", detail=f"iss: {claims.iss}")


def read(token: str, trust: Trust) -> RenewalToken:
    """Read a renewal token, and check chain and signature. Raises Unauthorized."""
    parts, claims = tokens.read(token)
    leaf, *others = tokens.certificates(parts, "x5cInsecure")
    chains.check_client(leaf, others, trust.roots)
    key = _key(leaf)
    tokens.check_signature(parts, key)
    return RenewalToken(
        certificate=parsed.parse(leaf), claims=claims, use=tokens.use(parts, claims, key)
    )


def _key(leaf: bytes) -> PublicKey:
    try:
        return checked_public(certificates.load(leaf).public_key())
    except FormatError as error:
        raise Unauthorized("the certificate's key cannot be used", detail=str(error)) from error
