"""Removing an external account key, after a question."""

from typing import Final

from textual.app import ComposeResult
from textual.widgets import Checkbox

from appliance.model.external_keys import ExternalKey
from appliance.operator.interface import ExternalKeys
from tui.screens.typed import Typed

_END: Final = 4  # letters of the id that are to be typed


class RemoveKey(Typed):
    """Have the end of the key's id typed, then remove it, and its account where that is wanted."""

    CSS = """
    RemoveKey .sheet { width: 64; }
    """

    def __init__(self, operator: ExternalKeys, key: ExternalKey) -> None:
        end = key.id[-_END:]
        super().__init__(
            f"Remove {key.reference or 'this key'}?",
            "The account that it let in stays, unless you revoke it, too."
            if key.account
            else "Nobody can make an account with it any more.",
            end,
            "remove",
            self._remove,
            question=f"Type the end of its id, {end}, to remove it:",
            undone="Nothing was removed.",
        )
        self._operator = operator
        self._key = key

    def compose_more(self) -> ComposeResult:
        """Ask what becomes of the account."""
        if self._key.account:
            yield Checkbox("revoke the account", id="revoke", compact=True)

    async def _remove(self) -> None:
        revoke = any(each.value for each in self.query(Checkbox))
        await self._operator.remove_external_key(
            self._key.provisioner, self._key.id, revoke_account=revoke
        )
