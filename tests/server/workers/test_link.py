"""Frames over a socket pair: whole, in order, many messages to each, and an end that is told."""

import socket
from collections.abc import Sequence
from functools import partial

import pytest
import trio
import trio.testing

from appliance.server.workers.link import Link, LinkClosed
from appliance.server.workers.messages import FromWorker, Line, Load, encode, framed, from_worker
from tests.support.web import PATIENCE


class Heard:
    """What arrived, frame by frame."""

    def __init__(self, enough: int) -> None:
        self.enough = enough
        self.frames: list[Sequence[FromWorker]] = []

    @property
    def texts(self) -> list[str]:
        return [each.text for frame in self.frames for each in frame if isinstance(each, Line)]

    async def take(self, messages: Sequence[FromWorker]) -> None:
        self.frames.append(messages)
        if len(self.texts) >= self.enough:
            raise LinkClosed


async def test_messages_arrive_in_their_order_and_share_frames() -> None:
    ours, theirs = socket.socketpair()
    near, far = Link(ours, from_worker), Link(theirs, from_worker)
    heard = Heard(enough=500)
    texts = [f"{number} " + "x" * 10_000 for number in range(500)]  # more than buffers hold
    for text in texts:
        near.tell(Line(text))
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:

            async def hear_nothing(messages: Sequence[FromWorker]) -> None:
                raise AssertionError(messages)

            nursery.start_soon(partial(near.run, hear_nothing, lambda: Load(3, 4)))
            with pytest.raises(LinkClosed):
                await far.run(heard.take)
            await near.all_told()
            nursery.cancel_scope.cancel()
    near.close()
    far.close()
    assert heard.texts == texts
    assert len(heard.frames) == 1
    assert heard.frames[0][-1] == Load(3, 4)


async def test_what_is_mentioned_goes_with_what_is_told_or_in_a_moment() -> None:
    ours, theirs = socket.socketpair()
    near, far = Link(ours, from_worker), Link(theirs, from_worker)
    heard = Heard(enough=5)
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(near.run, heard.take)
            nursery.start_soon(far.run, heard.take)
            near.mention(Line("one"))
            near.tell(Line("two"))
            while not heard.frames:
                await trio.testing.wait_all_tasks_blocked()
            assert heard.frames == [[Line("one"), Line("two")]]
            near.mention(Line("three"))
            await near.all_told()
            near.mention(Line("four"))
            while len(heard.texts) < 4:
                await trio.sleep(0.001)
            nursery.cancel_scope.cancel()
    near.close()
    far.close()
    assert heard.texts == ["one", "two", "three", "four"]


async def test_a_frame_that_arrives_in_parts_is_read_when_it_is_whole() -> None:
    ours, theirs = socket.socketpair()
    far, heard = Link(theirs, from_worker), Heard(enough=2)
    octets = framed([encode(Line("one")), encode(Line("two"))])
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:

            async def run() -> None:
                with pytest.raises(LinkClosed):
                    await far.run(heard.take)

            nursery.start_soon(run)
            for octet in octets:
                assert heard.frames == []
                ours.send(bytes([octet]))
                await trio.testing.wait_all_tasks_blocked()
    ours.close()
    far.close()
    assert heard.texts == ["one", "two"]


@pytest.mark.parametrize(
    "octets",
    [b"", b"\0\0\0", b"\0\0\0\x09half", b"\0\0\0\x01\xc1", b"\0\0\0\x03\x91\x91\x63"],
    ids=["nothing", "half a length", "half a frame", "no msgpack", "no such message"],
)
async def test_an_end_that_goes_or_speaks_nonsense_closes_the_link(octets: bytes) -> None:
    ours, theirs = socket.socketpair()
    far, heard = Link(theirs, from_worker), Heard(enough=1)
    ours.send(octets)
    ours.close()
    with trio.fail_after(PATIENCE), pytest.raises(LinkClosed):
        await far.run(heard.take)
    far.close()
    assert heard.frames == []
