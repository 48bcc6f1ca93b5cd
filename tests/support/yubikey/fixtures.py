"""Fixtures with virtual YubiKeys; files of tests import those that they use."""

from collections.abc import Iterator

import pytest

from tests.support.yubikey.computer import Computer, computer


@pytest.fixture(scope="module")
def machine() -> Iterator[Computer]:
    """One machine for all tests of a file."""
    with computer("5.4.3", "5.7.1") as started:
        yield started


@pytest.fixture
def ports(machine: Computer) -> Computer:
    """The machine with both cards as they leave the factory, plugged in."""
    for card in (0, 1):
        machine.plug(card)
        machine.tell("factory", card=card)
        machine.tell("delay", card=card, seconds=0)
        machine.tell("pass", card=card)
    machine.tell("finger", waits=False, patience=15)
    machine.wait_for_cards(2)
    return machine


@pytest.fixture
def port(ports: Computer) -> Computer:
    """The machine with only the first card plugged in."""
    ports.unplug(1)
    ports.wait_for_cards(1)
    return ports
