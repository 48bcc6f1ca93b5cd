"""The recorded certificates of step-ca, and the grants and requests that they came from."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.formats import names, timeorduration
from appliance.issuance import issuers, parsed, periods, requests
from appliance.issuance.grants import Grant
from appliance.issuance.issuers import Issuer
from appliance.issuance.parsed import ParsedCertificate
from appliance.issuance.subjects import SubjectDefaults
from appliance.model.grants import ProvisionerRef, TokenUse
from appliance.model.validity import Lifetimes, TimeOrDuration

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parent / "golden" / "certificates.json").read_text()
)
BACKDATE = timedelta(minutes=1)
DAY = Lifetimes(
    shortest=timedelta(minutes=5),
    longest=timedelta(hours=24),
    default=timedelta(hours=24),
    backdate=BACKDATE,
)
LONG = Lifetimes(
    shortest=timedelta(minutes=5),
    longest=timedelta(hours=876_000),
    default=timedelta(hours=24),
    backdate=BACKDATE,
)


def der(pem: str) -> bytes:
    """Give the DER of a certificate in PEM."""
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)


def to_be_signed(pem: str) -> bytes:
    """Give what was signed of a certificate in PEM."""
    return x509.load_pem_x509_certificate(pem.encode()).tbs_certificate_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One request to step-ca and what it answered."""

    name: str
    issuer: Issuer
    defaults: SubjectDefaults
    recorded: dict[str, Any]

    @property
    def grant(self) -> Grant:
        """What the token granted."""
        asked = self.recorded
        provisioner = asked.get("provisioner", "admin")
        sans = [san for san in asked.get("sans", [asked["sub"]]) if san]
        fingerprint = requests.read(asked["csr"].encode()).fingerprint
        return Grant(
            provisioner=ProvisionerRef(
                type="JWK",
                name=provisioner,
                id=f"{provisioner}:{RECORDED['kid']}",
                credential_id=RECORDED["kid"],
            ),
            subject=asked["sub"],
            common_names=(asked["sub"], *sans),
            sans=tuple(map(names.classify, sans)),
            lifetimes=LONG if provisioner == "long" else DAY,
            token=TokenUse(reuse_key="k", raw="t"),
            csr_fingerprint=fingerprint if asked.get("bind") else None,
            step_extension=provisioner != "plain",
        )

    @property
    def asked(self) -> tuple[TimeOrDuration, TimeOrDuration]:
        """The times that the request asked for."""
        recorded = self.recorded
        return (
            timeorduration.parse(recorded.get("notBefore", "")),
            timeorduration.parse(recorded.get("notAfter", "")),
        )

    def certificate(self, which: str = "certificate") -> ParsedCertificate:
        """Give what was issued, renewed or rekeyed."""
        return parsed.parse(der(self.recorded[which]))

    def now(self, which: str = "certificate") -> datetime:
        """Tell when the reference made it, from the certificate where it says so."""
        start = self.certificate(which).validity.not_before
        if which == "certificate" and isinstance(self.asked[0], datetime):
            return periods.whole_second(datetime.now(UTC))
        if which == "certificate" and isinstance(self.asked[0], timedelta):
            return start - self.asked[0]
        return start + BACKDATE


def cases(*, renewed: bool = False) -> Iterator[Case]:
    """Give every recorded request that was granted (and renewed, and rekeyed)."""
    for authority in RECORDED["authorities"]:
        issuer = issuers.of_certificate(der(authority["intermediate"]))
        defaults = SubjectDefaults(authority["subjectDefaults"])
        for recorded in authority["cases"]:
            if renewed and "renewed" not in recorded:
                continue
            yield Case(
                name=f"{authority['name']}: {recorded['name']}",
                issuer=issuer,
                defaults=defaults,
                recorded=recorded,
            )


def fingerprint_claim(octets: bytes) -> str:
    """Write a fingerprint as the `cnf` claim has it."""
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")
