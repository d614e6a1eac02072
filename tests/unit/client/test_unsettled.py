"""bus.client: a message is settled once, in its order, and its sender knows how it fares."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from bus.client import Bus, Rejected, Room, Sent, TooLong
from bus.client.connection import Waits
from tests.support.fake_server import (
    USER,
    Peer,
    Scripted,
    joined,
    message,
    posted,
    scripted,
    settled,
)
from tests.support.wait import until_async

pytestmark = pytest.mark.asyncio


@dataclass
class World:
    """A client in a room, and the server's end of it."""

    server: Scripted
    peer: Peer
    bus: Bus
    room: Room

    async def send(self, body: str = "hi") -> tuple[Sent, dict[str, Any]]:
        """Send a message, up to the server's sight of it."""
        sent = self.room.send(body)
        return sent, await self.peer.next("message.send")

    async def come_back(
        self, seq: int = 0, *messages: dict[str, Any], **started: Any
    ) -> dict[str, Any]:
        """Let the client come back and join; its join command."""
        self.peer = await self.server.peer(**started)
        join = await self.peer.next("room.join")
        await self.peer.reply(join, **joined(seq, *messages))
        return join


@asynccontextmanager
async def world(waits: Waits | None = None, **started: Any) -> AsyncIterator[World]:
    async with scripted() as server:
        bus = Bus(server.url, random=lambda: 0.0, waits=waits or Waits())
        opening = asyncio.ensure_future(bus.__aenter__())
        peer = await server.peer(**started)
        await opening
        room = bus.room("lobby")
        entering = asyncio.ensure_future(room.join())
        await peer.reply(await peer.next("room.join"), **joined(0))
        await entering
        try:
            yield World(server, peer, bus, room)
        finally:
            await bus.close()


async def test_sending_accepted_posted() -> None:
    async with world() as w:
        sent, command = await w.send()
        statuses: list[str] = []
        sent.on("status", statuses.append)
        assert command["data"] == {"room": "lobby", "body": "hi", "client_id": sent.client_id}
        await w.peer.reply(command, status="accepted")
        await sent.accepted
        assert sent.status == "sending"
        await w.peer.say(settled(sent.client_id, "posted", id="m1", seq=1))
        outcome = await sent.settled
        assert (outcome.status, outcome.id, outcome.seq) == ("posted", "m1", 1)
        assert statuses == ["posted"]
        assert w.room.pending == []


async def test_half_a_character_goes_out_and_holds_nothing_up() -> None:
    async with world() as w:
        _, command = await w.send("half \ud83d")
        assert command["data"]["body"] == "half \ud83d"
        await w.peer.refuse(command, "invalid")
        await w.send("whole")


async def test_ones_own_message_in_the_room_settles_it_too() -> None:
    async with world() as w:
        sent, command = await w.send()
        await w.peer.say(posted(1, author=USER, client_id=sent.client_id))
        assert (await sent.settled).status == "posted"
        await w.peer.reply(command, status="accepted")


async def test_the_message_of_another_with_the_same_client_id_settles_nothing() -> None:
    async with world() as w:
        sent, command = await w.send()
        await w.peer.reply(command, status="accepted")
        await w.peer.say(posted(1, client_id=sent.client_id))
        await w.peer.say(posted(2, author={"name": "bot"}, client_id=sent.client_id))
        await w.peer.say(posted(3, author=USER, client_id=sent.client_id))
        assert (await sent.settled).id == "m3"


@pytest.mark.parametrize("end", ["posted", "rejected"])
async def test_held_and_then_decided(end: str) -> None:
    async with world() as w:
        sent, command = await w.send()
        await w.peer.reply(command, status="held", id="m1", reason={"code": "link", "message": "L"})
        outcome = await sent.settled
        assert outcome.status == "held"
        assert outcome.reason is not None
        assert outcome.reason.code == "link"
        await w.peer.say(settled(sent.client_id, end, reason={"code": "moderator", "message": ""}))
        await until_async(lambda: sent.status == end)
        assert w.room.pending == []


async def test_rejected_by_the_worker_and_at_the_door() -> None:
    async with world() as w:
        sent, command = await w.send()
        await w.peer.reply(command, status="accepted")
        await w.peer.say(
            settled(sent.client_id, "rejected", reason={"code": "spam", "message": "S"})
        )
        with pytest.raises(Rejected) as caught:
            await sent.settled
        assert (caught.value.code, caught.value.message) == ("spam", "S")
        sent, command = await w.send()
        await w.peer.refuse(command, "too_long")
        with pytest.raises(Rejected, match="too_long"):
            await sent.accepted
        assert sent.status == "rejected"


async def test_one_at_a_time_in_order() -> None:
    async with world() as w:
        _, first = await w.send("1")
        w.room.send("2")
        assert w.peer.idle()
        await w.peer.reply(first, status="accepted")
        assert (await w.peer.next("message.send"))["data"]["body"] == "2"


async def test_what_was_not_settled_is_sent_again_after_a_lost_connection() -> None:
    async with world() as w:
        accepted, command = await w.send("accepted")
        await w.peer.reply(command, status="accepted")
        await accepted.accepted
        unanswered, _ = await w.send("unanswered")
        seen, queued = w.room.send("seen"), w.room.send("queued")
        w.peer.socket.transport.abort()
        await until_async(lambda: unanswered.status == "queued")
        assert accepted.status == "sending", "the server has it"
        join = await w.come_back(1, message(1, author=USER, client_id=seen.client_id))
        assert join["data"] == {"room": "lobby", "since": 0}
        for sent in (accepted, unanswered, queued):
            command = await w.peer.next("message.send")
            assert command["data"]["client_id"] == sent.client_id
            await w.peer.reply(command, status="posted", id="x", seq=2)
            await sent.settled
        assert seen.status == "posted"


async def test_limits_and_a_busy_server_are_waited_for_in_order() -> None:
    async with world() as w:
        sent, command = await w.send("1")
        w.room.send("2")
        for code in ("rate_limited", "slow_mode", "busy", "unavailable"):
            await w.peer.refuse(command, code, retry_after=0.01)
            command = await w.peer.next("message.send")
            assert command["data"]["client_id"] == sent.client_id
        await w.peer.reply(command, status="accepted")
        assert (await w.peer.next("message.send"))["data"]["body"] == "2"


async def test_a_limit_that_asks_for_too_long_is_told() -> None:
    async with world() as w:
        sent, command = await w.send()
        await w.peer.refuse(command, "slow_mode", retry_after=3600)
        with pytest.raises(Rejected) as caught:
            await sent.settled
        assert (caught.value.code, caught.value.retry_after) == ("slow_mode", 3600)


async def test_a_silent_server_fails_the_message_and_a_retry_is_the_same_one() -> None:
    async with world(Waits(probe=0.25, answer=0.5)) as w:
        sent, _ = await w.send()
        w.peer.answers_pings = True  # it lives, but takes no messages
        with pytest.raises(Rejected, match="no answer"):
            await sent.settled
        assert sent.status == "failed"
        assert (await w.peer.next("message.send"))["data"]["client_id"] == sent.client_id
        sent.retry()
        command = await w.peer.next("message.send")
        assert command["data"]["client_id"] == sent.client_id
        await w.peer.reply(command, status="posted", id="m1", seq=1)
        assert (await sent.settled).status == "posted"


async def test_an_outcome_that_was_lost_is_asked_for() -> None:
    async with world(Waits(answer=0.5)) as w:
        sent, command = await w.send()
        await w.peer.reply(command, status="accepted")
        again = await w.peer.next("message.send")
        assert again["data"]["client_id"] == sent.client_id
        await w.peer.reply(again, status="posted", id="m1", seq=1)
        assert (await sent.settled).status == "posted"


async def test_who_waits_is_told_when_the_client_is_closed_for_good() -> None:
    async with world() as w:
        sent, _ = await w.send()
        await w.peer.socket.close(4403)
        with pytest.raises(Rejected) as caught:
            await sent.settled
        assert caught.value.code == "forbidden"
        assert w.bus.state == "closed"
        assert [each async for each in w.room.messages()] == []
        assert w.room.send("too late").status == "failed"
        with pytest.raises(Rejected, match="forbidden"):
            await w.room.join()


@pytest.mark.parametrize(
    ("limits", "body"),
    [
        ({"body": 5, "frame": 65536}, "가나다라마바"),
        ({"body": 50_000, "frame": 65536}, "가" * 22_000),
        (None, "가" * 22_000),
    ],
)
async def test_what_is_too_long_is_refused_before_it_is_sent(
    limits: dict[str, int] | None, body: str
) -> None:
    async with world(limits=limits) as w:
        long, fits = w.room.send(body), w.room.send(" a\r\nb\r\nc ")
        command = await w.peer.next("message.send")
        assert command["data"]["client_id"] == fits.client_id
        with pytest.raises(Rejected) as caught:
            await long.settled
        assert caught.value.code == "too_long"
        assert long.status == "rejected"
        assert w.room.pending == [fits]
        with pytest.raises(TooLong):
            await w.room.edit("m1", body)


async def test_what_a_server_hangs_up_on_is_not_sent_again_and_what_came_after_it_is() -> None:
    async with world() as w:
        launch = w.bus.room("launch")
        entering = asyncio.ensure_future(launch.join())
        await w.peer.reply(await w.peer.next("room.join"), **joined(0))
        await entering
        bad, _ = await w.send("bad")
        following, other = w.room.send("next"), launch.send("other")
        await w.peer.next("message.send")
        await w.peer.socket.close(4400)
        with pytest.raises(Rejected) as caught:
            await bad.settled
        assert (caught.value.code, bad.status) == ("too_long", "rejected")
        w.peer = await w.server.peer()
        for _ in range(2):
            await w.peer.reply(await w.peer.next("room.join"), **joined(0))
        sent = [(await w.peer.next("message.send"))["data"]["client_id"] for _ in range(2)]
        assert set(sent) == {following.client_id, other.client_id}


async def test_leaving_leaves_nothing_queued() -> None:
    async with world() as w:
        under, first = await w.send("under way")
        queued = w.room.send("queued")
        leaving = asyncio.ensure_future(w.room.leave())
        leave = await w.peer.next("room.leave")
        await w.peer.reply(first, status="accepted")
        await w.peer.reply(leave)
        await leaving
        second = await w.peer.next("message.send")
        assert second["data"]["client_id"] == queued.client_id
        await w.peer.refuse(second, "not_member")
        with pytest.raises(Rejected, match="not_member"):
            await queued.settled
        assert under.status == "sending", "the server has it"
        await w.peer.say(settled(under.client_id, "posted", id="m1", seq=1))
        assert (await under.settled).status == "posted"
        assert w.room.pending == []


async def test_an_accepted_message_that_the_server_refuses_has_failed_until_its_outcome() -> None:
    async with world() as w:
        sent, command = await w.send()
        later = w.room.send("later")
        await w.peer.reply(command, status="accepted")
        await sent.accepted
        w.peer.socket.transport.abort()
        w.peer = await w.server.peer()
        await w.peer.refuse(await w.peer.next("room.join"), "banned")
        await w.peer.refuse(await w.peer.next("message.send"), "banned")
        with pytest.raises(Rejected, match="banned"):
            await sent.settled
        assert sent.status == "failed"
        following = await w.peer.next("message.send")
        assert following["data"]["client_id"] == later.client_id
        await w.peer.say(settled(sent.client_id, "posted", id="m1", seq=1))
        await until_async(lambda: sent.status == "posted")


async def test_what_one_user_wrote_is_not_sent_as_another() -> None:
    async with world() as w:
        sent, _ = await w.send("mina's")
        w.peer.socket.transport.abort()
        await w.come_back(user={"id": 8, "name": "sora", "guest": False})
        with pytest.raises(Rejected, match="Somebody else") as caught:
            await sent.settled
        assert (caught.value.code, sent.status) == ("unauthenticated", "rejected")
        sent.retry()
        assert w.room.pending == []
        _, command = await w.send("sora's")
        assert command["data"]["body"] == "sora's"


async def test_who_is_named_by_a_token_is_nobody_else() -> None:
    async with scripted() as server:
        bus = Bus(server.url, token="t", random=lambda: 0.0)
        opening = asyncio.ensure_future(bus.__aenter__())
        mina = {"id": 7, "name": "mina", "guest": False}
        for guest in ("g1", "g2"):
            peer = await server.peer(user={"id": guest, "name": guest, "guest": True})
            await peer.reply(await peer.next("session.authenticate"), user=mina)
            if guest == "g1":
                await opening
                peer.socket.transport.abort()
                await until_async(lambda: bus.state != "online")
                sent = bus.room("lobby").send("hi")
        command = await peer.next("message.send")
        assert command["data"]["client_id"] == sent.client_id
        await bus.close()
