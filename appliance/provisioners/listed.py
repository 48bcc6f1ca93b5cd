"""Provisioners that are shown, keep their names taken, and grant nothing by token."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NoReturn

from appliance.config.settings import ProvisionerSettings
from appliance.formats.jwt import UnverifiedToken
from appliance.model.errors import BadRequest, HearthError, Unauthorized
from appliance.model.grants import ProvisionerRef
from appliance.model.validity import Validity
from appliance.provisioners.provisioner import WithoutSsh, check_renewal
from appliance.provisioners.tokens import Claims

DISABLED: Final[Mapping[str, object]] = {
    "state": "Disabled",
    "stateReason": "it is switched off",
}
"""What the entry of one shows that is switched off; the state is ours."""

_WITHOUT_TOKENS = ("ACME", "SCEP")  # they have protocols of their own
_IDS_BY_MEMBER = {"OIDC": "clientID", "Azure": "tenantID"}
_CONSTANT_IDS = {"K8sSA": "k8ssa/k8sSA-default"}


class ListedProvisioner(WithoutSsh):
    """One of a type with a protocol of its own: ACME, SCEP; no token gets anything here."""

    def __init__(self, settings: ProvisionerSettings) -> None:
        self._settings = settings
        self.token_id = _id(settings)
        self.ref = ProvisionerRef(type=settings.type, name=settings.name, id=self.token_id)

    @property
    def entry(self) -> Mapping[str, object]:
        """Its JSON."""
        return self._settings.entry

    async def authorize_sign(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> NoReturn:
        """Refuse as step-ca does."""
        raise self._refusal("sign")

    async def authorize_revoke(
        self, token: UnverifiedToken, claims: Claims, now: datetime
    ) -> NoReturn:
        """Refuse in the same way."""
        raise self._refusal("revoke")

    def authorize_renewal(self, validity: Validity, now: datetime) -> None:
        """Allow it within the claims, but for SSHPOP, which has no X.509 certificates."""
        if self._settings.type == "SSHPOP":
            raise Unauthorized(f"provisioner '{self.ref.name}' does not renew X.509 certificates")
        check_renewal(self.ref.name, self._settings.claims, validity, now)

    def _without_ssh(self, operation: str) -> HearthError:
        return self._refusal(operation)

    def _refusal(self, operation: str) -> HearthError:
        kind, name = self._settings.type, self._settings.name
        if kind in _WITHOUT_TOKENS:
            return BadRequest("token flow is not supported", detail=f"provisioner '{name}'")
        return Unauthorized(f"provisioner '{name}' does not {operation} certificates")


class UninitializedProvisioner(ListedProvisioner):
    """One that could not be made of its entry: shown with the reason, refusing everything."""

    def __init__(self, settings: ProvisionerSettings, reason: str) -> None:
        super().__init__(settings)
        self._reason = reason

    @property
    def entry(self) -> Mapping[str, object]:
        """Its JSON with state and reason, as step-ca shows it."""
        return {
            **self._settings.entry,
            "state": "Uninitialized",
            "stateReason": self._reason,
        }

    def authorize_renewal(self, validity: Validity, now: datetime) -> None:
        """Refuse."""
        raise self._refusal("renew")

    def _refusal(self, operation: str) -> HearthError:
        return Unauthorized(
            f"provisioner '{self.ref.name}' is disabled due to an initialization error",
            detail=self._reason,
        )


class DisabledProvisioner(ListedProvisioner):
    """One that was switched off: it keeps its name, and neither issues nor renews."""

    @property
    def entry(self) -> Mapping[str, object]:
        """Its JSON, with a state of our own."""
        return {**self._settings.entry, **DISABLED}

    def authorize_renewal(self, validity: Validity, now: datetime) -> None:
        """Refuse."""
        raise self._refusal("renew")

    def _refusal(self, operation: str) -> HearthError:
        return Unauthorized(f"provisioner '{self.ref.name}' is disabled")


def _id(settings: ProvisionerSettings) -> str:
    """Give the id that step-ca's rows and tokens have for this type."""
    if (member := _IDS_BY_MEMBER.get(settings.type)) is not None:
        return str(settings.entry.get(member, ""))
    if settings.type == "JWK":
        key = settings.entry.get("key")
        return f"{settings.name}:{key.get('kid', '') if isinstance(key, Mapping) else ''}"
    return _CONSTANT_IDS.get(settings.type, f"{settings.type.lower()}/{settings.name}")
