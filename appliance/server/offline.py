"""A CA's authority without its server: made for one command, of ca.json, database and keys."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from appliance.config.settings import Settings
from appliance.model.events import Event
from appliance.model.secret import Password
from appliance.ports.store import Store
from appliance.server.assembly import assemble, lay_foundation
from appliance.server.keys import Tokens
from appliance.server.orders import DirectIssuance
from appliance.server.system import SystemChance, SystemClock

_TOKEN_LIFE: Final = timedelta(minutes=5)


class NoEvents:
    """Takes events and forgets them: there is nobody to tell."""

    def record(self, event: Event) -> None:
        """Forget it."""


def offline_issuance(
    settings: Settings, store: Store, password: Password | None, tokens: Tokens | None = None
) -> DirectIssuance:
    """Open the keys; everything is recorded as the server does.

    Lists and answers about revocations are made anew by the server when it starts; identity
    providers are asked when a token is theirs. Raises ConfigError.
    """
    foundation = lay_foundation(
        store,
        clock=SystemClock(),
        chance=SystemChance(),
        events=NoEvents(),
        password=password,
        key_tokens=tokens,
    )
    # The command's own token is a little older than this.
    foundation = replace(foundation, started_at=foundation.started_at - _TOKEN_LIFE)
    # No SSH certificate is made here, and its keys may have passwords of their own.
    assembly = assemble(replace(settings, ssh=None), foundation, lambda line: None)
    return DirectIssuance(current=lambda: assembly, foundation=foundation, client="command line")
