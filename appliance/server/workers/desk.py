"""What one worker asks and tells, as the main process does it: with its store, keys and events."""

import logging
from dataclasses import dataclass
from typing import final

import trio

from appliance.model.errors import Broken, HearthError
from appliance.ports.events import CountingSink
from appliance.ports.store import Store
from appliance.server.output import Output
from appliance.server.workers.link import Link
from appliance.server.workers.messages import (
    Answer,
    Commit,
    Failure,
    FromWorker,
    Get,
    Happened,
    KeyUsed,
    Line,
    Note,
    Question,
    Relay,
    Relayed,
    Scan,
    Sign,
    WebhookCalled,
    failure,
    unpack,
    unpack_event,
)
from appliance.server.workers.relaying import RelayedRoutes
from appliance.server.workers.tokens import KeyCupboard

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What workers work for."""

    store: Store
    events: CountingSink
    output: Output
    keys: KeyCupboard
    routes: RelayedRoutes


@final
class Desk:
    """One worker's. What takes time is done by tasks of the nursery."""

    def __init__(self, house: House, link: Link[FromWorker], nursery: trio.Nursery) -> None:
        self._house = house
        self._link = link
        self._nursery = nursery

    async def hear(self, message: FromWorker) -> bool:
        """Do what a message says, or begin to; False: it is not for the desk.

        To read a row or to decide a note takes less than a task would.
        """
        house = self._house
        match message:
            case Get() | Note():
                await self._answer(message)
            case Commit() | Scan() | Sign() | Relay():
                self._nursery.start_soon(self._answer, message)
            case Happened(event=event):
                house.events.record(unpack_event(event))
            case KeyUsed(succeeded=succeeded, seconds=seconds):
                house.events.key_used(succeeded=succeeded, seconds=seconds)
            case WebhookCalled(kind=kind, provisioner=provisioner, succeeded=succeeded):
                house.events.webhook_called(kind, provisioner, succeeded=succeeded)
            case Line(text=text):
                house.output.write(text)
            case _:
                return False
        return True

    async def _answer(self, question: Question) -> None:
        """Tell what came of a question, whatever it was."""
        answer: Answer | Relayed | Failure
        try:
            answer = await self._answered(question)
        except HearthError as error:
            answer = failure(question.number, error)
        except Exception:
            log.exception("a worker's question met a fault of ours")
            answer = failure(question.number, Broken("internal error"))
        self._link.tell(answer)

    async def _answered(self, question: Question) -> Answer | Relayed:
        store, number, found = self._house.store, question.number, None
        match question:
            case Get(bucket=bucket, key=key):
                found = await store.get(bucket, key)
            case Commit(operations=operations):
                await store.commit(unpack(operations))
            case Note(operations=operations):
                await store.note(unpack(operations))
            case Scan():
                return Answer(number, await self._scanned(question))
            case Sign():
                found = await self._house.keys.sign(question)
            case Relay():
                return await self._house.routes.answer(number, question)
        return Answer(number, found)

    async def _scanned(self, scan: Scan) -> list[tuple[bytes, bytes]]:
        return await self._house.store.scan(
            scan.bucket, start=scan.start, stop=scan.stop, reverse=scan.reverse, limit=scan.limit
        )
