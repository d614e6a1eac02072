"""bus.client: a room tells everything once, in the order of `seq`, whatever the connection does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bus.client import Bus, Gap, Overrun, Rejected, Room
from bus.client.stream import Stream
from tests.support.fake_server import Peer, Scripted, joined, message, posted, scripted
from tests.support.wait import until_async

pytestmark = pytest.mark.asyncio


class Heard:
    """A client in the lobby, and all that the room says."""

    def __init__(self, server: Scripted, bus: Bus, room: Room, peer: Peer) -> None:
        self.server, self.bus, self.room, self.peer = server, bus, room, peer
        self.told: list[str] = []
        for name in ("message", "edited", "removed", "gap", "joined"):
            room.on(name, lambda value, name=name: self.told.append(f"{name} {value.seq}"))

    async def tells(self, *expected: str) -> None:
        """Wait until the room has told this, and nothing else, since the last look."""
        await until_async(lambda: len(self.told) >= len(expected))
        told, self.told = self.told, []
        assert told == list(expected)

    async def back(self, code: int | None = None) -> dict[str, Any]:
        """Lose the connection; the join of the next."""
        if code is None:
            self.peer.socket.transport.abort()
        else:
            await self.peer.socket.close(code)
        self.peer = await self.server.peer()
        return await self.peer.next("room.join")


@asynccontextmanager
async def heard(seq: int = 5) -> AsyncIterator[Heard]:
    async with scripted() as server:
        bus = Bus(server.url, random=lambda: 0.0)
        opening = asyncio.ensure_future(bus.__aenter__())
        peer = await server.peer()
        await opening
        room = bus.room("lobby")
        entering = asyncio.ensure_future(room.join())
        await peer.reply(await peer.next("room.join"), **joined(seq, message(seq)))
        assert (await entering).messages[0].body == f"body {seq}"
        try:
            yield Heard(server, bus, room, peer)
        finally:
            await bus.close()


async def test_a_reconnect_joins_with_the_last_seq_and_tells_what_was_missed() -> None:
    async with heard() as h:
        await h.peer.say(posted(6))
        await h.tells("message 6")
        join = await h.back()
        assert join["data"] == {"room": "lobby", "since": 6}
        await h.peer.say(posted(11), posted(8))  # live, before the reply
        await h.peer.reply(
            join,
            **joined(
                10,
                message(7),
                message(8),
                message(3, changed=9, edited=True),
                message(4, changed=10, removed=True, body=""),
            ),
        )
        await h.tells("message 7", "message 8", "edited 3", "removed 10", "joined 10", "message 11")


async def test_the_stream_of_messages_goes_on_over_connections() -> None:
    async with heard() as h:
        messages = h.room.messages()
        await h.peer.say(posted(6), posted(7))
        join = await h.back(1012)
        await h.peer.reply(join, **joined(8, message(8)))
        await h.peer.say(posted(9), posted(9))
        assert [(await anext(messages)).seq for _ in range(4)] == [6, 7, 8, 9]
        await h.bus.close()
        with pytest.raises(StopAsyncIteration):
            await anext(messages)


async def test_too_much_missed_is_told_with_the_newest_page() -> None:
    async with heard() as h:
        gaps: list[Gap] = []
        h.room.on("gap", gaps.append)
        join = await h.back()
        await h.peer.reply(join, **joined(900, message(899), message(900), recovered=False))
        await h.tells("gap 900", "message 899", "message 900", "joined 900")
        assert gaps[0].messages is not None
        assert [each.seq for each in gaps[0].messages] == [899, 900]


async def test_a_hole_is_told_and_filled() -> None:
    async with heard() as h:
        removal = {"type": "message.removed", "room": "lobby", "seq": 11, "data": {"id": "m6"}}
        await h.peer.say(posted(6), posted(6), posted(9))
        await h.peer.say(posted(10), removal)
        join = await h.peer.next("room.join")
        assert join["data"] == {"room": "lobby", "since": 6}
        await h.peer.reply(join, **joined(9, message(7), message(8), message(9)))
        await h.tells(
            *("message 6", "gap 9", "message 7", "message 8", "message 9", "joined 9"),
            *("message 10", "removed 11"),
        )


async def test_a_hole_that_fills_itself_is_nobodys_concern() -> None:
    async with heard() as h:
        await h.peer.say(posted(7), posted(6), posted(8))
        await h.tells("message 6", "message 7", "message 8")
        assert h.peer.idle()


async def test_a_join_that_is_refused_is_not_tried_again() -> None:
    async with heard() as h:
        entering = asyncio.ensure_future(h.bus.room("secret").join())
        await h.peer.refuse(await h.peer.next("room.join"), "forbidden")
        with pytest.raises(Rejected, match="forbidden"):
            await entering
        join = await h.back()
        assert join["data"]["room"] == "lobby"
        assert h.peer.idle()


async def test_a_join_waits_while_the_server_is_busy() -> None:
    async with heard() as h:
        entering = asyncio.ensure_future(h.bus.room("launch", since=3).join())
        await h.peer.refuse(await h.peer.next("room.join"), "busy", retry_after=0.01)
        join = await h.peer.next("room.join")
        assert join["data"] == {"room": "launch", "since": 3}
        await h.peer.reply(join, **joined(3))
        assert (await entering).seq == 3


async def test_leaving_ends_the_events_also_over_a_reconnect() -> None:
    async with heard() as h:
        leaving = asyncio.ensure_future(h.room.leave())
        await h.peer.reply(await h.peer.next("room.leave"))
        await leaving
        await h.peer.say(posted(6))
        h.peer.socket.transport.abort()
        h.peer = await h.server.peer()
        h.room.send("still")
        assert (await h.peer.next())["type"] == "message.send"
        assert h.told == []


async def test_commands_of_a_room() -> None:
    async with heard() as h:
        asked = [
            (h.room.edit("m1", "new"), "message.edit", {"id": "m1", "body": "new"}),
            (h.room.delete("m1"), "message.delete", {"id": "m1"}),
            (h.room.report("m1", "spam"), "message.report", {"id": "m1", "reason": "spam"}),
            (h.room.read(), "read.mark", {"seq": 5}),
            (h.room.typing(), "typing.start", {}),
            (h.room.history(before=5), "history.list", {"before": 5, "limit": 50}),
        ]
        for call, kind, data in asked:
            doing = asyncio.ensure_future(call)  # type: ignore[arg-type]
            command = await h.peer.next(kind)
            assert command["data"] == {"room": "lobby", **data}
            await h.peer.reply(command, seq=6, messages=[message(4)], more=False)
            await doing
        messages, more = doing.result()
        assert (messages[0].seq, more) == (4, False)
        await h.room.typing()  # too soon to say it again
        assert h.peer.idle()


async def test_a_reader_that_is_too_slow_is_told() -> None:
    stream: Stream[int] = Stream(limit=2)
    for number in range(5):
        stream.put(number)
    assert [await anext(stream), await anext(stream)] == [0, 1]
    with pytest.raises(Overrun, match="More than 2 items"):
        await anext(stream)


async def test_joining_again_at_once_is_answered() -> None:
    async with heard() as h:
        entering = asyncio.ensure_future(_join_twice(h.room))
        for seq in (6, 7):
            join = await h.peer.next("room.join")
            await h.peer.reply(join, **joined(seq, message(seq)))
        assert await entering == [6, 7]


async def _join_twice(room: Room) -> list[int]:
    return [(await room.join()).seq, (await room.join()).seq]


async def test_who_is_there_is_told_as_the_server_says_it() -> None:
    async with heard() as h:
        told: list[dict[str, Any]] = []
        h.room.on("presence", told.append)
        here: dict[str, Any] = {"count": 1, "members": [{"id": 8, "name": "sora"}]}
        for data in ({"count": 300}, here):
            said = {"joined": [], "left": [], **data}
            await h.peer.say({"type": "presence.changed", "room": "lobby", "data": said})
        await until_async(lambda: len(told) == 2)
        assert [each["count"] for each in told] == [300, 1]
        assert "members" not in told[0]
        assert told[1]["members"] == here["members"]
