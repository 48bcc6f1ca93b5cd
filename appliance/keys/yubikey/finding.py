"""Which YubiKeys are plugged in, and how they are; nothing here costs a try of a PIN."""

from collections.abc import Iterator

import trio

from appliance.keys.yubikey.card import OpenCard
from appliance.keys.yubikey.hold import is_yubikey
from appliance.keys.yubikey.pcsc import CardFault, Connection, look
from appliance.keys.yubikey.session import OPERATION
from appliance.model.errors import HearthError
from appliance.model.founding import Device
from appliance.ports.credentials import Credential


async def plugged_in() -> list[Device]:
    """Look at each YubiKey; none without the smart card service."""
    with trio.move_on_after(OPERATION):
        return await trio.to_thread.run_sync(lambda: list(_found()), abandon_on_cancel=True)
    return []


def _found() -> Iterator[Device]:
    try:
        readers = [name for name, state in look({}, 0).items() if is_yubikey(name, state)]
    except CardFault:
        return
    for reader in readers:
        try:
            yield _seen(reader)
        except CardFault as fault:
            yield Device(
                uri="", model="YubiKey", serial="", firmware="", state=f"cannot be used: {fault}"
            )


def _seen(reader: str) -> Device:
    connection = Connection(reader)
    try:
        card = OpenCard(connection)
        tries = card.tries()
        factory = _factory(card)
    finally:
        connection.close()
    state = "PIN blocked" if tries.blocked else f"PIN {tries.left} tries left"
    return Device(
        uri=f"yubikey:serial={card.serial}",
        model="YubiKey",
        serial=card.serial,
        firmware=card.firmware,
        state="factory PIN: will be changed" if Credential.PIN in factory else state,
        is_factory=Credential.PIN in factory,
    )


def _factory(card: OpenCard) -> list[Credential]:
    try:
        return card.factory_credentials()
    except HearthError:  # before firmware 5.3 it does not tell
        return []
