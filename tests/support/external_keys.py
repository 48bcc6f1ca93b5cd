"""Keys for external account binding of operators that tests make."""

from datetime import UTC, datetime

from appliance.model.errors import NotFound
from appliance.model.external_keys import (
    ExternalKey,
    ExternalKeyOrder,
    ExternalKeyPage,
    ExternalKeyQuery,
    NewExternalKey,
)

SECRET = b"0123456789abcdef0123456789abcdef"
MADE_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


class KeptKeys:
    """Those of one provisioner, `acme`, in memory."""

    made: tuple[ExternalKey, ...] = ()

    async def external_keys(self, query: ExternalKeyQuery) -> ExternalKeyPage:
        if query.provisioner != "acme":
            raise NotFound(f"there is no provisioner '{query.provisioner}'")
        return ExternalKeyPage(keys=self.made, cursor="")

    async def add_external_key(self, order: ExternalKeyOrder) -> NewExternalKey:
        key = ExternalKey(
            id=f"key{len(self.made)}",
            provisioner=order.provisioner,
            reference=order.reference,
            created_at=MADE_AT,
            names=order.names,
            not_after=order.not_after,
        )
        self.made = (*self.made, key)
        return NewExternalKey(key=key, secret=SECRET)

    async def remove_external_key(
        self, provisioner: str, key_id: str, *, revoke_account: bool = False
    ) -> None:
        rest = tuple(each for each in self.made if each.id != key_id)
        if rest == self.made:
            raise NotFound(f"provisioner '{provisioner}' has no external account key '{key_id}'")
        self.made = rest
