"""A YubiKey's PIN, PUK and management key: changed once, before it is put to use."""

from collections.abc import Callable
from typing import Final, TypeVar, final

import trio

from appliance.keys.pins import PinGuard
from appliance.keys.yubikey.card import OpenCard
from appliance.keys.yubikey.hold import MISSING, Hold
from appliance.keys.yubikey.pcsc import CardFault, Trouble
from appliance.keys.yubikey.session import OPERATION
from appliance.keys.yubikey.slots import SLOTS
from appliance.model.errors import NotFound
from appliance.model.secret import Password
from appliance.model.tokens import TokenState
from appliance.ports.credentials import Credential, TokenSeen
from appliance.ports.keys import TokenUnavailable

_STATES: Final = {
    Trouble.GONE: (TokenState.ABSENT, MISSING),
    Trouble.NO_SERVICE: (TokenState.NO_SERVICE, "the smart card service does not answer"),
    Trouble.IN_USE: (TokenState.BUSY, "another program uses the YubiKey; it has to let it go"),
}

T = TypeVar("T")


@final
class YubiKeyCredentials:
    """Of the YubiKey with a serial number, or of the first that is there; see the port."""

    def __init__(self, serial: str) -> None:
        self._serial = serial

    async def look(self) -> TokenSeen:
        """Say how the YubiKey is."""
        return await self._do(_seen)

    async def replace(self, credential: Credential, new: Password) -> None:
        """Replace what it has from the factory."""
        await self._do(lambda card: card.replace_factory(credential, new))

    async def reset(self) -> None:
        """Reset its PIV application, and nothing else."""
        await self._do(lambda card: card.reset())

    async def _do(self, operation: Callable[[OpenCard], T]) -> T:
        hold = Hold(self._serial, None, PinGuard(None))

        def done() -> T:
            try:
                return operation(hold.connected())
            finally:
                hold.let_go()

        try:
            with trio.fail_after(OPERATION):
                return await trio.to_thread.run_sync(done, abandon_on_cancel=True)
        except CardFault as fault:
            usual = (TokenState.LOCKED, "the YubiKey does not answer as it should")
            state, text = _STATES.get(fault.trouble, usual)
            raise TokenUnavailable(text, state=state, detail=fault.text) from fault
        except trio.TooSlowError as error:
            raise TokenUnavailable(
                "the YubiKey does not answer", state=TokenState.NO_SERVICE
            ) from error


def _seen(card: OpenCard) -> TokenSeen:
    return TokenSeen(
        serial=card.serial,
        firmware=card.firmware,
        factory=card.factory_credentials(),
        keys=[name for name in SLOTS if _has_key(card, name)],
        management_key_octets=card.management_key_octets,
    )


def _has_key(card: OpenCard, name: str) -> bool:
    try:
        card.key(SLOTS[name])
    except NotFound:
        return False
    return True
