"""make bench ARGS=token: how fast signatures come from a token, beside the card itself.

A virtual YubiKey that takes 50 ms for each operation, behind the real pcscd. Once the card is asked
directly, as fast as it answers; then through the driver by many at once. What is to hold on an idle
machine: 95 % of the card's rate, every asker the same number, no stall of the event loop of 20 ms.
"""

import statistics
import time

import trio
from yubikit.piv import KEY_TYPE, SLOT

from appliance.formats.keyuri import parse
from appliance.issuance.algorithms import natural_algorithm
from appliance.keys.pins import PinGuard
from appliance.keys.yubikey.card import OpenCard
from appliance.keys.yubikey.driver import YubiKeyToken
from appliance.keys.yubikey.pcsc import Connection, look
from appliance.model.secret import Password
from appliance.model.tokens import KeyKind
from tests.support.yubikey.computer import SERIAL, Computer, computer

DELAY = 0.05  # seconds a card takes for an operation
ASKERS = 10
EACH = 20
_PIN = Password(b"123456")
_KEY = parse("yubikey:slot-id=82")


def measure() -> dict[str, float]:
    """Give the figures by name."""
    with computer("5.4.3") as machine:
        return trio.run(_through_the_driver, machine) | _directly()


def _directly() -> dict[str, float]:
    reader = next(name for name, state in look({}, 0).items() if state & 0x20)
    connection = Connection(reader)
    card = OpenCard(connection)
    try:
        card.verify(_PIN)
        block = bytes(32)
        began = time.monotonic()
        for _ in range(ASKERS * EACH):
            card.use(SLOT.RETIRED1, KEY_TYPE.ECCP256, block)
        return {"signatures/s of the card itself": ASKERS * EACH / (time.monotonic() - began)}
    finally:
        card.close()


async def _through_the_driver(machine: Computer) -> dict[str, float]:
    token = YubiKeyToken(parse(f"yubikey:serial={SERIAL}"), pin=_PIN, guard=PinGuard(None))
    stalls, waits, ended = list[float](), list[float](), list[int]()
    async with trio.open_nursery() as nursery:
        await nursery.start(token.run)
        await token.create_key(_KEY, KeyKind.EC_P256)
        signer = await token.open_signer(_KEY)
        algorithm = natural_algorithm(signer.public_key)
        await signer.sign(b"message", algorithm)
        machine.tell("delay", seconds=DELAY)

        async def tick() -> None:
            while True:
                began = trio.current_time()
                await trio.sleep(0.001)
                stalls.append(trio.current_time() - began - 0.001)

        async def ask(number: int) -> None:
            for _ in range(EACH):
                began = trio.current_time()
                await signer.sign(b"message", algorithm)
                waits.append(trio.current_time() - began)
                ended.append(number)

        nursery.start_soon(tick)
        began = trio.current_time()
        async with trio.open_nursery() as askers:
            for number in range(ASKERS):
                askers.start_soon(ask, number)
        took = trio.current_time() - began
        nursery.cancel_scope.cancel()
    half = [ended[: len(ended) // 2].count(number) for number in range(ASKERS)]
    return {
        "signatures/s through the driver": ASKERS * EACH / took,
        f"median wait of {ASKERS} askers, ms": statistics.median(waits) * 1000,
        f"longest wait of {ASKERS} askers, ms": max(waits) * 1000,
        "fewest served in the first half": min(half),
        "most served in the first half": max(half),
        "longest stall of the event loop, ms": max(stalls) * 1000,
    }


def table(figures: dict[str, float]) -> str:
    """Write the figures for people."""
    share = figures["signatures/s through the driver"] / figures["signatures/s of the card itself"]
    lines = ["| figure | value |", "|---|---|"]
    lines += [f"| {name} | {value:.2f} |" for name, value in figures.items()]
    return "\n".join([*lines, f"| of the card's own rate | {share:.1%} |"])


def main() -> None:
    """Measure, and print."""
    print(table(measure()))
