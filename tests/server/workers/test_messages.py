"""What a worker and the main process tell each other arrives as it was."""

from datetime import UTC, datetime

import pytest
from msgspec import structs

from appliance.model.errors import Broken, Conflict, HearthError, NotFound, Unavailable
from appliance.model.events import Event, EventKind
from appliance.model.tokens import TokenState
from appliance.ports.keys import TokenUnavailable
from appliance.ports.store import Add, Append, CompareAndSwap, Delete, Operation, Put, PutIfAbsent
from appliance.server.workers import messages
from appliance.server.workers.messages import Commit, FromWorker, Happened

FULL = Event(
    at=datetime(2026, 11, 21, 17, 20, 1, 123456, tzinfo=UTC),
    kind=EventKind.RENEWED,
    operation="renew",
    subject="ünicode.test",
    sans=("a.test", "b.test"),
    provisioner="admin",
    provisioner_type="JWK",
    serial=2**159 + 1,
    certificate_type="host",
    not_before=datetime(2026, 11, 21, tzinfo=UTC),
    not_after=datetime(2026, 11, 22, tzinfo=UTC),
    reason="a reason",
    client="192.0.2.1",
    request_id="7",
    took=0.0125,
    asked_by="token 7c5f",
    replaces=2**64,
    fingerprint="ab",
    steps=(("authorize", 0.001), ("sign", 0.002)),
    journaled=True,
)
BARE = Event(at=FULL.at, kind=EventKind.REFUSED, operation="sign")


def sent(message: FromWorker) -> FromWorker:
    (arrived,) = messages.from_worker.decode(messages.framed([messages.encode(message)])[4:])
    return arrived


@pytest.mark.parametrize("event", [FULL, BARE], ids=["full", "bare"])
def test_an_event_arrives_with_all_that_it_tells(event: Event) -> None:
    arrived = sent(Happened(messages.event_octets(event)))
    assert isinstance(arrived, Happened)
    found = messages.event_of(arrived.event)
    for each in structs.fields(Event):  # those that equality leaves out, too
        assert getattr(found, each.name) == getattr(event, each.name), each.name
        assert type(getattr(found, each.name)) is type(getattr(event, each.name)), each.name


def test_every_kind_of_operation_arrives() -> None:
    operations: list[Operation] = [
        Put("b", b"k", b"v"),
        PutIfAbsent("b", b"k", b"\xff"),
        CompareAndSwap("b", b"k", None, b"v"),
        CompareAndSwap("b", b"k", b"v", None),
        Delete("b", b"k"),
        Add("b", b"k", -7),
        Append("log", b"body"),
    ]
    arrived = sent(Commit(1, operations))
    assert isinstance(arrived, Commit)
    assert arrived.operations == operations


@pytest.mark.parametrize(
    "error",
    [
        Conflict("otherwise", detail="b/k"),
        Broken("failed", detail="disk"),
        NotFound("no such key"),
        Unavailable("later", retry_after=60),
    ],
)
def test_an_error_arrives_as_it_was(error: HearthError) -> None:
    found = messages.error_of(messages.failure(1, error))
    assert isinstance(found, HearthError)
    assert type(found) is type(error)
    assert (found.public, found.detail) == (error.public, error.detail)
    assert getattr(found, "retry_after", 0) == getattr(error, "retry_after", 0)


def test_an_error_of_a_driver_arrives_as_its_kind_in_the_family() -> None:
    away = TokenUnavailable("the token is away", state=TokenState.ABSENT, retry_after=2)
    found = messages.error_of(messages.failure(1, away))
    assert isinstance(found, Unavailable)
    assert (found.public, found.retry_after) == ("the token is away", 2)
