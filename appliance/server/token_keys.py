"""What a configuration needs to know of the tokens that its keys are on, wherever they are held."""

from collections.abc import Sequence
from typing import Protocol

from appliance.config.settings import TokenKey
from appliance.model.tokens import TokenStatus
from appliance.ports.signer import IssuerKey, Signer


class TokenKeys(Protocol):
    """What a configuration needs to know of the tokens that its keys are on."""

    @property
    def statuses(self) -> Sequence[TokenStatus]:
        """The tokens as last seen."""
        ...

    def signer(self, place: TokenKey, public_key: IssuerKey) -> Signer:
        """Give a key whose public half is known."""
        ...

    def public_key(self, place: TokenKey) -> IssuerKey:
        """Give the public half that was learnt of a key of SSH. Raises NotFound."""
        ...
