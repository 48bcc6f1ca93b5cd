"""What one worker asks and tells, as the main process does it: with its store, keys and events."""

import logging
from dataclasses import dataclass
from typing import TypeAlias, final

import trio

from appliance.model.errors import Broken, HearthError, NotSupported
from appliance.ports.events import CountingSink
from appliance.ports.store import PromptStore, Store
from appliance.server.output import RequestLines
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
    Relay,
    Relayed,
    Scan,
    Sign,
    WebhookCalled,
    event_of,
    failure,
)
from appliance.server.workers.relaying import RelayedRoutes
from appliance.server.workers.tokens import KeyCupboard

log = logging.getLogger(__name__)

_Waiting: TypeAlias = Get | Note | Scan | Sign | Relay


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What workers work for."""

    store: PromptStore
    events: CountingSink
    output: RequestLines
    keys: KeyCupboard
    routes: RelayedRoutes


def prompt(store: Store) -> PromptStore:
    """Give a store as one that workers can use. Raises NotSupported."""
    if not isinstance(store, PromptStore):
        raise NotSupported("workers cannot use this kind of database")
    return store


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
            case Commit():
                self._commit(message)
            case Get() | Note():
                await self._answer(message)
            case Scan() | Sign() | Relay():
                self._nursery.start_soon(self._answer, message)
            case Happened(event=event):
                house.events.record(event_of(event))
            case KeyUsed(succeeded=succeeded, seconds=seconds):
                house.events.key_used(succeeded=succeeded, seconds=seconds)
            case WebhookCalled(kind=kind, provisioner=provisioner, succeeded=succeeded):
                house.events.webhook_called(kind, provisioner, succeeded=succeeded)
            case Line(text=text):
                house.output.later(lambda: text)
            case _:
                return False
        return True

    def _commit(self, commit: Commit) -> None:
        """Have a transaction decided, in the order of messages."""
        number = commit.number

        def told(error: Exception | None) -> None:
            self._link.tell(Answer(number) if error is None else failure(number, error))

        try:
            self._house.store.submit(commit.operations, told)
        except (HearthError, ValueError) as error:
            told(error)

    async def _answer(self, question: _Waiting) -> None:
        """Tell what came of a question, whatever it was."""
        answer: Answer | Relayed | Failure
        try:
            answer = await self._answered(question)
        except HearthError as error:
            answer = failure(question.number, error)
        except ValueError as error:  # a fault of who asked, whose log tells it
            answer = failure(question.number, error)
        except Exception:
            log.exception("a worker's question met a fault of ours")
            answer = failure(question.number, Broken("internal error"))
        self._link.tell(answer)

    async def _answered(self, question: _Waiting) -> Answer | Relayed:
        store, number, found = self._house.store, question.number, None
        match question:
            case Get(bucket=bucket, key=key):
                found = await store.get(bucket, key)
            case Note(operations=operations):
                await store.note(operations)
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
