"""What a load is: something that asks a server for all that it can, and says how fast that went."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tests.bench.servers import Authority, Running


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """One round: how many certificates were issued, and its figures by name, the rate first."""

    issued: int
    figures: Mapping[str, float]


class Load(Protocol):
    """Asks for `seconds`, over so many connections at a time; `most` requests are prepared."""

    def __call__(
        self, server: Running, authority: Authority, connections: int, seconds: int, most: int
    ) -> Loaded: ...


def exhausted(server: Running, most: int) -> RuntimeError:
    return RuntimeError(f"{server.program.name} did all {most} requests: give --most more")
