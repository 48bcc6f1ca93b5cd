"""Type ACME: grants nothing by token; its protocol grants what was proven to be one's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from appliance.config.settings import ClaimsSettings, ProvisionerSettings
from appliance.issuance.acme.checks import Checks
from appliance.issuance.acme.profiles import NO_PROFILES, Profiles
from appliance.issuance.grants import DefaultTemplate, Grant, NameRule
from appliance.issuance.profiles import X509Profile
from appliance.model.acme import ChallengeType
from appliance.model.names import San
from appliance.provisioners.listed import ListedProvisioner

DEFAULT_CHALLENGES: Final = (
    ChallengeType.HTTP_01,
    ChallengeType.DNS_01,
    ChallengeType.TLS_ALPN_01,
)
_MOST_NAMES: Final = 10  # draft-ietf-acme-dns-persist-02 3.1


@dataclass(frozen=True, slots=True, kw_only=True)
class AcmeOptions:
    """What an entry of type ACME says beside its name, claims and options."""

    challenges: tuple[ChallengeType, ...] = DEFAULT_CHALLENGES
    force_common_name: bool = False
    terms_of_service: str = ""
    website: str = ""
    caa_identities: tuple[str, ...] = ()
    require_binding: bool = False  # requireEAB
    attestation_formats: tuple[str, ...] = ("apple", "step", "tpm")
    attestation_roots: str = ""  # PEM in base64, as written
    profiles: Profiles = NO_PROFILES

    @property
    def issuer_names(self) -> tuple[str, ...]:
        """Give what records of the DNS call us: `caaIdentities`, lower case, without last dots."""
        names = (each.lower().removesuffix(".") for each in self.caa_identities)
        return tuple(dict.fromkeys(each for each in names if each))[:_MOST_NAMES]


class AcmeProvisioner(ListedProvisioner):
    """One entry of type ACME."""

    def __init__(self, settings: ProvisionerSettings) -> None:
        super().__init__(settings)
        self.options = replace(_options(settings.entry), profiles=settings.acme_profiles)

    @property
    def claims(self) -> ClaimsSettings:
        """How long its certificates may be valid, and what else its claims say."""
        return self._settings.claims

    @property
    def profile(self) -> X509Profile:
        """Template, policy, webhooks and issuer of its certificates."""
        return self._settings.profile

    @property
    def checks(self) -> Checks:
        """How strictly it looks, and how patiently."""
        return self._settings.checks

    def grant(
        self, subject: str, sans: Sequence[San], *, device: str = "", profile: str = ""
    ) -> Grant:
        """Grant a certificate for names that were proven, to a request that was judged.

        `device` is the permanent identifier of one that has attested its key, `profile` the
        order's. Raises AcmeError when there is no such profile any more.
        """
        chosen = self.options.profiles.named(profile)
        granted = Grant(
            provisioner=self.ref,
            subject=subject,
            common_names=None,
            sans=tuple(sans),
            lifetimes=self.claims.lifetimes,
            token=None,
            name_rule=NameRule.ANY,
            default=DefaultTemplate.ATTESTED_LEAF if device else DefaultTemplate.LEAF,
            permanent_identifier=device,
            step_extension=not self.claims.disable_step_extension,
            profile=self.profile,
        )
        return granted if chosen is None else chosen.applied(granted)


def _options(entry: Mapping[str, object]) -> AcmeOptions:
    known = {each.value: each for each in ChallengeType}
    written = [each.lower() for each in _texts(entry, "challenges")]
    chosen = tuple(known[each] for each in written if each in known)
    if not any(_texts(entry, "caaIdentities")):  # its records could not name us
        chosen = tuple(each for each in chosen if each is not ChallengeType.DNS_PERSIST_01)
    return AcmeOptions(
        challenges=chosen if written else DEFAULT_CHALLENGES,
        force_common_name=entry.get("forceCN") is True,
        terms_of_service=_text(entry, "termsOfService"),
        website=_text(entry, "website"),
        caa_identities=tuple(_texts(entry, "caaIdentities")),
        require_binding=entry.get("requireEAB") is True,
        attestation_formats=tuple(
            each.lower()
            for each in _texts(entry, "attestationFormats") or AcmeOptions().attestation_formats
        ),
        attestation_roots=_text(entry, "attestationRoots"),
    )


def _text(entry: Mapping[str, object], name: str) -> str:
    found = entry.get(name)
    return found if isinstance(found, str) else ""


def _texts(entry: Mapping[str, object], name: str) -> list[str]:
    found = entry.get(name)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
