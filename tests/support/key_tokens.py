"""An operator's tokens, in memory, for tests of what shows and opens them."""

from collections.abc import Sequence
from dataclasses import replace

from appliance.model.errors import Forbidden, NotFound
from appliance.model.tokens import TokenState, TokenStatus

SAMPLE_PIN = "1234"


class KeptTokens:
    """The part of an Operator that is about tokens; there are none unless a test has some."""

    token_states: tuple[TokenStatus, ...] = ()

    async def tokens(self) -> Sequence[TokenStatus]:
        return self.token_states

    async def unlock_token(self, name: str, pin: str, *, last_try: bool = False) -> TokenStatus:
        found = next((each for each in self.token_states if name in ("", each.name)), None)
        if found is None:
            raise NotFound(f"there is no token '{name}' in the configuration")
        if pin != SAMPLE_PIN:
            raise Forbidden(f"the token '{found.name}' refused the PIN")
        opened = replace(found, state=TokenState.READY)
        self.token_states = tuple(opened if each is found else each for each in self.token_states)
        return opened
