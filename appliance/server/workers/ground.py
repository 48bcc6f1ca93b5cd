"""The ground on which a worker builds a configuration: every port leads to the main process."""

from types import MappingProxyType
from typing import Final

from appliance.authority.conditions import ConditionBoard
from appliance.authority.crl import CrlPublisher
from appliance.authority.gate import IssuanceGate
from appliance.authority.ssh.krl import KrlPublisher
from appliance.authority.tokens import OneTimeTokens
from appliance.model.secret import Password
from appliance.server.assembly import Ground
from appliance.server.proving import Proving
from appliance.server.system import SystemChance, SystemClock
from appliance.server.workers.asking import Asking
from appliance.server.workers.link import Link
from appliance.server.workers.messages import Configure, FromMain
from appliance.server.workers.store import RemoteStore
from appliance.server.workers.telling import RemoteEvents, no_numbers
from appliance.server.workers.tokens import RemoteTokenKeys

_NO_KEYS: Final = MappingProxyType[str, bytes]({})


def lay_ground(link: Link[FromMain], asking: Asking, gate: IssuanceGate, wish: Configure) -> Ground:
    """Make it, for as long as the worker lasts.

    Lists, conditions and challenges in work are the main process's: what stands here for them is
    asked for nothing, since the routes that would are relayed.
    """
    clock, chance = SystemClock(), SystemChance()
    store, events = RemoteStore(asking), RemoteEvents(link)
    return Ground(
        store=store,
        tokens=OneTimeTokens(store),
        lists=CrlPublisher(store, clock, gate),
        ssh_list=KrlPublisher(store, clock),
        clock=clock,
        chance=chance,
        events=events,
        numbers=no_numbers,
        started_at=wish.started_at,
        password=None if wish.password is None else Password(wish.password),
        ssh_passwords={kind: Password(octets) for kind, octets in wish.ssh_passwords.items()},
        key_tokens=RemoteTokenKeys(asking, _NO_KEYS),
        proving=Proving(wish.network, store=store, clock=clock, chance=chance, events=events),
        conditions=ConditionBoard(clock),
        gate=gate,
    )
