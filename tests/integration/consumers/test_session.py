"""The session protocol, spoken to a real server over a real broker and database."""

import asyncio
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import redis
import uvicorn
from asgiref.sync import sync_to_async
from channels.layers import channel_layers
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings
from websockets.asyncio.client import connect

from bus.consumers import identity
from bus.consumers import session as module
from bus.consumers.web_process import current
from bus.embedded.broker import EmbeddedBroker
from bus.messaging import default_layer, presence_store, publisher, sender
from bus.messaging.event_batch import EventBatch
from bus.models import Member, Message, Room, Sanction
from bus.posting import catch_up
from bus.protocol import channel_messages, channel_names
from bus.protocol.commands import Command, RoomLeave
from bus.protocol.errors import Unavailable
from tests.support.wait import until_async
from tests.support.web_server import (
    Client,
    address,
    close_code,
    cookies_of,
    serving,
    session,
    working,
)

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]


@pytest_asyncio.fixture
async def worker(broker: str) -> AsyncIterator[None]:
    async with working("moderation", "broadcast"):
        yield


def posted(room: Room, *seqs: int) -> dict[int, EventBatch]:
    frames = [
        (seq, json.dumps({"type": "message.posted", "room": room.name, "seq": seq}).encode())
        for seq in seqs
    ]
    return {room.pk: EventBatch(events=list(frames))}


# ── The session ──────────────────────────────────────────────────────────────────────────────────


async def test_a_guest_is_told_who_they_are_and_comes_back_as_the_same(
    server: uvicorn.Server,
) -> None:
    async with session(server) as one:
        data = one.started["data"]
        assert data["protocol"] == one.socket.subprotocol == "bus.v1"
        assert data["user"]["guest"] is True
        assert data["limits"] == {"body": 2000, "frame": 65536}
        assert data["heartbeat"] == 25
        assert data["server_time"].endswith("Z")
        cookie = one.socket.response.headers["set-cookie"].split(";")[0]
    async with session(server, additional_headers={"Cookie": cookie}) as again:
        assert again.started["data"]["user"] == data["user"]
        assert "set-cookie" not in again.socket.response.headers
    async with session(server) as third:
        assert third.started["data"]["user"] != data["user"]
        reply = await third.do("session.authenticate", token=data["token"])
        assert reply["user"] == data["user"]
        error = await third.refused("session.authenticate", token=data["token"])
        assert (error["code"], error["field"]) == ("invalid", "type")


async def test_a_user_is_known_by_the_cookie(server: uvicorn.Server) -> None:
    mina = await sync_to_async(User.objects.create_user)("mina")
    async with session(server, additional_headers=await cookies_of(mina)) as one:
        user = one.started["data"]["user"]
        assert user == {"id": mina.pk, "name": "mina", "guest": False}
        joined = await one.do("room.join", room="lobby")
        assert joined["you"] == {"role": "member", "muted_until": None}
        assert joined["presence"]["members"] == [{"id": mina.pk, "name": "mina"}]


async def test_a_false_token_is_refused(server: uvicorn.Server) -> None:
    async with session(server) as one:
        assert (await one.refused("session.authenticate", token="x"))["code"] == "unauthenticated"
        assert "server_time" in await one.do("session.ping")


async def test_without_guests_only_a_token_lets_in(
    server: uvicorn.Server, settings: Settings
) -> None:
    settings.BUS_GUESTS = False
    async with session(server) as one:
        assert (await one.refused("room.join", room="lobby"))["code"] == "unauthenticated"
        await one.do("session.ping")


async def test_another_subprotocol_is_not_spoken(server: uvicorn.Server) -> None:
    async with connect(address(server, "/ws/"), subprotocols=["mqtt"], max_size=None) as socket:
        assert await close_code(socket) == 4400
    async with session(server, subprotocols=None) as lenient:
        await lenient.do("session.ping")


# ── Frames ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "frame", ["no json", "7", "[1]", '"x"', "[{}, 1]", b"{}", "x" * 70_000, '["' + "é" * 40_000]
)
async def test_a_frame_that_is_none_closes(server: uvicorn.Server, frame: str | bytes) -> None:
    async with session(server) as one:
        await one.socket.send(frame)
        assert await close_code(one.socket) == 4400


@pytest.mark.parametrize(
    ("command", "field"),
    [
        ({"ref": "1"}, "type"),
        ({"ref": "1", "type": "room.jion"}, "type"),
        ({"ref": "1", "type": "__class__"}, "type"),
        ({"ref": "1", "type": "session.ping", "more": 1}, "more"),
        ({"ref": "1", "type": "session.ping", "data": []}, "data"),
        ({"ref": "1", "type": "room.join", "data": {}}, "room"),
        ({"ref": "1", "type": "room.join", "data": {"room": "a b"}}, "room"),
        ({"ref": "1", "type": "room.join", "data": {"room": "a", "since": "1"}}, "since"),
        ({"ref": "1", "type": "room.join", "data": {"room": "a", "limit": 101}}, "limit"),
        ({"ref": 1, "type": "session.ping"}, "ref"),
    ],
)
async def test_a_wrong_command_is_told_the_field_and_the_session_lives(
    server: uvicorn.Server, command: dict[str, object], field: str
) -> None:
    async with session(server) as one:
        await one.send(command)
        reply = await one.event("reply")
        assert (reply["ok"], reply["error"]["code"], reply["error"]["field"]) == (
            False,
            "invalid",
            field,
        )
        assert reply["ref"] == (command["ref"] if isinstance(command["ref"], str) else None)
        await one.do("session.ping")


async def test_an_array_is_done_in_order_and_only_refs_are_answered(server: uvicorn.Server) -> None:
    async with session(server) as one:
        await one.send(
            {"ref": "a", "type": "room.join", "data": {"room": "lobby"}},
            {"type": "session.ping"},
            {"type": "nonsense"},
            {"ref": "b", "type": "nonsense"},
            {"ref": "c", "type": "session.ping"},
        )
        replies = [await one.event("reply") for _ in range(3)]
        assert [(r["ref"], r["ok"]) for r in replies] == [("a", True), ("b", False), ("c", True)]


async def test_too_many_commands_close(server: uvicorn.Server) -> None:
    async with session(server) as one:
        await one.send(*[{"type": "session.ping"}] * 501)
        assert await close_code(one.socket) == 4429


async def test_our_own_failure_is_an_answer(
    server: uvicorn.Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(self: module.Session, command: Command) -> module.Data:
        raise RuntimeError("this is broken")

    monkeypatch.setitem(module.HANDLERS, RoomLeave, broken)
    async with session(server) as one:
        assert (await one.refused("room.leave", room="lobby"))["code"] == "internal"
        assert "this is broken" in caplog.text
        await one.do("session.ping")


# ── Rooms ────────────────────────────────────────────────────────────────────────────────────────


async def test_rooms_that_are_closed_to_a_visitor(
    server: uvicorn.Server, settings: Settings
) -> None:
    settings.BUS_OPEN_ROOMS = False
    mina = await User.objects.acreate(username="mina")
    club = await Room.objects.acreate(name="club", access="private")
    public = await Room.objects.acreate(name="public", access="public")
    await Sanction.objects.acreate(room=public, author_key=f"u{mina.pk}", kind="ban")
    async with session(server) as guest:
        assert (await guest.refused("room.join", room="nowhere"))["code"] == "not_found"
        assert (await guest.refused("room.join", room="public"))["code"] == "forbidden"
        assert (await guest.refused("history.list", room="club"))["code"] == "not_member"
        error = await guest.refused("message.send", room="club", body="hi", client_id="1")
        assert error["code"] == "not_member"
        await guest.do("room.leave", room="club")
    async with session(server, additional_headers=await cookies_of(mina)) as user:
        assert (await user.refused("room.join", room="club"))["code"] == "not_found"
        assert (await user.refused("room.join", room="public"))["code"] == "banned"
        await Member.objects.acreate(room=club, user=mina, role="moderator")
        assert (await user.do("room.join", room="club"))["you"]["role"] == "moderator"


async def test_a_room_left_is_heard_no_more(server: uvicorn.Server) -> None:
    async with session(server) as one:
        await one.do("room.join", room="lobby")
        lobby = await Room.objects.aget(name="lobby")
        await publisher.publish(posted(lobby, 1))
        assert (await one.event("message.posted"))["seq"] == 1
        await one.do("room.leave", room="lobby")
        await publisher.publish(posted(lobby, 2))
        await one.do("session.ping")
        assert one.inbox == []
        error = await one.refused("message.send", room="lobby", body="hi", client_id="1")
        assert error["code"] == "not_member"


async def test_only_so_many_rooms(server: uvicorn.Server, settings: Settings) -> None:
    settings.BUS_JOIN_LIMIT = 2
    async with session(server) as one:
        for room in ("a", "b", "a"):
            await one.do("room.join", room=room)
        assert (await one.refused("room.join", room="c"))["code"] == "forbidden"
        await one.do("room.leave", room="a")
        await one.do("room.join", room="c")


async def test_what_is_posted_while_joining_follows_the_reply(
    server: uvicorn.Server, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.BUS_RECOVERY_CACHE = 0
    lobby = await Room.objects.acreate(name="lobby", access="open", head=3)
    recover = catch_up.recover
    loop = asyncio.get_running_loop()

    def slowly(*args: object) -> object:
        # Between the subscription and the reading: 3 is in history, 4 and 5 are news.
        told = publisher.publish(posted(lobby, 3, 4, 5))
        asyncio.run_coroutine_threadsafe(told, loop).result(10)
        return recover(*args)

    async with session(server) as one, session(server) as witness:
        await witness.do("room.join", room="lobby")
        monkeypatch.setattr(catch_up, "recover", slowly)
        await one.send({"ref": "j", "type": "room.join", "data": {"room": "lobby"}})
        reply = await one.receive()
        assert (reply["ref"], reply["data"]["seq"]) == ("j", 3)
        assert [(await one.receive())["seq"] for _ in range(2)] == [4, 5]
        # Again, from where it is already: the repeats are nobody's news.
        await one.send({"ref": "k", "type": "room.join", "data": {"room": "lobby", "since": 5}})
        assert (await one.receive())["ref"] == "k"
        await publisher.publish(posted(lobby, 4, 5, 6))
        assert (await one.receive())["seq"] == 6
        assert [(await witness.receive())["seq"] for _ in range(3)] == [4, 5, 6]


async def test_presence_counts_people_not_sockets(server: uvicorn.Server) -> None:
    async with session(server) as one:
        cookie = {"Cookie": one.socket.response.headers["set-cookie"].split(";")[0]}
        me = one.started["data"]["user"]
        assert (await one.do("room.join", room="lobby"))["presence"] == {
            "count": 1,
            "members": [{"id": me["id"], "name": me["name"]}],
        }
        async with session(server, additional_headers=cookie) as tab:
            assert (await tab.do("room.join", room="lobby"))["presence"]["count"] == 1
        async with session(server) as other:
            assert (await other.do("room.join", room="lobby"))["presence"]["count"] == 2
            them = other.started["data"]["user"]
            joined = (await one.event("presence.changed"))["data"]
            while them["id"] not in [author["id"] for author in joined["joined"]]:
                joined = (await one.event("presence.changed"))["data"]
            assert joined["count"] == 2
        left = (await one.event("presence.changed"))["data"]
        assert left == {
            "count": 1,
            "joined": [],
            "left": [{"id": them["id"], "name": them["name"]}],
        }


# ── Messages ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("worker")
async def test_a_message_reaches_the_room_and_its_author_is_told(server: uvicorn.Server) -> None:
    async with session(server) as one, session(server) as two:
        await one.do("room.join", room="자유방")
        await two.do("room.join", room="자유방")
        assert await one.say("자유방", "안녕", "c1") == {"status": "accepted"}
        seen = await two.event("message.posted")
        assert (seen["room"], seen["seq"]) == ("자유방", 1)
        assert (seen["data"]["body"], seen["data"]["client_id"]) == ("안녕", "c1")
        assert (await one.event("message.posted")) == seen
        settled = (await one.event("message.settled"))["data"]
        assert (settled["client_id"], settled["status"], settled["seq"]) == ("c1", "posted", 1)
        repeat = await one.say("자유방", "안녕", "c1")
        assert (repeat["status"], repeat["id"]) == ("posted", seen["data"]["id"])
        assert await Message.objects.acount() == 1
        page = await two.do("history.list", room="자유방")
        assert (page["messages"], page["more"]) == ([seen["data"]], False)
        assert "message.settled" not in [item["type"] for item in two.inbox]


@pytest.mark.usefixtures("worker")
async def test_coming_back_brings_what_was_missed(server: uvicorn.Server) -> None:
    async with session(server) as one:
        await one.do("room.join", room="lobby")
        for number in range(3):
            await one.say("lobby", f"message {number}")
            await one.event("message.posted")
        async with session(server) as back:
            data = await back.do("room.join", room="lobby", since=1)
            assert (data["seq"], data["recovered"]) == (3, True)
            assert [message["seq"] for message in data["messages"]] == [2, 3]
        async with session(server) as lost:
            data = await lost.do("room.join", room="lobby", since=9)
            assert (data["seq"], data["recovered"], len(data["messages"])) == (3, False, 3)


async def follow(server: uvicorn.Server, last: int, number: int) -> list[int]:
    """Follow a room up to a seq, coming and going all the time; every seq that was seen."""
    seen: list[int] = []
    while not seen or seen[-1] < last:
        async with session(server) as one:
            for turn in range(3):
                seen += await _join(one, seen[-1] if seen else 0)
                for _ in range(number):
                    if seen and seen[-1] >= last:
                        return seen
                    seen.append((await one.event("message.posted"))["seq"])
                if (number + turn) % 2:
                    await one.do("room.leave", room="lobby")
    return seen


async def _join(one: Client, since: int) -> list[int]:
    """Join; the seqs of the reply. What came before the reply is in it."""
    await one.send({"ref": "j", "type": "room.join", "data": {"room": "lobby", "since": since}})
    before = []
    while (item := await one.receive())["type"] != "reply":
        before.append(item.get("seq", 0))
    data = item["data"]
    assert data["recovered"]
    seqs = [message["seq"] for message in data["messages"]]
    assert seqs == [*range(since + 1, data["seq"] + 1)]
    assert not [seq for seq in before if seq > data["seq"]]
    return seqs


@pytest.mark.usefixtures("worker")
async def test_nothing_is_missed_or_repeated_by_those_who_come_and_go(
    server: uvicorn.Server,
) -> None:
    await Room.objects.acreate(name="lobby", access="open", moderation="off")
    followers = [asyncio.ensure_future(follow(server, 300, number)) for number in range(1, 9)]
    for number in range(300):
        message = channel_messages.MessageSubmitted(
            room="lobby", author="robot", body=f"message {number}", client_id=str(number)
        )
        await sender.send(message)
        await asyncio.sleep(0.002)
    for follower in followers:
        assert await asyncio.wait_for(follower, 60) == [*range(1, 301)]
    assert current().hub.counts.gaps == 0


async def test_limits_of_writing(server: uvicorn.Server, settings: Settings) -> None:
    settings.BUS_SEND_RATE, settings.BUS_SEND_BURST = 0.01, 2
    await Room.objects.acreate(name="lobby", access="open")
    await Room.objects.acreate(name="slow", access="open", slow_mode=60)
    async with session(server) as one:
        await one.do("room.join", room="lobby")
        await one.do("room.join", room="slow")
        assert await one.say("slow", "hi", "1") == {"status": "accepted"}
        error = await one.refused("message.send", room="slow", body="ho", client_id="2")
        assert error["code"] == "slow_mode"
        assert 50 < error["retry_after"] <= 60
        assert await one.say("lobby", "hi", "3") == {"status": "accepted"}
        error = await one.refused("message.send", room="lobby", body="ho", client_id="4")
        assert (error["code"], error["retry_after"] > 0) == ("rate_limited", True)
        error = await one.refused("message.send", room="lobby", body="x" * 2001, client_id="5")
        assert (error["code"], error["field"]) == ("too_long", "body")
        for body in ("", "   ", "\x00"):
            error = await one.refused("message.send", room="lobby", body=body, client_id="6")
            assert (error["code"], error["field"]) == ("invalid", "body")


async def test_a_full_channel_and_a_mute_refuse(server: uvicorn.Server, settings: Settings) -> None:
    lobby = await Room.objects.acreate(name="lobby", access="open")
    async with session(server) as one:
        key = one.started["data"]["user"]["id"]
        await one.do("room.join", room="lobby")
        settings.BUS_CAPACITY = 1
        await one.say("lobby", "hi")
        error = await one.refused("message.send", room="lobby", body="ho", client_id="2")
        assert (error["code"], error["retry_after"] > 0) == ("busy", True)
        await Sanction.objects.acreate(room=lobby, author_key=key, kind="mute")
        await one.do("room.join", room="lobby")
        error = await one.refused("message.send", room="lobby", body="ho", client_id="2")
        assert error["code"] == "muted"


async def test_a_notification_reaches_all_sessions_of_a_user(
    server: uvicorn.Server, worker: None
) -> None:
    mina = await sync_to_async(User.objects.create_user)("mina")
    headers = await cookies_of(mina)
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(session(server, additional_headers=headers))
            for _ in range(2)
        ]
        for client in clients:
            await client.do("session.ping")
        await sender.send(channel_messages.NotificationRequested(users=[mina.pk], name="hello"))
        for client in clients:
            assert (await client.event("event.published"))["data"]["name"] == "hello"


async def test_half_a_character_harms_nobody(server: uvicorn.Server) -> None:
    await Room.objects.acreate(name="lobby", access="open")
    async with session(server) as one:
        await one.do("room.join", room="lobby")
        await one.socket.send(
            r"""{"ref": "\ud83d", "type": "message.send", "data":
                {"room": "lobby", "body": "cut \ud83d", "client_id": "1"}}"""
        )
        assert (await one.event("reply"))["ref"] == "\ufffd"


async def test_a_broker_that_is_away_is_told_and_the_session_lives(
    tmp_path: Path, settings: Settings
) -> None:
    broker = EmbeddedBroker(tmp_path / "valkey", Path(tempfile.mkdtemp()) / "valkey.sock")
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "bus.broker.BusChannelLayer", "CONFIG": {"hosts": [broker.url]}}
    }
    channel_layers.backends.clear()
    await asyncio.to_thread(broker.start)
    try:
        async with serving() as server, session(server) as one:
            await one.do("room.join", room="lobby")
            await asyncio.to_thread(broker.stop)
            error = await one.refused("message.send", room="lobby", body="a", client_id="1")
            assert error["code"] == "unavailable"
            assert (await one.refused("room.join", room="other"))["code"] == "unavailable"
            await one.do("history.list", room="lobby")
            await asyncio.to_thread(broker.start)
            assert await one.say("lobby", "a", "1") == {"status": "accepted"}
            await one.do("room.join", room="other")
    finally:
        await asyncio.to_thread(broker.stop)
        channel_layers.backends.clear()


async def test_what_an_outage_of_the_broker_swallowed_comes_unasked(
    server: uvicorn.Server, broker: str
) -> None:
    async with session(server) as one:
        joined = await one.do("room.join", room="lobby")
        # Committed, and published while nobody could hear it.
        lobby = await Room.objects.aget(name="lobby")
        await Message.objects.acreate(
            room=lobby,
            seq=joined["seq"] + 1,
            changed=joined["seq"] + 1,
            status="posted",
            author_key="gabc",
            author_name="guest",
            client_id="lost",
            body="said in between",
            created_at=timezone.now(),
            posted_at=timezone.now(),
        )
        await Room.objects.filter(pk=lobby.pk).aupdate(head=joined["seq"] + 1)
        with redis.Redis.from_url(broker) as client:
            client.client_kill_filter(_type="pubsub")
        event = await one.event("message.posted")
        assert (event["seq"], event["data"]["body"]) == (joined["seq"] + 1, "said in between")


# ── The end ──────────────────────────────────────────────────────────────────────────────────────


async def test_who_is_gone_leaves_nothing_behind(server: uvicorn.Server) -> None:
    async with session(server) as one:
        await one.do("room.join", room="lobby")
        assert current().hub._topics
    async with session(server) as abrupt:
        await abrupt.do("room.join", room="lobby")
        abrupt.socket.transport.abort()
    await until_async(lambda: not current().hub._topics and not current().hub.presence._rooms)
    lobby = await Room.objects.aget(name="lobby")

    async def empty() -> bool:
        return (await current().hub.presence.look(lobby.pk)).count == 0

    await until_async(empty, "nobody is in the room")


async def test_a_peer_that_reads_nothing_is_told_to_come_back(
    server: uvicorn.Server, settings: Settings
) -> None:
    settings.BUS_OUTBOX_LIMIT = 200_000
    lobby = await Room.objects.acreate(name="lobby", access="open")
    async with session(server) as slow, session(server) as well:
        for client in (slow, well):
            await client.do("room.join", room="lobby")
        slow.socket.transport.pause_reading()
        frame = json.dumps({"type": "x", "pad": "x" * 50_000}).encode()
        for seq in range(1, 400):
            await publisher.publish({lobby.pk: EventBatch(events=[(seq, frame)])})
            assert (await well.event("x"))["type"] == "x"
        topic = current().hub._topics[channel_names.room_group(lobby.pk)]
        await until_async(lambda: len(topic.subscriptions) == 1)  # the slow one is out
        slow.socket.transport.resume_reading()
        assert await close_code(slow.socket) == 4408


async def test_who_comes_too_late_or_too_early_is_told_to_come_back(
    server: uvicorn.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handshake that is refused would be a 403: do not come back."""
    mina = await User.objects.acreate(username="mina")
    headers = await cookies_of(mina)

    def away(*_: object) -> None:
        raise Unavailable("the database is away")

    monkeypatch.setattr(identity, "_user_of", away)
    async with connect(
        address(server, "/ws/"), subprotocols=["bus.v1"], additional_headers=headers
    ) as early:
        assert await close_code(early) == 4408
    monkeypatch.setattr(current().connections, "draining", True)
    for path in ("/ws/", "/ws/chat/lobby/"):
        async with connect(address(server, path)) as late:
            assert await close_code(late) == 1012


async def test_a_stopping_server_closes_with_1012(broker: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with serving() as server:
            client: Client = await stack.enter_async_context(session(server))
            await client.do("room.join", room="lobby")
        assert await close_code(client.socket) == 1012
    lobby = await Room.objects.aget(name="lobby")
    assert (await presence_store.of(lobby.pk).attend("test", {})).count == 0
    await default_layer.close()
