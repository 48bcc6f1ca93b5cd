"""The OCSP responder of a configuration, and what keeps its certificates fresh."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import trio
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.authority.gate import IssuanceGate
from appliance.authority.issuers import Issuers
from appliance.config.settings import Settings
from appliance.keys.file import FileSigner
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock
from appliance.ports.signer import Signer
from appliance.ports.store import Store

if TYPE_CHECKING:
    from appliance.authority.ocsp import OcspResponder

_LOOK: Final = 60.0  # seconds; the wall clock can jump, so it is looked at often


def build_responder(
    settings: Settings,
    issuers: Issuers,
    *,
    store: Store,
    clock: Clock,
    chance: Chance,
    gate: IssuanceGate | None = None,
) -> "OcspResponder | None":
    """Make the responder, when one is asked for; it answers after its first `renew`."""
    if settings.ocsp is None:
        return None
    from appliance.authority.ocsp import OcspResponder  # noqa: PLC0415 - few have one
    from appliance.authority.ocsp_delegates import Delegates  # noqa: PLC0415

    validity = settings.ocsp.validity
    delegates = Delegates(
        issuers, clock=clock, chance=chance, new_signer=_new_signer, answers_hold=validity
    )
    return OcspResponder(issuers, delegates, store=store, clock=clock, validity=validity, gate=gate)


async def keep_fresh(current: Callable[[], "OcspResponder | None"]) -> None:
    """Renew the certificates of the responder at work whenever they are due, until cancelled."""
    while True:
        await trio.sleep(_LOOK)
        if (responder := current()) is not None:
            await responder.renew()


def _new_signer() -> Signer:
    return FileSigner(ec.generate_private_key(ec.SECP256R1()))
